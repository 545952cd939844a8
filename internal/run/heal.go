package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/state"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/internal/target/kinds"
)

// Heal undoes what runs left behind whose process is gone, and writes to w what it did and what it
// left alone. over is a run of which the user says that it is over, as that cannot always be seen
// from here; "" is none.
func Heal(ctx context.Context, w io.Writer, over string) (ExitCode, error) {
	folder, err := state.Open()
	if err != nil {
		return ExitBroken, err
	}
	say := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	h := healer{kinds: kinds.All(), folder: folder, over: over, progress: say}
	err = h.heal(ctx, func(string) bool { return true })
	for _, line := range h.left {
		h.progress("left alone: %s", line.text)
	}
	for _, unseen := range h.unseen {
		if errors.Is(unseen, target.ErrUnreachable) {
			h.progress("%v", unseen)
		} else {
			err = errors.Join(err, unseen)
		}
	}
	stuck := slices.ContainsFunc(h.left, func(l left) bool { return l.stuck })
	switch {
	case err != nil || stuck:
		return ExitBroken, err
	case h.done > 0:
	case len(h.left) > 0:
		h.progress("apart from that, nothing was left behind in %s", folder.Dir())
	case len(h.unseen) > 0:
		h.progress("apart from that, nothing was left behind")
	default:
		h.progress("nothing was left behind")
	}
	return ExitPass, nil
}

// healer undoes what runs left behind.
type healer struct {
	kinds    []target.Kind
	folder   *state.Folder
	over     string // a run that the user says is over
	progress func(format string, args ...any)

	undos  *chaos.FileJournal
	runs   []state.Run
	by     map[string]target.Healer // by the name of the kind
	unseen []error                  // why services of a kind could not be looked at
	done   int
	left   []left
}

// left is something that was left alone.
type left struct {
	text  string
	stuck bool // its run is over, so it should have been undone
	known bool // its run is known to be alive
}

// heal does all that can be done from here. It looks for things of a kind of service if asked says
// so, or if a run that is over had such things.
func (h *healer) heal(ctx context.Context, asked func(kind string) bool) (err error) {
	h.by = make(map[string]target.Healer)
	for _, k := range h.kinds {
		h.by[k.Name] = k.Heal(target.Healing{Liveness: h.liveness})
	}
	defer func() {
		for _, one := range h.by {
			err = errors.Join(err, one.Close())
		}
	}()
	turn, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	wait := func() {
		h.progress("another ordeal is undoing what was left behind: waiting for its end")
	}
	defer h.folder.Turn(turn, wait)()
	if h.undos, err = chaos.OpenJournal(h.folder.Journal()); err != nil {
		return err
	}
	if h.runs, err = h.folder.Runs(); err != nil {
		h.left = append(h.left, left{text: err.Error(), stuck: true})
	}
	errs := []error{h.journal(ctx)}
	for _, k := range h.kinds {
		one := h.by[k.Name]
		errs = append(errs, h.sweep(ctx, one, asked(k.Name) || h.hadThings(one)))
	}
	return errors.Join(append(errs, h.forget())...)
}

// hadThings says whether a run that is over had things at a place of this healer.
func (h *healer) hadThings(one target.Healer) bool {
	placed, ok := one.(target.Placed)
	return ok && slices.ContainsFunc(h.runs, func(r state.Run) bool {
		l, _ := h.liveness(r.ID, r.Owner)
		return l == owner.Dead && r.Places[placed.PlaceKey()] != nil
	})
}

// turnTimeout is how long to wait for another process that heals.
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
	if h.over != "" &&
		(run == h.over || slices.ContainsFunc(h.runs, func(r state.Run) bool { return r.ID == h.over && r.Owner == o })) {
		return owner.Dead, ""
	}
	return l, fmt.Sprintf(
		"%s, and whether it still runs cannot be seen from here: run ordeal heal there, "+
			"or, once you know that it is over, ordeal heal --run %s",
		why,
		run,
	)
}

// journal reverts the faults of runs that are over.
func (h *healer) journal(ctx context.Context) error {
	reopen := func(ref chaos.Ref) (chaos.Target, error) {
		one, ok := h.by[ref.Kind]
		if !ok {
			return nil, fmt.Errorf("the journal names a target of kind %q, "+
				"which this version does not know", ref.Kind)
		}
		return one.Reopen(ctx, ref)
	}
	healed, kept, err := chaos.Healer{
		Journal:  h.undos,
		Reopen:   reopen,
		Liveness: h.liveness,
	}.Heal(ctx)
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

// sweep removes what runs that are over left of services of one kind.
func (h *healer) sweep(ctx context.Context, one target.Healer, asked bool) error {
	swept, err := one.Sweep(ctx, asked)
	for _, what := range swept.Done {
		h.did("%s", what)
	}
	if swept.Unseen != nil {
		h.unseen = append(h.unseen, swept.Unseen)
	}
	for _, l := range swept.Left {
		things := strings.Join(l.Things, ", ")
		switch is, why := h.liveness(l.Run, l.Owner); is {
		case owner.Alive:
			text := fmt.Sprintf("%s of run %s, which is still under way", things, l.Run)
			h.left = append(h.left, left{text: text, known: true})
		case owner.Unknown:
			h.left = append(h.left, left{text: fmt.Sprintf("%s of run %s: %s", things, l.Run, why)})
		}
	}
	return err
}

// forget removes the records of runs of which nothing is left. The error says of which runs that
// could not be seen.
func (h *healer) forget() error {
	var errs []error
	entries, err := h.undos.Entries()
	if err != nil {
		return nil // the error was reported when the record was first read
	}
	for _, r := range h.runs {
		if l, _ := h.liveness(r.ID, r.Owner); l != owner.Dead {
			continue
		}
		errs = append(errs, h.tellTeardown(r))
		gone, err := h.nothingLeft(r)
		errs = append(errs, err)
		// While an undo is left, the record tells that its run is over.
		if gone &&
			!slices.ContainsFunc(entries, func(e chaos.Entry) bool { return e.Run == r.ID }) {
			errs = append(errs, r.Forget())
		}
	}
	return errors.Join(errs...)
}

// tellTeardown tells, once, that a run was killed before it did its teardown. Nobody can do it for
// the run: what its setup captured is gone with it.
func (h *healer) tellTeardown(r state.Run) error {
	if r.Teardown == nil {
		return nil
	}
	h.left = append(h.left, left{stuck: true, text: fmt.Sprintf(
		"what the setup of run %s made: it was killed before its teardown was over, and heal cannot "+
			"do that, as what the setup captured is gone. Do by hand what is needed of %s; the run is in %s. "+
			"This is told once",
		r.ID, strings.Join(r.Teardown.Steps, ", "), r.Teardown.Dir)})
	return r.Settle()
}

// nothingLeft says whether all places were looked at where a run had things.
func (h *healer) nothingLeft(r state.Run) (bool, error) {
	gone := true
	for _, key := range slices.Sorted(maps.Keys(r.Places)) {
		ok, where, err := h.looked(key, r.Places[key])
		if err != nil {
			return false, fmt.Errorf("reading at which %s run %s was: %w", key, r.ID, err)
		}
		if where != "" {
			text := fmt.Sprintf("what run %s may have left at %s", r.ID, where)
			h.left = append(h.left, left{text: text, stuck: true})
		}
		gone = gone && ok
	}
	return gone, nil
}

// looked says whether a place was swept. If it was not, the error says why, or where says which
// place it is.
func (h *healer) looked(key string, place json.RawMessage) (ok bool, where string, err error) {
	for _, k := range h.kinds {
		if placed, is := h.by[k.Name].(target.Placed); is && placed.PlaceKey() == key {
			return placed.Looked(place)
		}
	}
	where = fmt.Sprintf("its %s, which this version does not know: "+
		"heal it with the version that made it", key)
	return false, where, nil
}
