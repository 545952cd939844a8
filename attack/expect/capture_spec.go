package expect

// Capture takes a value out of an answer; exactly one of JSON, Header and
// Matches is set. An answer without it is an error.
type Capture struct {
	Name   string `json:"name"`
	JSON   string `json:"json,omitempty"`   // JSON path (RFC 9535); of several nodes the first
	Header string `json:"header,omitempty"` // name of a header
	// Regular expression; its first group, or all of it if it has none.
	Matches string `json:"matches,omitempty"`
}
