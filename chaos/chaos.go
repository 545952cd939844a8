// Package chaos breaks things on purpose, proves that they broke, and puts them
// right again.
//
// # A fault's life
//
// A fault is scheduled → injecting → effective → reverting → reverted; failed
// can follow any of these. Its undo is written to a Journal before it is
// injected. Inject returns only when the effect was observed, Revert only when
// the undo was. Revert is idempotent, valid after a partial Inject and from a
// fresh process that has nothing but the journal; it has its own deadline and
// is not cancelled with the run.
//
// # What can be broken how
//
// A Kind says which Capability it needs, and Suffers whether a target has it, from what
// its kind of service says of all its targets: so a scenario is refused before anything
// is started. Bind asks the target itself, by the small interfaces that it implements.
//
// # Parts
//
//   - Kind is one kind of fault: one file each, listed in Kinds.
//   - Target is something that can be broken. What can be done to it is told by
//     the small interfaces it also implements: Killer, Pauser, Impairer.
//   - Conductor runs the faults of a plan on the run's clock.
//   - FileJournal keeps undos on disk; Heal does those whose owner is gone.
package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// ErrGone says that a target is no more, so that nothing of it needs undoing: a
// process or link that ended with the run that had started it, a container that
// was removed.
var ErrGone = errors.New("the target is gone")

// ErrNotSent says that a signal was surely not sent, so that there is no death to
// await.
var ErrNotSent = errors.New("the signal was not sent")

// ErrNotAsBefore says that a target is not as it was before the fault, and that
// no other try will change that.
var ErrNotAsBefore = errors.New("not as it was before")

// Target is one thing that can be broken: a container, a process, a link.
type Target interface {
	// Name is unique in the run and meant for people: api-1, shop_api_2.
	Name() string
	// Ref is enough to find the target again from a fresh process.
	Ref() Ref
}

// Ref is how a target is written to the journal.
type Ref struct {
	Kind string          `json:"kind"` // of service, as package target has them
	Name string          `json:"name"`
	Data json.RawMessage `json:"data,omitempty"` // what the kind's adapter needs
}

// Killer is a target that can die and be started again.
type Killer interface {
	// Killable says why killing it could not be undone, nil if it can.
	Killable(ctx context.Context) error
	// Kill sends the signal (SIGKILL, SIGTERM, …) and returns when it was sent. An
	// error that is ErrNotSent says that it was not, any other that it may have been.
	Kill(ctx context.Context, signal string) error
	// Life names the life that it lives at this moment, "" if it is dead. A
	// target that was started again has another one.
	Life(ctx context.Context) (string, error)
	// Start starts it as it was, and does nothing if it runs; it returns when
	// the target is ready to serve.
	Start(ctx context.Context) error
}

// Server is a Killer that can be asked whether it serves. Processes alone prove
// neither a death, as what left them may serve on, nor that a restarted target
// is back.
type Server interface {
	// Serves names where the target answers at this moment, such as a URL; none
	// if it does not, or nobody knows where to ask.
	Serves(ctx context.Context) ([]string, error)
}

// SignalIgnorer is a Killer that knows which signals have no effect on it.
type SignalIgnorer interface {
	// Ignores says whether the signal is known to have no effect at this moment.
	Ignores(ctx context.Context, signal string) (bool, error)
}

// TimedKiller is a Killer that knows how much time it needs.
type TimedKiller interface {
	// StartTime is how long Start, and Restore if there is such, may take.
	StartTime() time.Duration
	// Grace is how long the target may take to end of a signal that it handles;
	// 0 if it does not say.
	Grace() time.Duration
}

// Restorer is a Killer that may not be as it was once it is started again:
// elsewhere, with other settings, or with neighbours that died with it.
type Restorer interface {
	// Situation returns all that has to be the same again. It is journalled.
	Situation(ctx context.Context) (json.RawMessage, error)
	// Restore puts right what is not as in situation, and returns for people what
	// it did, and what is different though nobody had asked for it to be as it was.
	// It is called while the target runs. Its error says what is not as it was, and
	// what to do.
	Restore(ctx context.Context, situation json.RawMessage) (done, notes []string, err error)
}

// Resetter is a Restorer whose faults change settings that its life does not
// depend on, such as a restart policy that is suspended.
type Resetter interface {
	// Reset gives those settings back, whether the target runs or not, and returns
	// for people what it did.
	Reset(ctx context.Context, situation json.RawMessage) (done []string, err error)
}

// Warner is a target that knows what people should know before it is broken.
type Warner interface {
	// Warnings are about a fault that needs a capability, with its settings.
	Warnings(ctx context.Context, needs Capability, spec Spec) []string
}

// Pauser is a target that can be frozen.
type Pauser interface {
	Pause(ctx context.Context) error   // idempotent
	Unpause(ctx context.Context) error // idempotent
	Paused(ctx context.Context) (bool, error)
}

// MechanismNamer is a target that is killed and paused by something other than signals.
type MechanismNamer interface {
	// Mechanism is how, in a word.
	Mechanism() string
}

// Impairer is a target whose traffic can be impaired.
type Impairer interface {
	// Impair puts traffic under a condition and returns when that was measured, with
	// how it was done and what was seen. deadline is how long the target may stay so if
	// nobody is left to clear it; id names the fault to Clear.
	Impair(ctx context.Context, id string, c NetCondition, deadline time.Duration) (Proof, error)
	// Clear takes the condition away and returns when that was verified. It does
	// nothing if id is not in force.
	Clear(ctx context.Context, id string) (Proof, error)
}

// ImpairChecker is a Impairer that can tell before the run why its traffic could not
// be put under a condition; nil if it could.
type ImpairChecker interface {
	Impairable(ctx context.Context, c NetCondition) error
}

// Remedier is a target that knows how people undo what was done to it, such as
// "docker start shop-api-1". Remedy returns "" where it does not know. Where the undo is not needed
// any more it returns Needless.
type Remedier interface {
	Remedy(did Capability) string
}

// Signaller is a Spec that ends its targets with a signal.
type Signaller interface {
	SignalSent() string
}

// Proof is how a fault was done and what was observed.
type Proof struct {
	Mechanism string // signal, engine, freezer, netem, nft-proxy, link
	Evidence  string // a line for people: "round trip 0.2ms → 121ms"
	// Caveat is set if the fault was in force but may not have acted for as long
	// as it was meant to: no traffic passed, the target restarted in between.
	Caveat string
	// Note is what people should know that speaks against nothing, such as a
	// dynamic address that is another one now.
	Note string
}

// State is what a fault needs for its undo. It is JSON, as it is journalled.
type State = json.RawMessage

// Fault is one kind of disturbance bound to one target. Its methods are called
// one after the other, never at the same time.
type Fault interface {
	// Prepare looks at the target, changes nothing, and returns what the undo
	// will need. It fails if the fault could not be injected or not be undone.
	Prepare(ctx context.Context) (State, error)
	// Inject breaks the target and returns when the effect was observed.
	Inject(ctx context.Context, s State) (Proof, error)
	// Revert undoes the fault and returns when that was observed. It may be
	// called again after it succeeded, and again after it failed.
	Revert(ctx context.Context, s State) (Proof, error)
}

// Slow is a Fault whose steps may need longer than others do.
type Slow interface {
	// Times says how long an injection may take until it shows effect, and an
	// undo, given the state that Prepare returned; 0 if nothing is known.
	Times(s State) (inject, revert time.Duration)
}

// Spec is a kind of fault with its settings, not yet bound to a target. It is a
// pointer to a struct whose exported fields carry json and doc tags, and where
// they apply default, required and positive ones.
type Spec interface {
	// Validate says what is wrong with the settings, nil if nothing.
	Validate() fielderr.List
	// Bind binds the fault to a target; id is unique to this injection and
	// target, hold the time it is meant to last. It fails if the target cannot
	// be broken this way, saying what could be done instead.
	Bind(t Target, id string, hold time.Duration) (Fault, error)
}

// Kind is an entry of the registry of faults.
type Kind struct {
	Name string // the key in the scenario file
	Doc  string
	// Hold is the key that says how long the fault lasts: "for", or
	// "restart_after".
	Hold string
	// Needs is what must be possible with a target.
	Needs Capability
	// Undo is what people do if ordeal could not, with a %s for the target.
	Undo string
	// New returns the settings' defaults, to be filled from the scenario.
	New func() Spec
}

// Pick says how many of a service's targets are hit; the zero value is all.
type Pick struct {
	Count    int     `json:"count,omitempty"`    // this many
	Fraction float64 `json:"fraction,omitempty"` // or this share, rounded up
}

// FaultPlan is one fault as the scenario asks for it.
type FaultPlan struct {
	Name string        `json:"name"`
	Kind string        `json:"kind"`
	At   time.Duration `json:"at"`
	Hold time.Duration `json:"hold,omitempty"` // 0: until the end of the run
	// Services are those whose targets may be hit: Pick is taken of all of them
	// together.
	Services []string `json:"services"`
	Pick     Pick     `json:"pick"`
	Spec     Spec     `json:"spec"`
}
