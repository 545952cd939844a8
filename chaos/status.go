package chaos

import (
	"slices"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// Faults returns the records of all faults as they stand now, in the order of
// the plan. It may be called at any time from any goroutine.
func (c *Conductor) Faults() []timeline.Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]timeline.Fault, len(c.faults))
	for i, f := range c.faults {
		out[i] = f.record
		out[i].Evidence = slices.Clone(f.record.Evidence)
	}
	return out
}
