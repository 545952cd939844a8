package verdict

import (
	"math"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/confidence"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// Interval is where the true figure lies with some confidence, as far as the samples tell: in
// nanoseconds or in 0..1, by its metric. An end that they do not bound is nil.
type Interval struct {
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
	Level float64  `json:"level"` // how often such intervals hold the truth, such as 0.95
	Text  string   `json:"text"`  // for people, with units
}

// span is an interval as rules compute with it.
type span struct {
	lo, hi float64
	// How lo and hi stand to limits, by exact count.
	exactLo, exactHi map[time.Duration]int
}

// hasInterval says whether the metric's figures have intervals: percentiles, shares and growths do.
func (m *Metric) hasInterval() bool { return m.ofAll || m.family != nil || m.grows }

// interval is that of a metric's figure in the scope, at a level such as 0.95; false if it has
// none, or so few blocks that nobody can tell.
func (v *View) interval(m *Metric, level float64, limits []time.Duration) (span, bool) {
	switch {
	case v.blocks == nil || v.Stats == nil:
		return span{}, false
	case m.ofAll:
		return v.shareInterval(m, level)
	case m.family != nil:
		return v.quantileInterval(m, level, limits)
	}
	return span{}, false
}

func (v *View) shareInterval(m *Metric, level float64) (span, bool) {
	p, ok := m.Eval(v)
	if !ok {
		return span{}, false
	}
	counts := make([]confidence.Block, len(v.blocks.all))
	for i := range v.blocks.all {
		b := &v.blocks.all[i]
		counts[i] = confidence.Block{N: float64(b.judged), K: float64(b.errors)}
	}
	worth, ok := confidence.Effective(counts, level)
	if !ok {
		return span{}, false
	}
	var s span
	s.lo, s.hi = confidence.Share(p*worth, worth, level)
	lo, hi := confidence.Bursts(counts, level)
	if !m.ofErrors {
		lo, hi = 1-hi, 1-lo
	}
	s.lo, s.hi = min(s.lo, lo), max(s.hi, hi)
	return s, true
}

func (v *View) quantileInterval(m *Metric, level float64, limits []time.Duration) (span, bool) {
	d := m.dist(v)
	at, ok := d.Quantile(m.quantile)
	if !ok {
		return span{}, false
	}
	worth, ok := confidence.Effective(v.blocks.above(m.family, at), level)
	if !ok {
		return span{}, false
	}
	low, high := confidence.Quantile(m.quantile, worth, level)
	n := float64(d.Count())
	s := span{lo: 0, hi: math.Inf(1)}
	if rank := math.Floor(low*n + 1e-9); rank >= 1 {
		s.lo, s.exactLo = endOf(d, rank/n, limits)
	}
	if rank := math.Ceil(high*n - 1e-9); rank <= n {
		s.hi, s.exactHi = endOf(d, rank/n, limits)
	}
	lo, hi := v.blocks.bursts(m, at, level)
	if lo < s.lo {
		s.lo, s.exactLo = lo, nil
	}
	if hi > s.hi {
		s.hi, s.exactHi = hi, nil
	}
	return s, true
}

// bursts is the interval of a percentile that was read as at, as far as it allows for bursts: the
// times of which the share of longer ones may truly be that of the percentile.
func (b *blocks) bursts(m *Metric, at time.Duration, level float64) (lo, hi float64) {
	share := 1 - m.quantile
	longer := func(than float64) (low, high float64) {
		return confidence.Bursts(b.above(m.family, time.Duration(than)), level)
	}
	// The share falls with the time, so that each end is found by halving: in logarithms, as
	// blocks hold times by buckets that are as wide as some part of them.
	end := func(to float64, holds func(than float64) bool) float64 {
		from := max(float64(at), 1)
		for range 14 {
			if middle := math.Sqrt(from * to); holds(middle) {
				from = middle
			} else {
				to = middle
			}
		}
		return from
	}
	lo, hi = float64(at), float64(at)
	low, high := longer(float64(at))
	const off = 1e-3 // as far as a bucket's values are taken to be spread evenly
	if high > share*(1+off) {
		hi = end(float64(timeline.Highest), func(than float64) bool {
			_, high := longer(than)
			return high >= share
		})
	}
	if low < share*(1-off) {
		lo = end(1, func(than float64) bool {
			low, _ := longer(than)
			return low <= share
		})
	}
	return lo, hi
}

func endOf(d *timeline.Distribution, q float64, limits []time.Duration) (
	float64, map[time.Duration]int,
) {
	at, _ := d.Quantile(q)
	exact := make(map[time.Duration]int)
	for _, l := range limits {
		if c, ok := d.CompareQuantile(q, l); ok {
			exact[l] = c
		}
	}
	return float64(at), exact
}

// above counts, block by block, how many times were longer than one of them.
func (b *blocks) above(f *family, at time.Duration) []confidence.Block {
	out := make([]confidence.Block, len(b.all))
	for k, g := range b.families {
		if !g.is(f) {
			continue
		}
		for i := range b.all {
			c := &b.all[i].times[k]
			out[i] = confidence.Block{N: float64(c.Count()), K: c.Above(at)}
		}
	}
	return out
}

// intervalOf is the interval of x op y; nil if neither has one.
func intervalOf(op string, x, y value) func(level float64) (span, bool) {
	if x.interval == nil && y.interval == nil {
		return nil
	}
	of := func(v value, level float64) (span, bool) {
		if v.interval != nil {
			return v.interval(level)
		}
		lo, hi := v.ends()
		return span{lo: lo, hi: hi}, true
	}
	return func(level float64) (span, bool) {
		a, known := of(x, level)
		b, also := of(y, level)
		if !known || !also {
			return span{}, false
		}
		var s span
		s.lo, s.hi = arithmeticEnds(op, a.lo, a.hi, b.lo, b.hi)
		return s, true
	}
}

// settle computes the interval at a level now, so that what it is computed from can be let go.
func (v *value) settle(level float64) {
	if v.interval == nil {
		return
	}
	s, ok := v.interval(level)
	v.interval = func(float64) (span, bool) { return s, ok }
}

// unsure widens what is known of a figure by its interval, for a rule that wants this confidence.
func (v *value) unsure(level float64, of *View) {
	if v.interval == nil || v.missing.any() {
		return
	}
	m, percent := v.reading.metric, quantity.FormatFraction(level)
	s, ok := v.interval(level)
	if !ok {
		v.missing = doubtf(
			ReasonTooFew,
			"too little for %s with %s confidence: samples in %d stretches of a second or more, "+
				"and %d are needed; send for longer",
			v.reading.text, percent, of.blocks.filledBlocks(m), confidence.MinBlocks,
		)
		return
	}
	b := &bounds{lo: v.n, hi: v.n, exactLo: v.reading.exact, exactHi: v.reading.exact}
	if v.bounds != nil {
		*b = *v.bounds
	}
	if s.lo < b.lo {
		b.lo, b.exactLo = s.lo, s.exactLo
	}
	if s.hi > b.hi {
		b.hi, b.exactHi = s.hi, s.exactHi
	}
	if !b.why.any() {
		b.why = doubtf(
			ReasonConfidence,
			"%s was %s, but with %s confidence it is %s; send for longer",
			v.reading.text, m.Unit.Format(v.n), percent, rangeText(m.Unit, s.lo, s.hi),
		)
	}
	v.bounds = b
}

// unsureGrowth widens what is known of a growth by its interval, for a rule that wants this
// confidence. Other figures of what is observed have no interval.
func (v *value) unsureGrowth(level float64) {
	if v.interval == nil || v.missing.any() {
		return
	}
	m, percent := v.reading.metric, quantity.FormatFraction(level)
	s, ok := v.interval(level)
	if !ok {
		v.missing = doubtf(ReasonTooFew, "too few readings for %s with %s confidence: %d, and %d "+
			"are needed", v.reading.text, percent, v.samples, confidence.MinBlocks)
		return
	}
	b := bounds{lo: s.lo, hi: s.hi}
	if v.bounds != nil {
		b.lo, b.hi, b.why = min(b.lo, v.bounds.lo), max(b.hi, v.bounds.hi), v.bounds.why
	}
	b.why = b.why.or(doubtf(ReasonConfidence,
		"%s was %s, but with %s confidence it is %s; observe for longer",
		v.reading.text, m.Unit.Format(v.n), percent, s.text(m.Unit)))
	v.bounds = &b
}

// text is where the figure lies, which of a growth may be below 0.
func (s span) text(u rule.Unit) string {
	if u.IsGrowth() && !math.IsInf(s.lo, 0) && !math.IsInf(s.hi, 0) {
		return u.Format(s.lo) + " to " + u.Format(s.hi)
	}
	return rangeText(u, s.lo, s.hi)
}

// filledBlocks is how many of them have samples of a metric.
func (b *blocks) filledBlocks(m *Metric) int {
	n := 0
	if b == nil {
		return n
	}
	if m.family != nil {
		for _, c := range b.above(m.family, 0) {
			if c.N > 0 {
				n++
			}
		}
		return n
	}
	for i := range b.all {
		if b.all[i].judged > 0 {
			n++
		}
	}
	return n
}

// interval is that of the observed side of a comparison; nil if it has none.
func (f *finding) interval(level float64) *Interval {
	_, o, _, _ := f.sides()
	if o.missing.any() && !o.shown || o.interval == nil {
		return nil
	}
	s, ok := o.interval(level)
	if !ok {
		return nil
	}
	return s.interval(f.unit, level)
}

// explain adds to a rule's result what its figure rests on, and how far it is from its limit.
func (r *RuleResult) explain(leaf *finding) {
	_, o, _, _ := leaf.sides()
	if o.missing.any() && !o.shown {
		return
	}
	r.Samples = o.samples
	if r.Value == nil || r.Bound == nil || r.Value.AtLeast {
		return
	}
	room := r.Bound.Value - r.Value.Value
	switch r.Op {
	case ">", ">=":
		room = -room
	case "==", "!=":
		return
	}
	r.Margin = &Figure{Value: room, Unit: r.Value.Unit}
}

// interval prints a span; nil if it bounds nothing.
func (s span) interval(u rule.Unit, level float64) *Interval {
	lo, hi := s.lo, s.hi
	if !u.IsGrowth() {
		lo = max(lo, 0)
	}
	if lo <= 0 && math.IsInf(hi, 1) {
		return nil
	}
	out := &Interval{Low: &lo, Level: level, Text: span{lo: lo, hi: hi}.text(u)}
	if !math.IsInf(hi, 1) {
		out.High = &hi
	}
	return out
}
