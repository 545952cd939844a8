//go:build !race

package expect_test

import (
	"testing"
	"time"
)

// Not under the race detector, which has sync.Pool drop things on purpose.

// Where an answer is as expected, a check costs time alone.
func TestCheckAllocatesNothing(t *testing.T) {
	for _, c := range checksToMeasure {
		if c.allocs {
			continue
		}
		ch, r := c.prepare(t)
		unseen := *r
		if n := testing.AllocsPerRun(100, func() {
			*r = unseen // it keeps what it is asked for
			if kind, detail := ch.Judge(r, time.Millisecond, plainly); kind != "" {
				t.Fatal(detail)
			}
		}); n != 0 {
			t.Errorf("%s: expected no allocation, found %v", c.name, n)
		}
	}
}
