package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

var latencyKind = Kind{
	Name: "latency", Hold: "for", Needs: Net,
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
		wrong.Add("jitter", "jitter: expected one of at most the delay, which is %s, found %s: answers cannot come before they were given", l.Delay, l.Jitter)
	}
	return wrong
}

// spare is added to how long a fault is meant to last, to get how long a target
// may stay bent if nobody is left: enough for the undo to be done in time.
const spare = time.Minute

// Bind implements Spec.
func (l *Latency) Bind(t Target, id string, hold time.Duration) (Fault, error) {
	n, ok := t.(NetShaper)
	if !ok {
		return nil, unfit(latencyKind, t)
	}
	return &latency{Latency: *l, name: t.Name(), id: id, target: n, deadline: hold + spare}, nil
}

type latency struct {
	Latency
	name, id string
	target   NetShaper
	deadline time.Duration
}

// latencyState is kept whole although the undo needs the id alone: it tells
// people what they find in the journal.
type latencyState struct {
	ID string `json:"id"`
	NetShape
}

func (l *latency) Prepare(ctx context.Context) (State, error) {
	if p, ok := l.target.(ShapeChecker); ok {
		if err := p.Shapeable(ctx); err != nil {
			return nil, fmt.Errorf("the traffic of %s cannot be bent: %w", l.name, err)
		}
	}
	return json.Marshal(latencyState{l.id, NetShape{l.Delay, l.Jitter}})
}

func (l *latency) Inject(ctx context.Context, _ State) (Proof, error) {
	p, err := l.target.Shape(ctx, l.id, NetShape{l.Delay, l.Jitter}, l.deadline)
	if err != nil {
		return p, fmt.Errorf("slowing %s: %w", l.name, err)
	}
	return p, nil
}

func (l *latency) Revert(ctx context.Context, s State) (Proof, error) {
	var st latencyState
	if err := json.Unmarshal(s, &st); err != nil {
		return Proof{}, fmt.Errorf("reading how %s was slowed: %w", l.name, err)
	}
	p, err := l.target.Unshape(ctx, st.ID)
	if err != nil {
		return p, fmt.Errorf("putting the traffic of %s right: %w", l.name, err)
	}
	return p, nil
}
