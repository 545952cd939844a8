package attack

import (
	"maps"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// SecretColumns are the columns and captures that the requests use as a secret, as
// SecretTexts say, and those that SecretNames has. With the flow at index i, those of its
// steps; else those of the request at i. A column that is a secret by its own name need
// not be among them.
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
	spec, ok := r.Spec.(SecretTexts)
	if !ok {
		return
	}
	for _, text := range spec.SecretTexts() {
		for _, column := range payload.ColumnsIn(text) {
			out[column] = true
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
