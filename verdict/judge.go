package verdict

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/confidence"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Input is a rule to be judged.
type Input struct {
	KPI      string // the rule as it was written
	Name     string // for people; may be empty
	Severity Severity
	// Confidence, such as 0.95, makes the rule inconclusive if the interval of that level, in which
	// its figure truly lies, holds its limit; 0: what was observed decides.
	Confidence float64
	// Description is for people: why the rule is there.
	Description string
	// MinSamples makes the rule inconclusive if one of its figures is of fewer samples; 0: each
	// metric's own number is enough. Figures of faults have none.
	MinSamples uint64
	Rule       *Rule
	// Earlier are the runs that it can be held against; nil: there are none.
	Earlier *Earlier
}

// Default returns the rules of the default scorecard: on load, and on what each service uses that
// is watched.
func Default(names Names) []string {
	out := []string{"p95 < 200ms", "p99 < 200ms", "error_rate < 0.1%", "availability >= 99.99%"}
	for _, s := range names.Subjects {
		if s.Watched {
			out = append(out, s.String()+".cpu < 80%", s.String()+".memory < 80%")
		}
	}
	return out
}

// Judge judges the rules on a timeline, in one pass over its intervals, and
// measures the run, its stages, requests, flows and faults. It fails only if the
// intervals cannot be read.
//
// A rule is inconclusive if nothing was measured in one of its scopes, if a
// percentile has fewer samples than its rank needs, whichever way these few
// point, if a share has so few that those missing might turn it, if it would
// be otherwise without the generator's own part in the figures, if the interval
// of its figure holds its limit and it wants confidence, or if it rests on a fault
// that was not seen to act; but what is unknown makes a combination of comparisons
// inconclusive only where it could turn it. A rule with every(...) fails if a slice does.
// Of rules that failed the intervals are looked at once more, to say where they were worst.
//
// The run is as its worst rule: fail, inconclusive, warn, pass; without rules
// it passes. Apart from its rules it is inconclusive at least if it was
// interrupted, if the generator could not send a good part of their load, or if a fault
// was not seen to act.
func Judge(rules []Input, tl *timeline.Timeline) (Report, error) {
	j := newJudging(rules, tl)
	j.ended = true
	if tl.Readings != nil {
		for r, err := range tl.Readings {
			if err != nil {
				return Report{}, fmt.Errorf("reading what was observed: %w", err)
			}
			j.AddReading(r)
		}
	}
	for iv, err := range tl.Intervals {
		if err != nil {
			return Report{}, fmt.Errorf("reading the run's intervals: %w", err)
		}
		j.Add(iv)
	}
	report := j.Report()
	if err := j.blame(report.Rules); err != nil {
		return Report{}, err
	}
	return report, nil
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

// ruleCase is a rule with the values of its terms.
type ruleCase struct {
	in     Input
	whole  []value
	sliced []bool // which terms
	// final are the slices of a rule with every that nothing can change any more, rest those
	// that come after; in order.
	final, rest []*sliceCase
	// alone says that a slice's outcome hangs on nothing but the slice; folded is then what the
	// final ones came to that are forgotten.
	alone  bool
	folded worstSlice
	failed *finding // of the last report; nil if the rule did not fail

	// Of terms of worst(...), what the slices came to that nothing can change any more, and those
	// that come after; of terms that are shares, the condition.
	worstFinal, worstRest map[int]*worstOf
	shares                map[int]*ruleCase
	// Of terms that are growths of load, what came by now, and with what can still change.
	growing, growingRest map[int]*growing
}

// worstSlice is what the slices of a rule came to.
type worstSlice struct {
	finding     *finding
	slice       timeline.Window
	failed, all int
	open        int   // could not be decided
	why         doubt // of the first of these
}

// sliceCase is one slice of a rule.
type sliceCase struct {
	window timeline.Window
	values map[int]value // by term
	due    bool          // something was
}

// prepare asks for what the rule's terms need.
func (j *Judging) prepare(in Input) *ruleCase {
	c := &ruleCase{
		in:     in,
		whole:  in.Rule.unmeasured(),
		sliced: make([]bool, len(in.Rule.terms)),
		alone:  true,

		worstFinal: map[int]*worstOf{}, worstRest: map[int]*worstOf{}, shares: map[int]*ruleCase{},
		growing: map[int]*growing{}, growingRest: map[int]*growing{},
	}
	j.cases = append(j.cases, c)
	for i := range in.Rule.terms {
		t := &in.Rule.terms[i]
		if t.isPast() {
			c.whole[i] = j.past(&in, t)
			if in.Confidence > 0 && c.whole[i].interval != nil {
				c.whole[i].unsure(in.Confidence, &View{})
			}
			continue
		}
		c.alone = c.alone && t.sliced() && len(t.scope.Phases) == 0 && t.observed == nil
		if t.share != nil {
			c.shares[i] = j.prepare(Input{
				Rule: t.share, Confidence: in.Confidence, MinSamples: in.MinSamples,
			})
			continue
		}
		if t.observed != nil {
			c.observe(j, i, t)
			continue
		}
		if t.metric.growthOf != nil {
			c.grow(j, i, t)
			continue
		}
		if t.scope.Fault != "" {
			if t.sign != nil {
				j.observations.signs.ask(*t.sign)
			}
			continue // see conclude
		}
		within := stretchOf(t.scope)
		c.sliced[i] = t.sliced()
		asked := filter{t.scope.Stage, t.scope.Request, t.scope.Flow}
		tracked := j.c.subscribe(asked, within, t.scope.Every, func(told gathered) {
			val := j.read(in.Rule, t, told.view, "")
			val.needs(in.MinSamples)
			if in.Confidence > 0 {
				val.unsure(in.Confidence, told.view)
			}
			switch {
			case t.scope.Worst:
				val.interval = nil // the worst of slices has none
			case told.final && !c.alone:
				val.settle(in.level())
			}
			due := told.view.Stats.Planned > 0 || told.view.waiting && t.metric.ofAnswers
			if t.scope.Worst {
				if due {
					c.worst(i, told.final).add(val, told.slice, t.worse)
				}
				return
			}
			if !c.sliced[i] {
				c.whole[i] = val
				return
			}
			to := &c.rest
			if told.final {
				to = &c.final
			}
			s := sliceAt(to, told.slice)
			s.values[i] = val
			s.due = s.due || due
		})
		if t.metric.hasInterval() {
			j.c.sample(tracked, t.metric.family)
		}
	}
	return c
}

// level is that of the intervals that are shown.
func (in *Input) level() float64 { return cmp.Or(in.Confidence, confidence.Level) }

// sliced says whether the rule must hold in each slice of the term.
func (t *term) sliced() bool { return t.scope.Every > 0 && !t.scope.Worst }

// worst is where the slices of a term of worst(...) are taken into.
func (c *ruleCase) worst(i int, final bool) *worstOf {
	of := c.worstRest
	if final {
		of = c.worstFinal
	}
	if of[i] == nil {
		of[i] = &worstOf{}
	}
	return of[i]
}

// worstValue is the value of a term of worst(...).
func (c *ruleCase) worstValue(i int) value {
	t := &c.in.Rule.terms[i]
	var all worstOf
	for _, of := range []map[int]*worstOf{c.worstFinal, c.worstRest} {
		if of[i] != nil {
			all.merge(of[i], t.worse)
		}
	}
	return all.term(t)
}

// shareValue is the share of the slices in which the condition of a term holds.
func (j *Judging) shareValue(c *ruleCase, i int) value {
	t := &c.in.Rule.terms[i]
	of := c.shares[i]
	whole, blocked := j.wholeValues(of)
	all := of.slices(whole, blocked)
	v := value{reading: &reading{text: t.text, metric: t.metric}, samples: uint64(all.all)}
	if all.all == 0 {
		v.missing = nothingDue(t.text)
		return v
	}
	v.coarse = all.finding.coarse()
	held, n := float64(all.all-all.failed-all.open), float64(all.all)
	v.n, v.shown = held/n, true
	if all.open > 0 {
		v.bounds = &bounds{lo: held / n, hi: (held + float64(all.open)) / n, why: all.why}
	}
	return v
}

// observe asks for what a term of a subject needs.
func (c *ruleCase) observe(j *Judging, i int, t *term) {
	c.sliced[i] = t.sliced()
	j.observations.subscribe(*t.observed, t.scope, t.limits, func(o observedSlice) {
		val := o.seen.value(t)
		val.needs(c.in.MinSamples)
		if c.in.Confidence > 0 {
			val.unsureGrowth(c.in.Confidence)
		}
		if t.scope.Worst {
			c.worst(i, false).add(val, o.slice, t.worse)
			return
		}
		if !c.sliced[i] {
			c.whole[i] = val
			return
		}
		to := &c.rest
		if hasSlice(c.final, o.slice) {
			to = &c.final
		}
		s := sliceAt(to, o.slice)
		s.values[i], s.due = val, true
	})
}

func hasSlice(all []*sliceCase, w timeline.Window) bool {
	_, found := findSlice(all, w)
	return found
}

func findSlice(all []*sliceCase, w timeline.Window) (int, bool) {
	return slices.BinarySearchFunc(all, w.From, func(s *sliceCase, at time.Duration) int {
		return cmp.Compare(s.window.From, at)
	})
}

func sliceAt(all *[]*sliceCase, w timeline.Window) *sliceCase {
	i, found := findSlice(*all, w)
	if !found {
		*all = slices.Insert(*all, i, &sliceCase{window: w, values: map[int]value{}})
	}
	return (*all)[i]
}

// blocked are the reasons why the values of a rule's terms do not count, by term: a fault that
// a term's scope names was not seen to act.
func (j *Judging) blocked(r *Rule) []string {
	out := make([]string, len(r.terms))
	for i := range r.terms {
		for _, p := range r.terms[i].scope.Phases {
			if out[i] == "" {
				out[i] = j.doubt(p.Fault)
			}
		}
	}
	return out
}

// unless is v, or a value that does not count if there is a reason.
func (v value) unless(blocked string) value {
	if blocked == "" {
		return v
	}
	return value{
		reading: &reading{text: v.reading.text, metric: v.reading.metric},
		n:       v.n, shown: v.shown, missing: doubt{ReasonFault, blocked},
		samples: v.samples, interval: v.interval,
	}
}

// read takes a term's value from what its scope gathered.
func (j *Judging) read(r *Rule, t *term, v *View, blocked string) value {
	val := value{reading: &reading{text: t.text, metric: t.metric}, note: t.metric.note}
	n, ok := t.metric.Eval(v)
	var samples uint64
	if t.metric.dist != nil {
		samples = t.metric.dist(v).Count()
	}
	val.shown = ok && (v.Stats == nil || v.Stats.Planned > 0)
	switch {
	case blocked != "":
		val.missing = doubt{ReasonFault, blocked}
	case v.Stats != nil && v.Stats.Planned == 0 && !(v.waiting && t.metric.ofAnswers):
		val.missing = nothingDue(t.text)
	case !ok:
		val.missing = doubtf(ReasonNoData, "no data for %s: nothing there to measure", t.text)
	case samples < t.metric.MinSamples:
		val.bounds = fewSamples(t.metric, v, samples)
		val.missing = doubtf(
			ReasonTooFew,
			"too few samples for %s: %d, and %d are needed; %s",
			t.text,
			samples,
			t.metric.MinSamples,
			moreSamples(t.metric),
		)
	}
	val.n, val.samples = n, samples
	if samples == 0 && v.Stats != nil {
		val.samples = v.Stats.Judged()
	}
	if t.metric.hasInterval() && ok {
		val.interval = func(level float64) (span, bool) {
			return v.interval(t.metric, level, r.limits)
		}
	}
	if t.metric.dist != nil && !val.missing.any() {
		val.reading.exact = map[time.Duration]int{}
		for _, l := range r.limits {
			if c, ok := t.metric.dist(v).CompareQuantile(t.metric.quantile, l); ok {
				val.reading.exact[l] = c
			}
		}
	}
	if !val.missing.any() {
		b := j.bias // a fault's figures rest on all the judged time
		if !t.metric.OfFault {
			b = biasOf(v, &j.tl)
		}
		m := measured{t.metric, v, n, r.limits}
		if v.Fault != nil && v.Fault.AskedOf != "" {
			val.bounds = missingAnswers(m, t.text)
		} else {
			val.bounds = b.bounds(m, t.text)
		}
	}
	if !val.missing.any() {
		val.clamp(t.metric, v)
		val.bounds.goodWithin(t.metric, &j.tl)
	}
	if t.metric.bucket != nil && !val.missing.any() {
		val.withinBucket(t.metric.bucket(v))
	}
	if t.metric.unseen != nil && !val.missing.any() {
		val.addUnseen(t.metric.unseen(v))
	}
	if t.metric.isShare() && !val.missing.any() {
		val.share(t, v)
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

func nothingDue(text string) doubt {
	return doubtf(ReasonNothingDue, "no data: nothing was due in the scope of %s", text)
}

// readFault takes the value of a term that is asked of a fault.
func (j *Judging) readFault(r *Rule, t *term) value {
	blocked := j.doubt(t.scope.Fault)
	v, why := ofFault(j.faults, t.scope.Fault)
	if blocked == "" {
		blocked = why
	}
	if v == nil {
		v = &View{}
	}
	val := j.read(r, t, v, blocked)
	if val.missing.any() && blocked == "" {
		// The figure's own reason is better than that there is none.
		if v.Fault != nil && v.Fault.NotSeen != "" {
			val.missing = doubt{ReasonNotSeen, v.Fault.NotSeen}
		}
	}
	return val
}

// conclude judges a rule on its values.
func (j *Judging) conclude(c *ruleCase) RuleResult {
	r := c.in.Rule
	whole, blocked := j.wholeValues(c)
	if r.Every() == 0 {
		return j.result(c, r.evaluate(whole), nil, 0, 0)
	}
	worst := c.slices(whole, blocked)
	if worst.all == 0 {
		nothing := &sliceCase{}
		return j.result(c, r.evaluate(c.sliceValues(nothing, whole, blocked)), nil, 0, 0)
	}
	return j.result(c, worst.finding, &worst.slice, worst.failed, worst.all)
}

// wholeValues are the values of the terms that are not sliced, and why terms do not count.
func (j *Judging) wholeValues(c *ruleCase) (whole []value, blocked []string) {
	r := c.in.Rule
	whole, blocked = slices.Clone(c.whole), j.blocked(r)
	for i := range r.terms {
		switch t := &r.terms[i]; {
		case t.metric.growthOf != nil:
			whole[i] = j.growthValue(c, i).unless(blocked[i])
		case t.metric.ofNotice:
			whole[i] = j.readDetection(t)
		case t.scope.Fault != "":
			whole[i] = j.readFault(r, t)
		case t.isPast():
			if j.unwell != "" && !whole[i].missing.any() {
				whole[i].missing = doubtf(ReasonBaseline,
					"this run cannot be held against earlier ones, as its generator was not well: %s",
					j.unwell)
			}
		case t.share != nil:
			whole[i] = j.shareValue(c, i).unless(blocked[i])
		case t.scope.Worst:
			whole[i] = c.worstValue(i).unless(blocked[i])
		case !c.sliced[i]:
			whole[i] = whole[i].unless(blocked[i])
		}
	}
	return whole, blocked
}

// slices are what all slices came to.
func (c *ruleCase) slices(whole []value, blocked []string) worstSlice {
	all := c.folded
	for _, s := range slices.Concat(c.final, c.rest) {
		c.fold(&all, s, whole, blocked)
	}
	return all
}

// foldFinal judges the slices that nothing can change any more, and forgets them: of a rule with
// every a long run keeps no more than its worst slice. Where a slice's outcome hangs on more than
// the slice, on a fault or on the whole of the run, it is judged anew by each report.
func (c *ruleCase) foldFinal() {
	if !c.alone {
		return
	}
	for _, s := range c.final {
		c.fold(&c.folded, s, c.whole, make([]string, len(c.whole)))
	}
	c.final = nil
}

// fold takes a slice into the worst of those before it.
func (c *ruleCase) fold(into *worstSlice, s *sliceCase, whole []value, blocked []string) {
	if !s.due {
		return
	}
	f := c.in.Rule.evaluate(c.sliceValues(s, whole, blocked))
	into.all++
	switch f.truth {
	case no:
		into.failed++
	case unknown:
		into.open++
		into.why = into.why.or(f.why)
	}
	if into.finding == nil || worseThan(f, into.finding) {
		into.finding, into.slice = f, s.window
	}
}

// sliceValues are the values of the rule's terms in a slice.
func (c *ruleCase) sliceValues(s *sliceCase, whole []value, blocked []string) []value {
	values := slices.Clone(whole)
	for i := range values {
		if !c.sliced[i] {
			continue
		}
		if v, ok := s.values[i]; ok {
			values[i] = v.unless(blocked[i])
		} else {
			values[i].missing = nothingDue(c.in.Rule.terms[i].text)
		}
	}
	return values
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
	return la.margin(na) > lb.margin(nb)
}

// result puts a finding into words; slice is the worst of a rule with every.
func (j *Judging) result(
	c *ruleCase, f *finding, slice *timeline.Window, failed, all int,
) RuleResult {
	r := RuleResult{
		KPI: c.in.KPI, Name: c.in.Name, Description: c.in.Description, Severity: c.in.Severity,
	}
	if r.KPI == "" {
		r.KPI = c.in.Rule.source
	}
	if r.Severity == "" {
		r.Severity = SeverityFail
	}
	if c.failed = nil; f.truth == no {
		c.failed = f
	}
	leaf, negated := f.deciding()
	observed, limit := leaf.texts(negated)
	subject := leaf.subject()
	r.Observed, r.Limit = observed, limit
	r.Op, r.Value, r.Bound = leaf.figures(negated)
	r.Slice = slice
	r.ByBucket = f.coarse()
	r.explain(leaf)
	if !j.brief {
		r.Interval = leaf.interval(c.in.level())
	}
	if f.truth == unknown {
		r.CouldBe = leaf.couldBe()
	}
	if _, o, _, _ := leaf.sides(); o.note != "" && observed != "" {
		observed += " (" + o.note + ")"
		r.Observed = observed
	}
	if f.composite() && subject != "" && observed != "" {
		r.Observed = subject + " " + observed
	}
	where := ""
	if slice != nil {
		where = fmt.Sprintf(
			"%s to %s",
			quantity.FormatDuration(slice.From),
			quantity.FormatDuration(slice.To),
		)
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
			r.Why = fmt.Sprintf(
				"%d of %d slices failed; worst from %s: %s",
				failed,
				all,
				where,
				r.Why,
			)
		}
	default:
		r.Outcome = Inconclusive
		r.Why, r.Reason = f.why.text, f.why.reason
		if slice != nil {
			r.Why = fmt.Sprintf("from %s: %s", where, r.Why)
		}
	}
	return r
}
