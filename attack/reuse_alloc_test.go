//go:build !race

package attack

import "testing"

// Under the race detector a sync.Pool loses things on purpose.
func TestTemplatedAllocations(t *testing.T) {
	for _, c := range priced {
		t.Run(c.name, func(t *testing.T) {
			send := sender(t, c.req)
			if n := testing.AllocsPerRun(1000, send); n > c.most {
				t.Errorf("expected at most %g allocations from Build to the answer, found %g", c.most, n)
			}
		})
	}
}
