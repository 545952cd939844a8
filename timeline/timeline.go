package timeline

import (
	"iter"
	"math"
	"time"
)

// Stage is a named stretch of the load as it was planned, and as every window
// asks of it: requests are assigned by intended time, so plan and run agree.
type Stage struct {
	Name   string `json:"name"`
	Window Window `json:"window"`
	Judged bool   `json:"judged"`
	// Closed says that users sent the load, each of whom waited for an answer
	// before asking again: a slow target was asked less, so that its figures look
	// better than those of a stage with a rate.
	Closed bool `json:"closed,omitempty"`
	// Idle says that the plan asks for nothing in the stage: silence there says
	// nothing of the target.
	Idle bool `json:"idle,omitempty"`
}

// FaultState is where a fault stands.
type FaultState string

// The states of a fault, in their order. Failed can follow any of them.
const (
	Scheduled FaultState = "scheduled"
	Injecting FaultState = "injecting"
	Effective FaultState = "effective"
	Reverting FaultState = "reverting"
	Reverted  FaultState = "reverted"
	Failed    FaultState = "failed"
)

// Fault is the record of one injection of one fault into all its targets.
// Instants that did not come are nil.
type Fault struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Service string   `json:"service"`
	Targets []string `json:"targets"`
	// How the fault was applied: signal, engine, netem, nft-proxy, link.
	Mechanism string `json:"mechanism,omitempty"`

	Planned   time.Duration  `json:"planned"`
	Injecting *time.Duration `json:"injecting,omitempty"`
	Effective *time.Duration `json:"effective,omitempty"` // observed in all targets
	Reverting *time.Duration `json:"reverting,omitempty"`
	Reverted  *time.Duration `json:"reverted,omitempty"` // observed in all targets
	// When the disturbance itself began and ceased, where that is known to be
	// later than Injecting or earlier than Reverted: a helper takes time to
	// start, and its undo to be finished and verified.
	Began  *time.Duration `json:"began,omitempty"`
	Ceased *time.Duration `json:"ceased,omitempty"`

	State    FaultState `json:"state"`
	Evidence []string   `json:"evidence,omitempty"` // what was observed, a line a target
	// Remarks for people; they put nothing in doubt.
	Notes []string `json:"notes,omitempty"`
	Error string   `json:"error,omitempty"`
	// Verified says that the fault was observed to act, for as long as it was
	// meant to.
	Verified bool `json:"verified"`
	// Dirty says that the undo failed or could not be verified; Remedy is what
	// to do by hand.
	Dirty  bool   `json:"dirty,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// Disturbance is from when the fault's disturbance began, as what it disturbs on its
// way in is its doing too, until it ceased. Where these moments are not known, it
// is from the beginning of its injection until it was seen to be reverted, and
// without end if it never was. False if it was never injected.
func (f *Fault) Disturbance() (Window, bool) {
	if f.Injecting == nil {
		return Window{}, false
	}
	w := Window{*f.Injecting, math.MaxInt64}
	if f.Began != nil {
		w.From = *f.Began
	}
	if f.Reverted != nil {
		w.To = *f.Reverted
		if f.Ceased != nil {
			w.To = *f.Ceased
		}
	}
	return Window{w.From, max(w.From, w.To)}, true
}

// Event is something that happened, at an instant of the run.
type Event struct {
	At     time.Duration `json:"at"`
	Type   string        `json:"type"` // stage, fault, service, probe, abort, interrupt, generator
	Name   string        `json:"name,omitempty"`
	State  string        `json:"state,omitempty"`
	Target string        `json:"target,omitempty"`
	Detail string        `json:"detail,omitempty"`
}

// CutOff says whether the event is that a recording has no end.
func (e Event) CutOff() bool { return e.Type == "interrupt" && e.State == cutOff }

const cutOff = "cut off"

// NewCutOff is the event that a recording has no end, at the end of what there is of it.
func NewCutOff(at time.Duration) Event {
	return Event{
		At: at, Type: "interrupt", State: cutOff,
		Detail: "the recording has no end: ordeal was killed, or could not write; " +
			"what follows is lost",
	}
}

// Timeline is all that happened in one run.
type Timeline struct {
	Name  string    `json:"name"`
	Start time.Time `json:"start"`
	// Of the load: start to the end of the last stage, or to the interruption.
	Duration    time.Duration `json:"duration"`
	Interrupted bool          `json:"interrupted,omitempty"`
	// Stopped says why ordeal itself ended the load before its time; nil: it did not.
	Stopped *Stop `json:"stopped,omitempty"`
	// Hypothesis is what was found before the first fault; nil: nothing was asked, or the load
	// ended before.
	Hypothesis *Hypothesis `json:"hypothesis,omitempty"`
	Stages     []Stage     `json:"stages"`
	Requests   []string    `json:"requests"`
	Flows      []string    `json:"flows,omitempty"`
	Faults     []Fault     `json:"faults"`
	Events     []Event     `json:"-"`
	// Generator is what the generator used of its machine, in order of time, at
	// most MaxUsages entries; none if nothing was sampled.
	Generator []Usage `json:"-"`
	// Standstills are the stretches in which the generator's process did not run at all,
	// the longest of them, in order of time: see StandstillLog. Silence in them is its own.
	Standstills Windows `json:"-"`
	// LateBudget is how late the generator may act, at the 99th percentile,
	// before the report says so. Rules are judged at any lateness.
	LateBudget time.Duration `json:"late_budget"`
	// Longest is as long as a good answer can have taken, from the moment it was due: the
	// greatest timeout, or that of all the steps of a flow; 0: not known.
	Longest time.Duration `json:"longest,omitempty"`
	// Normal is what counts as normal after a fault, and NormalOf after those of a name
	// that have their own.
	Normal   Normal            `json:"normal,omitzero"`
	NormalOf map[string]Normal `json:"normal_of,omitempty"`

	// Subjects are what can be observed beside the load.
	Subjects []Declared `json:"subjects,omitempty"`

	// Intervals streams the intervals in order of time, from memory or from the
	// run directory; it can be ranged over any number of times.
	Intervals iter.Seq2[Interval, error] `json:"-"`
	// Readings streams what observers saw beside the load, in the order in which it was
	// recorded, from memory or from the run directory; it can be ranged over any number of
	// times. Nil: nothing was observed.
	Readings iter.Seq2[Reading, error] `json:"-"`
}
