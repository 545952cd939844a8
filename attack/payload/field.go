package payload

// Field is one header or query parameter; order is kept.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
