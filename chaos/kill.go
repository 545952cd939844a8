package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

var killKind = Kind{
	Name: "kill", Hold: "restart_after", Needs: CapKill,
	Doc:  "send a signal that ends the target, and start it again later",
	Undo: "start %s again",
	New:  func() Spec { return &Kill{Signal: "SIGKILL"} },
}

// Kill ends a target with a signal. It is effective when the target is seen
// dead and serves no more, and undone when it runs again, is ready, and is as it
// was. A target that handles the signal may die later than the fault was meant
// to last: that death is awaited, and undone.
type Kill struct {
	Signal string        `json:"signal" default:"SIGKILL" doc:"signal to send: SIGKILL, or one that the target may handle, such as SIGTERM"`
	Grace  time.Duration `json:"grace,omitempty" positive:"true" doc:"how long the target may take to end after a signal that it handles; the undo waits for so long, and then sends SIGKILL; left out: 60s, or the container's stop timeout if that is longer"`
}

// Signals that a fault may send: those whose default action ends a process.
var killSignals = []string{
	"SIGABRT", "SIGALRM", "SIGBUS", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGKILL",
	"SIGPIPE", "SIGQUIT", "SIGSEGV", "SIGTERM", "SIGTRAP", "SIGUSR1", "SIGUSR2",
}

// surely is the signal that no process can handle or ignore.
const surely = "SIGKILL"

// Validate implements Spec; its error starts with the key at fault.
func (k *Kill) Validate() fielderr.List {
	var wrong fielderr.List
	if k.Grace < 0 {
		wrong.Add("grace", "grace: expected a time above 0, found %s", k.Grace)
	}
	full := "SIG" + strings.TrimPrefix(strings.ToUpper(k.Signal), "SIG")
	switch {
	case slices.Contains(killSignals, k.Signal):
	case k.Signal == "SIGSTOP" || k.Signal == "SIGTSTP":
		wrong.Add("signal", "signal: %s does not end a process: use pause to freeze it", k.Signal)
	case slices.Contains(killSignals, full):
		wrong.Add(
			"signal",
			"signal: expected a signal such as SIGKILL, found %q: write %s",
			k.Signal,
			full,
		)
	default:
		wrong.Add(
			"signal",
			"signal: expected a signal that ends a process (%s), found %q",
			strings.Join(killSignals, ", "),
			k.Signal,
		)
	}
	return wrong
}

// SignalSent implements Signaller.
func (k *Kill) SignalSent() string { return k.Signal }

// Bind implements Spec.
func (k *Kill) Bind(t Target, _ string, _ time.Duration) (Fault, error) {
	killer, ok := t.(Killer)
	if !ok {
		return nil, unfit(killKind, t)
	}
	return &kill{Kill: *k, name: t.Name(), target: killer, mechanism: mechanism(t)}, nil
}

// mechanism is how a target is killed or paused: by a signal, if it does not say.
func mechanism(t Target) string {
	if m, ok := t.(MechanismNamer); ok {
		return m.Mechanism()
	}
	return "signal"
}

type kill struct {
	Kill
	name      string
	target    Killer
	mechanism string
	// unsent says that Inject returned without having sent the signal. died says that it saw the
	// target die.
	unsent, died bool
	// started says that Revert asked the target to start, so that finding it
	// alive later is no sign that it came back by itself.
	started bool
}

// killState is what the undo needs; heal may do it in another process.
type killState struct {
	Signal string `json:"signal"`
	// Life is the life that the signal is to end.
	Life string `json:"life,omitempty"`
	// Served is where the target answered.
	Served []string `json:"served,omitempty"`
	// Grace is how long after Prepared the signal may take effect.
	Grace     time.Duration   `json:"grace,omitempty"`
	Prepared  time.Time       `json:"prepared,omitzero"`
	StartTime time.Duration   `json:"start_time,omitempty"`
	Situation json.RawMessage `json:"situation,omitempty"`
}

const (
	// defaultGrace is how long a target may take to end of a signal that it
	// handles, if nobody says: twice what Kubernetes grants.
	defaultGrace = time.Minute
	// dies is how long the system may take to end a target after SIGKILL, and closes how long it
	// may take after that until nothing answers any more at its addresses.
	dies   = 5 * time.Second
	closes = 2 * time.Second
	// pollEvery is how often a target is looked at while an effect is awaited.
	pollEvery = 2 * time.Millisecond
	// askEvery is how often a target is asked whether it serves, and answersWithin how long one
	// answer of a killed target is waited for.
	askEvery      = 50 * time.Millisecond
	answersWithin = time.Second
)

func (k *kill) Prepare(ctx context.Context) (State, error) {
	if err := k.target.Killable(ctx); err != nil {
		return nil, fmt.Errorf(
			"%s cannot be killed, as it could not be started again: %w",
			k.name,
			err,
		)
	}
	s := killState{Signal: k.Signal, Prepared: time.Now().UTC().Round(time.Millisecond)}
	var err error
	if s.Life, err = k.target.Life(ctx); err != nil {
		return nil, fmt.Errorf("finding out whether %s runs: %w", k.name, err)
	}
	if s.Life == "" {
		return nil, fmt.Errorf("%s does not run: there is nothing to kill", k.name)
	}
	if p, ok := k.target.(TimedKiller); ok {
		s.StartTime, s.Grace = p.StartTime(), p.Grace()
	}
	if s.Grace = max(s.Grace, defaultGrace); k.Grace > 0 {
		s.Grace = k.Grace
	}
	if k.Signal == surely {
		s.Grace = 0
	}
	if v, ok := k.target.(Server); ok {
		if s.Served, err = v.Serves(ctx); err != nil {
			return nil, fmt.Errorf("finding out whether %s serves: %w", k.name, err)
		}
	}
	if r, ok := k.target.(Restorer); ok {
		if s.Situation, err = r.Situation(ctx); err != nil {
			return nil, fmt.Errorf("finding out how %s is set up: %w", k.name, err)
		}
	}
	return json.Marshal(s)
}

// Times implements Slow.
func (k *kill) Times(state State) (inject, revert time.Duration) {
	s, err := k.read(state)
	if err != nil {
		return 0, 0
	}
	return s.Grace + dies, s.Grace + 2*dies + s.StartTime
}

func (k *kill) read(state State) (s killState, err error) {
	if len(state) == 0 {
		return killState{Signal: k.Signal}, nil
	}
	if err := json.Unmarshal(state, &s); err != nil {
		return s, fmt.Errorf("reading how %s was killed: %w", k.name, err)
	}
	return s, nil
}

func (k *kill) Inject(ctx context.Context, state State) (Proof, error) {
	k.started, k.unsent, k.died = false, true, false
	s, err := k.read(state)
	if err != nil {
		return Proof{}, err
	}
	if ignored, err := k.ignored(ctx, k.Signal); err != nil {
		return Proof{}, fmt.Errorf("finding out whether %s ignores %s: %w", k.name, k.Signal, err)
	} else if ignored {
		return Proof{}, fmt.Errorf("%s ignores %s, which was not sent: use SIGKILL, or a signal "+
			"that it handles", k.name, k.Signal)
	}
	k.unsent = false // it may have been sent, whatever Kill returns
	sent := time.Now()
	DisturbanceStarted(ctx)
	if err := k.target.Kill(ctx, k.Signal); err != nil {
		k.unsent = errors.Is(err, ErrNotSent)
		return Proof{}, fmt.Errorf("sending %s to %s: %w", k.Signal, k.name, err)
	}
	life, err := k.otherLife(ctx, s.Life)
	died := time.Since(sent)
	k.died = err == nil
	switch {
	case err != nil && err != context.Cause(ctx):
		return Proof{}, fmt.Errorf("finding out whether %s died of %s: %w", k.name, k.Signal, err)
	case err != nil && k.Signal == surely:
		return Proof{}, fmt.Errorf(
			"%s still ran %s after SIGKILL: %w",
			k.name,
			roundTime(died),
			err,
		)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded): // of the run
		return Proof{}, fmt.Errorf(
			"%s still ran %s after %s, which it handles or ignores: let the load last longer "+
				"than it takes to end, or use SIGKILL",
			k.name,
			roundTime(died),
			k.Signal,
		)
	case err != nil:
		return Proof{}, fmt.Errorf(
			"%s still ran %s after %s, which it handles or ignores: set a longer grace if it needs "+
				"more time to end, or use SIGKILL: %w",
			k.name,
			roundTime(died),
			k.Signal,
			err,
		)
	case life != "":
		return Proof{}, fmt.Errorf(
			"%s died of %s and ran again within %s: something else, such as a restart policy, "+
				"brings it back at once, so that it cannot be kept down",
			k.name,
			k.Signal,
			roundTime(died),
		)
	}
	if err := k.silent(ctx, s.Served); err != nil {
		return Proof{}, err
	}
	return Proof{
		Mechanism: k.mechanism,
		Evidence:  fmt.Sprintf("dead %s after %s", roundTime(died), k.Signal),
	}, nil
}

func (k *kill) ignored(ctx context.Context, signal string) (bool, error) {
	h, ok := k.target.(SignalIgnorer)
	if !ok || signal == surely {
		return false, nil
	}
	return h.Ignores(ctx, signal)
}

// otherLife waits until the life of the target is no longer had, and returns its life then, "" if
// it is dead. If ctx ends first, the error is the cause of ctx if the target was seen to live on,
// and otherwise why the target could not be looked at.
func (k *kill) otherLife(ctx context.Context, had string) (string, error) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var unseen error // of the last look; what the end of ctx cut short is none
	for {
		life, err := k.target.Life(ctx)
		if err == nil && (life == "" || had != "" && life != had) {
			return life, nil
		}
		if ctx.Err() == nil {
			unseen = err
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		return "", cmp.Or(unseen, context.Cause(ctx))
	}
}

// silent returns when nothing answers any more where the target served.
func (k *kill) silent(ctx context.Context, served []string) error {
	v, ok := k.target.(Server)
	if !ok || len(served) == 0 {
		return nil
	}
	limit, cancel := context.WithTimeout(ctx, closes)
	defer cancel()
	var still []string
	for {
		try, stop := context.WithTimeout(limit, answersWithin)
		now, err := v.Serves(try)
		hung := try.Err() != nil
		stop()
		if hung && limit.Err() == nil {
			return nil // nothing there answers
		}
		if err == nil {
			if still = slices.DeleteFunc(now, func(at string) bool { return !slices.Contains(served, at) }); len(
				still,
			) == 0 {
				return nil
			}
		}
		select {
		case <-time.After(askEvery):
			continue
		case <-limit.Done():
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("finding out whether %s still serves: %w", k.name, context.Cause(ctx))
		case err != nil && len(still) == 0:
			return fmt.Errorf("finding out whether %s still serves: %w", k.name, err)
		}
		return fmt.Errorf(
			"%s is dead, and %s still answers: something that it started has left its process "+
				"group, with setsid or as a daemon, and serves on, "+
				"so that the kill had no effect; start the server itself as the service",
			k.name,
			strings.Join(still, " and "),
		)
	}
}

func (k *kill) Revert(ctx context.Context, state State) (Proof, error) {
	p := Proof{Mechanism: k.mechanism}
	s, err := k.read(state)
	if err != nil {
		return p, err
	}
	life, err := k.target.Life(ctx)
	var done []string
	switch {
	case err != nil || life == "" || k.started:
	case s.Life != "" && life == s.Life && !k.died:
		// The death that was asked for may be yet to come.
		ended, how, err := k.finish(ctx, s)
		if err != nil {
			return p, err
		}
		if !ended {
			// The settings that go with a kill may have been changed all the same.
			done, err := k.leave(ctx, state)
			p.Evidence = strings.Join(append([]string{how}, done...), ", ")
			return p, err
		}
		done = append(done, how)
	default:
		p.Caveat = "it ran again before ordeal started it: something else, such as a restart policy, brings it back"
	}
	k.started = true
	begun := time.Now()
	if err := k.target.Start(ctx); err != nil {
		return p, fmt.Errorf("starting %s again: %w", k.name, err)
	}
	if err := k.back(ctx, s.Served); err != nil {
		return p, err
	}
	ready := roundTime(time.Since(begun))
	if r, ok := k.target.(Restorer); ok && len(s.Situation) > 0 {
		restored, notes, err := r.Restore(ctx, s.Situation)
		if done = append(done, restored...); err != nil {
			return p, fmt.Errorf("%s runs again: %w", k.name, err)
		}
		p.Note = strings.Join(notes, "; ")
	}
	// Ready once is not enough: it may have died of what killed it before.
	if life, err = k.target.Life(ctx); err != nil {
		return p, fmt.Errorf("finding out whether %s runs again: %w", k.name, err)
	}
	if life == "" {
		return p, fmt.Errorf("%s died again right after it was started", k.name)
	}
	p.Evidence = strings.Join(
		append([]string{fmt.Sprintf("runs and is ready %s after it was started", ready)}, done...),
		", ",
	)
	return p, nil
}

// leave implements leaver.
func (k *kill) leave(ctx context.Context, state State) ([]string, error) {
	s, err := k.read(state)
	if err != nil {
		return nil, err
	}
	r, ok := k.target.(Resetter)
	if !ok || len(s.Situation) == 0 {
		return nil, nil
	}
	return r.Reset(ctx, s.Situation)
}

// finish waits for the death of a target whose life did not end yet, and says how it ended. If it
// will not die, ended is false and how says why.
func (k *kill) finish(ctx context.Context, s killState) (ended bool, how string, err error) {
	if k.unsent {
		return false, "runs on: no signal was sent", nil
	}
	// Of SIGKILL it dies at once, or it was never sent.
	wait := dies
	if s.Signal != surely {
		wait = max(time.Until(s.Prepared.Add(cmp.Or(s.Grace, defaultGrace))), 0)
	}
	limit, cancel := context.WithTimeoutCause(ctx, wait, errStillAlive)
	defer cancel()
	_, err = k.otherLife(limit, s.Life)
	switch {
	case err == nil:
		return true, fmt.Sprintf("after it had died of %s", s.Signal), nil
	case ctx.Err() != nil || !errors.Is(err, errStillAlive):
		return false, "", fmt.Errorf("waiting for %s to die of %s: %w", k.name, s.Signal, err)
	case s.Signal == surely:
		return false, "runs on: it was not killed", nil
	}
	if err := k.target.Kill(ctx, surely); err != nil {
		return false, "", fmt.Errorf(
			"ending %s with SIGKILL, as it had not died of %s: %w",
			k.name,
			s.Signal,
			err,
		)
	}
	if _, err := k.otherLife(ctx, s.Life); err != nil {
		return false, "", fmt.Errorf("waiting for %s to die of SIGKILL: %w", k.name, err)
	}
	return true, fmt.Sprintf(
		"after it was ended with SIGKILL, as it had not died of %s within %s",
		s.Signal,
		roundTime(cmp.Or(s.Grace, defaultGrace)),
	), nil
}

var errStillAlive = errors.New("it still lives")

// back returns when the target answers again wherever it served.
func (k *kill) back(ctx context.Context, served []string) error {
	v, ok := k.target.(Server)
	if !ok || len(served) == 0 {
		return nil
	}
	for {
		now, err := v.Serves(ctx)
		missing := slices.DeleteFunc(
			slices.Clone(served),
			func(at string) bool { return slices.Contains(now, at) },
		)
		if err == nil && len(missing) == 0 {
			return nil
		}
		if life, lifeErr := k.target.Life(ctx); lifeErr == nil && life == "" {
			return fmt.Errorf("%s died again before it served", k.name)
		}
		select {
		case <-time.After(askEvery):
		case <-ctx.Done():
			return fmt.Errorf(
				"%s runs again and does not answer at %s, where it did: %w",
				k.name,
				strings.Join(missing, " and "),
				cmp.Or(err, context.Cause(ctx)),
			)
		}
	}
}
