package verdict

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Input is a rule to be judged.
type Input struct {
	KPI      string // the rule as it was written
	Name     string // for people; may be empty
	Severity Severity
	Rule     *Rule
}

// Default returns the rules of the default scorecard.
func Default() []string {
	return []string{"p95 < 200ms", "p99 < 200ms", "error_rate < 0.1%", "availability >= 99.99%"}
}

// Judge judges the rules on a timeline, in one pass over its intervals, and
// measures the run, its stages, requests, flows and faults. It fails only if the
// intervals cannot be read.
//
// A rule is inconclusive if nothing was measured in one of its scopes, if a
// percentile has fewer samples than its rank needs, whichever way these few
// point, if a share has so few that those missing might turn it, if it would
// be otherwise without the generator's own part in the figures, or if it
// rests on a fault that was not seen to act; but what is unknown makes a
// combination of comparisons inconclusive only where it could turn it. A rule
// with every(...) fails if a slice does.
//
// The run is as its worst rule: fail, inconclusive, warn, pass; without rules
// it passes. Apart from its rules it is inconclusive at least if it was
// interrupted, if the generator could not send a good part of their load, or if a fault
// was not seen to act.
func Judge(rules []Input, tl *timeline.Timeline) (Report, error) {
	j := &judge{tl: tl, c: newCollection(tl), report: Report{
		Outcome: Pass, Stages: map[string]Measure{}, Requests: map[string]Measure{}, Rules: []RuleResult{}, Faults: []FaultResult{},
	}}
	j.measureAll()
	cases := make([]*ruleCase, len(rules))
	for i, in := range rules {
		cases[i] = j.prepare(in)
	}
	if err := j.c.sweep(); err != nil {
		return Report{}, fmt.Errorf("reading the run's intervals: %w", err)
	}
	j.finishFaults()
	for _, c := range cases {
		r, err := j.conclude(c)
		if err != nil {
			return Report{}, err
		}
		j.report.Rules = append(j.report.Rules, r)
		j.report.Outcome = worst(j.report.Outcome, weight(r))
	}
	j.validity()
	return j.report, nil
}

// weight is what a rule's outcome does to the run.
func weight(r RuleResult) Outcome {
	if r.Severity == SeverityWarn && r.Outcome == Inconclusive {
		return Warn
	}
	return r.Outcome
}

// worst returns the worse of two outcomes.
func worst(a, b Outcome) Outcome {
	order := []Outcome{Pass, Warn, Inconclusive, Fail}
	return order[max(slices.Index(order, a), slices.Index(order, b), 0)]
}

type judge struct {
	tl     *timeline.Timeline
	c      *collection
	report Report
	faults []*View // by tl.Faults, complete after the sweep
	before []*View
	watch  *watches
	// Over the judged stages: that too much of the load was not sent, and what
	// part the generator can have in the figures.
	notSent string
	burden  burden
}

// measureAll asks for what every report has.
func (j *judge) measureAll() {
	into := func(m *Measure) func(timeline.Window, *View) {
		return func(_ timeline.Window, v *View) { *m = measure(v) }
	}
	j.c.track(filter{}, whole, 0, func(_ timeline.Window, v *View) {
		j.report.Totals = measure(v)
		j.notSent, j.burden = notSent(v, j.tl), burdenOf(v, j.tl)
		j.report.Generator = generatorOf(v, j.tl)
	})
	for _, s := range j.tl.Stages {
		j.c.track(filter{stage: s.Name}, whole, 0, func(_ timeline.Window, v *View) { j.report.Stages[s.Name] = measure(v) })
	}
	for _, r := range j.tl.Requests {
		j.c.track(filter{request: r}, whole, 0, func(_ timeline.Window, v *View) { j.report.Requests[r] = measure(v) })
	}
	if len(j.tl.Flows) > 0 {
		j.report.Flows = map[string]Measure{}
	}
	for _, f := range j.tl.Flows {
		j.c.track(filter{flow: f}, whole, 0, func(_ timeline.Window, v *View) { j.report.Flows[f] = measure(v) })
	}
	n := len(j.tl.Faults)
	j.report.Faults = make([]FaultResult, n)
	j.before = make([]*View, n)
	for i := range n {
		f := &j.tl.Faults[i]
		r := &j.report.Faults[i]
		r.Fault = *f
		j.faults = append(j.faults, &View{Fault: r})
		// Of several injections of one name each has its own during; before and after are
		// those of all of them.
		before := whole.in(phaseBefore, f.Name)
		j.c.track(filter{}, before, 0, into(&r.Before))
		// What is normal is not learnt from the time of other faults: a service
		// that was down before would seem to have recovered while it is down.
		j.c.track(filter{}, j.c.beforeAlone(f.Name), 0, func(_ timeline.Window, v *View) { j.before[i] = v })
		j.c.track(filter{}, j.c.injection(i), 0, into(&r.During))
		j.c.track(filter{}, whole.in(phaseAfter, f.Name), 0, into(&r.After))
	}
	if n > 0 {
		j.watch = newWatches(j.tl, j.c)
		j.c.watch = func(iv *timeline.Interval, middle time.Duration) { j.watch.add(j.c, iv, middle) }
	}
}

func (j *judge) finishFaults() {
	if len(j.faults) > 0 {
		j.watch.finish(j.report.Faults)
	}
	for i, v := range j.faults {
		v.Fault.Impact = impact(v.Fault, measure(j.before[i]))
	}
}

// validity adds what makes the run inconclusive apart from its rules.
func (j *judge) validity() {
	add := func(why string) {
		j.report.Why = append(j.report.Why, why)
		j.report.Outcome = worst(j.report.Outcome, Inconclusive)
	}
	switch n := len(j.tl.Stages); {
	case !j.tl.Interrupted:
	case n > 0 && j.tl.Duration >= j.tl.Stages[n-1].Window.To:
		add("the run was interrupted while its last answers were waited for")
	default:
		add(fmt.Sprintf("the run was interrupted after %s: what was recorded is not the whole of it", quantity.FormatDuration(j.tl.Duration)))
	}
	if j.notSent != "" {
		add(j.notSent)
	}
	for i := range j.tl.Faults {
		if why := unproven(&j.tl.Faults[i]); why != "" {
			add(why + " (a fault that had no effect makes the run inconclusive, not green)")
		}
	}
}

// ruleCase is a rule with the values of its terms.
type ruleCase struct {
	in     Input
	whole  []value
	slices []*sliceCase // of a rule with every, in order
	sliced []bool       // which terms
}

// sliceCase is one slice of a rule.
type sliceCase struct {
	window timeline.Window
	values map[int]value // by term
	due    bool          // something was
}

// prepare asks for what the rule's terms need.
func (j *judge) prepare(in Input) *ruleCase {
	c := &ruleCase{in: in, whole: in.Rule.unmeasured(), sliced: make([]bool, len(in.Rule.terms))}
	for i := range in.Rule.terms {
		t := &in.Rule.terms[i]
		if t.scope.fault != "" {
			continue // after the sweep
		}
		within := whole
		blocked := ""
		for _, w := range t.scope.windows {
			within.within = within.within.Intersect(timeline.Windows{w})
		}
		for _, p := range t.scope.phases {
			within = within.in(p.kind, p.fault)
			if blocked == "" {
				blocked = doubt(j.tl, p.fault)
			}
		}
		c.sliced[i] = t.scope.every > 0
		j.c.track(filter{t.scope.stage, t.scope.request, t.scope.flow}, within, t.scope.every, func(slice timeline.Window, v *View) {
			val := j.read(in.Rule, t, v, blocked)
			if !c.sliced[i] {
				c.whole[i] = val
				return
			}
			s := c.slice(slice)
			s.values[i] = val
			s.due = s.due || v.Stats.Planned > 0 || v.waiting && t.metric.ofAnswers
		})
	}
	return c
}

func (c *ruleCase) slice(w timeline.Window) *sliceCase {
	i, found := slices.BinarySearchFunc(c.slices, w.From, func(s *sliceCase, at time.Duration) int {
		return cmp.Compare(s.window.From, at)
	})
	if !found {
		c.slices = slices.Insert(c.slices, i, &sliceCase{window: w, values: map[int]value{}})
	}
	return c.slices[i]
}

// read takes a term's value from what its scope gathered.
func (j *judge) read(r *Rule, t *term, v *View, blocked string) value {
	val := value{reading: &reading{text: t.text, metric: t.metric}}
	n, ok := t.metric.Eval(v)
	var samples uint64
	if t.metric.dist != nil {
		samples = t.metric.dist(v).Count()
	}
	val.shown = ok && (v.Stats == nil || v.Stats.Planned > 0)
	switch {
	case blocked != "":
		val.missing = blocked
	case v.Stats != nil && v.Stats.Planned == 0 && !(v.waiting && t.metric.ofAnswers):
		val.missing = fmt.Sprintf(noneDue+" in the scope of %s", t.text)
	case !ok:
		val.missing = fmt.Sprintf("no data for %s: nothing there to measure", t.text)
	case samples < t.metric.MinSamples:
		val.bounds = fewSamples(t.metric, v, samples)
		val.missing = fmt.Sprintf(tooFew+" for %s: %d, and %d are needed; %s", t.text, samples, t.metric.MinSamples, moreSamples(t.metric))
	}
	val.n = n
	if t.metric.dist != nil && val.missing == "" {
		val.reading.exact = map[time.Duration]int{}
		for _, l := range r.limits {
			if c, ok := t.metric.dist(v).CompareQuantile(t.metric.quantile, l); ok {
				val.reading.exact[l] = c
			}
		}
	}
	if val.missing == "" {
		b := j.burden // a fault's figures rest on all the judged time
		if !t.metric.OfFault {
			b = burdenOf(v, j.tl)
		}
		val.bounds = b.bounds(t.metric, v, n, t.text, r.limits)
	}
	if val.missing == "" {
		val.clamp(t.metric, v)
		val.bounds.goodWithin(t.metric, j.tl)
	}
	if t.metric.unseen != nil && val.missing == "" {
		val.addUnseen(t.metric.unseen(v))
	}
	if t.metric.ofAll && val.missing == "" {
		s := newShare(t.text, n, v.Stats.Judged(), val.bounds)
		val.shares, val.vary = []*share{s}, func(of *share, p float64) float64 {
			if of == s {
				return p
			}
			return n
		}
	}
	if t.metric.bounded != nil {
		val.atLeast = val.atLeast || t.metric.bounded(v)
		if b := val.bounds; b != nil && val.atLeast {
			b.hi = math.Inf(1)
		}
		if val.atLeast && v.Fault != nil {
			val.until = v.Fault.NextFault
		}
	}
	return val
}

// readFault takes the value of a term that is asked of a fault.
func (j *judge) readFault(r *Rule, t *term) value {
	blocked := doubt(j.tl, t.scope.fault)
	v, why := ofFault(j.faults, t.scope.fault)
	if blocked == "" {
		blocked = why
	}
	if v == nil {
		v = &View{}
	}
	val := j.read(r, t, v, blocked)
	if val.missing != "" && blocked == "" {
		// The figure's own reason is better than that there is none.
		if v.Fault != nil && v.Fault.NotSeen != "" {
			val.missing = v.Fault.NotSeen
		}
	}
	return val
}

// conclude judges a rule on its values.
func (j *judge) conclude(c *ruleCase) (RuleResult, error) {
	rule := c.in.Rule
	for i := range rule.terms {
		if rule.terms[i].scope.fault != "" {
			c.whole[i] = j.readFault(rule, &rule.terms[i])
		}
	}
	if rule.every() == 0 {
		f, err := rule.evaluate(c.whole)
		if err != nil {
			return RuleResult{}, err
		}
		return c.result(f, nil, 0, 0), nil
	}
	var worstOf *finding
	var where *sliceCase
	failed, all := 0, 0
	for _, s := range c.slices {
		if !s.due {
			continue
		}
		values := slices.Clone(c.whole)
		for i := range values {
			if !c.sliced[i] {
				continue
			}
			if v, ok := s.values[i]; ok {
				values[i] = v
			} else {
				values[i].missing = fmt.Sprintf(noneDue+" in the scope of %s", rule.terms[i].text)
			}
		}
		f, err := rule.evaluate(values)
		if err != nil {
			return RuleResult{}, err
		}
		all++
		if f.truth == no {
			failed++
		}
		if worstOf == nil || worseThan(f, worstOf) {
			worstOf, where = f, s
		}
	}
	if worstOf == nil {
		values := slices.Clone(c.whole)
		for i := range values {
			if c.sliced[i] {
				values[i].missing = fmt.Sprintf(noneDue+" in the scope of %s", rule.terms[i].text)
			}
		}
		f, err := rule.evaluate(values)
		if err != nil {
			return RuleResult{}, err
		}
		return c.result(f, nil, 0, 0), nil
	}
	return c.result(worstOf, &where.window, failed, all), nil
}

// worseThan orders the slices of one rule: those that fail, those that cannot be
// decided, and then by how far they are from their limit.
func worseThan(a, b *finding) bool {
	rank := map[truth]int{no: 2, unknown: 1, yes: 0}
	if a.truth != b.truth {
		return rank[a.truth] > rank[b.truth]
	}
	la, na := a.deciding()
	lb, nb := b.deciding()
	return la.strain(na) > lb.strain(nb)
}

// result puts a finding into words; slice is the worst of a rule with every.
func (c *ruleCase) result(f *finding, slice *timeline.Window, failed, all int) RuleResult {
	r := RuleResult{KPI: c.in.KPI, Name: c.in.Name, Severity: c.in.Severity}
	if r.KPI == "" {
		r.KPI = c.in.Rule.source
	}
	if r.Severity == "" {
		r.Severity = SeverityFail
	}
	leaf, negated := f.deciding()
	observed, limit := leaf.texts(negated)
	subject := leaf.subject()
	r.Observed, r.Limit = observed, limit
	op, o, l, _ := leaf.sides()
	if negated {
		op = opposite[op]
	}
	r.Op, r.Value, r.Bound, r.Slice = op, o.figure(leaf.unit), l.figure(leaf.unit), slice
	if f.truth == unknown {
		r.CouldBe = leaf.couldBe()
	}
	if f.composite() && subject != "" && observed != "" {
		r.Observed = subject + " " + observed
	}
	where := ""
	if slice != nil {
		where = fmt.Sprintf("%s to %s", quantity.FormatDuration(slice.From), quantity.FormatDuration(slice.To))
		if r.Observed != "" {
			r.Observed += " (" + where + ")"
		}
	}
	switch f.truth {
	case yes:
		r.Outcome = Pass
	case no:
		r.Outcome = Fail
		if r.Severity == SeverityWarn {
			r.Outcome = Warn
		}
		if subject == "" {
			subject = "the observed value"
		}
		r.Why = fmt.Sprintf("%s was %s, the rule wants %s", subject, observed, limit)
		if slice != nil {
			r.Why = fmt.Sprintf("%d of %d slices failed; worst from %s: %s", failed, all, where, r.Why)
		}
	default:
		r.Outcome = Inconclusive
		r.Why = f.why
		if slice != nil {
			r.Why = fmt.Sprintf("from %s: %s", where, r.Why)
		}
	}
	return r
}
