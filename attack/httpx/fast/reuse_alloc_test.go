//go:build !race

package fast_test

import (
	"testing"

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
