package attack

import (
	"maps"
	"slices"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// SpecTexts is a Spec with texts that templates may stand in. A column that one of
// them puts under a secret name is a secret.
type SpecTexts interface{ Texts() []string }

// SecretColumns are the columns and captures that the requests use as a secret: in
// an Authorization header, as a password=; and those that SecretNames has. With
// the flow at index i, those of its steps; else those of the request at i. A column
// that is a secret by its own name need not be among them.
func SecretColumns(p *Plan, i int, flow bool) map[string]bool {
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
			if secret.Key(c.Name) || secret.Path(c.JSON) || secret.Header(c.Header) ||
				secret.Path(c.Matches) {
				out[c.Name] = true
			}
		}
	}
	return out
}

func columnsUsedAsSecrets(r *Request, out map[string]bool) {
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
	texts := []string{r.URL, r.Body, payload.QuoteTemplates(r.JSON)}
	if spec, ok := r.Spec.(SpecTexts); ok {
		texts = append(texts, spec.Texts()...)
	}
	for _, s := range texts {
		for _, v := range secret.Named(s) {
			add(v)
		}
	}
}

// AllSecretColumns returns the SecretColumns of each request: of a step, those of its
// flow, whatever protocol its other steps are of.
func AllSecretColumns(p *Plan) []map[string]bool {
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
