package chaos

import (
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// Status is where a fault stands.
type Status struct {
	timeline.Fault
	Since time.Duration // when it came to its state
}

// Faults returns where all faults stand now, in the order of the plan. It may be
// called at any time from any goroutine.
func (c *Conductor) Faults() []Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Status, len(c.faults))
	for i, f := range c.faults {
		out[i] = Status{f.record, f.since}
		out[i].Evidence = slices.Clone(f.record.Evidence)
	}
	return out
}
