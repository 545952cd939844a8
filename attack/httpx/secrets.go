package httpx

import (
	"slices"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// secrets are the secrets of an exchange: of its row and its flow, and the credentials
// and cookies that it sent and was given. They are looked up for an error alone.
func (x *exchange) secrets() []string {
	takers := x.captures()
	if x.failed != nil {
		takers = nil // there is no answer to take from
	}
	out := x.client.secrets.Of(x.due, takers, &x.reply.Answer)
	header := func(name, value string) {
		if secret.Header(name) {
			out = append(out, secret.InHeader(name, value)...)
		}
	}
	if x.due.Session != nil {
		for i := range x.jar.kept {
			header("Cookie", x.jar.kept[i].pair)
		}
	}
	if x.call != nil {
		for _, h := range x.call.Header {
			header(h.Name, h.Value)
		}
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
	return out
}

// SecretTexts implements attack.SecretTexts.
func (r *Request) SecretTexts() []string {
	var out []string
	for _, f := range r.Headers {
		if secret.Header(f.Name) {
			out = append(out, f.Value)
		}
	}
	for _, f := range slices.Concat(r.Query, r.Form) {
		if secret.Name(f.Name) {
			out = append(out, f.Value)
		}
	}
	for _, s := range []string{r.URL, r.Body, payload.QuoteTemplates(r.JSON)} {
		out = append(out, secret.Named(s)...)
	}
	return out
}

// masked is the request with what stands under secret names hidden, however short it is.
func (r Request) masked() Request {
	fields := func(in []payload.Field, show expect.Show) []payload.Field {
		out := slices.Clone(in)
		for i, f := range out {
			out[i].Value = show(f.Name, f.Value)
		}
		return out
	}
	parameter := func(name, value string) string {
		if value != "" && secret.Field(name, value) {
			return secret.Masked
		}
		return value
	}
	e := &r.Expect
	r.Headers, e.Headers = fields(r.Headers, secret.Shown), fields(e.Headers, secret.Shown)
	r.Query, r.Form = fields(r.Query, parameter), fields(r.Form, parameter)
	e.HeaderParts, e.JSON = slices.Clone(e.HeaderParts), slices.Clone(e.JSON)
	for i, h := range e.HeaderParts {
		e.HeaderParts[i].Contains = secret.Shown(h.Name, h.Contains)
		e.HeaderParts[i].Matches = secret.Shown(h.Name, h.Matches)
	}
	for i, j := range e.JSON {
		if secret.Shown(j.Path, j.Value) != j.Value {
			e.JSON[i].Value = `"` + secret.Masked + `"`
		}
	}
	return r
}
