package timeline

import "time"

// Stop is why ordeal itself ended the load before its time.
type Stop struct {
	By StopReason    `json:"by"`
	At time.Duration `json:"at"`
	// Of the alarm that tripped: its condition as it was written, for how long it had to hold, and
	// what it is called and means.
	When        string        `json:"when,omitempty"`
	For         time.Duration `json:"for,omitempty"`
	Name        string        `json:"name,omitempty"`
	Description string        `json:"description,omitempty"`
	Observed    string        `json:"observed,omitempty"` // for people
	Why         string        `json:"why"`                // in one sentence, for people
}

// Hypothesis is what came of the rules that must hold before the first fault.
type Hypothesis struct {
	Until time.Duration    `json:"until"` // up to when the load was judged
	Holds bool             `json:"holds"`
	Why   string           `json:"why,omitempty"` // for people
	Rules []HypothesisRule `json:"rules"`
}

// HypothesisRule is one of them, as it was judged then.
type HypothesisRule struct {
	KPI      string `json:"kpi"`
	Name     string `json:"name,omitempty"`
	Outcome  string `json:"outcome"`
	Observed string `json:"observed"`
	Limit    string `json:"limit"`
	Why      string `json:"why,omitempty"`
}

// NeverJudged is the state in an event of an abort rule that no second told anything of.
const NeverJudged = "never judged"

// StopReason is what ended a load.
type StopReason string

// The reasons. StoppedByAlarm fails the run, StoppedByHypothesis makes it inconclusive.
const (
	StoppedByAlarm      StopReason = "abort"
	StoppedByHypothesis StopReason = "hypothesis"
)
