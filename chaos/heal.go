package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// healTimeout is how long one undo may take, unless the fault itself needs longer, so that an
// engine that hangs does not hold up the other undos.
const healTimeout = 30 * time.Second

// lockTimeout is how long another process that undoes the same entry is waited for.
const lockTimeout = 2 * healTimeout

// ErrElsewhere says that a target is where it cannot be seen from here: at another engine, on
// another machine, in another pid namespace. Its undo stays in the journal. The error that wraps it
// says where to look.
var ErrElsewhere = errors.New("the target cannot be seen from here")

// Witness is a Target of which a fresh process can tell whether somebody else
// has changed it since a fault was journalled.
type Witness interface {
	// Look returns the state by which Changed can tell later whether somebody changed the target.
	Look(ctx context.Context) (json.RawMessage, error)
	// Changed says what somebody else did to the target since Look that makes the undo of a fault
	// not needed any more; "" if nothing.
	Changed(ctx context.Context, did Capability, look json.RawMessage) (string, error)
}

// Healed is one undo that an earlier run had left, and that was done now.
type Healed struct {
	Entry    Entry
	Evidence string // what was observed
}

// String says for people what was undone.
func (h Healed) String() string { return fmt.Sprintf("%s: %s", h.Entry.what(), h.Evidence) }

// Left is one undo that was left alone.
type Left struct {
	Entry Entry
	Run   owner.Liveness // of the run that it belongs to
	Why   string         // and where to look
}

// String says for people what was left alone, and why.
func (l Left) String() string { return fmt.Sprintf("%s: %s", l.Entry.what(), l.Why) }

func (e Entry) what() string {
	return fmt.Sprintf("%s of %s (%s in run %s)", e.Kind, e.Target.Name, e.Fault, e.Run)
}

// Healer undoes what is in a journal.
type Healer struct {
	Journal ReadableJournal
	// Reopen finds a target again. It returns ErrGone if there is nothing to undo
	// any more, and ErrElsewhere if it cannot tell.
	Reopen func(Ref) (Target, error)
	// Liveness says whether the run of an entry lives, and why that is not known.
	Liveness func(run string, o owner.Owner) (owner.Liveness, string)
}

// Heal undoes what runs left that are dead, the latest first, beside other heals
// that do the same. It returns what it undid and what it left alone, and an
// error for each undo that failed; that stays in the journal too.
func (h Healer) Heal(ctx context.Context) (done []Healed, left []Left, err error) {
	entries, err := h.Journal.Entries()
	errs := []error{err}
	for i, e := range slices.Backward(entries) {
		switch l, why := h.Liveness(e.Run, e.Owner); l {
		case owner.Alive:
			left = append(left, Left{e, l, "that run is still under way"})
			continue
		case owner.Unknown:
			left = append(left, Left{e, l, why})
			continue
		}
		if err := ctx.Err(); err != nil {
			errs = append(errs, fmt.Errorf("up to %d undos are left: %w", i+1, err))
			break
		}
		evidence, err := h.one(ctx, e)
		switch {
		case errors.Is(err, ErrElsewhere):
			left = append(left, Left{e, owner.Dead, err.Error()})
		case err != nil:
			errs = append(errs, err)
		case evidence != "":
			done = append(done, Healed{e, evidence})
		}
	}
	return done, left, errors.Join(errs...)
}

// one undoes one entry and forgets it. The evidence is empty if another process had done so.
func (h Healer) one(ctx context.Context, e Entry) (evidence string, err error) {
	waiting, cancel := context.WithTimeoutCause(
		ctx,
		lockTimeout,
		fmt.Errorf("it took longer than %s", lockTimeout),
	)
	defer cancel()
	byHand := "by hand: " + e.Remedy
	// A journal of an older version has "nothing: ...".
	if isNeedless(e.Remedy) {
		byHand = e.Remedy
	}
	failed := func(err error) error {
		return fmt.Errorf(
			"%s of %s, left by run %s, could not be undone: %w; %s",
			e.Kind, e.Target.Name, e.Run, err, byHand,
		)
	}
	unlock, err := h.Journal.Lock(waiting, e.ID)
	if err != nil {
		return "", failed(err)
	}
	if unlock == nil {
		return "", nil
	}
	defer unlock()
	var target Target // nil if it was not found
	evidence, err = heal(ctx, e, func(r Ref) (Target, error) {
		t, err := h.Reopen(r)
		target = t
		return t, err
	})
	if errors.Is(err, ErrElsewhere) {
		return "", err
	}
	if err != nil {
		if kind, ok := KindByName(e.Kind); ok && target != nil {
			byHand = "by hand: " + remedyNow(ctx, kind, target, e.Remedy)
		}
		return "", failed(err)
	}
	if err := h.Journal.Remove(e.ID); err != nil {
		return "", fmt.Errorf(
			"%s of %s, left by run %s, is undone (%s), but %w",
			e.Kind,
			e.Target.Name,
			e.Run,
			evidence,
			err,
		)
	}
	return evidence, nil
}

func heal(
	ctx context.Context,
	e Entry,
	reopen func(Ref) (Target, error),
) (evidence string, err error) {
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
	_, needs := times(fault, e.State)
	ctx, cancel := context.WithTimeout(ctx, max(healTimeout, needs))
	defer cancel()
	if w, ok := target.(Witness); ok && e.Before != nil {
		switch changed, err := w.Changed(ctx, kind.Needs, e.Before); {
		case errors.Is(err, ErrGone):
			return gone, nil
		case err != nil:
			return "", err
		case changed != "":
			return leave(ctx, fault, e.State, changed)
		}
	}
	proof, err := untilReverted(ctx, fault, e.State, nil)
	if errors.Is(err, ErrGone) {
		return gone, nil
	}
	return text(proof.Evidence, proof.Note), err
}

// leaver is a Fault that also changed things of its target other than the one that somebody else
// has changed since. leave takes these back, and says for people what it did.
type leaver interface {
	leave(ctx context.Context, s State) (done []string, err error)
}

// leave ends an undo that is not needed any more, as somebody else has changed the target.
func leave(ctx context.Context, f Fault, s State, changed string) (evidence string, err error) {
	evidence = changed + ": left as it is"
	l, ok := f.(leaver)
	if !ok {
		return evidence, nil
	}
	done, err := l.leave(ctx, s)
	if len(done) > 0 {
		evidence += ", and " + strings.Join(done, ", ")
	}
	return evidence, err
}

// untilReverted reverts again and again until a try succeeds or ctx ends. The proof has the first
// caveat of any try. note, if it is not nil, is called with the error of each try that failed.
func untilReverted(ctx context.Context, f Fault, s State, note func(error)) (Proof, error) {
	var (
		caveat string
		cause  error // the last failure that is not merely the end of ctx
		wait   = 50 * time.Millisecond
	)
	for {
		p, err := f.Revert(ctx, s)
		if caveat == "" {
			caveat = p.Caveat
		}
		p.Caveat = caveat
		if err == nil || errors.Is(err, ErrGone) || errors.Is(err, ErrNotAsBefore) {
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
		case <-time.After(wait):
		}
		if ctx.Err() != nil {
			return p, cause
		}
		wait = min(2*wait, 2*time.Second)
	}
}
