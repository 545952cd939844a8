package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/setup"
	"github.com/seed-1574e9de/ordeal/internal/state"
)

// prepareSetup makes sure that all steps of the setup and of the teardown can be done, and does
// none.
func (r *runner) prepareSetup() error {
	if len(r.plan.Setup)+len(r.plan.Teardown) == 0 {
		return nil
	}
	before, after, err := r.plan.ResolveSetup(r.services.addr)
	if err != nil {
		return err
	}
	r.attack.Shared = new(payload.Shared)
	r.reads.Shared = r.attack.Shared
	all := r.attack
	all.Requests = r.plan.Asking()
	secrets := attack.NewSecrets(&all)
	env := setup.Env{
		Kind: "setup", Attack: &r.attack, Protocols: r.plan.Protocols, Refused: r.forbidden.note,
		Dir: r.plan.Dir, Secret: secrets.Captured, Learn: r.plan.Redactor.Learn,
		Redact: func(own []string) func(string) string {
			known := r.plan.Redactor.With(own)
			return func(text string) string { return secret.Mask(known.Text(text)) }
		},
		Progress: r.progress,
	}
	if r.setup, err = setup.Prepare(before, &env); err != nil {
		return err
	}
	last := env
	last.Kind = "teardown"
	for i := range after {
		what := r.plan.Masked(after[i].String()) // alone: its end may be that of a secret
		r.due = append(r.due, plaintext.Line(after[i].Name+" ("+what+")"))
	}
	r.teardown, err = setup.Prepare(after, &last)
	return err
}

// setUp does what is done before the load. From then on the teardown is due.
func (r *runner) setUp(ctx context.Context) error {
	if len(r.due) > 0 {
		dir, err := filepath.Abs(r.dir)
		if err == nil {
			err = r.claim.Owe(state.Teardown{Dir: dir, Steps: r.due})
		}
		if err != nil {
			return err
		}
	}
	r.begun = true
	if r.setup == nil {
		return nil
	}
	return r.setup.Do(ctx)
}

// tearDown does what is done at the end, once the setup was begun. Steps have deadlines of their
// own, which no interruption cuts short.
func (r *runner) tearDown(ctx context.Context) error {
	if r.teardown == nil || !r.begun {
		return nil
	}
	err := r.teardown.DoAll(context.WithoutCancel(ctx))
	if err != nil {
		err = fmt.Errorf("what the run left behind was not cleaned up: %w", err)
	}
	if len(r.due) > 0 {
		err = errors.Join(err, r.claim.Settle())
	}
	return err
}

// refreshing is the run as its setup sees it: stop ends with the load, and abort when answers are
// no longer waited for.
func (r *runner) refreshing(stop, abort context.Context, start time.Time) *setup.Run {
	return &setup.Run{
		Start: start, End: r.attack.Duration(), Stop: stop, Abort: abort, Event: r.event,
	}
}
