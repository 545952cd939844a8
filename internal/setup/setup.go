// Package setup does what is done once before the load, and once after it: data are put where the
// load finds them, a token is asked for that all requests share, and what was left is cleaned up.
//
// # Steps
//
// A Step is a request of any protocol, or a command. Steps are done one after the other. What one
// captures is a column for the templates of those that follow and, as payload.Shared, of all
// requests of the load. A step that has a Refresh is done again in the course of the run.
package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/seed"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Step is one thing to do: a Request, or a Command.
type Step struct {
	Name    string        `json:"name"`
	Timeout time.Duration `json:"timeout"`
	// Request is what is sent; nil: Command is run.
	Request *attack.Request `json:"request,omitempty"`
	// Command exits with status 0, and prints what Expect says. Its arguments may hold templates.
	Command  []string         `json:"command,omitempty"`
	Expect   *expect.Expect   `json:"expect,omitempty"`
	Captures []expect.Capture `json:"captures,omitempty"`
	// Refresh is how long after it was done it is done again, for new values; 0: never.
	Refresh time.Duration `json:"refresh,omitempty"`
}

// String says in few words what is done.
func (s *Step) String() string {
	if s.Request != nil {
		return s.Request.Spec.String()
	}
	return "the command " + strings.Join(s.Command, " ")
}

// Env is what a run has for its steps.
type Env struct {
	// Kind is "setup" or "teardown", for messages.
	Kind string
	// Attack is how the load is sent; steps are sent so, on connections of their own. What they
	// capture goes to its Shared.
	Attack    *attack.Plan
	Protocols []attack.Protocol
	Refused   func(error) // told of a connection that must not be opened
	Dir       string      // of the scenario file; commands run there
	// Secret says which captures are secret, and Learn is told their values before they are used.
	Secret func(expect.Capture) bool
	Learn  func(values []string)
	// Redact returns what takes secrets out of a text: those that are known, and own.
	Redact   func(own []string) func(text string) string
	Progress func(format string, args ...any)
}

// action does one step.
type action interface {
	// do returns what was captured.
	do(ctx context.Context, n uint64, timeout time.Duration) (*payload.Values, error)
	close() error
}

// step is a Step that is ready to be done. It is not safe for concurrent use.
type step struct {
	*Step
	action
	done  uint64    // how often it was
	begun time.Time // when it was begun that went well last
}

// Steps are those of a setup or of a teardown, ready to be done.
type Steps struct {
	env   *Env
	steps []*step
	doing sync.Mutex // held to do one
}

// Prepare makes steps ready. The error says which cannot be done, and why. It does none of them.
func Prepare(steps []Step, env *Env) (*Steps, error) {
	out := &Steps{env: env}
	kept := map[string]*any{} // by protocol, what clients keep from one step to the next
	var errs []error
	for i := range steps {
		one := &step{Step: &steps[i]}
		var err error
		if one.Request != nil {
			if kept[one.Request.Protocol] == nil {
				kept[one.Request.Protocol] = new(any)
			}
			one.action, err = newSender(one.Step, env, kept[one.Request.Protocol])
		} else {
			one.action, err = newRunner(one.Step, env)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %s cannot be done: %w", env.Kind, one.Name, err))
			continue
		}
		out.steps = append(out.steps, one)
	}
	if errs != nil {
		return nil, errors.Join(append(errs, out.Close())...)
	}
	return out, nil
}

// ownSeed is the seed of what templates of steps draw: the load's own draws are not repeated.
func ownSeed(kind string, of uint64) uint64 { return seed.Stream(of, kind).Uint64() }

// Do does the steps up to the first that fails, whose error says why, with the answer.
func (s *Steps) Do(ctx context.Context) error {
	for _, one := range s.steps {
		if err := s.do(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// DoAll does all steps, whichever fail. The error is of all that did.
func (s *Steps) DoAll(ctx context.Context) error {
	var errs []error
	for _, one := range s.steps {
		errs = append(errs, s.do(ctx, one))
	}
	return errors.Join(errs...)
}

// do does one step, and shares what it captures.
func (s *Steps) do(ctx context.Context, one *step) error {
	s.env.Progress("%s: %s", s.env.Kind, one.Name)
	return s.again(ctx, one)
}

func (s *Steps) again(ctx context.Context, one *step) error {
	s.doing.Lock()
	defer s.doing.Unlock()
	begun := time.Now()
	values, err := one.action.do(ctx, one.done, one.Timeout)
	one.done++
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s %s failed: %w", s.env.Kind, one.Name, err)
	}
	one.begun = begun
	var secrets []string
	for name, v := range values.All() {
		for _, c := range one.Captures {
			if c.Name == name && s.env.Secret(c) {
				secrets = append(secrets, v)
			}
		}
	}
	s.env.Learn(secrets)
	s.env.Attack.Shared.Take(values)
	return nil
}

// Close gives up what steps opened.
func (s *Steps) Close() error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, one := range s.steps {
		errs = append(errs, one.action.close())
	}
	return errors.Join(errs...)
}

// Run is a run under way, as steps see it.
type Run struct {
	Start time.Time
	End   time.Duration // of the load: nothing is refreshed from then on
	// Stop ends when nothing more is to be done, and Abort when what is under way is given up.
	Stop, Abort context.Context
	Event       func(timeline.Event)
}

// retryPart is after which part of its Refresh a step that failed is tried again.
const retryPart = 10

// Refresh does steps again when they are due, until r stops. One that fails is told of, the old
// values stay, and it is tried again after a tenth of its Refresh, until it goes well.
func (s *Steps) Refresh(r *Run) {
	if s == nil {
		return
	}
	var wg sync.WaitGroup
	for _, one := range s.steps {
		if one.Step.Refresh > 0 {
			wg.Go(func() { s.refresh(r, one) })
		}
	}
	wg.Wait()
}

func (s *Steps) refresh(r *Run, one *step) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	due, failing := one.begun.Add(one.Step.Refresh), false
	for due.Sub(r.Start) < r.End {
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-r.Stop.Done():
			return
		}
		err := s.again(r.Abort, one)
		if r.Abort.Err() != nil {
			return
		}
		e := timeline.Event{At: time.Since(r.Start), Type: s.env.Kind, Name: one.Name, State: "refreshed"}
		due = one.begun.Add(one.Step.Refresh)
		if err != nil {
			e.State, e.Detail = "fails", err.Error()+"; what it captured before stays in use"
			due = time.Now().Add(one.Step.Refresh / retryPart)
		}
		if err != nil && !failing || err == nil {
			r.Event(e)
		}
		failing = err != nil
	}
}
