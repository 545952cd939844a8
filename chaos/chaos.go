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
// A Kind of fault says which Capability it needs. Suffers says whether targets have it, by what
// their kind of service says of all its targets. So a scenario is refused before anything is
// started. Bind asks the target itself, by the small interfaces that it implements.
//
// # Parts
//
//   - Kind is one kind of fault: one file each, listed in Kinds.
//   - Target is something that can be broken. The small interfaces that it also implements say
//     what can be done to it: Killer, Pauser, Impairer.
//   - Conductor runs the faults of a plan on the run's clock.
//   - FileJournal keeps undos on disk. Heal does the undos of runs whose process is gone.
package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// ErrGone says that a target no longer exists, so that nothing needs to be undone: a process or
// link that ended with its run, a container that was removed.
var ErrGone = errors.New("the target is gone")

// ErrNotSent says that a signal was certainly not sent, so that the target will not die of it.
var ErrNotSent = errors.New("the signal was not sent")

// ErrNotAsBefore says that a target is not as it was before the fault, and that trying again will
// not change that.
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
	// Killable says why a kill could not be undone; nil if it can be.
	Killable(ctx context.Context) error
	// Kill sends the signal (SIGKILL, SIGTERM, …) and returns when it was sent. ErrNotSent says
	// that it was not sent; after any other error it may have been sent.
	Kill(ctx context.Context, signal string) error
	// Life identifies the present life of the target: it changes with each start. It is "" if the
	// target is dead.
	Life(ctx context.Context) (string, error)
	// Start starts the target as it was, and returns when it is ready to serve. It does nothing if
	// the target runs.
	Start(ctx context.Context) error
}

// Server is a Killer that can be asked whether it serves. That a process has ended does not prove
// that the service is dead, as a child of it may serve on; that one runs does not prove that the
// service is back.
type Server interface {
	// Serves returns where the target answers at this moment, such as URLs; none if it does not
	// answer, or if it is not known where to ask.
	Serves(ctx context.Context) ([]string, error)
}

// SignalIgnorer is a Killer that knows which signals have no effect on it.
type SignalIgnorer interface {
	// Ignores says whether the signal is known to have no effect at this moment.
	Ignores(ctx context.Context, signal string) (bool, error)
}

// TimedKiller is a Killer that knows how much time it needs.
type TimedKiller interface {
	// StartTime is how long Start may take, together with Restore if the target has that.
	StartTime() time.Duration
	// Grace is how long the target may take to end after a signal that it handles; 0 if that is not
	// known.
	Grace() time.Duration
}

// Restorer is a Killer that may differ after it was started again: it may be at another address,
// have other settings, or have neighbours that died with it.
type Restorer interface {
	// Situation returns all that has to be the same again. It is journalled.
	Situation(ctx context.Context) (json.RawMessage, error)
	// Restore makes the target as it was in situation. It is called while the target runs. done
	// says for people what it did, notes what is different without being a mistake: settings that
	// nobody had asked for. The error says what is still not as it was, and what to do.
	Restore(ctx context.Context, situation json.RawMessage) (done, notes []string, err error)
}

// Resetter is a Restorer of which a kill also changes settings, such as a restart policy that is
// suspended.
type Resetter interface {
	// Reset gives the target these settings back, whether it runs or not, and says for people what
	// it did.
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
	// Impair puts traffic under a condition, and returns when the effect was measured. deadline is
	// how long traffic may stay impaired if no process is left to clear it. id is the id of the
	// fault, for Clear.
	Impair(ctx context.Context, id string, c NetCondition, deadline time.Duration) (Proof, error)
	// Clear takes the condition away and returns when that was verified. It does
	// nothing if id is not in force.
	Clear(ctx context.Context, id string) (Proof, error)
}

// ImpairChecker is an Impairer that can tell before the run whether its traffic can be put under a
// condition.
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
	// Note is a remark for people that puts nothing in doubt, such as that a dynamic address is
	// another one now.
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
	// Bind binds the fault to a target. id is unique to this injection and target; hold is how long
	// the fault is meant to last. If the target cannot be broken this way, the error says what can
	// be done instead.
	Bind(t Target, id string, hold time.Duration) (Fault, error)
}

// Kind is an entry of the registry of faults.
type Kind struct {
	Name string // the key in the scenario file
	Doc  string
	// Hold is the key that says how long the fault lasts: "for", or
	// "restart_after".
	Hold string
	// Needs is the capability that targets must have.
	Needs Capability
	// Undo is how people undo the fault if ordeal cannot, with a %s for the target.
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
