package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

var pauseKind = Kind{
	Name: "pause", Hold: "for", Needs: CapPause,
	Doc:  "freeze the target: its connections stay open and nothing answers",
	Undo: "unpause %s",
	New:  func() Spec { return &Pause{} },
}

// Pause freezes a target. It is effective when the target is seen frozen.
type Pause struct{}

// Validate implements Spec.
func (*Pause) Validate() fielderr.List { return nil }

// Bind implements Spec.
func (*Pause) Bind(t Target, _ string, _ time.Duration) (Fault, error) {
	p, ok := t.(Pauser)
	if !ok {
		return nil, unfit(pauseKind, t)
	}
	return &pause{name: t.Name(), target: p, mechanism: mechanism(t)}, nil
}

type pause struct {
	name      string
	target    Pauser
	mechanism string
	released  bool // Revert has unpaused it before
}

func (p *pause) Prepare(ctx context.Context) (State, error) {
	paused, err := p.target.Paused(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding out whether %s is paused: %w", p.name, err)
	}
	if paused {
		return nil, fmt.Errorf(
			"%s is paused already, by somebody else: unpause it first, as the undo would unpause it too",
			p.name,
		)
	}
	return json.Marshal(struct{}{})
}

func (p *pause) Inject(ctx context.Context, _ State) (Proof, error) {
	p.released = false
	if err := p.target.Pause(ctx); err != nil {
		return Proof{}, fmt.Errorf("pausing %s: %w", p.name, err)
	}
	if err := p.await(ctx, true); err != nil {
		return Proof{}, err
	}
	return Proof{Mechanism: p.mechanism, Evidence: "seen frozen"}, nil
}

func (p *pause) Revert(ctx context.Context, _ State) (Proof, error) {
	proof := Proof{Mechanism: p.mechanism, Evidence: "seen running"}
	paused, err := p.target.Paused(ctx)
	if err == nil && !paused && !p.released {
		proof.Caveat = "it was unpaused by somebody else, or it ended, before the undo"
	}
	p.released = true
	if err := p.target.Unpause(ctx); err != nil {
		return proof, fmt.Errorf("unpausing %s: %w", p.name, err)
	}
	return proof, p.await(ctx, false)
}

// await returns when the target is seen as wanted.
func (p *pause) await(ctx context.Context, want bool) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		paused, err := p.target.Paused(ctx)
		if err == nil && paused == want {
			return nil
		}
		if errors.Is(err, ErrGone) {
			return err
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		if err != nil {
			return fmt.Errorf("finding out whether %s is paused: %w", p.name, err)
		}
		return fmt.Errorf(
			"expected %s to be %s, and it was not: %w",
			p.name,
			map[bool]string{true: "paused", false: "running"}[want],
			context.Cause(ctx),
		)
	}
}
