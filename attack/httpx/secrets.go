package httpx

import (
	"iter"
	"maps"
	"slices"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// Samples and details are made of what was sent and answered, as it is. Whoever
// writes them takes out what the plan knows to be secret, and what only the arrival
// knows: Result.Secrets. That is looked up for an error alone, so that a good answer
// costs nothing, and nothing is kept of a million rows or captures.

// SecretColumns are the columns and captures that the requests use as a secret: in
// an Authorization header, as a password=; and those that SecretNames has. With
// the flow at index i, those of its steps; else those of the request at i. A column
// that is a secret by its own name need not be among them.
func SecretColumns(p *attack.Plan, i int, flow bool) map[string]bool {
	out := make(map[string]bool)
	for _, name := range p.SecretNames {
		out[name] = true
	}
	if !flow {
		columnsUsedAsSecrets(&p.Requests[i], out)
		return out
	}
	for _, s := range p.Flows[i].Steps {
		columnsUsedAsSecrets(&p.Requests[s.Request], out)
		for _, c := range s.Captures {
			if secret.Key(c.Name) || secret.Path(c.JSON) || secret.Header(c.Header) || secret.Path(c.Matches) {
				out[c.Name] = true
			}
		}
	}
	return out
}

func columnsUsedAsSecrets(r *attack.Request, out map[string]bool) {
	add := func(value string) {
		for _, column := range payload.ColumnsIn(value) {
			out[column] = true
		}
	}
	for _, f := range r.Headers {
		if secret.Header(f.Name) {
			add(f.Value)
		}
	}
	for _, f := range slices.Concat(r.Query, r.Form) {
		if secret.Name(f.Name) {
			add(f.Value)
		}
	}
	for _, s := range []string{r.URL, r.Body, payload.QuoteTemplates(r.JSON)} {
		for _, v := range secret.Named(s) {
			add(v)
		}
	}
}

// allSecretColumns returns those of each request: of a step, those of its flow.
func allSecretColumns(p *attack.Plan) []map[string]bool {
	out := make([]map[string]bool, len(p.Requests))
	for i := range p.Requests {
		out[i] = SecretColumns(p, i, false)
	}
	for i, f := range p.Flows {
		all := SecretColumns(p, i, true)
		for _, s := range f.Steps {
			maps.Copy(out[s.Request], all)
		}
	}
	return out
}

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
