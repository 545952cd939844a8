package httpx

import (
	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// wants is what of an answer a request's flow asks for, beside its checks.
type wants struct{ body, header, cookies bool }

// wanted is that of each request of a plan: captures ask for it, and cookies
// that a step may set.
func wanted(p *attack.Plan) ([]wants, fielderr.List) {
	out := make([]wants, len(p.Requests))
	steps, wrong := newSteps(p)
	if wrong != nil {
		return nil, wrong
	}
	for i, f := range steps {
		for k, s := range f {
			w := &out[p.Flows[i].Steps[k].Request]
			w.cookies = true
			for _, c := range s.captures {
				w.body = w.body || c.WantsBody()
				w.header = w.header || c.WantsHeader()
			}
		}
	}
	return out, nil
}
