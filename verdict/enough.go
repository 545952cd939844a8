package verdict

import (
	"cmp"
	"math"

	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// share is a share of the arrivals of a scope, such as an error rate. A share of few arrivals is
// coarse: one of ten is 10 % and none of ten is 0 %, and nothing lies between.
type share struct {
	text string // the metric as it is written
	unit rule.Unit
	all  float64
	// part is how many of all it was; without the generator's own part it may have been any number
	// from least to most.
	part, least, most float64
	// joint is where the worst of several shares could lie, of which this is the one of the fewest
	// arrivals; nil: it is one alone.
	joint func(needed float64) (lo, hi float64)
}

// extremes are where the share could lie if there were as many arrivals as are needed, however
// those that are missing had gone.
func (s *share) extremes(needed float64) (lo, hi float64) {
	if s.joint != nil {
		return s.joint(needed)
	}
	return s.least / needed, (s.most + needed - s.all) / needed
}

// isShare says whether the metric's figure is a share of arrivals, or goes by one.
func (m *Metric) isShare() bool { return m.ofAll || m.ofScore || m.scale != nil }

// share notes that the value is a share of the arrivals of a scope, or that times a scale.
func (v *value) share(t *term, view *View) {
	scale := 1.0
	if t.metric.scale != nil {
		scale = t.metric.scale(view)
	}
	all := float64(view.Stats.Judged())
	part := func(n float64) float64 { return math.Round(n / scale * all) }
	s := &share{text: t.text, unit: rule.Fraction, all: all}
	if t.metric.ofScore { // made of halves
		s.unit = t.metric.Unit
		part = func(n float64) float64 { return math.Round(2*n*all) / 2 }
	}
	s.part = part(v.n)
	s.least, s.most = s.part, s.part
	if b := v.bounds; b != nil {
		s.least, s.most = part(b.lo), part(b.hi)
	}
	n := v.n
	v.shares, v.vary = []*share{s}, func(of *share, p float64) float64 {
		if of == s {
			return p * scale
		}
		return n
	}
}

// samplesNeeded is how many arrivals it takes to tell a share from the limit: so many that one of
// them is no more than the distance from the limit to 0 or to 1. It is the number at which a
// percentile is judged: 100 for 1 % as for p99, 10,000 for 99.99 %. No number tells a share from 0
// or from 1. So there one arrival is enough, and a rule such as error_rate == 0% goes by what was
// seen.
func samplesNeeded(limit float64) float64 {
	room := min(limit, 1-limit)
	if room <= 0 {
		return 1
	}
	// 1 − 0.9999 is 0.00009999999999998899, and 10,000 is meant.
	return math.Ceil(1 / room * (1 - 1e-9))
}

// needs makes a value unknown that is of fewer samples than a rule wants.
func (v *value) needs(least uint64) {
	if v.missing.any() || v.samples >= least {
		return
	}
	v.missing = doubtf(ReasonTooFew, "too few samples for %s: %d, and the rule wants %d",
		v.reading.text, v.samples, least)
}

// with is what a value would be if a share in it were p.
func (v value) with(s *share, p float64) float64 {
	if v.vary == nil {
		return v.n
	}
	return v.vary(s, p)
}

// checkEnough makes a comparison unknown if it rests on too few arrivals: those that are missing
// could turn it. A comparison that they could not turn stands, so that a failure needs no more
// errors than would be allowed of all arrivals that are needed.
func checkEnough(f *finding) *finding {
	if f.truth == unknown {
		return f
	}
	for _, v := range []value{f.left, f.right} {
		for _, s := range v.shares {
			limit, ok := f.limitOf(s)
			if !ok {
				continue
			}
			needed := samplesNeeded(limit)
			if s.all >= needed {
				continue
			}
			lo, hi := s.extremes(needed)
			a, b := f.at(s, lo), f.at(s, hi)
			for c := min(a, b); c <= max(a, b); c++ {
				if holds(f.op, c) != f.truth {
					f.truth = unknown
					f.few = f.ofEnough(s, needed)
					f.why = doubtf(
						ReasonTooFew,
						"too few samples for %s: %.0f, and %.0f are needed to tell it from %s; "+
							"send more, or ask for a coarser limit or for a count, such as "+
							"errors == 0",
						s.text,
						s.all,
						needed,
						s.unit.Format(limit),
					)
					return f
				}
			}
		}
	}
	return f
}

// ofEnough is where the observed side could lie if as many arrivals as are needed had come.
func (f *finding) ofEnough(s *share, needed float64) *[2]float64 {
	_, o, _, _ := f.sides()
	lo, hi := s.extremes(needed)
	a, b := o.with(s, lo), o.with(s, hi)
	return &[2]float64{min(a, b), max(a, b)}
}

// at is how left would compare with right if a share were p.
func (f *finding) at(s *share, p float64) int {
	return cmp.Compare(f.left.with(s, p), f.right.with(s, p))
}

// limitOf finds the value of a share at which the comparison turns, all else being as it was
// measured; false if it does not turn anywhere from 0 to 1.
func (f *finding) limitOf(s *share) (float64, bool) {
	lo, hi := 0.0, 1.0
	none, all := f.at(s, lo), f.at(s, hi)
	if none == 0 || all == 0 || none == all {
		return 0, false
	}
	for {
		middle := lo + (hi-lo)/2
		if middle <= lo || middle >= hi {
			return hi, true
		}
		if f.at(s, middle) == none {
			lo = middle
		} else {
			hi = middle
		}
	}
}
