package attack

// valuesOf are columns that a flow's caller brings.
func valuesOf(texts map[string]string) *values {
	v := new(values)
	for column, text := range texts {
		v.Set(column, text, untyped)
	}
	return v
}
