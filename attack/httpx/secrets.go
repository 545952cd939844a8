package httpx

import (
	"slices"

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
	hide := func(value string, secretName bool) string {
		if secretName && value != "" {
			return secret.Masked
		}
		return value
	}
	fields := func(in []payload.Field, is func(name, value string) bool) []payload.Field {
		out := slices.Clone(in)
		for i, f := range out {
			out[i].Value = hide(f.Value, is(f.Name, f.Value))
		}
		return out
	}
	header := func(name, _ string) bool { return secret.Header(name) }
	r.Headers, r.Query = fields(r.Headers, header), fields(r.Query, secret.Field)
	r.Form, r.Expect.Headers = fields(r.Form, secret.Field), fields(r.Expect.Headers, header)
	r.Expect.HeaderParts = slices.Clone(r.Expect.HeaderParts)
	r.Expect.JSON = slices.Clone(r.Expect.JSON)
	for i := range r.Expect.HeaderParts {
		h := &r.Expect.HeaderParts[i]
		is := secret.Header(h.Name)
		h.Contains, h.Matches = hide(h.Contains, is), hide(h.Matches, is)
	}
	for i, j := range r.Expect.JSON {
		if j.Value != "" && secret.Path(j.Path) {
			r.Expect.JSON[i].Value = `"` + secret.Masked + `"`
		}
	}
	return r
}
