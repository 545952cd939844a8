package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/docker"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/process"
)

// Heal undoes what runs left behind whose process is gone, and says on w what
// it did.
func Heal(ctx context.Context, w io.Writer) (ExitCode, error) {
	state, err := stateDir()
	if err != nil {
		return ExitBroken, err
	}
	journal, err := chaos.OpenJournal(filepath.Join(state, "journal"))
	if err != nil {
		return ExitBroken, err
	}
	done := 0
	progress := func(format string, args ...any) {
		done++
		fmt.Fprintf(w, format+"\n", args...)
	}
	// An engine that is not there holds nothing of ours that could be healed
	// now; if the journal needs it, heal says so.
	engineErr := healEngine(ctx, progress)
	journalErr := errors.Join(healJournal(ctx, journal, progress), healProcesses(progress))
	nothing := "nothing was left behind"
	if errors.Is(engineErr, docker.ErrUnreachable) {
		fmt.Fprintf(w, "containers were not looked at: %v\n", engineErr)
		engineErr, nothing = nil, "apart from that, nothing was left behind"
	}
	if err := errors.Join(journalErr, engineErr); err != nil {
		return ExitBroken, err
	}
	if done == 0 {
		fmt.Fprintln(w, nothing)
	}
	return ExitPass, nil
}

// heal is what each run does before it starts. It looks at the engine only if
// the run needs it anyway.
func heal(ctx context.Context, journal *chaos.FileJournal, engine bool, progress func(string, ...any)) error {
	err := errors.Join(healJournal(ctx, journal, progress), healProcesses(progress))
	if engine {
		if engineErr := healEngine(ctx, progress); !errors.Is(engineErr, docker.ErrUnreachable) {
			err = errors.Join(err, engineErr)
		}
	}
	return err
}

// healJournal reverts the faults of dead owners.
func healJournal(ctx context.Context, journal *chaos.FileJournal, progress func(string, ...any)) error {
	var engine *docker.Engine
	defer func() {
		if engine != nil {
			engine.Close()
		}
	}()
	reopen := func(ref chaos.Ref) (chaos.Target, error) {
		switch ref.Kind {
		case "process":
			return process.Reopen(ref)
		case "container":
			if engine == nil {
				e, err := docker.Connect(ctx)
				if err != nil {
					return nil, err
				}
				engine = e
			}
			return engine.Reopen(ctx, ref)
		case "link":
			return nil, chaos.ErrGone // it lived and died with its run
		}
		return nil, fmt.Errorf("the journal names a target of kind %q, which this version does not know", ref.Kind)
	}
	healed, err := chaos.Heal(ctx, journal, reopen, owner.Owner.Alive)
	for _, h := range healed {
		progress("healed: %s", h)
	}
	return err
}

// healProcesses ends what services of dead owners left running.
func healProcesses(progress func(string, ...any)) error {
	killed, err := process.Sweep(owner.Owner.Alive)
	for _, what := range killed {
		progress("ended: %s", what)
	}
	return err
}

// healEngine removes containers, networks and images of dead owners.
func healEngine(ctx context.Context, progress func(string, ...any)) error {
	engine, err := docker.Connect(ctx)
	if err != nil {
		return err
	}
	defer engine.Close()
	removed, err := engine.Sweep(ctx, func(text string) bool {
		o, err := owner.Parse(text)
		return err != nil || o.Alive() // what cannot be read is not ours to remove
	})
	for _, what := range removed {
		progress("removed: %s", what)
	}
	return err
}
