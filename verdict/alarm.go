package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// Alarm is a condition that ends a run: error_rate > 50% for 10 s.
type Alarm struct {
	When        string // the condition as it was written
	Name        string // for people; may be empty
	Description string // what it means and what to do, for people; may be empty
	For         time.Duration
	Rule        *Rule // of CompileAlarm
}

// liveMetrics are those of load that are known when a second is over, beside response times.
var liveMetrics = []string{
	"error_rate", "availability", "rps", "throughput", "count", "done", "errors", "unsent",
}

func (m *Metric) live() bool {
	return m.ofArrivals || m.ofGood || slices.Contains(liveMetrics, m.Name)
}

// CompileAlarm reads the condition of an alarm: a rule that can be judged on the last seconds of a
// run. It finds what Compile does, and what such seconds cannot tell.
func CompileAlarm(src string, names Names) (*Rule, fielderr.List) {
	r, wrong := compile(src, names, func(t rule.Term) (msg, hint string) {
		s := &t.Scope
		switch {
		case s.Fault != "":
			return "what came of a fault is known when the run is over, and not while it goes on",
				"ask for a figure of the last seconds, such as error_rate > 50%"
		case s.Baseline || s.History > 0:
			return "the last seconds are not held against earlier runs, which are known as a whole",
				"write a limit, such as p99 > 2s; rules on earlier runs stand under verdict:"
		case len(s.Phases) > 0 || len(s.Windows) > 0 || s.Every > 0:
			return fmt.Sprintf("an abort rule is judged on the last seconds, whatever they "+
					"belong to: found %s", t.Text),
				"leave before, during, after, window, every and worst out; stage, request and " +
					"flow are scopes of abort rules"
		case t.Observed != nil:
			switch t.Observed.Aggregate.Kind {
			case rule.AggregateQuantile, rule.AggregateGrowth:
				return "a second has too few readings for " + t.Metric.Name,
					"ask for max, min, mean, first or last"
			}
			return "", ""
		}
		if m := metricByName(t.Metric.Name); m == nil || !m.live() {
			return fmt.Sprintf("%s is not known while the run goes on", t.Metric.Name),
				"abort rules have response times (p99, mean, max, ok.p99) and " +
					strings.Join(liveMetrics, ", ")
		}
		return "", ""
	})
	if wrong == nil && r.holdsIfAllIsWell() {
		return nil, fielderr.List{{
			Len: len(src), Msg: "it holds while all is well, and would end every run",
			Hint: "say what must not be: error_rate > 50%, p99 > 2s, availability < 50%",
		}}
	}
	return r, wrong
}

// holdsIfAllIsWell says whether a condition holds where every answer is good and came at once,
// whatever is not known of such a run.
func (r *Rule) holdsIfAllIsWell() bool {
	values := r.unmeasured()
	for i := range r.terms {
		m := r.terms[i].metric
		n, known := 0.0, m.ofArrivals || m.ofGood || m.ofErrors
		switch m.Name {
		case "availability":
			n, known = 1, true
		case "errors", "unsent":
			known = true
		}
		if known && r.terms[i].observed == nil {
			values[i].n, values[i].missing = n, doubt{}
		}
	}
	return r.evaluate(values).truth == yes
}

// CompileHypothesis reads a rule that is judged on the load before the first fault. It finds what
// Compile does, and what that load cannot tell.
func CompileHypothesis(src string, names Names) (*Rule, fielderr.List) {
	return compile(src, names, func(t rule.Term) (msg, hint string) {
		if t.Scope.Baseline || t.Scope.History > 0 {
			return "the load before the first fault is not held against earlier runs, which " +
					"are known as a whole",
				"write a limit, such as p99 < 200ms; rules on earlier runs stand under verdict:"
		}
		if t.Scope.Fault == "" && len(t.Scope.Phases) == 0 {
			return "", ""
		}
		return fmt.Sprintf("a hypothesis is judged before the first fault: found %s", t.Text),
			"ask it without the fault, such as p99 < 200ms; rules on faults stand under verdict:"
	})
}

// maxLookBack is how many seconds are judged together at most, where one has too few arrivals.
const maxLookBack = 30

// Alarms judges alarms on a run that goes on, second by second. It is not safe for concurrent use.
//
// A condition is judged on the arrivals that were over in the last second, or in more seconds if
// these are too few to tell, up to half the time for which it must hold. An alarm trips at the end
// of the first second from which its condition was found to hold for its time. Seconds that tell
// nothing neither break that time nor make it longer, unless there are as many in a row.
//
// Silence is not health. In a second without a good answer, arrivals that have been open for all
// of it count as errors. In response times, an arrival that is open counts as one that took as
// long as it has waited, once that is longer than the limit of the condition.
type Alarms struct {
	all    []*alarm
	judged map[string]bool // stages
	past   []timeline.Second
	sums   map[sumKey]*liveSum // of the present judgement
	seen   map[timeline.Subject]map[string][]timeline.Reading
}

// alarm is an Alarm and for how long it has held.
type alarm struct {
	Alarm
	back  int           // how many seconds may be judged together
	held  bool          // since is set
	since time.Duration // the beginning of the first second in which it held
	until time.Duration // the end of the last
	told  bool          // some second said whether it holds
	why   doubt         // why the last one that did not say
}

// Tripped is an alarm that has held for its time.
type Tripped struct {
	Alarm
	Index    int           // in the list of alarms
	At       time.Duration // the end of the second that made it trip
	Since    time.Duration // when that time began
	Observed string        // in the last second, for people
}

// NewAlarms begins to judge the alarms of a run that has these stages.
func NewAlarms(list []Alarm, stages []timeline.Stage) *Alarms {
	a := &Alarms{
		judged: map[string]bool{}, seen: map[timeline.Subject]map[string][]timeline.Reading{},
	}
	for _, s := range stages {
		a.judged[s.Name] = s.Judged
	}
	for _, x := range list {
		back := int(x.For / 2 / time.Second)
		a.all = append(a.all, &alarm{Alarm: x, back: min(max(back, 1), maxLookBack)})
		for i := range x.Rule.terms {
			if o := x.Rule.terms[i].observed; o != nil {
				a.seen[o.Subject] = map[string][]timeline.Reading{}
			}
		}
	}
	return a
}

// AddReading takes in what an observer saw.
func (a *Alarms) AddReading(r timeline.Reading) {
	if targets, asked := a.seen[r.Subject]; asked {
		targets[r.Target] = append(targets[r.Target], r)
	}
}

// Skip passes over a second that tells nothing of the target, as ordeal itself stood still in it.
func (a *Alarms) Skip() { a.past = nil }

// Judge takes in the next second of the run, and returns the alarms that trip with it, in their
// order.
func (a *Alarms) Judge(s timeline.Second) []Tripped {
	a.past = append(a.past, s)
	if len(a.past) > maxLookBack {
		a.past = slices.Delete(a.past, 0, len(a.past)-maxLookBack)
	}
	a.sums = map[sumKey]*liveSum{}
	var tripped []Tripped
	for i, x := range a.all {
		f := a.judge(x)
		if f.truth == unknown {
			x.why = f.why
		} else {
			x.told = true
		}
		if x.holds(f.truth, s.Window) {
			leaf, negated := f.deciding()
			observed, _ := leaf.texts(negated)
			if subject := leaf.subject(); subject != "" && observed != "" {
				observed = subject + " was " + observed
			}
			tripped = append(tripped, Tripped{x.Alarm, i, s.To, x.since, observed})
		}
	}
	a.forgetReadings(s.From)
	return tripped
}

// Holding returns, by their index, for how long the alarms have held that hold now.
func (a *Alarms) Holding() map[int]time.Duration {
	out := map[int]time.Duration{}
	for i, x := range a.all {
		if x.held {
			out[i] = x.until - x.since
		}
	}
	return out
}

// Untold returns, by their index, the alarms of which no second so far has said whether they hold,
// and why.
func (a *Alarms) Untold() map[int]string {
	out := map[int]string{}
	for i, x := range a.all {
		if !x.told && x.why.any() {
			out[i] = x.why.text
		}
	}
	return out
}

// holds notes how the condition stood in the last second, and says whether it has held for its
// time.
func (x *alarm) holds(t truth, second timeline.Window) bool {
	switch t {
	case no:
		x.held = false
		return false
	case unknown:
		return false
	}
	if !x.held || second.From-x.until > x.For {
		x.held, x.since = true, second.From
	}
	x.until = second.To
	return x.until-x.since >= x.For
}

// judge judges a condition on as few of the last seconds as can tell. Where the last one has
// nothing, those before it say nothing of it.
func (a *Alarms) judge(x *alarm) *finding {
	most := min(x.back, len(a.past))
	for n := 1; ; n = min(2*n, most) {
		f := x.Rule.evaluate(a.values(x.Rule, n))
		if f.truth != unknown || f.why.reason != ReasonTooFew || n >= most {
			return f
		}
	}
}

// values are those of a rule's terms over the last n seconds.
func (a *Alarms) values(r *Rule, n int) []value {
	out := make([]value, len(r.terms))
	for i := range r.terms {
		t := &r.terms[i]
		if t.observed != nil {
			out[i] = a.observed(t).value(t)
			continue
		}
		out[i] = a.sum(filter{t.scope.Stage, t.scope.Request, t.scope.Flow}, n).value(r, t)
	}
	return out
}

type sumKey struct {
	filter
	seconds int
}

// liveSum is what a scope had over some seconds.
type liveSum struct {
	view View
	// Arrivals of single calls that are open at the end, by how long they have been at least.
	waiting []waitingFor
}

type waitingFor struct {
	since time.Duration
	n     uint64
}

// sum sums the last n seconds up, once for each judgement.
func (a *Alarms) sum(f filter, n int) *liveSum {
	k := sumKey{f, n}
	if s := a.sums[k]; s != nil {
		return s
	}
	stats := &timeline.Stats{}
	s := &liveSum{view: View{Stats: stats, Seconds: float64(n)}}
	a.sums[k] = s
	last := &a.past[len(a.past)-1]
	var good, hung uint64
	for i := range a.past[len(a.past)-n:] {
		second := &a.past[len(a.past)-n+i]
		for j := range second.Cells {
			c := &second.Cells[j]
			if !f.accepts(c.Key, a.judged) {
				continue
			}
			addLive(stats, c.Stats)
			if second != last {
				continue
			}
			good += c.AnsweredOK
			for _, o := range c.Open {
				stats.Planned += o.N
				if age := last.To - o.Due - time.Second; age > 0 && !c.IsFlow {
					hung += o.N
					s.waiting = append(s.waiting, waitingFor{age, o.N})
				}
			}
		}
	}
	// Somebody asks if something came due, was over or is open.
	stats.Planned += stats.Done + stats.Unsent
	if good == 0 {
		stats.Done += hung
		stats.Failed += hung
	}
	return s
}

// addLive adds what a Second knows of arrivals.
func addLive(to, from *timeline.Stats) {
	to.Planned += from.Planned
	to.Done += from.Done
	to.Failed += from.Failed
	to.Unsent += from.Unsent
	to.Answered += from.Answered
	to.AnsweredOK += from.AnsweredOK
	to.OK.Merge(&from.OK)
	to.Err.Merge(&from.Err)
}

// value takes a term's value from the sum.
func (s *liveSum) value(r *Rule, t *term) value {
	v := s.over(r, t.metric)
	val := value{reading: &reading{text: t.text, metric: t.metric}}
	n, ok := t.metric.Eval(v)
	d := (*timeline.Distribution)(nil)
	if t.metric.dist != nil {
		d = t.metric.dist(v)
	}
	switch {
	case !ok:
		val.missing = nothingDue(t.text)
	case d != nil && d.Count() < t.metric.MinSamples:
		val.missing = doubtf(ReasonTooFew, "too few samples for %s: %d in %s, and %d are needed; "+
			"let it hold for longer, send more, or ask for a lower percentile",
			t.text, d.Count(), quantity.FormatDuration(s.length()), t.metric.MinSamples)
	}
	val.n, val.shown = n, ok
	if val.missing.any() {
		return val
	}
	if d != nil {
		val.reading.exact = map[time.Duration]int{}
		for _, l := range r.limits {
			if c, ok := d.CompareQuantile(t.metric.quantile, l); ok {
				val.reading.exact[l] = c
			}
		}
	}
	if t.metric.ofAll {
		val.share(t, v)
	}
	return val
}

func (s *liveSum) length() time.Duration {
	return time.Duration(s.view.Seconds * float64(time.Second))
}

// over is what a metric of a rule sees: of response times also the arrivals that have waited for
// longer than the least limit of the rule.
func (s *liveSum) over(r *Rule, m *Metric) *View {
	if !m.ofArrivals || len(s.waiting) == 0 {
		return &s.view
	}
	least := time.Duration(0)
	if len(r.limits) > 0 {
		least = r.limits[0]
	}
	open := timeline.NewDistribution(r.limits)
	for _, w := range s.waiting {
		if w.since >= least {
			for range w.n {
				open.Record(w.since)
			}
		}
	}
	if open.Count() == 0 {
		return &s.view
	}
	stats := *s.view.Stats
	stats.Err = stats.Err.Clone()
	stats.Err.Merge(&open)
	return &View{Stats: &stats, Seconds: s.view.Seconds}
}

// observed is what observers saw of a term in the last second: the readings that stand for any
// part of it, and of what is counted those that came in it.
func (a *Alarms) observed(t *term) seen {
	second := a.past[len(a.past)-1].Window
	of, targets := *t.observed, a.seen[t.observed.Subject]
	names := slices.Sorted(maps.Keys(targets))
	if of.Target != "" {
		names = []string{of.Target}
	}
	var worst seen
	known := false
	mean := &fold{}
	for _, name := range names {
		f := &fold{}
		for i := range targets[name] {
			if r := &targets[name][i]; standsFor(r, of.Figure, second) {
				f.add(r, of.Figure)
			}
		}
		if of.Aggregate.Kind == rule.AggregateMean {
			mean.merge(f)
			continue
		}
		s := look(of, f, lost{}, targetText(of, name, len(names)))
		if len(names) > 1 {
			s.target = name
		}
		if !known {
			worst, known = s, true
			continue
		}
		worst = worseSeen(worst, s, of)
	}
	switch {
	case of.Aggregate.Kind == rule.AggregateMean:
		return look(of, mean, lost{}, subjectText(of))
	case !known:
		return unknownSeen(doubtf(ReasonSource, "nothing was observed of %s", subjectText(of)))
	}
	return worst
}

// standsFor says whether a reading tells of a second.
func standsFor(r *timeline.Reading, figure timeline.Figure, second timeline.Window) bool {
	w := r.Covers()
	if figure.Row().Fold == timeline.Sum {
		w = timeline.Window{From: r.To, To: r.To}
	}
	if w.From == w.To {
		return second.Contains(w.From)
	}
	return w.From < second.To && w.To > second.From
}

// forgetReadings drops the readings that tell of nothing after an instant.
func (a *Alarms) forgetReadings(before time.Duration) {
	for _, targets := range a.seen {
		for name, all := range targets {
			targets[name] = slices.DeleteFunc(all, func(r timeline.Reading) bool {
				return max(r.To, r.Covers().To) < before
			})
		}
	}
}

// String says that the alarm tripped, and why.
func (t *Tripped) String() string {
	what := fmt.Sprintf("%s for %s", t.When, quantity.FormatDuration(t.For))
	if t.Name != "" {
		what = t.Name + " (" + what + ")"
	}
	if t.Observed == "" {
		return what
	}
	return what + ": " + t.Observed + " in the last second"
}
