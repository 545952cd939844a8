package attack

import (
	"iter"
	"maps"
	"slices"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// Secrets finds the secrets that only a call knows, in its row of data or in its flow.
// It is safe for concurrent use.
type Secrets struct {
	plan *Plan
	// used are, of each request, the columns and captures that are secret whatever their
	// own name is; of a step, those of its flow, whatever protocol its other steps are of.
	used []map[string]bool
}

// NewSecrets looks for the columns and captures that the requests use as a secret, as
// SecretTexts say, and for those that SecretNames has.
func NewSecrets(p *Plan) *Secrets {
	s := &Secrets{plan: p}
	for i := range p.Requests {
		used := make(map[string]bool)
		for _, name := range p.SecretNames {
			used[name] = true
		}
		if spec, ok := p.Requests[i].Spec.(SecretTexts); ok {
			for _, text := range spec.SecretTexts() {
				for _, column := range payload.ColumnsIn(text) {
					used[column] = true
				}
			}
		}
		s.used = append(s.used, used)
	}
	for _, f := range p.Flows {
		used := make(map[string]bool)
		for _, step := range f.Steps {
			maps.Copy(used, s.used[step.Request])
			for _, c := range step.Captures {
				if secret.Key(c.Name) || inSecretPlace(c) {
					used[c.Name] = true
				}
			}
			s.used[step.Request] = used
		}
	}
	return s
}

// Captured says whether a value that is taken from an answer for all requests is secret: by its
// name, by where it stood, or as a request uses it as one.
func (s *Secrets) Captured(c expect.Capture) bool {
	if secret.Key(c.Name) || inSecretPlace(c) {
		return true
	}
	return slices.ContainsFunc(s.used, func(used map[string]bool) bool { return used[c.Name] })
}

// inSecretPlace says whether a capture is taken from where secrets stand.
func inSecretPlace(c expect.Capture) bool {
	return secret.Path(c.JSON) || secret.Header(c.Header) || secret.Path(c.Matches)
}

// Row returns the secrets among the values of a row, or of a flow's session, that the
// request at an index is made with.
func (s *Secrets) Row(request int, row iter.Seq2[string, string]) []string {
	var out []string
	for column, v := range row {
		if s.used[request][column] || secret.Key(column) && secret.Field(column, v) {
			out = append(out, v)
		}
	}
	return out
}

// Of returns the secrets of a call: of its row, of its flow, and what takers would take
// of its answer.
func (s *Secrets) Of(call *Call, takers []*expect.Taker, answer *expect.Answer) []string {
	var out []string
	if call.Session != nil {
		out = s.Row(call.Request, call.Session.Values.All())
	} else if data := s.plan.Requests[call.Request].Data; data.Len() > 0 {
		out = s.Row(call.Request, data.Row(int(call.Nth%uint64(data.Len()))))
	}
	for _, taker := range takers {
		if s.used[call.Request][taker.Name] {
			if v, err := taker.Take(answer); err == nil {
				out = append(out, v)
			}
		}
	}
	return out
}
