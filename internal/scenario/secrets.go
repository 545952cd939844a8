package scenario

import (
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

// maxSecretRows is how many rows of a file of data are known to whoever takes
// secrets out of all that is written, such as logs of services: in a million rows
// nobody could look for each. Of a request's own row it is known: see
// attack.Result.Secrets.
const maxSecretRows = 10_000

// Redact returns s with every secret of the plan replaced by ***.
func (p *Plan) Redact(s string) string { return p.redactorOf().Text(s) }

// RedactWith returns what does the same, and replaces own too.
func (p *Plan) RedactWith(own []string) func(string) string {
	if len(own) == 0 {
		return p.Redact
	}
	return p.redactorOf().With(own).Text
}

// RedactWriter returns a writer that passes what it is given on to w with every
// secret of the plan replaced by ***; see secret.Redactor.
func (p *Plan) RedactWriter(w io.WriteCloser) io.WriteCloser { return p.redactorOf().Writer(w) }

func (p *Plan) redactorOf() *secret.Redactor {
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

// secretsIn looks for secrets in arguments of a command and the like.
func (d *decoder) secretsIn(args ...string) {
	for _, s := range args {
		d.secret(secret.InURL(s)...)
		d.secret(secret.InOptions(s)...)
	}
}

// declared takes the values of what secrets: names. A name must be that of something:
// a slip would leave a secret open.
func (b *builder) declared(p *attack.Plan) {
	known := slices.Collect(maps.Keys(b.variables))
	for i := range p.Requests {
		known = append(known, p.Requests[i].Data.Columns(0)...)
	}
	for _, f := range p.Flows {
		known = append(known, f.Data.Columns(0)...)
		for _, s := range f.Steps {
			for _, c := range s.Captures {
				known = append(known, c.Name)
			}
		}
	}
	slices.Sort(known)
	for i := range b.file.Secrets {
		name := &b.file.Secrets[i]
		value, set := b.env(*name)
		if b.secret(value); !set && *name != "" && !slices.Contains(known, *name) {
			b.Failf(b.Where(name, b.root).Span, suggest.Hint(*name, "name", slices.Compact(known)),
				"secrets: expected the name of a variable, a column of data or a capture, found %q", strictyaml.Shorten(*name))
		}
	}
	p.SecretNames = b.file.Secrets
}

var variableInName = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)`)

// openName refuses a name that a secret variable stands in: names are what files
// and folders are called by, and how rules speak of things.
func (d *decoder) openName(at *strictyaml.Node) (ok bool) {
	ok = true
	looked := map[string]bool{}
	for _, m := range variableInName.FindAllStringSubmatch(strings.ReplaceAll(at.Text, "$$", ""), -1) {
		if looked[m[1]] {
			continue
		}
		looked[m[1]] = true
		named := secret.Name(m[1]) || slices.Contains(d.secretNames, m[1])
		if value, _ := d.env(m[1]); value != "" && (named || len(secret.InURL(value)) > 0) {
			d.Failf(at.Span, "take a name without it: names stand in files, reports and rules as they are",
				"a name cannot hold a secret, such as ${%s}", m[1])
			ok = false
		}
	}
	return ok
}

// variableSecrets takes what is secret of a variable's value.
func (d *decoder) variableSecrets(name, value string) {
	if secret.Field(name, value) {
		d.secret(value)
	}
	d.secret(secret.InConnection(value)...)
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
			b.secret(secret.InURL(f.Value)...)
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

func (b *builder) expectSecrets(e *attack.Expect) {
	b.headerSecrets(e.Headers)
	for _, h := range e.HeaderParts {
		b.headerSecrets([]attack.Field{{Name: h.Name, Value: h.Contains}})
	}
}

// columnSecrets takes the columns of data that are secret by name or use.
func (b *builder) columnSecrets(p *attack.Plan) {
	take := func(rows *attack.Data, used map[string]bool) {
		for i := range min(rows.Len(), maxSecretRows) {
			for column, v := range rows.Row(i) {
				if used[column] || secret.Key(column) && secret.Field(column, v) {
					b.secret(v)
				}
			}
		}
	}
	for i := range p.Requests {
		take(p.Requests[i].Data, p.SecretColumns(i, false))
	}
	for i := range p.Flows {
		take(p.Flows[i].Data, p.SecretColumns(i, true))
	}
}

// masked returns the attack with the values of fields that are secret by name hidden,
// however short they are. The plan stays as it is.
func masked(p attack.Plan) attack.Plan {
	hide := func(value *string, secretName bool) {
		if secretName && *value != "" {
			*value = secret.Masked
		}
	}
	fields := func(in []attack.Field, is func(name, value string) bool) []attack.Field {
		out := slices.Clone(in)
		for i := range out {
			hide(&out[i].Value, is(out[i].Name, out[i].Value))
		}
		return out
	}
	header := func(name, _ string) bool { return secret.Header(name) }
	p.Requests = slices.Clone(p.Requests)
	for i := range p.Requests {
		r := &p.Requests[i]
		r.Headers, r.Query, r.Form = fields(r.Headers, header), fields(r.Query, secret.Field), fields(r.Form, secret.Field)
		r.Expect.Headers = fields(r.Expect.Headers, header)
		r.Expect.HeaderParts, r.Expect.JSON = slices.Clone(r.Expect.HeaderParts), slices.Clone(r.Expect.JSON)
		for i := range r.Expect.HeaderParts {
			h := &r.Expect.HeaderParts[i]
			hide(&h.Contains, secret.Header(h.Name))
			hide(&h.Matches, secret.Header(h.Name))
		}
		for i := range r.Expect.JSON {
			if j := &r.Expect.JSON[i]; j.Value != "" && secret.Path(j.Path) {
				j.Value = `"` + secret.Masked + `"`
			}
		}
	}
	return p
}
