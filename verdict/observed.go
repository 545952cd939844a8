package verdict

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// observations gather what rules ask of subjects, and what the report says of them. A reading is
// taken in once it is known of each fault which phase it belongs to, and then forgotten.
type observations struct {
	c        *aggregator // knows the time of phases and stages
	held     []timeline.Reading
	subjects map[timeline.Subject]*observedSubject
	asked    []*observation
	signs    *signs
	probed   *probeRecoveries
}

// observedSubject is what is known of one subject, and who asks for it.
type observedSubject struct {
	targets map[string]*coverage
	asked   []*observation
	// Of all the judged time: figures by target.
	readings uint64
	figures  map[timeline.Figure]map[string]*fold
	failed   *timeline.Reading // of a probe, the first that failed
}

// observation gathers one figure of one subject over the time of a scope, by target.
type observation struct {
	stretch
	of        rule.Observed
	stage     string
	windows   timeline.Windows // of window(...)
	every     time.Duration
	limits    []float64 // to count at
	consumers []func(observedSlice)

	pieces map[place]map[string]*fold
}

// observedSlice is what was gathered over the time of a scope, or over a slice of it.
type observedSlice struct {
	slice timeline.Window // of an observation with every
	seen  seen
}

func newObservations(c *aggregator) *observations {
	return &observations{
		c: c, subjects: map[timeline.Subject]*observedSubject{}, signs: newSigns(c.tl),
		probed: newProbeRecoveries(c.tl),
	}
}

func (o *observations) subject(s timeline.Subject) *observedSubject {
	if o.subjects[s] == nil {
		o.subjects[s] = &observedSubject{
			targets: map[string]*coverage{}, figures: map[timeline.Figure]map[string]*fold{},
		}
	}
	return o.subjects[s]
}

// subscribe has a figure gathered over a scope; limits are what it is compared with.
func (o *observations) subscribe(
	of rule.Observed, s rule.Scope, limits []float64, consumer func(observedSlice),
) {
	a := &observation{
		stretch: whole, of: of, stage: s.Stage, windows: s.Windows, every: s.Every, limits: limits,
		consumers: []func(observedSlice){consumer}, pieces: map[place]map[string]*fold{},
	}
	for _, p := range s.Phases {
		a.stretch = a.stretch.in(p.Kind, p.Fault)
	}
	subject := o.subject(of.Subject)
	for _, other := range subject.asked {
		if other.sameAs(a) {
			other.consumers = append(other.consumers, consumer)
			return
		}
	}
	subject.asked = append(subject.asked, a)
	o.asked = append(o.asked, a)
}

func (a *observation) sameAs(b *observation) bool {
	return a.of == b.of && a.stage == b.stage && a.every == b.every &&
		slices.Equal(a.phases, b.phases) && slices.Equal(a.windows, b.windows) &&
		slices.Equal(a.limits, b.limits)
}

// add takes in the next reading.
func (o *observations) add(r timeline.Reading) { o.held = append(o.held, r) }

// release gathers the readings whose phases are known.
func (o *observations) release(knownUpTo func(time.Duration) bool) {
	n := 0
	for ; n < len(o.held) && knownUpTo(o.held[n].To); n++ {
		o.gather(&o.held[n])
	}
	o.held = slices.Delete(o.held, 0, n)
}

func (o *observations) gather(r *timeline.Reading) {
	subject := o.subject(r.Subject)
	c := subject.targets[r.Target]
	if c == nil {
		c = &coverage{}
		subject.targets[r.Target] = c
	}
	c.add(r)
	o.signs.add(r, c)
	o.probed.add(r)
	for _, a := range subject.asked {
		if a.of.Target != "" && a.of.Target != r.Target {
			continue
		}
		if at := o.place(a, r); at.in {
			a.fold(at, r.Target).add(r, a.of.Figure)
		}
	}
	if o.judged(r.From) {
		subject.report(r)
	}
}

func (a *observation) fold(at place, target string) *fold {
	if a.pieces[at] == nil {
		a.pieces[at] = map[string]*fold{}
	}
	f := a.pieces[at][target]
	if f == nil {
		f = &fold{}
		if a.of.Aggregate.Kind == rule.AggregateQuantile {
			f.ranks = newRanks(a.limits)
		}
		if a.of.Aggregate.Kind == rule.AggregateGrowth {
			f.line = &line{}
		}
		a.pieces[at][target] = f
	}
	return f
}

// judged says whether an instant is in no stage that is not judged.
func (o *observations) judged(at time.Duration) bool {
	return !slices.ContainsFunc(o.c.tl.Stages, func(s timeline.Stage) bool {
		return !s.Judged && s.Window.Contains(at)
	})
}

// place is where a reading belongs: nowhere, or in which slice. What was under way in a
// disturbance belongs to it, as arrivals do, and all else to where it began.
func (o *observations) place(a *observation, r *timeline.Reading) place {
	switch {
	case a.stage == "" && !o.judged(r.From):
		return place{}
	case a.stage != "" && !o.c.stages(filter{stage: a.stage}).Contains(r.From):
		return place{}
	case slices.ContainsFunc(a.windows, func(w timeline.Window) bool { return !w.Contains(r.From) }):
		return place{}
	}
	for _, p := range a.phases {
		if o.c.phases[p.fault].of(r.From, r.To) != p.kind {
			return place{}
		}
	}
	if a.every == 0 {
		return place{in: true}
	}
	for _, w := range o.time(a) {
		if r.From < w.To && (r.From >= w.From || len(a.phases) > 0) {
			return place{true, w.From, sliceNumber(w, a.every, r.From)}
		}
	}
	return place{}
}

// time is the time of an observation, as far as faults are known: where it has slices, that of
// the load in its stages, as load is cut.
func (o *observations) time(a *observation) timeline.Windows {
	within := o.c.time(a.stretch)
	for _, w := range a.windows {
		within = within.Intersect(timeline.Windows{w})
	}
	return within.Intersect(o.c.stages(filter{stage: a.stage}))
}

// emitAll tells what was gathered by now, were the load to end at end.
func (o *observations) emitAll(end time.Duration) {
	load := timeline.Windows{{To: end}}
	for _, a := range o.asked {
		windows := o.time(a).Intersect(load)
		if a.every == 0 {
			a.emit(observedSlice{seen: o.see(a, a.pieces[place{in: true}], windows)})
			continue
		}
		pieces := slices.SortedFunc(maps.Keys(a.pieces), func(x, y place) int {
			return cmp.Or(cmp.Compare(x.window, y.window), cmp.Compare(x.slice, y.slice))
		})
		for _, w := range windows {
			for number, at := 0, w.From; at < w.To; number++ {
				slice := cutSlice(w, a.every, number)
				var folds map[string]*fold
				for len(pieces) > 0 && pieces[0].window <= w.From {
					p := pieces[0]
					if p.window == w.From && cutSlice(w, a.every, p.slice).From > slice.From {
						break
					}
					if p.window == w.From {
						folds = mergeFolds(folds, a.pieces[p])
					}
					pieces = pieces[1:]
				}
				a.emit(observedSlice{slice, o.see(a, folds, timeline.Windows{slice})})
				at = slice.To
			}
		}
	}
}

func (a *observation) emit(s observedSlice) {
	for _, consumer := range a.consumers {
		consumer(s)
	}
}

// mergeFolds adds what was gathered of each target, and changes neither.
func mergeFolds(to, from map[string]*fold) map[string]*fold {
	if to == nil {
		return from
	}
	out := maps.Clone(to)
	for target, f := range from {
		if out[target] == nil {
			out[target] = f
			continue
		}
		merged := out[target].clone()
		merged.merge(f)
		out[target] = merged
	}
	return out
}

// seen is what was observed of a figure over some time: it lies from lo to hi.
type seen struct {
	n        float64
	lo, hi   edge
	readings uint64
	target   string // of several, the one that it was read of
	doubt    doubt  // why lo and hi are apart; none if they are not
	unknown  bool   // there is no figure at all
	few      bool   // there is one, of too few readings to be judged
	line     *line  // of a growth
}

// edge is where a figure lies at least, or at most.
type edge struct {
	v       float64
	counted map[float64]int // how it stands to limits, by exact count; nil: as v does
}

func (e edge) compare(limit float64) int {
	if c, ok := e.counted[limit]; ok {
		return c
	}
	return cmp.Compare(e.v, limit)
}

// worse is the worse of two edges.
func (e edge) worse(o edge, of func(a, b float64) float64) edge {
	out := edge{v: of(e.v, o.v)}
	for _, x := range []edge{e, o} {
		for l := range x.counted {
			if out.counted == nil {
				out.counted = map[float64]int{}
			}
			out.counted[l] = int(of(float64(e.compare(l)), float64(o.compare(l))))
		}
	}
	return out
}

func at(v float64) edge { return edge{v: v} }

// see sums up what was gathered of the targets of a figure.
func (o *observations) see(a *observation, folds map[string]*fold, within timeline.Windows) seen {
	subject := o.subjects[a.of.Subject]
	targets := slices.Sorted(maps.Keys(subject.targets))
	text := subjectText(a.of)
	if a.of.Target != "" {
		if _, ok := subject.targets[a.of.Target]; !ok && len(targets) > 0 {
			return unknownSeen(doubtf(ReasonSource, "%s was not observed; targets are %s",
				text, strings.Join(targets, ", ")))
		}
		targets = []string{a.of.Target}
	}
	if len(targets) == 0 {
		return unknownSeen(doubtf(ReasonSource, "nothing was observed of %s", text))
	}
	if a.of.Aggregate.Kind == rule.AggregateMean {
		var all map[string]*fold
		var gaps lost
		for _, t := range targets {
			if folds[t] != nil {
				all = mergeFolds(all, map[string]*fold{"": folds[t]})
			}
			gaps.merge(subject.targets[t].lost(within))
		}
		return look(a.of, all[""], gaps, text)
	}
	var worst seen
	for i, t := range targets {
		var gaps lost
		if c := subject.targets[t]; c != nil {
			gaps = c.lost(within)
		}
		s := look(a.of, folds[t], gaps, targetText(a.of, t, len(targets)))
		if len(targets) > 1 {
			s.target = t
		}
		if i == 0 {
			worst = s
			continue
		}
		worst = worseSeen(worst, s, a.of)
	}
	return worst
}

// lost is what gaps lack: readings that should have come.
func (c *coverage) lost(within timeline.Windows) (l lost) {
	for _, g := range c.gaps(within) {
		l.merge(lost{
			n: uint64(math.Ceil(float64(g.Len()) / float64(c.every))), covered: float64(g.Len()),
			first: g.From, last: g.To,
			why: fmt.Sprintf("nothing was heard until %s", quantity.FormatDuration(g.To)),
		})
	}
	return l
}

func subjectText(of rule.Observed) string {
	if of.Target == "" {
		return of.Subject.String()
	}
	return targetText(of, of.Target, 2)
}

// targetText is the subject, or one of its targets where there are several, as rules write it.
func targetText(of rule.Observed, target string, targets int) string {
	s := of.Subject
	if targets > 1 {
		s.Name += "/" + target
	}
	return s.String()
}

func unknownSeen(d doubt) seen {
	return seen{lo: at(math.Inf(-1)), hi: at(math.Inf(1)), doubt: d, unknown: true}
}

// worseSeen is the worse of two targets, wherever within their bounds they lie.
func worseSeen(a, b seen, of rule.Observed) seen {
	worse := func(x, y float64) float64 { return max(x, y) }
	if of.Aggregate.Kind == rule.AggregateMin ||
		of.MoreIsBetter && of.Aggregate.Kind != rule.AggregateMax {
		worse = func(x, y float64) float64 { return min(x, y) }
	}
	out := a
	if a.unknown || !b.unknown && b.n != a.n && worse(a.n, b.n) == b.n {
		out = b
	}
	out.lo, out.hi = a.lo.worse(b.lo, worse), a.hi.worse(b.hi, worse)
	out.doubt, out.readings = a.doubt.or(b.doubt), min(a.readings, b.readings)
	out.few, out.unknown = a.few || b.few, a.unknown && b.unknown
	return out
}

// minGrowth is how many readings a growth needs, and lostGrowth which part of them may be
// missing: a line through the others is as good.
const (
	minGrowth  = 10
	lostGrowth = 0.1
)

// look reads the aggregate of a figure from what was gathered of one target; f is nil if nothing
// was. gaps are what it lacks without a reading that says so.
func look(of rule.Observed, f *fold, gaps lost, text string) seen {
	if f == nil {
		f = &fold{}
	}
	lost := f.lost
	lost.merge(gaps)
	text += "." + of.Figure.String()
	if f.n == 0 {
		if lost.n == 0 {
			return unknownSeen(
				doubtf(ReasonNoData, "no data for %s: nothing there to measure", text),
			)
		}
		return unknownSeen(lost.doubt(text, f.n))
	}
	s := seen{readings: f.n}
	least := 0.0
	if of.Figure == timeline.MetricValue {
		least = math.Inf(-1)
	}
	lo, hi := least, math.Inf(1)
	exact := lost.n == 0
	switch of.Aggregate.Kind {
	case rule.AggregateTotal:
		if of.Figure.Row().Fold == timeline.ByTime {
			s.n, lo, hi = f.share(lost)
			break
		}
		s.n, lo = f.sum, f.sum
	case rule.AggregateMax:
		s.n, lo = f.greatest, f.greatest
	case rule.AggregateMin:
		s.n, hi = f.least, f.least
	case rule.AggregateMean:
		s.n = f.sum / float64(f.n)
		if least == 0 {
			lo = f.sum / float64(f.n+lost.n)
		}
	case rule.AggregateFirst:
		s.n, exact = f.first.v, exact || lost.first > f.first.at
	case rule.AggregateLast:
		s.n, exact = f.last.v, exact || lost.last < f.last.at
	case rule.AggregateQuantile:
		return f.quantile(of.Aggregate.Quantile, lost, least, text)
	case rule.AggregateGrowth:
		slope, ok := f.line.slope()
		s.line = f.line
		s.n, lo = slope, math.Inf(-1)
		exact = float64(lost.n) <= lostGrowth*float64(f.n+lost.n)
		if f.n < minGrowth || !ok {
			s.few, s.lo, s.hi = true, at(lo), at(hi)
			s.doubt = doubtf(
				ReasonTooFew,
				"too few readings for the growth of %s: %d, and %d are needed",
				text,
				f.n,
				minGrowth,
			)
			return s
		}
	}
	if exact {
		s.lo, s.hi = at(s.n), at(s.n)
		return s
	}
	s.lo, s.hi, s.doubt = at(lo), at(hi), lost.doubt(text, f.n)
	if of.Subject.Kind.Row().WholeRun { // read once: its readings are not what is counted
		s.doubt = doubtf(ReasonSource, "%s may be more: %s", text, lost.why)
	}
	return s
}

// share is which part of the time it was so, and where that lies with what is missing.
func (f *fold) share(lost lost) (n, lo, hi float64) {
	if f.covered <= 0 {
		return f.sum / float64(f.n), 0, 1
	}
	all := f.covered + lost.covered
	return f.part / f.covered, f.part / all, (f.part + lost.covered) / all
}

// doubt says what is missing of n readings that came, and some that did not.
func (l *lost) doubt(text string, n uint64) doubt {
	return doubtf(ReasonSource, "no data of %s for %d of %d readings, first at %s: %s",
		text, l.n, l.n+n, quantity.FormatDuration(max(l.first, 0)), l.why)
}

// quantile reads a percentile of what is never below least. Were the readings there that are
// missing, or those that it needs more, its rank would move by their number at most.
func (f *fold) quantile(q float64, lost lost, least float64, text string) seen {
	read := func(rank uint64) edge {
		_, high := f.ranks.at(rank)
		return edge{min(max(high, f.least), f.greatest), f.ranks.compared(rank)}
	}
	s := seen{readings: f.n, n: read(f.ranks.rankOf(q)).v, lo: at(least), hi: at(math.Inf(1))}
	all := max(f.n+lost.n, minSamples(q))
	rank, missing := timeline.Rank(q, all), all-f.n
	if rank > missing {
		s.lo = read(rank - missing)
	}
	if rank <= f.n {
		s.hi = read(rank)
	}
	switch {
	case f.n+lost.n < minSamples(q):
		s.few = true
		s.doubt = doubtf(ReasonTooFew, "too few readings for the percentile of %s: %d, and %d are "+
			"needed; observe for longer or more often, or ask for a lower percentile, or the max",
			text, f.n, minSamples(q))
	case lost.n > 0:
		s.doubt = lost.doubt(text, f.n)
	}
	return s
}

// value is what was seen, as a rule meets it.
func (s seen) value(t *term) value {
	v := value{n: s.n, shown: !s.unknown, note: s.target, samples: s.readings,
		reading: &reading{text: t.text, metric: t.metric}}
	if s.unknown || s.few {
		v.missing = s.doubt
	}
	if s.line != nil {
		v.interval = s.line.interval
	}
	switch {
	case !s.doubt.any():
		v.reading.counted = s.lo.counted
	case !s.unknown:
		v.bounds = &bounds{lo: s.lo.v, hi: s.hi.v, why: s.doubt,
			countedLo: s.lo.counted, countedHi: s.hi.counted}
	}
	return v
}
