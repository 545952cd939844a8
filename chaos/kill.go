package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

var killKind = Kind{
	Name: "kill", Hold: "restart_after", Needs: Die,
	Doc:  "send a signal that ends the target, and start it again later",
	Undo: "start %s again",
	New:  func() Spec { return &Kill{Signal: "SIGKILL"} },
}

// Kill ends a target with a signal. It is effective when the target is seen
// dead, and undone when it runs again and is ready.
type Kill struct {
	Signal string `json:"signal" default:"SIGKILL" doc:"signal to send: SIGKILL, or one that the target may handle, such as SIGTERM"`
}

// Signals that a fault may send: those whose default action ends a process.
var killSignals = []string{
	"SIGABRT", "SIGALRM", "SIGBUS", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGKILL",
	"SIGPIPE", "SIGQUIT", "SIGSEGV", "SIGTERM", "SIGTRAP", "SIGUSR1", "SIGUSR2",
}

// Validate implements Spec; its error starts with the key at fault.
func (k *Kill) Validate() error {
	switch {
	case slices.Contains(killSignals, k.Signal):
		return nil
	case k.Signal == "SIGSTOP" || k.Signal == "SIGTSTP":
		return fmt.Errorf("signal: %s does not end a process: use pause to freeze it", k.Signal)
	}
	if full := "SIG" + strings.TrimPrefix(strings.ToUpper(k.Signal), "SIG"); slices.Contains(killSignals, full) {
		return fmt.Errorf("signal: expected a signal such as SIGKILL, found %q: write %s", k.Signal, full)
	}
	return fmt.Errorf("signal: expected a signal that ends a process (%s), found %q", strings.Join(killSignals, ", "), k.Signal)
}

// Bind implements Spec.
func (k *Kill) Bind(t Target, _ string, _ time.Duration) (Fault, error) {
	killer, ok := t.(Killer)
	if !ok {
		return nil, unfit(killKind, t)
	}
	return &kill{Kill: *k, name: t.Name(), target: killer, mechanism: mechanism(t, "signal")}, nil
}

// mechanism is how a target is made to die or freeze: containers through their
// engine, everything else by own.
func mechanism(t Target, own string) string {
	if t.Ref().Kind == ContainerTarget {
		return "engine"
	}
	return own
}

type kill struct {
	Kill
	name      string
	target    Killer
	mechanism string
	// started says that Revert asked the target to start, so that finding it
	// alive later is no sign that it came back by itself.
	started bool
}

type killState struct {
	Signal string `json:"signal"`
}

func (k *kill) Prepare(ctx context.Context) (State, error) {
	if err := k.target.Killable(ctx); err != nil {
		return nil, fmt.Errorf("%s cannot be killed, as it could not be started again: %w", k.name, err)
	}
	alive, err := k.target.Alive(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding out whether %s runs: %w", k.name, err)
	}
	if !alive {
		return nil, fmt.Errorf("%s does not run: there is nothing to kill", k.name)
	}
	return json.Marshal(killState{k.Signal})
}

// pollEvery is how often a target is looked at while an effect is awaited.
const pollEvery = 2 * time.Millisecond

func (k *kill) Inject(ctx context.Context, _ State) (Proof, error) {
	k.started = false
	sent := time.Now()
	if err := k.target.Kill(ctx, k.Signal); err != nil {
		return Proof{}, fmt.Errorf("sending %s to %s: %w", k.Signal, k.name, err)
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		alive, err := k.target.Alive(ctx)
		if err == nil && !alive {
			return Proof{Mechanism: k.mechanism, Evidence: fmt.Sprintf("dead %s after %s", roundTime(time.Since(sent)), k.Signal)}, nil
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		switch {
		case err != nil:
			return Proof{}, fmt.Errorf("finding out whether %s died of %s: %w", k.name, k.Signal, err)
		case k.Signal == "SIGKILL":
			return Proof{}, fmt.Errorf("%s still ran %s after SIGKILL: %w", k.name, roundTime(time.Since(sent)), context.Cause(ctx))
		}
		return Proof{}, fmt.Errorf("%s still ran %s after %s, which it may handle or ignore: use SIGKILL to be sure: %w",
			k.name, roundTime(time.Since(sent)), k.Signal, context.Cause(ctx))
	}
}

func (k *kill) Revert(ctx context.Context, _ State) (Proof, error) {
	p := Proof{Mechanism: k.mechanism}
	alive, err := k.target.Alive(ctx)
	if err == nil && alive && !k.started {
		p.Doubt = "it ran again before ordeal started it: something else, such as a restart policy, brings it back"
	}
	k.started = true
	begun := time.Now()
	if err := k.target.Start(ctx); err != nil {
		return p, fmt.Errorf("starting %s again: %w", k.name, err)
	}
	// Ready once is not enough: it may have died of what killed it before.
	if alive, err = k.target.Alive(ctx); err != nil {
		return p, fmt.Errorf("finding out whether %s runs again: %w", k.name, err)
	}
	if !alive {
		return p, fmt.Errorf("%s died again right after it was started", k.name)
	}
	p.Evidence = fmt.Sprintf("runs and is ready %s after it was started", roundTime(time.Since(begun)))
	return p, nil
}
