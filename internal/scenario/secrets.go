package scenario

import (
	"encoding/json"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// maxSecretRows is how many rows of a file of data are known to whoever takes
// secrets out of all that is written, such as logs of services: in a million rows
// nobody could look for each. What is told of a request is cleaned of those of its
// own row when it is made, see package attack.
const maxSecretRows = 10_000

// Redact returns s with every secret of the plan replaced by ***.
func (p *Plan) Redact(s string) string { return p.hide().Text(s) }

// RedactWriter returns a writer that passes what it is given on to w with every
// secret of the plan replaced by ***; see secret.Redactor.
func (p *Plan) RedactWriter(w io.WriteCloser) io.WriteCloser { return p.hide().Writer(w) }

func (p *Plan) hide() *secret.Redactor {
	if p.redactor == nil {
		return secret.NewRedactor(p.Secrets)
	}
	return p.redactor
}

func (d *decoder) secret(values ...string) {
	for _, v := range values {
		if len(v) >= secret.Shortest {
			d.secrets[v] = true
		}
	}
}

// secretsIn looks for secrets in a text: a URL, a body, an argument.
func (d *decoder) secretsIn(s string) { d.secret(secret.Find(s)...) }

// variableSecrets takes what is secret of a variable's value.
func (d *decoder) variableSecrets(name, value string) {
	if secret.Name(name) {
		d.secret(value)
	}
	d.secret(secret.FindInURL(value)...)
}

func (b *builder) envSecrets(env map[string]string) {
	for name, value := range env {
		b.variableSecrets(name, value)
	}
}

func (b *builder) headerSecrets(fields []attack.Field) {
	for _, f := range fields {
		switch {
		case !secret.Header(f.Name):
			b.secretsIn(f.Value)
		case secret.Literal(f.Value):
			b.secret(secret.InHeader(f.Name, f.Value)...)
		default:
			b.besideTemplates(f.Value)
		}
	}
}

// besideTemplates takes what stands beside the templates in a secret header, as a
// message about one shows it all. Short words are such as Bearer and token=.
func (b *builder) besideTemplates(value string) {
	for word := range strings.FieldsSeq(action.ReplaceAllString(value, " ")) {
		if len(word) > len("Negotiate") || len(word) >= 8 && !strings.HasPrefix(value, word) {
			b.secret(word)
		}
	}
}

// action is one of a template.
var action = regexp.MustCompile(`\{\{.*?\}\}`)

func (b *builder) paramSecrets(fields []attack.Field) {
	for _, f := range fields {
		switch {
		case !secret.Name(f.Name):
			b.secretsIn(f.Value)
		case secret.Literal(f.Value):
			b.secret(f.Value)
		}
	}
}

func (b *builder) expectSecrets(e *attack.Expect) {
	b.headerSecrets(e.Headers)
	b.secretsIn(e.Body)
	b.secretsIn(e.Matches)
	for _, j := range e.JSON {
		b.secretsIn(j.Value)
		if secret.Path(j.Path) && j.Value != "null" && j.Value != "true" && j.Value != "false" {
			b.secret(j.Value)
			var text string
			if json.Unmarshal([]byte(j.Value), &text) == nil {
				b.secret(text)
			}
		}
	}
}

func (b *builder) columnSecrets(rows []map[string]string, is func(column string) bool) {
	for _, row := range rows[:min(len(rows), maxSecretRows)] {
		for column, v := range row {
			if is(column) {
				b.secret(v)
			}
		}
	}
}

// usedColumns takes the columns of data that stand in secret places.
func (b *builder) usedColumns(p *attack.Plan) {
	for i, r := range p.Requests {
		used := p.SecretColumns(i, false)
		b.columnSecrets(r.Data, func(column string) bool { return used[column] })
	}
	for i, f := range p.Flows {
		used := p.SecretColumns(i, true)
		b.columnSecrets(f.Data, func(column string) bool { return used[column] })
	}
}

// withoutUser takes a user's password out of a URL before it is shown.
func withoutUser(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	host, _, _ := strings.Cut(rest, "/")
	at := strings.LastIndex(host, "@")
	if !ok || at < 0 {
		return s
	}
	return scheme + "://" + secret.Masked + rest[at:]
}

// querySecrets finds secrets in a query as it stands in the file, and as it is
// meant: both can appear in messages.
func (b *builder) querySecrets(query string) {
	query, _, _ = strings.Cut(query, "#")
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if !secret.Name(name) || !secret.Literal(value) {
			continue
		}
		b.secret(value)
		if meant, err := url.QueryUnescape(value); err == nil {
			b.secret(meant)
		}
	}
}

// masked returns the attack with what is secret by its name hidden, however short
// it is. The plan stays as it is.
func masked(p attack.Plan, redact func(string) string) attack.Plan {
	out := p
	out.Requests = slices.Clone(p.Requests)
	for i := range out.Requests {
		used := p.SecretColumns(i, false)
		r := &out.Requests[i]
		mask(r, redact)
		r.Data = maskRows(r.Data, used)
	}
	out.Flows = slices.Clone(p.Flows)
	for i := range out.Flows {
		out.Flows[i].Data = maskRows(out.Flows[i].Data, p.SecretColumns(i, true))
	}
	return out
}

// mask masks one request; what it changes is copied first.
func mask(r *attack.Request, redact func(string) string) {
	fields := func(in []attack.Field, is func(string) bool) []attack.Field {
		out := slices.Clone(in)
		for i := range out {
			if is(out[i].Name) {
				out[i].Value = secret.Masked
			} else {
				out[i].Value = secret.MaskLiteral(out[i].Value)
			}
		}
		return out
	}
	r.URL, r.Body, r.JSON = secret.MaskLiteral(r.URL), secret.MaskLiteral(r.Body), secret.MaskLiteral(r.JSON)
	r.Headers, r.Query, r.Form = fields(r.Headers, secret.Header), fields(r.Query, secret.Name), fields(r.Form, secret.Name)
	r.Expect.Headers, r.Expect.Body = fields(r.Expect.Headers, secret.Header), secret.Mask(r.Expect.Body)
	r.Expect.JSON = slices.Clone(r.Expect.JSON)
	for i := range r.Expect.JSON {
		switch j := &r.Expect.JSON[i]; {
		case j.Value == "":
		case secret.Path(j.Path):
			j.Value = `"` + secret.Masked + `"`
		default:
			j.Value = secret.Mask(j.Value)
		}
	}
	r.Targets = slices.Clone(r.Targets)
	for i := range r.Targets {
		t := &r.Targets[i]
		t.URL, t.Headers = secret.Mask(t.URL), fields(t.Headers, secret.Header)
		// It is printed in base64, in which nobody could find anything.
		if body := string(t.Body); body != "" {
			t.Body = []byte(redact(secret.Mask(body)))
		}
	}
}

func maskRows(rows []map[string]string, used map[string]bool) []map[string]string {
	out := slices.Clone(rows)
	for i, row := range out {
		shown := make(map[string]string, len(row))
		for column, v := range row {
			if shown[column] = v; used[column] || secret.Name(column) {
				shown[column] = secret.Masked
			}
		}
		out[i] = shown
	}
	return out
}
