package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// SummarySchema is the version of summary.json. Keys are only ever added to a
// version.
const SummarySchema = 1

// summary is the shape of summary.json: durations and offsets are nanoseconds,
// fractions are in 0..1, and what is not known is null. Keys that may be absent
// stand only in runs of which there is something to say.
type summary struct {
	Schema int    `json:"schema"`
	Name   string `json:"name"`
	Seed   uint64 `json:"seed"`
	Engine string `json:"engine,omitempty"` // what sent the load
	// What the servers answered when they were asked which protocol they speak; else empty.
	EngineWhy string          `json:"engine_why,omitempty"`
	Version   string          `json:"version,omitempty"` // of ordeal
	Scenario  *Source         `json:"scenario,omitempty"`
	Host      *Host           `json:"host,omitempty"` // that sent the load
	Verdict   verdict.Outcome `json:"verdict"`
	Why       []string        `json:"why,omitempty"`
	ExitCode  int             `json:"exit_code"`
	// The run was judged from its recording, after the run.
	JudgedAgain bool `json:"judged_again,omitempty"`
	// Where the rules are from, if they are not the run's own: a file, or --rule.
	RulesFrom   string `json:"rules_from,omitempty"`
	Dirty       bool   `json:"dirty,omitempty"`
	Interrupted bool   `json:"interrupted,omitempty"`
	// Why an abort rule ended the run; nil: none did.
	Aborted *timeline.Stop `json:"aborted,omitempty"`
	// What was found before the first fault; nil: nothing was asked, or the load ended before.
	Hypothesis  *timeline.Hypothesis `json:"hypothesis,omitempty"`
	Problems    []string             `json:"problems,omitempty"`
	Started     time.Time            `json:"started"`
	Duration    time.Duration        `json:"duration"`
	Totals      totals               `json:"totals"`
	Latency     verdict.Latency      `json:"latency"`
	ServiceTime verdict.Latency      `json:"service_time"`
	Lag         verdict.Latency      `json:"lag"`
	Phases      verdict.Phases       `json:"-"` // each under its own name: see MarshalJSON
	Requests    map[string]measure   `json:"requests"`
	Flows       map[string]measure   `json:"flows,omitempty"` // whole ones, in no totals
	Stages      map[string]measure   `json:"stages"`
	Faults      []faultSummary       `json:"faults"`
	Rules       []ruleSummary        `json:"rules"`
	Generator   *generatorSummary    `json:"generator,omitempty"`

	// What was observed beside the load, by name.
	Services map[string]subjectSummary `json:"services,omitempty"`
	Probes   map[string]subjectSummary `json:"probes,omitempty"`
	Metrics  map[string]subjectSummary `json:"metrics,omitempty"`

	Ledgers map[string]ledgerSummary `json:"ledgers,omitempty"`
}

// totals are counts of arrivals: planned = done + unsent + interrupted.
type totals struct {
	Planned      uint64   `json:"planned"`
	Done         uint64   `json:"done"`
	Unsent       uint64   `json:"unsent"`
	Interrupted  uint64   `json:"interrupted"`
	Errors       uint64   `json:"errors"`
	RPS          float64  `json:"rps"`
	ErrorRate    *float64 `json:"error_rate"`
	Availability *float64 `json:"availability"`
	// Response times above ten minutes, which count as that in every figure.
	Clamped uint64            `json:"clamped,omitempty"`
	Kinds   map[string]uint64 `json:"error_kinds,omitempty"`
	// ErrorStatuses are the errors of kind status, by status, and Statuses all
	// answers, good ones among them.
	ErrorStatuses map[string]uint64 `json:"error_statuses,omitempty"`
	Statuses      map[int]uint64    `json:"statuses,omitempty"`
	Counters      map[string]uint64 `json:"counters,omitempty"` // of calls, by name
	// Those of done whose connection ordeal itself cut; neither good nor errors.
	Cut uint64 `json:"cut,omitempty"`
}

type measure struct {
	totals
	// Of a stage: users sent the load, who waited for answers.
	Closed bool `json:"closed,omitempty"`
	// Of a stage: false if it is in no totals, and in no rule that does not name it.
	Judged      *bool           `json:"judged,omitempty"`
	Latency     verdict.Latency `json:"latency"`
	ServiceTime verdict.Latency `json:"service_time"`
	Lag         verdict.Latency `json:"lag"`
}

type faultSummary struct {
	Name         string         `json:"name"`
	Kind         string         `json:"kind"`
	Targets      []string       `json:"targets"`
	Mechanism    string         `json:"mechanism"`
	Planned      time.Duration  `json:"planned"`
	Effective    *time.Duration `json:"effective"`
	Reverted     *time.Duration `json:"reverted"`
	Impact       string         `json:"impact"`
	Recovery     *time.Duration `json:"recovery"`
	NotRecovered bool           `json:"not_recovered,omitempty"`
	// StillDegraded and NotSeen say why Recovery is a lower bound, or not known.
	StillDegraded bool              `json:"still_degraded,omitempty"`
	NotSeen       string            `json:"not_seen,omitempty"`
	Relapses      uint64            `json:"relapses"`
	RelapseTime   time.Duration     `json:"relapse_time"`
	RelapseList   []timeline.Window `json:"relapse_list,omitempty"` // the first of them
	Outage        *time.Duration    `json:"outage"`
	Outages       uint64            `json:"outages"`
	// OutageResolution is how far each edge of an outage may be off; without any, how long
	// one may be that passed between two requests.
	OutageResolution *time.Duration `json:"outage_resolution"`
	// OutageOwn is how much of the outage may be ordeal's own doing. OutageUpTo and
	// RecoveryUpTo are what they were at most, with every error that ordeal itself may have
	// made; left out if that is the same.
	// How much longer the outage may have been, unseen between two arrivals.
	OutageUnseen time.Duration `json:"outage_unseen,omitempty"`
	OutageOpen   bool          `json:"outage_open,omitempty"` // it had not ended
	OutageOwn    time.Duration `json:"outage_own,omitempty"`
	// How long it took until a probe or a health check showed the fault, and which.
	Detection  *time.Duration `json:"detection,omitempty"`
	DetectedBy string         `json:"detected_by,omitempty"`
	// The probe that recovery and outage are made of, and how often it was asked; left out if the
	// load was.
	AskedOf      string         `json:"asked_of,omitempty"`
	AskedEvery   *time.Duration `json:"asked_every,omitempty"`
	OutageUpTo   *time.Duration `json:"outage_up_to,omitempty"`
	RecoveryUpTo *time.Duration `json:"recovery_up_to,omitempty"`
	Verified     bool           `json:"verified"`
	Notes        []string       `json:"notes,omitempty"`
	Error        string         `json:"error,omitempty"`
	Dirty        bool           `json:"dirty,omitempty"`
	Remedy       string         `json:"remedy,omitempty"`
}

type ruleSummary struct {
	Name string `json:"name,omitempty"`
	// Description is as the rule has it.
	Description string           `json:"description,omitempty"`
	KPI         string           `json:"kpi"`
	Severity    verdict.Severity `json:"severity"`
	Outcome     verdict.Outcome  `json:"outcome"`
	Observed    string           `json:"observed"`
	Limit       string           `json:"limit"`
	Why         string           `json:"why"`
	Reason      verdict.Reason   `json:"reason,omitempty"` // of an inconclusive rule
	// Of an inconclusive rule: where the figure could lie.
	CouldBe *verdict.Range `json:"could_be,omitempty"`
	// For programs: the rule wants Value Op Bound; Value was observed.
	Op    string           `json:"op,omitempty"`
	Value *verdict.Figure  `json:"value,omitempty"`
	Bound *verdict.Figure  `json:"bound,omitempty"`
	Slice *timeline.Window `json:"slice,omitempty"` // the worst of a rule with every(...)
	// Interval is where the true figure lies, Margin how far the observed one is from the limit
	// (below 0: beyond it), Samples how many it is of.
	Interval *verdict.Interval `json:"interval,omitempty"`
	Margin   *verdict.Figure   `json:"margin,omitempty"`
	Samples  uint64            `json:"samples,omitempty"`
	Worst    *verdict.Worst    `json:"worst,omitempty"` // of one that failed
	// ByBucket: the run did not count at the limit, so that the rule is judged by the bucket of
	// the histogram, 0.1 % wide.
	ByBucket bool `json:"by_bucket,omitempty"`
}

// WriteSummary writes summary.json.
func WriteSummary(w io.Writer, r *Run) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // rules are full of < and >
	enc.SetIndent("", "  ")
	return enc.Encode(newSummary(r))
}

// MarshalJSON adds the phases that any call had, each under its name: connect, handshake.
func (s summary) MarshalJSON() ([]byte, error) {
	type plain summary
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plain(s)); err != nil {
		return nil, err
	}
	b.Truncate(bytes.LastIndexByte(b.Bytes(), '}'))
	for i, p := range timeline.Phases() {
		if s.Phases[i].Count == 0 {
			continue
		}
		measured, err := json.Marshal(s.Phases[i])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",%q:%s", p.Name, measured)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func newSummary(r *Run) summary {
	t, rep := r.timeline(), &r.Report
	s := summary{
		Schema: SummarySchema, Name: r.Name, Seed: r.Seed, Engine: r.Engine, Version: r.Version, EngineWhy: r.EngineWhy,
		Verdict: rep.Outcome, Why: rep.Why, ExitCode: r.ExitCode,
		Dirty: r.Dirty, Interrupted: t.Interrupted, Hypothesis: t.Hypothesis, Problems: r.Problems,
		JudgedAgain: r.JudgedAgain, RulesFrom: r.RulesFrom,
		Started: t.Start.UTC(), Duration: t.Duration,
		Totals: newTotals(
			&rep.Totals,
		), Latency: rep.Totals.Latency, ServiceTime: rep.Totals.Service, Lag: rep.Totals.Lag,
		Phases: rep.Totals.Phases,
		Requests: newMeasures(
			rep.Requests,
		), Flows: newMeasures(rep.Flows), Stages: newMeasures(rep.Stages),
		Faults: []faultSummary{}, Rules: []ruleSummary{}, Generator: newGenerator(rep.Generator),
		Services: subjectSummaries(rep.Subjects, timeline.ServiceSubject),
		Probes:   subjectSummaries(rep.Subjects, timeline.ProbeSubject),
		Metrics:  subjectSummaries(rep.Subjects, timeline.MetricSubject),
		Ledgers:  ledgerSummaries(r.Ledgers),
	}
	if stop := t.Stopped; stop != nil && stop.By == timeline.StoppedByAlarm {
		s.Aborted = stop
	}
	if r.Host != (Host{}) {
		s.Host = &r.Host
	}
	if r.Source != (Source{}) {
		s.Scenario = &r.Source
	}
	for _, st := range t.Stages {
		m, ok := s.Stages[st.Name]
		if !ok {
			continue
		}
		m.Closed = st.Closed
		if !st.Judged {
			m.Judged = &st.Judged
		}
		s.Stages[st.Name] = m
	}
	for _, f := range rep.Faults {
		reverted := f.Reverted
		if f.Effective == nil {
			reverted = nil // what never took effect was not undone either
		}
		s.Faults = append(s.Faults, faultSummary{
			Name: f.Name, Kind: f.Kind, Targets: append([]string{}, f.Targets...), Mechanism: f.Mechanism,
			Planned: f.Planned, Effective: f.Effective, Reverted: reverted,
			Impact: f.Impact, Recovery: f.Recovery, NotRecovered: f.NotRecovered,
			StillDegraded: f.StillDegraded, NotSeen: f.NotSeen,
			Relapses: f.Relapses, RelapseTime: f.RelapseTime, RelapseList: f.RelapseList,
			Outage: f.Outage, Outages: f.Outages, OutageResolution: f.OutageResolution, OutageUnseen: f.OutageUnseen, OutageOpen: f.OutageOpen,
			Detection: f.Detection, DetectedBy: f.DetectedBy,
			AskedOf: f.AskedOf, AskedEvery: f.AskedEvery,
			OutageOwn: f.OutageOwn, OutageUpTo: f.OutageUpTo, RecoveryUpTo: f.RecoveryUpTo,
			Verified: f.Verified, Notes: f.Notes, Error: f.Error, Dirty: f.Dirty, Remedy: f.Remedy,
		})
	}
	for _, x := range rep.Rules {
		s.Rules = append(s.Rules, ruleSummary{
			Name: x.Name, Description: x.Description, KPI: x.KPI, Severity: x.Severity, Outcome: x.Outcome,
			Observed: x.Observed, Limit: x.Limit, Why: x.Why, Reason: x.Reason, CouldBe: x.CouldBe,
			Op: x.Op, Value: x.Value, Bound: x.Bound, Slice: x.Slice, ByBucket: x.ByBucket,
			Interval: x.Interval, Margin: x.Margin, Samples: x.Samples,
			Worst: x.Worst,
		})
	}
	return s
}

func newTotals(m *verdict.Measure) totals {
	kinds, statuses := splitKinds(m.Kinds)
	return totals{
		ErrorStatuses: statuses, Statuses: m.Statuses, Clamped: m.Clamped,
		Planned: m.Planned, Done: m.Done, Unsent: m.Unsent, Interrupted: m.Interrupted, Errors: m.Errors, Cut: m.Cut,
		RPS: m.RPS, ErrorRate: m.ErrorRate, Availability: m.Availability, Kinds: kinds, Counters: m.Counted.Named(),
	}
}

// splitKinds gives the kinds of errors, with one for all wrong statuses, and these
// by status.
func splitKinds(all map[string]uint64) (kinds, statuses map[string]uint64) {
	for kind, n := range all {
		if code, ok := strings.CutPrefix(kind, timeline.KindStatus+" "); ok {
			if statuses == nil {
				statuses = make(map[string]uint64)
			}
			statuses[code] += n
			kind = timeline.KindStatus
		}
		if kinds == nil {
			kinds = make(map[string]uint64)
		}
		kinds[kind] += n
	}
	return kinds, statuses
}

func newMeasures(ms map[string]verdict.Measure) map[string]measure {
	out := make(map[string]measure, len(ms))
	for name, m := range ms {
		out[name] = measure{
			totals:      newTotals(&m),
			Latency:     m.Latency,
			ServiceTime: m.Service,
			Lag:         m.Lag,
		}
	}
	return out
}
