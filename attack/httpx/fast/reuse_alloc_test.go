//go:build !race

package fast_test

import (
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

// Under the race detector a sync.Pool loses things on purpose.
func TestTemplatedAllocations(t *testing.T) {
	for _, c := range priced {
		t.Run(c.name, func(t *testing.T) {
			for what, jar := range map[string]*httpx.Jar{"": nil, "with cookies, ": jarOfAll()} {
				send := sender(t, c.req, jar)
				if n := testing.AllocsPerRun(1000, send); n > c.most {
					t.Errorf("%sexpected at most %g allocations from Build to the answer, found %g", what, c.most, n)
				}
			}
		})
	}
}

// A request that can goes the short way, which shows in what it takes to send: no request of
// net/http is made for it.
func TestShortWayIsTaken(t *testing.T) {
	const row = "x1"
	for _, c := range templated {
		t.Run(c.name, func(t *testing.T) {
			r := withRows(c.req, map[string]string{"a": row, "b": row})
			b, wrong := builderOf(r)
			if wrong != nil && !c.short {
				return // no such request is sent
			} else if wrong != nil {
				t.Fatal(wrong)
			}
			short, err := b.Build(attack.Arrival{})
			if err != nil && !c.short {
				return // nor is this one
			} else if err != nil {
				t.Fatal(err)
			}
			long, err := slowly(&c.req, 42, map[string]string{"a": row, "b": row}, attack.Arrival{})
			if err != nil {
				t.Fatal(err)
			}
			w := newTapped(t)
			allocations := func(call *httpx.Call) float64 {
				return testing.AllocsPerRun(100, func() {
					if _, err := w.send(call); err != nil {
						t.Fatal(err)
					}
				})
			}
			spared := allocations(long) - allocations(short)
			if spared > 8 != c.short {
				t.Errorf("expected the short way: %t, found that %g allocations are spared", c.short, spared)
			}
		})
	}
}
