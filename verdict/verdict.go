// Package verdict judges a timeline. It is made of pure functions: no clocks, no
// goroutines, no files.
//
// A rule is an expression over metrics with units, p99 < 200ms, asked of a
// scope: during("kill-api").error_rate < 5%. Compile finds every mistake in it
// before a run; Judge evaluates compiled rules in one pass over the intervals.
//
// Every rule passes, fails, or is inconclusive: no data is never a pass.
package verdict

import (
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// Outcome is how a rule or a run was judged. The zero value is no outcome.
type Outcome string

// The outcomes, best first. Warn is a failed rule of severity warn.
const (
	Pass         Outcome = "pass"
	Warn         Outcome = "warn"
	Inconclusive Outcome = "inconclusive"
	Fail         Outcome = "fail"
)

// Severity says what a failed rule does to the run.
type Severity string

// The severities. An inconclusive rule of severity warn makes the run warn, not
// inconclusive.
const (
	SeverityFail Severity = "fail"
	SeverityWarn Severity = "warn"
)

// Measure is what is reported of a scope: a stage, a request, the whole run.
// A percentile of nothing is nil.
type Measure struct {
	Planned     uint64 `json:"planned"`
	Done        uint64 `json:"done"`
	Unsent      uint64 `json:"unsent"`
	Interrupted uint64 `json:"interrupted"`
	Errors      uint64 `json:"errors"`
	// Of Done: ordeal itself cut the connection; neither good nor errors.
	Cut      uint64            `json:"cut,omitempty"`
	Kinds    map[string]uint64 `json:"error_kinds,omitempty"`
	Statuses map[int]uint64    `json:"statuses,omitempty"`
	BytesIn  uint64            `json:"bytes_in"`
	BytesOut uint64            `json:"bytes_out"`
	Seconds  float64           `json:"seconds"` // of the scope
	// Answers, good or bad, that came within the scope, per second.
	RPS          float64  `json:"rps"`
	ErrorRate    *float64 `json:"error_rate"`   // errors / (done + unsent)
	Availability *float64 `json:"availability"` // 1 − error_rate
	Latency      Latency  `json:"latency"`      // response time
	// Response times above timeline.Highest, which count as that.
	Clamped uint64           `json:"clamped,omitempty"`
	Service Latency          `json:"service_time"`
	Lag     Latency          `json:"lag"`
	Phases  Phases           `json:"phases"`
	Counted timeline.Counted `json:"counted"` // in calls, by timeline.Counter
}

// Phases are the phases of the calls of a scope, by timeline.Phase.
type Phases [len(timeline.PhaseTimes{})]PhaseMeasure

// PhaseMeasure is one phase: how many calls had it, and how long it took.
type PhaseMeasure struct {
	Count uint64 `json:"count"`
	Latency
}

// Latency is the printed part of a distribution, in nanoseconds; nil where
// there is nothing to say.
type Latency struct {
	P50  *time.Duration `json:"p50"`
	P90  *time.Duration `json:"p90"`
	P95  *time.Duration `json:"p95"`
	P99  *time.Duration `json:"p99"`
	P999 *time.Duration `json:"p99.9"`
	Max  *time.Duration `json:"max"`
	Mean *time.Duration `json:"mean"`
}

// RuleResult is a judged rule.
type RuleResult struct {
	KPI  string `json:"kpi"`
	Name string `json:"name,omitempty"`
	// Description is as it stands in the rule: for people.
	Description string   `json:"description,omitempty"`
	Severity    Severity `json:"severity"`
	Outcome     Outcome  `json:"outcome"`
	Observed    string   `json:"observed"` // for people, with its unit; empty if there is none
	Limit       string   `json:"limit"`
	Why         string   `json:"why,omitempty"`    // always there unless it passed
	Reason      Reason   `json:"reason,omitempty"` // of one that could not be decided
	// CouldBe is, of a rule that could not be decided, where the observed figure could
	// lie; nil if there is no figure.
	CouldBe *Range `json:"could_be,omitempty"`
	// For programs, of the comparison that decided: how the rule wants Value, which was
	// observed, to stand to Bound; nil where there is no figure. Slice is the worst of a
	// rule with every(...).
	Op    string           `json:"op,omitempty"`
	Value *Figure          `json:"value,omitempty"`
	Bound *Figure          `json:"bound,omitempty"`
	Slice *timeline.Window `json:"slice,omitempty"`
	// ByBucket says that the run did not count at the rule's limit, so that it was judged by
	// the bucket of the histogram that the figure lies in: 0.1 % of it wide.
	ByBucket bool `json:"by_bucket,omitempty"`
	// Interval is where the true figure lies, of a percentile or a share; nil if that is not
	// known. Margin is how far Value is from Bound, below 0 if the rule does not hold. Samples is
	// how many the figure is of.
	Interval *Interval `json:"interval,omitempty"`
	Margin   *Figure   `json:"margin,omitempty"`
	Samples  uint64    `json:"samples,omitempty"`
	// Worst is where a rule that failed was worst, if it is on load; Judge alone finds it.
	Worst *Worst `json:"worst,omitempty"`
}

// Range is where a figure could lie: in nanoseconds, in 0..1, per second, or as a number,
// by its metric. An end that is not known is nil.
type Range struct {
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
	Text string   `json:"text"` // for people, with units
	// WithMore says that the figure is right for what came, which is too little: this is
	// where it could lie had enough come.
	WithMore bool `json:"-"`
}

// FaultResult is a fault's record with what it did to the service.
type FaultResult struct {
	timeline.Fault
	Before   Measure        `json:"before"`
	During   Measure        `json:"during"`
	After    Measure        `json:"after"`
	Impact   string         `json:"impact"` // for people: "errors 0% → 4.2%, p95 12ms → 180ms"
	Recovery *time.Duration `json:"recovery"`
	// NotRecovered says that the service was not seen to be normal for long enough before the next
	// fault began, or the load ended; Recovery is then the least it can have been, and
	// StillDegraded says that it was degraded to the last. NotSeen says in words what was not seen.
	NotRecovered  bool   `json:"not_recovered,omitempty"`
	StillDegraded bool   `json:"still_degraded,omitempty"`
	NotSeen       string `json:"not_seen,omitempty"`
	// Relapses is how often the service was degraded again after it had recovered, RelapseTime for
	// how long together; the first of them are listed.
	Relapses    uint64            `json:"relapses"`
	RelapseTime time.Duration     `json:"relapse_time,omitempty"`
	RelapseList []timeline.Window `json:"relapse_list,omitempty"`
	// Outage is for how long the service was down, in Outages stretches; each of their edges may be
	// off by OutageResolution. Without any, it is the longest stretch without an arrival: one that
	// is shorter may have passed unseen. nil if the fault never took effect.
	Outage           *time.Duration `json:"outage"`
	OutageResolution *time.Duration `json:"outage_resolution,omitempty"`
	Outages          uint64         `json:"outages,omitempty"`
	// OutageUnseen is how much longer it may have been, as no arrival was due then that would have
	// met it. OutageOpen says that the service was down until the next fault or the end of the
	// load: Outage is a lower bound.
	OutageUnseen time.Duration `json:"outage_unseen,omitempty"`
	OutageOpen   bool          `json:"outage_open,omitempty"`
	// OutageOwn is how much of Outage may be ordeal's own doing, which stood still then.
	OutageOwn time.Duration `json:"outage_own,omitempty"`
	// OutageUpTo and RecoveryUpTo are what they were at most, if nothing that ordeal itself
	// may have made is left out of them; nil: the same. RecoveryOpen says that there is no such
	// bound.
	OutageUpTo   *time.Duration `json:"outage_up_to,omitempty"`
	RecoveryUpTo *time.Duration `json:"recovery_up_to,omitempty"`
	RecoveryOpen bool           `json:"recovery_open,omitempty"`
	// Detection is how long it took until a probe or a health check that is observed showed the
	// fault, and DetectedBy what did; nil: nothing did, or nothing was observed.
	Detection  *time.Duration `json:"detection,omitempty"`
	DetectedBy string         `json:"detected_by,omitempty"`
	// AskedOf is the probe whose answers Recovery and Outage are made of, and AskedEvery how often
	// it was asked; empty: they are made of the load.
	AskedOf    string         `json:"asked_of,omitempty"`
	AskedEvery *time.Duration `json:"asked_every,omitempty"`
	// NextFault is that fault's name; empty if there was none.
	NextFault string `json:"next_fault,omitempty"`
}

// Report is the judgement of a run, with the figures it rests on. Totals cover
// the judged stages, each stage all of itself, each request and each flow the
// judged stages. Flows are whole ones; only their steps are in the rest.
type Report struct {
	Outcome Outcome `json:"outcome"`
	// What makes the run inconclusive apart from its rules.
	Why      []string           `json:"why,omitempty"`
	Totals   Measure            `json:"totals"`
	Stages   map[string]Measure `json:"stages"`
	Requests map[string]Measure `json:"requests"`
	Flows    map[string]Measure `json:"flows,omitempty"`
	Faults   []FaultResult      `json:"faults"`
	Rules    []RuleResult       `json:"rules"`
	// Subjects are what was observed beside the load, by kind and name.
	Subjects []SubjectMeasure `json:"subjects,omitempty"`
	// Generator is how the generator itself did over the judged stages; nil if
	// nothing was due there.
	Generator *Generator `json:"generator,omitempty"`
}

// Generator is how the generator of the load did.
type Generator struct {
	Late   Latency       `json:"late"`   // how late it acted
	Budget time.Duration `json:"budget"` // how late it may, at p99, before the report says so
	// Delayed is how many arrivals it held up: acted on late, or open while it did
	// not run. Standstill is for how long it did not run, and Longest at a time.
	Delayed    uint64         `json:"delayed"`
	Standstill time.Duration  `json:"standstill"`
	Longest    time.Duration  `json:"longest_standstill"`
	Usage      timeline.Usage `json:"usage"` // zero if the operating system tells nothing
	Local      uint64         `json:"local"` // arrivals that failed on its own machine
	Arrivals   uint64         `json:"-"`     // that count
}
