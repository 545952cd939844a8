package httpx

import "github.com/seed-1574e9de/ordeal/attack/payload"

// valuesOf are columns that a flow's caller brings.
func valuesOf(texts map[string]string) *payload.Values {
	v := new(payload.Values)
	for column, text := range texts {
		v.Set(column, text, payload.Untyped)
	}
	return v
}
