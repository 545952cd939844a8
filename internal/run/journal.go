package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/state"
)

// journal is the run's journal of undos, with the errors that it had. A run whose undos could not
// be written or removed did not keep its promise, whatever its verdict.
type journal struct {
	*chaos.FileJournal

	mu   sync.Mutex
	errs []error
}

func (j *journal) note(err error) error {
	if err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.errs = append(
			j.errs,
			fmt.Errorf(
				"the state folder failed while the run was under way: %w; see to its disk, or "+
					"name another folder in %s",
				err,
				state.Env,
			),
		)
	}
	return err
}

// Add implements chaos.Journal.
func (j *journal) Add(e chaos.Entry) error { return j.note(j.FileJournal.Add(e)) }

// Remove implements chaos.Journal.
func (j *journal) Remove(id string) error { return j.note(j.FileJournal.Remove(id)) }

// problems is all that went wrong so far; none of a nil journal.
func (j *journal) problems() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(j.errs...)
}

// healOthers undoes what earlier runs left, before this one starts. It prints what it cannot undo;
// this run starts all the same.
func (r *runner) healOthers(ctx context.Context) {
	h := healer{kinds: r.plan.Kinds, folder: r.folder, progress: r.progress}
	has := func(kind string) bool {
		return slices.ContainsFunc(
			r.plan.Services,
			func(s scenario.Service) bool { return s.Kind.Name == kind },
		)
	}
	if err := h.heal(ctx, has); err != nil {
		fmt.Fprintf(
			r.opt.Stderr,
			"ordeal: what an earlier run left behind could not all be undone: %s\n",
			plaintext.Lines(err.Error()),
		)
	}
	for _, l := range h.left {
		if !l.known { // things of runs that are alive are none of this run's business
			fmt.Fprintf(r.opt.Stderr, "ordeal: left alone: %s\n", plaintext.Lines(l.text))
		}
	}
}
