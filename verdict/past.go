package verdict

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// Past is what is kept of a run, for later ones to be held against: what came due in its scopes.
type Past struct {
	ID     string
	Scopes []PastScope
}

// The kinds of scopes that are kept, beside those of phases.
const (
	PastTotals  = "totals"
	PastStage   = "stage"
	PastRequest = "request"
	PastFlow    = "flow"
)

// PastKey says which scope: names may change from run to run, so it is the n-th of its kind in the
// plan. Of phases (before, during, after) it is the n-th name of a fault.
type PastKey struct {
	Kind  string `json:"kind"`
	Index int    `json:"n,omitempty"`
}

// PastScope is one scope. Of the distributions those of response times are kept, of good answers
// and of errors.
type PastScope struct {
	PastKey
	Name    string // as it was then
	Seconds float64
	Stats   *timeline.Stats
	Blocks  []PastBlock // in order of time
}

// PastBlock is what came due in a stretch of a scope.
type PastBlock struct {
	Judged, Errors uint64
	Response       timeline.Coarse
}

// Earlier are the runs that rules are held against. What is lacking is said in words.
type Earlier struct {
	Baseline *Past
	Lacking  string // why there is no baseline
	// Accepted are runs that fit, the latest first; TooFew says why there are no more.
	Accepted []*Past
	TooFew   string
}

// Keep gathers what is kept of a run.
func Keep(tl *timeline.Timeline) (*Past, error) {
	c := newAggregator(tl)
	past := &Past{}
	response := metricByName("p50").family
	ask := func(key PastKey, name string, f filter, of stretch) {
		past.Scopes = append(past.Scopes, PastScope{})
		i := len(past.Scopes) - 1
		t := c.subscribe(f, of, 0, func(told gathered) {
			past.Scopes[i] = PastScope{
				PastKey: key, Name: name, Seconds: told.view.Seconds, Stats: told.view.Stats,
				Blocks: told.view.blocks.past(response),
			}
		})
		c.sample(t, response)
	}
	ask(PastKey{Kind: PastTotals}, "", filter{}, whole)
	for i, s := range tl.Stages {
		ask(PastKey{PastStage, i}, s.Name, filter{stage: s.Name}, whole)
	}
	for i, r := range tl.Requests {
		ask(PastKey{PastRequest, i}, r, filter{request: r}, whole)
	}
	for i, f := range tl.Flows {
		ask(PastKey{PastFlow, i}, f, filter{flow: f}, whole)
	}
	for i, name := range faultNames(tl.Faults) {
		for _, kind := range []string{rule.Before, rule.During, rule.After} {
			ask(PastKey{kind, i}, name, filter{}, whole.in(kind, name))
		}
	}
	for iv, err := range tl.Intervals {
		if err != nil {
			return nil, fmt.Errorf("reading the run's intervals: %w", err)
		}
		c.add(&iv, middle(iv.Window, tl.Duration))
	}
	c.emitAll()
	return past, nil
}

// faultNames are those of faults, each once, in the order of the plan.
func faultNames(faults []timeline.Fault) []string {
	var out []string
	for i := range faults {
		if !slices.Contains(out, faults[i].Name) {
			out = append(out, faults[i].Name)
		}
	}
	return out
}

func (b *blocks) past(f *family) []PastBlock {
	if b == nil {
		return nil
	}
	k := slices.IndexFunc(b.families, f.is)
	out := make([]PastBlock, len(b.all))
	for i := range b.all {
		out[i] = PastBlock{b.all[i].judged, b.all[i].errors, b.all[i].times[k]}
	}
	return out
}

// view is a scope as metrics see it.
func (s *PastScope) view() *View {
	b := &blocks{families: []*family{metricByName("p50").family}}
	for i := range s.Blocks {
		x := &s.Blocks[i]
		b.all = append(b.all, block{x.Judged, x.Errors, []timeline.Coarse{x.Response}})
	}
	return &View{Stats: s.Stats, Seconds: s.Seconds, blocks: b}
}

// find returns a scope; nil if the run has none such.
func (p *Past) find(key PastKey) *PastScope {
	i := slices.IndexFunc(p.Scopes, func(s PastScope) bool { return s.PastKey == key })
	if i < 0 {
		return nil
	}
	return &p.Scopes[i]
}

// Unhealthy says why the generator's part in the figures of a run is too large to compare it with
// another; empty: it is not.
func (g *Generator) Unhealthy() string {
	switch {
	case g == nil:
		return ""
	case g.Late.P99 != nil && g.Budget > 0 && *g.Late.P99 > g.Budget:
		return fmt.Sprintf("it was late by %s at p99, and %s are allowed (late_budget)",
			quantity.FormatDuration(*g.Late.P99), quantity.FormatDuration(g.Budget))
	case g.Usage.Time > 0 && float64(g.Usage.Full) >= saturatedShare*float64(g.Usage.Time):
		return fmt.Sprintf("its CPU was used up for %s of the time",
			quantity.FormatPercent(float64(g.Usage.Full)/float64(g.Usage.Time)))
	case float64(g.Local) > shortShare*float64(g.Arrivals):
		return fmt.Sprintf("%d arrivals failed on its own machine", g.Local)
	}
	return ""
}

// isPast says that it is asked of earlier runs.
func (t *term) isPast() bool { return t.scope.Baseline || t.scope.History > 0 }

// pastKey is the scope that a term asks an earlier run for.
func pastKey(s rule.Scope, tl *timeline.Timeline) PastKey {
	switch {
	case s.Stage != "":
		return PastKey{PastStage, slices.IndexFunc(tl.Stages,
			func(x timeline.Stage) bool { return x.Name == s.Stage })}
	case s.Request != "":
		return PastKey{PastRequest, slices.Index(tl.Requests, s.Request)}
	case s.Flow != "":
		return PastKey{PastFlow, slices.Index(tl.Flows, s.Flow)}
	case len(s.Phases) > 0:
		p := s.Phases[0]
		return PastKey{p.Kind, slices.Index(faultNames(tl.Faults), p.Fault)}
	}
	return PastKey{Kind: PastTotals}
}

// past takes the value of a term that is asked of earlier runs.
func (j *Judging) past(in *Input, t *term) value {
	none := func(why string) value {
		return value{
			reading: &reading{text: t.text, metric: t.metric},
			missing: doubtf(ReasonBaseline, "no data for %s: %s", t.text, why),
		}
	}
	e := in.Earlier
	if e == nil {
		e = &Earlier{Lacking: "no run was accepted", TooFew: "no run was accepted"}
	}
	key := pastKey(t.scope, &j.tl)
	if n := t.scope.History; n > 0 {
		return j.history(in.Rule, t, e, key, none)
	}
	if e.Baseline == nil {
		return none(e.Lacking)
	}
	val, why := j.pastValue(in.Rule, t, e.Baseline, key)
	if why != "" {
		return none(why)
	}
	return val
}

// pastValue reads a figure from an earlier run.
func (j *Judging) pastValue(r *Rule, t *term, p *Past, key PastKey) (v value, why string) {
	scope := p.find(key)
	if scope == nil {
		return v, fmt.Sprintf("the run %s has no such scope", p.ID)
	}
	view := scope.view()
	n, ok := t.metric.Eval(view)
	var samples uint64
	if t.metric.dist != nil {
		samples = t.metric.dist(view).Count()
	}
	switch {
	case !ok || scope.Stats.Planned == 0:
		return v, fmt.Sprintf("the run %s measured nothing there", p.ID)
	case samples < t.metric.MinSamples:
		return v, fmt.Sprintf("the run %s has too few samples for it: %d, and %d are needed",
			p.ID, samples, t.metric.MinSamples)
	}
	if samples == 0 {
		samples = scope.Stats.Judged()
	}
	v = value{
		n: n, samples: samples, shown: true,
		reading: &reading{text: t.text, metric: t.metric},
	}
	if t.metric.ofAll || t.metric.family != nil && t.metric.family.prefix == "" {
		v.interval = func(level float64) (span, bool) {
			return view.interval(t.metric, level, r.limits)
		}
	}
	return v, ""
}

// The floors of history: what is worse than all earlier runs by less than these is no alarm, as
// the worst of twenty is passed by chance once in twenty.
const (
	floorShare    = 0.10             // of the median of the runs
	floorDuration = time.Millisecond // of times
	floorFraction = 0.001            // of shares: 0.1 percentage points
)

// history is what a figure may come to by the last accepted runs: that of the worst of them, but at
// least the floors beyond their median.
func (j *Judging) history(
	r *Rule, t *term, e *Earlier, key PastKey, none func(string) value,
) value {
	n := t.scope.History
	if len(e.Accepted) < n {
		return none(fmt.Sprintf("%d accepted runs are needed, and there are %d: %s",
			n, len(e.Accepted), e.TooFew))
	}
	figures := make([]float64, n)
	for i := range figures {
		v, why := j.pastValue(r, t, e.Accepted[i], key)
		if why != "" {
			return none(why)
		}
		figures[i] = v.n
	}
	val := value{
		n: HistoryLimit(figures, t.metric.Unit, t.metric.direction()), shown: true,
		samples: uint64(n), reading: &reading{text: t.text, metric: t.metric},
	}
	return val
}

// HistoryLimit is what a figure may come to by those of earlier runs, at least one: the worst of
// them, or the floors beyond their median if that is further: a tenth of it, and a millisecond or
// 0.1 percentage points.
func HistoryLimit(figures []float64, u rule.Unit, worse rule.Direction) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	median := (sorted[(n-1)/2] + sorted[n/2]) / 2
	floor := floorShare * math.Abs(median)
	switch u {
	case rule.Duration:
		floor = max(floor, float64(floorDuration))
	case rule.Fraction:
		floor = max(floor, floorFraction)
	}
	if worse == rule.LessIsWorse {
		if u == rule.Fraction { // a tenth more of what is missing to all
			floor = max(floorShare*(1-median), floorFraction)
		}
		return max(min(sorted[0], median-floor), 0)
	}
	return max(sorted[n-1], median+floor)
}

// direction is which figures of the metric are the worse ones.
func (m *Metric) direction() rule.Direction {
	switch {
	case m.worse != rule.NoDirection:
		return m.worse
	case m.ofAll && !m.ofErrors, m.ofAnswers:
		return rule.LessIsWorse
	}
	return rule.MoreIsWorse
}

// kept says whether a metric can be asked of earlier runs: what it is read from is kept of them.
func (m *Metric) kept() bool {
	if m.OfFault || m.OfCall || m.takes != nil || m.grows {
		return false
	}
	if m.of == nil {
		return true
	}
	return slices.Contains(keptFamilies, m.prefix)
}

// keptFamilies are the prefixes of metrics whose times are kept.
var keptFamilies = []string{"", goodPrefix}

// AsksForEarlier says how many accepted runs the rule asks for at most, and whether it asks for
// the baseline.
func (r *Rule) AsksForEarlier() (baseline bool, history int) {
	for i := range r.terms {
		s := &r.terms[i].scope
		baseline = baseline || s.Baseline
		history = max(history, s.History)
	}
	return baseline, history
}

// String names a scope for people.
func (s *PastScope) String() string {
	switch {
	case s.Kind == PastTotals:
		return s.Kind
	case s.Name != "":
		return s.Kind + " " + s.Name
	}
	return s.Kind + " " + strconv.Itoa(s.Index+1)
}
