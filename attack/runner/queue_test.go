package runner

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
)

// From inside the package, as a run shows the order of its arrivals and not that of each
// timeout class. Against a plain slice: what is first in a timeout class, and what leaves first of
// all.
func TestQueue(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	l := make(queue, 3)
	var model []waiting
	var seq uint64
	for step := range 20_000 {
		grow := step%4000 < 2000
		switch {
		case rng.IntN(10) < 3 != grow || len(model) == 0:
			w := waiting{Arrival: attack.Arrival{Seq: seq, Request: rng.IntN(3)}}
			seq++
			empty := !slices.ContainsFunc(model, func(m waiting) bool { return m.Request == w.Request })
			if first := l.push(w.Request, w); first != empty {
				t.Fatalf("step %d: expected first %v, found %v", step, empty, first)
			}
			model = append(model, w)
		case rng.IntN(4) == 0: // the head of one class times out
			n := model[rng.IntN(len(model))].Request
			i := slices.IndexFunc(model, func(m waiting) bool { return m.Request == n })
			if got := *l[n].first(); got != model[i] || l[n].pop() != got {
				t.Fatalf("step %d: expected %v first in class %d, found %v", step, model[i], n, got)
			}
			model = slices.Delete(model, i, i+1)
		default:
			if got, ok := l.pop(); !ok || got != model[0] {
				t.Fatalf("step %d: expected %v, found %v", step, model[0], got)
			}
			model = model[1:]
		}
	}
	for range model {
		l.pop()
	}
	if _, ok := l.pop(); ok {
		t.Error("an empty queue gave something")
	}
}
