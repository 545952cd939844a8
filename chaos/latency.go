package chaos

import (
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

var latencyKind = Kind{
	Name: "latency", Hold: "for", Needs: CapNetwork,
	Doc:  "delay every answer of the target, and the opening of connections to it",
	Undo: "restart %s",
	New:  func() Spec { return &Latency{} },
}

// Latency makes a target's answers late. It is effective when a round trip was
// measured to be slower, and undone when one was measured to be quick again.
type Latency struct {
	Delay  time.Duration `json:"delay" required:"true" positive:"true" doc:"time added to each answer"`
	Jitter time.Duration `json:"jitter" doc:"each delay is drawn uniformly from delay ± jitter"`
}

// Validate implements Spec; its error starts with the key at fault.
func (l *Latency) Validate() fielderr.List {
	var wrong fielderr.List
	if l.Delay <= 0 {
		wrong.Add("delay", "delay: expected one above 0, found %s", l.Delay)
	}
	switch {
	case l.Jitter < 0:
		wrong.Add("jitter", "jitter: expected one of at least 0, found %s", l.Jitter)
	case l.Jitter > l.Delay && l.Delay > 0:
		wrong.Add(
			"jitter",
			"jitter: expected one of at most the delay, which is %s, found %s: answers cannot "+
				"come before they were given",
			l.Delay,
			l.Jitter,
		)
	}
	return wrong
}

// Bind implements Spec.
func (l *Latency) Bind(t Target, id string, hold time.Duration) (Fault, error) {
	return bindNet(latencyKind, NetCondition{Latency: *l}, t, id, hold)
}

// slower implements the part of NetCondition.Slower that is its own.
func (l Latency) slower() time.Duration { return l.Delay + l.Jitter }
