package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// healTimeout is how long one undo may take, so that one engine that hangs does
// not keep the rest waiting.
const healTimeout = 30 * time.Second

// Healed is one undo that an earlier run had left.
type Healed struct {
	Entry    Entry
	Evidence string // what was observed
}

// String says for people what was undone.
func (h Healed) String() string {
	return fmt.Sprintf("%s of %s (%s in run %s): %s", h.Entry.Kind, h.Entry.Target.Name, h.Entry.Fault, h.Entry.Run, h.Evidence)
}

// Heal undoes what is in the journal of owners that are not alive, the latest
// first, and leaves the rest alone. reopen finds a target again, or returns
// ErrGone: then there is nothing to undo. It returns what was undone, and an
// error for each entry that was not, which stays in the journal.
func Heal(ctx context.Context, journal Pending, reopen func(Ref) (Target, error), alive func(owner.Owner) bool) ([]Healed, error) {
	entries, err := journal.Entries()
	errs := []error{err}
	var out []Healed
	for i, e := range slices.Backward(entries) {
		if alive(e.Owner) {
			continue
		}
		if err := ctx.Err(); err != nil {
			errs = append(errs, fmt.Errorf("up to %d undos are left: %w", i+1, err))
			break
		}
		evidence, err := heal(ctx, e, reopen)
		if err == nil {
			err = journal.Remove(e.ID)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s of %s, left by run %s, could not be undone: %w; by hand: %s", e.Kind, e.Target.Name, e.Run, err, e.Remedy))
			continue
		}
		out = append(out, Healed{e, evidence})
	}
	return out, errors.Join(errs...)
}

func heal(ctx context.Context, e Entry, reopen func(Ref) (Target, error)) (evidence string, err error) {
	kind, ok := KindByName(e.Kind)
	if !ok {
		return "", fmt.Errorf("this version of ordeal does not know faults of the kind %q", e.Kind)
	}
	spec := kind.New()
	if err := json.Unmarshal(e.Spec, spec); err != nil {
		return "", fmt.Errorf("reading its settings: %w", err)
	}
	const gone = "the target is gone, nothing is left to undo"
	target, err := reopen(e.Target)
	if errors.Is(err, ErrGone) {
		return gone, nil
	}
	if err != nil {
		return "", err
	}
	fault, err := spec.Bind(target, e.ID, 0)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, healTimeout)
	defer cancel()
	proof, err := untilReverted(ctx, fault, e.State, nil)
	if errors.Is(err, ErrGone) {
		return gone, nil
	}
	return proof.Evidence, err
}

// untilReverted reverts again and again until that succeeded or ctx ended. The
// proof carries the first doubt that any try had; note, if not nil, is told of
// each try that failed.
func untilReverted(ctx context.Context, f Fault, s State, note func(error)) (Proof, error) {
	var (
		doubt string
		cause error // the last failure that is not merely the end of ctx
		pause = 50 * time.Millisecond
	)
	for {
		p, err := f.Revert(ctx, s)
		if doubt == "" {
			doubt = p.Doubt
		}
		p.Doubt = doubt
		if err == nil || errors.Is(err, ErrGone) {
			return p, err
		}
		if cause == nil || ctx.Err() == nil {
			cause = err
		}
		if note != nil {
			note(err)
		}
		select {
		case <-ctx.Done():
			return p, cause
		case <-time.After(pause):
		}
		if ctx.Err() != nil {
			return p, cause
		}
		pause = min(2*pause, 2*time.Second)
	}
}
