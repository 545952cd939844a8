package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/state"
	"github.com/seed-1574e9de/ordeal/internal/target/container"
	"github.com/seed-1574e9de/ordeal/internal/target/process"
)

// Heal undoes what runs left behind whose process is gone, and says on w what it
// did, and what it left alone. over names a run of which the user says that it is
// over, for where that cannot be seen from here; "" is none.
func Heal(ctx context.Context, w io.Writer, over string) (ExitCode, error) {
	folder, err := state.Open()
	if err != nil {
		return ExitBroken, err
	}
	h := healer{folder: folder, over: over, progress: func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }}
	err = h.heal(ctx, true)
	for _, line := range h.left {
		h.progress("left alone: %s", line.text)
	}
	if errors.Is(h.engineErr, container.ErrUnreachable) {
		h.progress("containers were not looked at: %v", h.engineErr)
	} else {
		err = errors.Join(err, h.engineErr)
	}
	stuck := slices.ContainsFunc(h.left, func(l left) bool { return l.stuck })
	switch {
	case err != nil || stuck:
		return ExitBroken, err
	case h.done > 0:
	case len(h.left) > 0:
		h.progress("apart from that, nothing was left behind in %s", folder.Dir())
	case h.engineErr != nil:
		h.progress("apart from that, nothing was left behind")
	default:
		h.progress("nothing was left behind")
	}
	return ExitPass, nil
}

// healer undoes what runs left behind.
type healer struct {
	folder   *state.Folder
	over     string // a run that the user says is over
	progress func(format string, args ...any)

	undos     *chaos.FileJournal
	runs      []state.Run
	engine    *container.Engine // nil until it is needed
	engineErr error             // why it cannot be had
	done      int
	left      []left
}

// left is something that was left alone.
type left struct {
	text  string
	stuck bool // its run is over, so that it should have been undone
	known bool // its run lives
}

// heal does all that can be done from here. It looks at the engine if that was
// asked for, or if a run that is over had things there.
func (h *healer) heal(ctx context.Context, engine bool) error {
	defer func() {
		if h.engine != nil {
			h.engine.Close()
		}
	}()
	turn, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	defer h.folder.Turn(turn, func() { h.progress("another ordeal is undoing what was left behind: waiting for its end") })()
	var err error
	if h.undos, err = chaos.OpenJournal(h.folder.Journal()); err != nil {
		return err
	}
	if h.runs, err = h.folder.Runs(); err != nil {
		h.left = append(h.left, left{text: err.Error(), stuck: true})
	}
	errs := []error{h.journal(ctx), h.processes()}
	engine = engine || slices.ContainsFunc(h.runs, func(r state.Run) bool {
		l, _ := h.liveness(r.ID, r.Owner)
		return l == owner.Dead && r.Engine != nil
	})
	var swept bool
	if engine && h.connect(ctx) == nil {
		err := h.sweep(ctx)
		swept = err == nil
		errs = append(errs, err)
	}
	return errors.Join(append(errs, h.forget(swept))...)
}

// turnTimeout is how long another that heals is waited for.
const turnTimeout = 2 * time.Minute

// liveness says whether a run lives, by all that is known of it.
func (h *healer) liveness(run string, o owner.Owner) (owner.Liveness, string) {
	l, why := o.Liveness()
	for _, r := range h.runs {
		if l == owner.Unknown && r.Owner == o {
			l, why = r.Liveness()
		}
	}
	if l != owner.Unknown {
		return l, why
	}
	if h.over != "" && (run == h.over || slices.ContainsFunc(h.runs, func(r state.Run) bool { return r.ID == h.over && r.Owner == o })) {
		return owner.Dead, ""
	}
	return l, fmt.Sprintf("%s, and whether it still runs cannot be seen from here: run ordeal heal there, "+
		"or, once you know that it is over, ordeal heal --run %s", why, run)
}

// connect reaches for the engine, once.
func (h *healer) connect(ctx context.Context) error {
	if h.engine == nil && h.engineErr == nil {
		h.engine, h.engineErr = container.Connect(ctx)
	}
	return h.engineErr
}

// journal reverts the faults of runs that are over.
func (h *healer) journal(ctx context.Context) error {
	reopen := func(ref chaos.Ref) (chaos.Target, error) {
		switch ref.Kind {
		case chaos.ProcessTarget:
			return process.Reopen(ref)
		case chaos.ContainerTarget:
			if err := h.connect(ctx); err != nil {
				return nil, container.Unreached(ref, err)
			}
			return h.engine.Reopen(ctx, ref)
		case chaos.LinkTarget:
			return nil, chaos.ErrGone // it lived and died with its run
		}
		return nil, fmt.Errorf("the journal names a target of kind %q, which this version does not know", ref.Kind)
	}
	healed, kept, err := chaos.Healer{Journal: h.undos, Reopen: reopen, Liveness: h.liveness}.Heal(ctx)
	for _, e := range healed {
		h.did("healed: %s", e)
	}
	for _, l := range kept {
		h.left = append(h.left, left{l.String(), l.Run == owner.Dead, l.Run == owner.Alive})
	}
	return err
}

func (h *healer) did(format string, args ...any) {
	h.done++
	h.progress(format, args...)
}

// processes ends what services of runs that are over left running.
func (h *healer) processes() error {
	killed, err := process.Sweep(func(o owner.Owner) bool {
		l, _ := h.liveness("", o)
		return l != owner.Dead
	})
	for _, what := range killed {
		h.did("ended: %s", what)
	}
	return err
}

// sweep removes containers, networks and images of runs that are over.
func (h *healer) sweep(ctx context.Context) error {
	swept, err := h.engine.Sweep(ctx, h.gone)
	for _, what := range swept.Removed {
		h.did("removed: %s", what)
	}
	for _, l := range swept.Left {
		o, err := owner.Parse(l.Owner)
		if err != nil {
			continue // no owner of ordeal's, so nothing of ordeal's
		}
		switch is, why := h.liveness(l.Run, o); is {
		case owner.Alive:
			h.left = append(h.left, left{text: fmt.Sprintf("%s of run %s, which is still under way", strings.Join(l.Things, ", "), l.Run), known: true})
		case owner.Unknown:
			h.left = append(h.left, left{text: fmt.Sprintf("%s of run %s: %s", strings.Join(l.Things, ", "), l.Run, why)})
		}
	}
	return err
}

func (h *healer) gone(text, run string) bool {
	o, err := owner.Parse(text)
	if err != nil {
		return false // what cannot be read is not ours to remove
	}
	l, _ := h.liveness(run, o)
	return l == owner.Dead
}

// forget drops the records of runs of which nothing is left, and says of which
// that could not be seen.
func (h *healer) forget(swept bool) error {
	var errs []error
	entries, err := h.undos.Entries()
	if err != nil {
		return nil // said already, by those who read it first
	}
	for _, r := range h.runs {
		if l, _ := h.liveness(r.ID, r.Owner); l != owner.Dead {
			continue
		}
		var at container.Place
		if r.Engine != nil {
			if err := json.Unmarshal(r.Engine, &at); err != nil {
				errs = append(errs, fmt.Errorf("reading at which engine run %s was: %w", r.ID, err))
				continue
			}
			if h.engine == nil || !at.Same(h.engine.Place()) {
				h.left = append(h.left, left{text: fmt.Sprintf("what run %s may have left at the engine %s, which was not looked at: %s", r.ID, at, at.Command("ordeal heal")), stuck: true})
				continue
			}
			if !swept {
				continue // the error says what is left
			}
		}
		// While an undo is left, the record tells that its run is over.
		if !slices.ContainsFunc(entries, func(e chaos.Entry) bool { return e.Run == r.ID }) {
			errs = append(errs, r.Forget())
		}
	}
	return errors.Join(errs...)
}
