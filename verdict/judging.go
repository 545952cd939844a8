package verdict

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// Judging judges rules on a run that goes on: it takes the intervals as they are sealed, in
// order of time, and reports at any time on what it has by then. Judge is a Judging that is
// given a whole run.
//
// Learn tells it what becomes known of the faults. An interval waits until the windows are known of
// all faults that its arrivals could have met: for as long as a fault takes to be proven, or to be
// undone. Nothing that was gathered is ever taken back.
//
// It is not safe for concurrent use.
type Judging struct {
	tl    timeline.Timeline // what is known of the run; Duration is how far it came
	ended bool              // the load is over, and Duration known

	c            *aggregator
	recoveries   *recoveryDetectors
	observations *observations
	rules        []*ruleCase
	cases        []*ruleCase         // those of rules, and of conditions within them
	held         []timeline.Interval // intervals that wait for a fault

	// Made anew by each report. brief leaves out the figures that no rule needs.
	report Report
	brief  bool
	faults []*View // by tl.Faults
	before []*View
	// Over the judged stages: why too much of the load was not sent, empty if it was, and the
	// generator's bias.
	notSent string
	unwell  string // why this run cannot be compared with others
	bias    bias
}

// Facts are what is known of a run, beside its intervals, at some moment.
type Facts struct {
	Faults      []timeline.Fault // all of the plan, in an order that does not change
	Generator   []timeline.Usage
	Standstills timeline.Windows
}

// NewJudging begins to judge a run. planned has what is known of it beforehand: stages, requests,
// flows, faults, and what is normal. The duration of planned is not looked at.
func NewJudging(rules []Input, planned *timeline.Timeline) *Judging {
	tl := *planned
	tl.Duration, tl.Interrupted, tl.Stopped = 0, false, nil
	return newJudging(rules, &tl)
}

func newJudging(rules []Input, tl *timeline.Timeline) *Judging {
	j := &Judging{tl: *tl, before: make([]*View, len(tl.Faults))}
	j.c = newAggregator(&j.tl)
	j.recoveries = newRecoveryDetectors(&j.tl, j.c)
	j.observations = newObservations(j.c)
	j.measureAll()
	for _, in := range rules {
		j.rules = append(j.rules, j.prepare(in))
	}
	return j
}

// Learn takes in what is known by now. It is called whenever that has changed, before the intervals
// are added that were sealed by then.
func (j *Judging) Learn(f Facts) error {
	if len(f.Faults) != len(j.tl.Faults) {
		return fmt.Errorf(
			"expected the %d faults of the plan, found %d",
			len(j.tl.Faults),
			len(f.Faults),
		)
	}
	j.tl.Faults = slices.Clone(f.Faults)
	j.tl.Generator, j.tl.Standstills = f.Generator, f.Standstills
	j.c.learnFaults()
	j.recoveries.learn()
	j.release()
	return nil
}

// Add takes in the next interval, and keeps it.
func (j *Judging) Add(iv timeline.Interval) {
	j.held = append(j.held, iv)
	j.release()
}

// AddReading takes in what an observer saw. It comes after what was known at its end was learnt.
func (j *Judging) AddReading(r timeline.Reading) {
	j.observations.add(r)
	j.observations.release(j.knownUpTo)
}

// End says that the load is over: run has all that is known of it. All intervals and readings were
// added before.
func (j *Judging) End(run *timeline.Timeline) error {
	j.tl.Duration, j.tl.Interrupted, j.ended = run.Duration, run.Interrupted, true
	j.tl.Stopped = run.Stopped
	return j.Learn(Facts{run.Faults, run.Generator, run.Standstills})
}

// Until is up to which instant the run was judged.
func (j *Judging) Until() time.Duration { return j.tl.Duration }

// release judges by the intervals that no longer wait for a fault.
func (j *Judging) release() {
	j.observations.release(j.knownUpTo)
	n := 0
	for ; n < len(j.held) && j.knownUpTo(lastOf(&j.held[n])); n++ {
		iv := &j.held[n]
		if !j.ended {
			j.tl.Duration = max(j.tl.Duration, iv.To)
		}
		at := middle(iv.Window, j.tl.Duration)
		j.c.add(iv, at)
		j.recoveries.add(j.c, iv, at)
		for _, c := range j.cases {
			c.foldFinal()
		}
	}
	j.held = slices.Delete(j.held, 0, n)
}

// lastOf is when the last of an interval's arrivals was over, as far as windows of faults are
// asked for it.
func lastOf(iv *timeline.Interval) time.Duration {
	last := iv.To
	for i := range iv.Cells {
		last = max(last, iv.Cells[i].OpenAt)
	}
	for i := range iv.Beats {
		b := &iv.Beats[i]
		last = max(last, b.Failed, b.Came, b.DoubtedTo)
	}
	return last
}

// knownUpTo says whether it is known of each fault when it began, if it took effect and when it
// ended, as far as that was before an instant.
func (j *Judging) knownUpTo(at time.Duration) bool {
	if j.ended {
		return true
	}
	return !slices.ContainsFunc(j.tl.Faults, func(f timeline.Fault) bool {
		switch {
		case f.State == timeline.Reverted || f.State == timeline.Failed:
			return false
		case f.Injecting == nil || *f.Injecting > at:
			return false
		case f.Effective == nil && f.Reverting == nil:
			return true // when it began is told with its proof
		case f.Reverting == nil || *f.Reverting > at:
			return false
		}
		return f.Reverted == nil
	})
}

// inForce says whether a fault is on its way in, in force, or on its way out.
func inForce(f *timeline.Fault) bool {
	return f.State == timeline.Injecting || f.State == timeline.Effective ||
		f.State == timeline.Reverting
}

// Report judges what there is by now. While the run goes on it is what Judge would say of a run
// that went no further, with these differences: that it is not over speaks against nothing, a
// fault in force counts as proven by what was seen of it so far, and one that is to come leaves
// the rules that ask for it inconclusive.
func (j *Judging) Report() Report { return j.judge(false) }

// Rules judges the rules alone, for the live status. That costs less than a Report.
func (j *Judging) Rules() []RuleResult { return j.judge(true).Rules }

func (j *Judging) judge(brief bool) Report {
	j.brief = brief
	j.report = Report{
		Outcome: Pass, Stages: map[string]Measure{}, Requests: map[string]Measure{}, Rules: []RuleResult{},
		Faults: make([]FaultResult, len(j.tl.Faults)),
	}
	if len(j.tl.Flows) > 0 {
		j.report.Flows = map[string]Measure{}
	}
	j.faults = nil
	for i := range j.tl.Faults {
		j.report.Faults[i].Fault = j.tl.Faults[i]
		j.faults = append(j.faults, &View{Fault: &j.report.Faults[i]})
	}
	for _, c := range j.cases {
		c.rest = nil
		clear(c.worstRest)
		clear(c.growingRest)
	}
	j.c.emitAll()
	j.observations.emitAll(j.tl.Duration)
	j.recoveries.report(j.report.Faults, j)
	j.observations.probed.report(j.report.Faults, j)
	if !brief {
		j.observations.signs.report(j.report.Faults, j.tl.Duration)
		j.report.Subjects = j.observations.measure()
		for i, v := range j.faults {
			v.Fault.Impact = impact(v.Fault, measure(j.before[i]))
		}
	}
	for _, c := range j.rules {
		r := j.conclude(c)
		j.report.Rules = append(j.report.Rules, r)
		j.report.Outcome = worst(j.report.Outcome, weight(r))
	}
	j.validity()
	return j.report
}

// measureAll asks for what every report has.
func (j *Judging) measureAll() {
	j.c.subscribe(filter{}, whole, 0, func(t gathered) {
		j.notSent, j.bias = notSent(t.view, &j.tl), biasOf(t.view, &j.tl)
		j.unwell = generatorOf(t.view, &j.tl).Unhealthy()
		if !j.brief {
			j.report.Totals = measure(t.view)
			j.report.Generator = generatorOf(t.view, &j.tl)
		}
	})
	ask := func(f filter, of stretch, put func(Measure)) {
		j.c.subscribe(f, of, 0, func(t gathered) {
			if !j.brief {
				put(measure(t.view))
			}
		})
	}
	for _, s := range j.tl.Stages {
		ask(filter{stage: s.Name}, whole, func(m Measure) { j.report.Stages[s.Name] = m })
	}
	for _, r := range j.tl.Requests {
		ask(filter{request: r}, whole, func(m Measure) { j.report.Requests[r] = m })
	}
	for _, f := range j.tl.Flows {
		ask(filter{flow: f}, whole, func(m Measure) { j.report.Flows[f] = m })
	}
	for i := range j.tl.Faults {
		name := j.tl.Faults[i].Name
		// Of several injections of one name each has its own during; before and after are
		// those of all of them.
		ask(filter{}, whole.in(rule.Before, name),
			func(m Measure) { j.report.Faults[i].Before = m })
		ask(filter{}, injection(name, i), func(m Measure) { j.report.Faults[i].During = m })
		ask(filter{}, whole.in(rule.After, name), func(m Measure) { j.report.Faults[i].After = m })
		// What is normal is not learnt from the time of other faults: a service
		// that was down before would seem to have recovered while it is down.
		j.c.subscribe(filter{}, beforeAlone(name), 0, func(t gathered) { j.before[i] = t.view })
	}
}

// orReadBack goes on from what a run with ledgers does after its load.
func orReadBack(subjects []timeline.Declared) string {
	for _, s := range subjects {
		if s.Kind == timeline.LedgerSubject {
			return ", or its ledgers read back"
		}
	}
	return ""
}

// validity adds what makes the run inconclusive apart from its rules.
func (j *Judging) validity() {
	add := func(why string) {
		j.report.Why = append(j.report.Why, why)
		j.report.Outcome = worst(j.report.Outcome, Inconclusive)
	}
	if s := j.tl.Stopped; s != nil && j.ended {
		add(s.Why)
		if s.By == timeline.StoppedByAlarm {
			j.report.Outcome = Fail
		}
	}
	switch n := len(j.tl.Stages); {
	case !j.ended || !j.tl.Interrupted:
	case n > 0 && j.tl.Duration >= j.tl.Stages[n-1].Window.To:
		add("the run was interrupted while its last answers were waited for" + orReadBack(j.tl.Subjects))
	default:
		add(
			fmt.Sprintf(
				"the run was interrupted after %s: what was recorded is not the whole of it",
				quantity.FormatDuration(j.tl.Duration),
			),
		)
	}
	if j.notSent != "" {
		add(j.notSent)
	}
	for i := range j.tl.Faults {
		f := &j.tl.Faults[i]
		if !j.ended && (f.State == timeline.Scheduled || inForce(f)) {
			continue // it is not over
		}
		if j.tl.Stopped != nil && f.State == timeline.Scheduled {
			continue // the load ended before it, and why is said
		}
		if why := j.unproven(f); why != "" {
			add(why + " (a fault that had no effect makes the run inconclusive, not green)")
		}
	}
}
