package verdict

import (
	"cmp"
	"math"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// bounds say that the figure that was measured may not be the target's own: that one lies from lo
// to hi, either of which can be infinite.
type bounds struct {
	lo, hi float64
	why    doubt
	unseen bool // the only reason is that something may have passed between two arrivals
	// How lo and hi compare with limits, by exact count.
	exactLo, exactHi map[time.Duration]int
	// The same of what is observed, whose limits are of any unit.
	countedLo, countedHi map[float64]int
}

// text is where the figure lies, for people.
func (s *bounds) text(u rule.Unit) string {
	return rangeText(u, s.lo, s.hi)
}

// rangeText prints a range of which either end may be unknown; none of the figures is
// ever below 0.
func rangeText(u rule.Unit, lo, hi float64) string {
	lo = max(lo, 0)
	switch {
	case math.IsInf(hi, 1) && lo == 0:
		return "anything"
	case math.IsInf(hi, 1):
		return u.Format(lo) + " or more"
	case u.Format(lo) == u.Format(hi):
		return "about " + u.Format(lo)
	}
	return u.Format(lo) + " to " + u.Format(hi)
}

// fewSamples is where a percentile of too few samples could lie if there were as many samples as it
// needs, whatever the missing ones are.
func fewSamples(m *Metric, v *View, n uint64) *bounds {
	s := &bounds{lo: 0, hi: math.Inf(1)}
	rank, missing := timeline.Rank(m.quantile, m.MinSamples), m.MinSamples-n
	d := m.dist(v)
	if rank > missing {
		lo, _ := d.Quantile(float64(rank-missing) / float64(n))
		s.lo = float64(lo)
	}
	if n > 0 && rank <= n {
		hi, _ := d.Quantile(float64(rank) / float64(n))
		s.hi = float64(hi)
	}
	return s
}

// couldBe is where the observed side of a comparison that could not be decided lies;
// nil if there is no figure at all.
func (f *finding) couldBe() *Range {
	_, o, _, _ := f.sides()
	if o.missing.any() && !o.shown || o.fixed {
		return nil
	}
	lo, hi := o.ends()
	if o.missing.any() && o.bounds == nil { // the doubt is not about the figure but about its scope
		lo, hi = math.Inf(-1), math.Inf(1)
	}
	if few := f.few; few != nil && o.bounds == nil {
		lo, hi = few[0], few[1]
	}
	r := &Range{
		Text:     rangeText(f.unit, lo, hi),
		WithMore: o.bounds == nil && f.few != nil || o.missing.reason == ReasonTooFew,
	}
	if lo = max(lo, 0); !math.IsInf(lo, 0) {
		r.Low = &lo
	}
	if !math.IsInf(hi, 0) {
		r.High = &hi
	}
	return r
}

// addUnseen widens a time that arrivals showed by the time that may have passed between them.
func (val *value) addUnseen(d time.Duration) {
	if d <= 0 {
		return
	}
	if val.bounds == nil {
		val.bounds = &bounds{lo: val.n, hi: val.n}
	}
	if b := val.bounds; !b.why.any() {
		b.unseen = true
		b.why = doubtf(
			ReasonBetween,
			"%s was %s as far as any arrival met it, but could be %s longer, as nothing came "+
				"due for so long; send more, or ask for a coarser limit",
			val.reading.text,
			rule.Duration.Format(val.n),
			rule.Duration.Format(float64(d)),
		)
	}
	val.bounds.hi += float64(d)
}

// seen drops the bounds that addUnseen made, where the figure is compared with 0: no number of
// arrivals tells nothing from almost nothing, so such a rule goes by what arrivals showed.
func (v value) seen(other value) value {
	if v.bounds != nil && v.bounds.unseen && other.fixed && other.n == 0 {
		v.bounds = nil
	}
	return v
}

// withinBucket widens a figure that was counted at limits to what the buckets of these leave open.
func (v *value) withinBucket(lo, hi float64) {
	if lo == hi {
		return
	}
	b := bounds{lo: lo, hi: hi}
	if v.bounds != nil {
		b = *v.bounds
		b.lo, b.hi = min(b.lo, lo), max(b.hi, hi)
	}
	b.why = b.why.or(doubtf(ReasonBucket,
		"the run did not count at the times that %s needs, and its histograms do not tell these "+
			"from others that are 0.1 %% off: run again with this rule", v.reading.text))
	v.bounds, v.coarse = &b, true
}

// uncounted widens a figure to its bucket in the histogram where the other side is a limit at
// which the run did not count: that is so of rules that were not the run's own.
func (v value) uncounted(limit value) value {
	if v.reading == nil || v.reading.exact == nil || !limit.fixed {
		return v
	}
	at := rule.AsDuration(limit.n)
	if _, counted := v.reading.exact[at]; counted {
		return v
	}
	b := bounds{lo: v.n, hi: v.n}
	if v.bounds != nil {
		b = *v.bounds
	}
	lo, _ := timeline.Bucket(time.Duration(max(b.lo, 0)))
	b.lo = min(b.lo, float64(lo))
	if !math.IsInf(b.hi, 1) {
		_, hi := timeline.Bucket(time.Duration(b.hi))
		b.hi = max(b.hi, float64(hi))
	}
	b.why = b.why.or(doubtf(
		ReasonBucket,
		"the run did not count at %s, and its histograms do not tell that from %s, which was "+
			"read: take a limit that is farther off, or run again with this rule",
		rule.Duration.Format(limit.n), v.reading.text,
	))
	v.bounds, v.coarse = &b, true
	return v
}

// goodWithin holds the times of good answers to the longest that there can be: whatever
// the generator did, an answer that came after its timeout was none.
func (s *bounds) goodWithin(m *Metric, tl *timeline.Timeline) {
	if longest := float64(tl.Longest); s != nil && longest > 0 && s.hi > longest && m.ofGood {
		s.hi, s.exactHi = max(longest, s.lo), nil
	}
}

// ends is where the figure can lie.
func (v value) ends() (lo, hi float64) {
	switch {
	case v.bounds != nil:
		return v.bounds.lo, v.bounds.hi
	case v.atLeast:
		return v.n, math.Inf(1)
	}
	return v.n, v.n
}

// arithmeticBounds are where x op y can lie, nil if both are known.
func arithmeticBounds(op string, x, y value) *bounds {
	if x.bounds == nil && y.bounds == nil {
		return nil
	}
	s := &bounds{}
	for _, of := range []value{x, y} {
		if of.bounds != nil {
			s.why = s.why.or(of.bounds.why)
		}
	}
	xlo, xhi := x.ends()
	ylo, yhi := y.ends()
	s.lo, s.hi = arithmeticEnds(op, xlo, xhi, ylo, yhi)
	return s
}

// arithmeticEnds are the least and the greatest that x op y can be, for x and y in ranges.
func arithmeticEnds(op string, xlo, xhi, ylo, yhi float64) (lo, hi float64) {
	switch op {
	case "+":
		lo, hi = xlo+ylo, xhi+yhi
	case "-":
		lo, hi = xlo-yhi, xhi-ylo
	case "*":
		lo, hi = corners(xlo, xhi, ylo, yhi, func(a, b float64) float64 { return a * b })
	case "/":
		if ylo <= 0 && yhi >= 0 {
			lo, hi = math.Inf(-1), math.Inf(1)
		} else {
			lo, hi = corners(xlo, xhi, ylo, yhi, func(a, b float64) float64 { return a / b })
		}
	}
	if math.IsNaN(lo) || math.IsNaN(hi) { // ∞ − ∞, 0 · ∞
		return math.Inf(-1), math.Inf(1)
	}
	return lo, hi
}

// corners is the least and the greatest of f over the corners of two ranges.
func corners(xlo, xhi, ylo, yhi float64, f func(a, b float64) float64) (lo, hi float64) {
	all := []float64{f(xlo, ylo), f(xlo, yhi), f(xhi, ylo), f(xhi, yhi)}
	lo, hi = all[0], all[0]
	for _, v := range all[1:] { // min and max keep NaN
		lo, hi = min(lo, v), max(hi, v)
	}
	return lo, hi
}

// compareBounded decides what can be decided where a side lies within bounds: the truth is
// settled if it is the same wherever within them the sides lie.
func compareBounded(f *finding) *finding {
	a, b := f.left, f.right
	alo, ahi := a.ends()
	blo, bhi := b.ends()
	least, most := cmp.Compare(alo, bhi), cmp.Compare(ahi, blo)
	if c, ok := exactEnd(a, b, false); ok {
		least = c
	} else if c, ok := exactEnd(b, a, true); ok {
		least = -c
	}
	if c, ok := exactEnd(a, b, true); ok {
		most = c
	} else if c, ok := exactEnd(b, a, false); ok {
		most = -c
	}
	settled := holds(f.op, least)
	for c := least + 1; c <= most; c++ {
		if holds(f.op, c) != settled {
			f.why = f.left.boundsWhy().or(f.right.boundsWhy())
			return f
		}
	}
	f.truth = settled
	return f
}

func (v value) boundsWhy() doubt {
	if v.bounds == nil {
		return doubt{}
	}
	return v.bounds.why
}

// exactEnd is how the low or the high end of a metric stands to a limit,
// where it was counted.
func exactEnd(metric, limit value, high bool) (int, bool) {
	if metric.bounds == nil || !limit.fixed {
		return 0, false
	}
	exact, counted := metric.bounds.exactLo, metric.bounds.countedLo
	if high {
		exact, counted = metric.bounds.exactHi, metric.bounds.countedHi
	}
	if c, ok := counted[limit.n]; ok {
		return c, true
	}
	c, ok := exact[rule.AsDuration(limit.n)]
	return c, ok
}
