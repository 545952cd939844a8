package attack

import "time"

// judge says what is wrong with a reply, if anything.
func judge(c *check, r *Reply, response time.Duration) (kind, detail string) {
	if r.Err != nil {
		return classify(r.Err)
	}
	return c.reply(&r.Answer, response, true)
}

// valuesOf are columns that a flow's caller brings.
func valuesOf(texts map[string]string) *values {
	v := new(values)
	for column, text := range texts {
		v.Set(column, text, untyped)
	}
	return v
}
