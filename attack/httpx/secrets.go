package httpx

import (
	"iter"

	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// Samples and details are made of what was sent and answered, as it is. Whoever
// writes them takes out what the plan knows to be secret, and what only the arrival
// knows: Result.Secrets. That is looked up for an error alone, so that a good answer
// costs nothing, and nothing is kept of a million rows or captures.

// secrets are the secrets of an exchange: of its row, what its flow captured or would
// capture of the answer, and the credentials and cookies that it sent and was given.
func (x *exchange) secrets() []string {
	var out []string
	columns := x.client.secret[x.due.Request]
	row := func(values iter.Seq2[string, string]) {
		for column, v := range values {
			if columns[column] || secret.Key(column) && secret.Field(column, v) {
				out = append(out, v)
			}
		}
	}
	header := func(name, value string) {
		if secret.Header(name) {
			out = append(out, secret.InHeader(name, value)...)
		}
	}
	if s := x.due.Session; s != nil {
		row(s.Values.All())
		for i := range x.jar.kept {
			header("Cookie", x.jar.kept[i].pair)
		}
	} else if data := x.client.plan.Requests[x.due.Request].Data; data.Len() > 0 {
		row(data.Row(int(x.due.Nth % uint64(data.Len()))))
	}
	if x.call == nil {
		return out
	}
	for _, h := range x.call.Header {
		header(h.Name, h.Value)
	}
	if len(x.call.Cookie) > 0 {
		header("Cookie", string(x.call.Cookie))
	}
	for _, line := range x.reply.SetCookies {
		header("Set-Cookie", line)
	}
	for name, values := range x.reply.Header {
		for _, v := range values {
			header(name, v)
		}
	}
	if x.failed == nil {
		// As the answer is not good, they were not taken from it.
		for _, c := range x.captures() {
			if columns[c.Name] {
				if v, err := c.Take(&x.reply.Answer); err == nil {
					out = append(out, v)
				}
			}
		}
	}
	return out
}
