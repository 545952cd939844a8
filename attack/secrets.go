package attack

import (
	"iter"
	"maps"
	"slices"

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
func (p *Plan) SecretColumns(i int, flow bool) map[string]bool {
	out := make(map[string]bool)
	for _, name := range p.SecretNames {
		out[name] = true
	}
	if !flow {
		p.Requests[i].secretColumns(out)
		return out
	}
	for _, s := range p.Flows[i].Steps {
		p.Requests[s.Request].secretColumns(out)
		for _, c := range s.Captures {
			if secret.Key(c.Name) || secret.Path(c.JSON) || secret.Header(c.Header) || secret.Path(c.Matches) {
				out[c.Name] = true
			}
		}
	}
	return out
}

func (r *Request) secretColumns(out map[string]bool) {
	add := func(value string) {
		for _, column := range columnsIn(value) {
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
	for _, s := range []string{r.URL, r.Body, QuoteTemplates(r.JSON)} {
		for _, v := range secret.Named(s) {
			add(v)
		}
	}
}

// secretColumns returns those of each request: of a step, those of its flow.
func (p *Plan) secretColumns() []map[string]bool {
	out := make([]map[string]bool, len(p.Requests))
	for i := range p.Requests {
		out[i] = p.SecretColumns(i, false)
	}
	for i, f := range p.Flows {
		all := p.SecretColumns(i, true)
		for _, s := range f.Steps {
			maps.Copy(out[s.Request], all)
		}
	}
	return out
}

// secrets are the secrets of one arrival: of its row, what its flow captured or would
// capture of the answer, and the credentials and cookies that it sent and was given.
// call and reply are nil if it could not be made, c if it is no step of a flow.
func (a *attack) secrets(r *Arrival, call *Call, c *caller, reply *Reply) []string {
	var out []string
	columns := a.actions[r.Request].secretColumns
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
	if c != nil {
		row(maps.All(c.captured))
		for i := range c.cookies.kept {
			header("Cookie", c.cookies.kept[i].pair)
		}
	} else if data := a.plan.Requests[r.Request].Data; data.Len() > 0 {
		row(data.Row(int(r.Nth % uint64(data.Len()))))
	}
	if call != nil {
		for _, h := range call.Header {
			header(h.Name, h.Value)
		}
		if len(call.cookie) > 0 {
			header("Cookie", string(call.cookie))
		}
	}
	if reply == nil {
		return out
	}
	for _, line := range reply.setCookies {
		header("Set-Cookie", line)
	}
	for name, values := range reply.Header {
		for _, v := range values {
			header(name, v)
		}
	}
	if c != nil && reply.Err == nil {
		// As the answer is not good, they were not taken from it.
		for _, x := range c.step.captures {
			if columns[x.Name] {
				if v, err := x.take(reply); err == nil {
					out = append(out, v)
				}
			}
		}
	}
	return out
}

// quotes says whether the detail of an error of this kind can hold a part of a
// request or its answer. Others say the same whatever was sent.
func quotes(kind string) bool {
	switch kind {
	case KindHeader, KindBody, KindJSON, KindCapture, KindTemplate:
		return true
	}
	return false
}
