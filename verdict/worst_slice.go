package verdict

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// worstOf is a term of worst(...): the worst value of all slices, wherever within their bounds
// they lie. The zero value is of no slice.
type worstOf struct {
	n      int // slices
	value  value
	slice  timeline.Window // of value
	lo, hi edge
	doubt  doubt
	// shares has, for each number of arrivals that slices had, the worst share among them; that of
	// the fewest arrivals comes first. If those few are enough to judge by, all are. dropped says
	// that there were more numbers than maxWorstShares.
	shares  []*share
	dropped bool
	// Between which values the worst of the dropped shares lies.
	restLo, restHi float64
}

// maxWorstShares is how many numbers of arrivals a worstOf tells apart.
const maxWorstShares = 1024

// worseBy is which of two figures is the worse one.
func worseBy(d rule.Direction) func(a, b float64) float64 {
	if d == rule.LessIsWorse {
		return func(a, b float64) float64 { return min(a, b) }
	}
	return func(a, b float64) float64 { return max(a, b) }
}

// add takes in the value of a slice.
func (w *worstOf) add(v value, slice timeline.Window, d rule.Direction) {
	worse := worseBy(d)
	lo, hi := v.edges()
	first := w.n == 0
	w.n++
	w.keep(v.shares, worse)
	switch {
	case first:
		w.value, w.slice, w.lo, w.hi = v, slice, lo, hi
	case !v.missing.any() && (w.value.missing.any() || beats(v.n, w.value.n, worse)):
		w.value, w.slice = v, slice
	}
	if !first {
		w.lo, w.hi = w.lo.worse(lo, worse), w.hi.worse(hi, worse)
	}
	w.doubt = w.doubt.or(v.missing).or(v.boundsWhy())
}

// beats says whether a figure is worse than another.
func beats(a, b float64, worse func(a, b float64) float64) bool {
	return a != b && worse(a, b) == a
}

// merge takes in slices that came later.
func (w *worstOf) merge(o *worstOf, d rule.Direction) {
	if o.n == 0 {
		return
	}
	if w.n == 0 {
		*w = *o
		w.shares = slices.Clone(o.shares)
		return
	}
	worse := worseBy(d)
	w.keep(o.shares, worse)
	if o.dropped {
		w.drop(o.restLo, o.restHi, worse)
	}
	w.n += o.n
	mine, its := w.value.n, o.value.n
	if !o.value.missing.any() && (w.value.missing.any() || beats(its, mine, worse)) {
		w.value, w.slice = o.value, o.slice
	}
	w.lo, w.hi = w.lo.worse(o.lo, worse), w.hi.worse(o.hi, worse)
	w.doubt = w.doubt.or(o.doubt)
}

// keep keeps the shares of slices.
func (w *worstOf) keep(more []*share, worse func(a, b float64) float64) {
	for _, s := range more {
		i, found := slices.BinarySearchFunc(w.shares, s.all,
			func(x *share, all float64) int { return cmp.Compare(x.all, all) })
		if !found {
			w.shares = slices.Insert(w.shares, i, s)
			continue
		}
		both := *s
		both.least = worse(s.least, w.shares[i].least)
		both.most = worse(s.most, w.shares[i].most)
		w.shares[i] = &both
	}
	for n := len(w.shares); n > maxWorstShares; n-- {
		last := w.shares[n-1]
		w.shares = w.shares[:n-1]
		w.drop(last.least/last.all, last.most/last.all, worse)
	}
}

// drop notes where a share lies that is not kept.
func (w *worstOf) drop(lo, hi float64, worse func(a, b float64) float64) {
	if !w.dropped {
		w.dropped, w.restLo, w.restHi = true, lo, hi
		return
	}
	w.restLo, w.restHi = worse(w.restLo, lo), worse(w.restHi, hi)
}

// extremes are where the worst of the shares could lie if each slice had as many arrivals as are
// needed, however those that are missing had gone.
func (w *worstOf) extremes(needed float64, d rule.Direction) (lo, hi float64) {
	if w.dropped && w.shares[len(w.shares)-1].all < needed {
		return 0, 1 // there are more of them than are kept
	}
	worse := worseBy(d)
	all := worstOf{dropped: w.dropped, restLo: w.restLo, restHi: w.restHi}
	for _, s := range w.shares {
		if s.all >= needed {
			all.drop(s.least/s.all, s.most/s.all, worse)
		} else {
			lo, hi := s.extremes(needed)
			all.drop(lo, hi, worse)
		}
	}
	return all.restLo, all.restHi
}

// edges are the two ends of where a value lies. Each knows how it compares with the limits that
// were counted exactly.
func (v value) edges() (lo, hi edge) {
	if v.missing.any() {
		return at(math.Inf(-1)), at(math.Inf(1))
	}
	low, high := v.ends()
	lo, hi = edge{v: low}, edge{v: high}
	if b := v.bounds; b != nil {
		lo.counted, hi.counted = countedAt(
			b.exactLo,
			b.countedLo,
		), countedAt(
			b.exactHi,
			b.countedHi,
		)
		return lo, hi
	}
	counted := countedAt(v.reading.exact, v.reading.counted)
	lo.counted, hi.counted = counted, counted
	return lo, hi
}

// countedAt is how an end compares with limits, by limit. exact has those of times, counted those
// of other figures; one of them is nil.
func countedAt(exact map[time.Duration]int, counted map[float64]int) map[float64]int {
	if exact == nil {
		return counted
	}
	out := make(map[float64]int, len(exact))
	for l, c := range exact {
		out[float64(l)] = c
	}
	return out
}

// exactEnds is the reverse of countedAt.
func exactEnds(counted map[float64]int) map[time.Duration]int {
	out := make(map[time.Duration]int, len(counted))
	for l, c := range counted {
		out[rule.AsDuration(l)] = c
	}
	return out
}

// term is the value of the term.
func (w *worstOf) term(t *term) value {
	if w.n == 0 {
		return value{missing: nothingDue(t.text), reading: &reading{text: t.text, metric: t.metric}}
	}
	v := value{n: w.value.n, shown: w.value.shown, samples: w.value.samples,
		reading: &reading{text: t.text, metric: t.metric}}
	v.note = quantity.FormatDuration(w.slice.From) + " to " + quantity.FormatDuration(w.slice.To)
	if w.value.note != "" {
		v.note = w.value.note + ", " + v.note
	}
	if w.value.missing.any() { // no slice has a figure
		v.missing = w.value.missing
		return v
	}
	if w.lo.v != w.hi.v || !maps.Equal(w.lo.counted, w.hi.counted) {
		v.bounds = &bounds{lo: w.lo.v, hi: w.hi.v, why: w.doubt,
			exactLo: exactEnds(w.lo.counted), exactHi: exactEnds(w.hi.counted)}
		if t.observed != nil {
			v.bounds.exactLo, v.bounds.exactHi = nil, nil
			v.bounds.countedLo, v.bounds.countedHi = w.lo.counted, w.hi.counted
		}
	}
	switch {
	case t.observed != nil:
		v.reading.counted = w.lo.counted
	case t.metric.dist != nil:
		v.reading.exact = exactEnds(w.lo.counted)
	}
	if len(w.shares) > 0 {
		few := *w.shares[0]
		few.text = t.text
		few.joint = func(needed float64) (lo, hi float64) { return w.extremes(needed, t.worse) }
		v.shares, v.vary = []*share{&few}, func(of *share, p float64) float64 {
			if of == &few {
				return p
			}
			return v.n
		}
	}
	return v
}
