package scenario

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
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
func (p *Plan) Redact(s string) string { return p.Redactor.Text(s) }

// Masked is Redact for settings of the scenario: it also hides literals under a secret name,
// such as --password=x in a command.
func (p *Plan) Masked(s string) string { return secret.MaskLiteral(p.Redact(s)) }

// secretSet is what the file and its environment tell of secrets.
type secretSet map[string]bool

func (s secretSet) sorted() []string { return slices.Sorted(maps.Keys(s)) }

func (s secretSet) add(values ...string) {
	for _, v := range values {
		if len(v) >= secret.Shortest {
			s[v] = true
		}
	}
}

// urls takes the passwords of URLs in texts.
func (s secretSet) urls(texts ...string) {
	for _, text := range texts {
		s.add(secret.InURL(text)...)
	}
}

// declared takes the values of the names under secrets:. Each must name something: a typing mistake
// would leave a secret in the open.
func (b *builder) declared(p *attack.Plan) {
	known := slices.Collect(maps.Keys(b.vars.named))
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
	known = append(known, b.shared...)
	slices.Sort(known)
	for i := range b.file.Secrets {
		name := &b.file.Secrets[i]
		value, set := b.vars.env(*name)
		if b.secrets.add(value); !set && *name != "" && !slices.Contains(known, *name) {
			b.Failf(
				b.Where(name, b.root).Span,
				suggest.Hint(*name, "name", slices.Compact(known)),
				"secrets: expected the name of a variable, a column of data or a capture, found %q",
				strictyaml.Shorten(*name),
			)
		}
	}
	p.SecretNames = b.file.Secrets
}

// variable takes what is secret of a variable's value.
func (s secretSet) variable(name, value string) {
	if s.urls(value); secret.Field(name, value) {
		s.add(value)
	}
}

func (s secretSet) headers(fields []payload.Field) {
	for _, f := range fields {
		if s.urls(f.Value); !secret.Header(f.Name) {
			continue
		}
		if secret.Literal(f.Value) {
			s.add(secret.InHeader(f.Name, f.Value)...)
			continue
		}
		// What stands beside templates, as a message about one shows it all; but for words
		// such as Negotiate.
		for word := range strings.FieldsSeq(action.ReplaceAllString(f.Value, " ")) {
			if len(word) > len("Negotiate") {
				s.add(word)
			}
		}
	}
}

// action is one of a template.
var action = regexp.MustCompile(`\{\{.*?\}\}`)

func (s secretSet) expectation(e *expect.Expect) {
	s.headers(e.Headers)
	for _, h := range e.HeaderParts {
		s.headers([]payload.Field{{Name: h.Name, Value: h.Contains}})
	}
}

// columns takes the columns of data that are secret by name or use.
func (s secretSet) columns(p *attack.Plan) {
	secrets := attack.NewSecrets(p)
	take := func(rows *payload.Data, request int) {
		for i := range min(rows.Len(), maxSecretRows) {
			s.add(secrets.Row(request, rows.Row(i))...)
		}
	}
	for i := range p.Requests {
		take(p.Requests[i].Data, i)
	}
	for _, f := range p.Flows {
		if len(f.Steps) > 0 {
			take(f.Data, f.Steps[0].Request)
		}
	}
}
