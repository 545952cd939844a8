package httpx

import (
	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// wants says which parts of an answer the flow of a request needs, beside the checks.
type wants struct{ body, header, cookies bool }

// wanted has the wants of each request of a plan: captures and whoever watches the calls need parts
// of answers, and steps may set cookies.
func wanted(p *attack.Plan) ([]wants, fielderr.List) {
	out := make([]wants, len(p.Requests))
	steps, wrong := newSteps(p)
	if wrong != nil {
		return nil, wrong
	}
	for i := range p.Requests {
		watched := p.Requests[i].Watched
		out[i].body, out[i].header = watched.Body, watched.Header
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
