// Package compare tells two runs apart: whether a figure of the one is higher than that of the
// other by more than chance.
//
// Requests of one moment are alike, so no test on single requests holds. Each run is cut into
// blocks of time, and blocks are drawn with replacement, whole, as often as there are any: the
// figures of many such made-up runs scatter as those of real ones would (Künsch, "The jackknife and
// the bootstrap for general stationary observations", Annals of Statistics 17, 1989). How far
// moments are alike is not known, so it is done with blocks of several lengths, as long as there
// are confidence.MinBlocks of them, and the greatest scatter counts. With the standard error s of
// each run's figure, of logarithms where figures are times or rates, and t of Student's
// distribution with one less than the blocks, the interval of the difference is d ± t·√(s₁² + s₂²).
//
// It is of these two runs. What differs from night to night, such as what else the machine did, is
// in no single run: repeat them.
package compare

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/seed-1574e9de/ordeal/internal/confidence"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Outcome is how a figure of a run stands to that of the first.
type Outcome string

// The outcomes. Same is a difference that is surely within the tolerance.
const (
	Slower     Outcome = "slower"
	Same       Outcome = "same"
	Faster     Outcome = "faster"
	Worse      Outcome = "worse" // more errors
	Better     Outcome = "better"
	CannotTell Outcome = "cannot tell"
)

// Options are the settings of a comparison.
type Options struct {
	Seed uint64
	// Same is how large a difference may be that counts as none: as a part of a time, and a
	// hundredth of it as a difference of shares.
	Same    float64
	Samples int // made-up runs for each; 0: 200
}

// Figure is one of a scope.
type Figure struct {
	Scope string
	Name  string
	Share bool // it is a share, and not a time in nanoseconds
	Runs  []Standing
}

// Standing is a figure of one run, beside that of the first.
type Standing struct {
	Value float64
	Known bool // nothing was measured else
	// Of all but the first: how far it is from the first, relative to it, or, of a share, as a
	// difference; and between what, with 95 % confidence, if there are enough blocks.
	Change    float64
	Low, High float64
	Bounded   bool
	Outcome   Outcome
}

// quantiles that are compared.
var quantiles = []struct {
	name string
	q    float64
}{{"p50", 0.50}, {"p95", 0.95}, {"p99", 0.99}}

// Runs compares runs with the first of them, scope by scope. Scopes that a run does not have are
// not known of it.
func Runs(runs []*verdict.Past, opt Options) []Figure {
	if opt.Samples == 0 {
		opt.Samples = 200
	}
	found := make([][]Figure, len(runs[0].Scopes))
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i := range runs[0].Scopes {
		key := runs[0].Scopes[i].PastKey
		scopes := make([]*verdict.PastScope, len(runs))
		for k, r := range runs {
			if j := slices.IndexFunc(r.Scopes,
				func(s verdict.PastScope) bool { return s.PastKey == key }); j >= 0 {
				scopes[k] = &r.Scopes[j]
			}
		}
		all.Go(func() error {
			found[i] = scope(scopes, uint64(i), opt)
			return nil
		})
	}
	_ = all.Wait() // none fails
	return slices.Concat(found...)
}

// scope compares the figures of one.
func scope(scopes []*verdict.PastScope, number uint64, opt Options) []Figure {
	var all []estimates
	for k, s := range scopes {
		r := rand.New(rand.NewPCG(opt.Seed, number<<16|uint64(k)))
		all = append(all, estimate(s, r, opt.Samples))
	}
	var out []Figure
	for n := range len(quantiles) + 1 {
		f := Figure{Scope: scopes[0].String(), Name: "error_rate", Share: n == len(quantiles)}
		if !f.Share {
			f.Name = quantiles[n].name
		}
		for k := range all {
			st := Standing{Value: all[k][n].value, Known: all[k][n].known}
			if k > 0 {
				st.compare(&all[0][n], &all[k][n], f.Share, opt)
			}
			f.Runs = append(f.Runs, st)
		}
		out = append(out, f)
	}
	return out
}

// estimates are the quantiles of a scope, and its error rate.
type estimates [4]estimated

// estimated is a figure with its standard error: of its logarithm, or of a share itself.
type estimated struct {
	value  float64
	known  bool
	spread float64
	blocks int // by which spread is known; 0: it is not
}

// compare says how b stands to a.
func (st *Standing) compare(a, b *estimated, share bool, opt Options) {
	st.Outcome = CannotTell
	if !a.known || !b.known {
		return
	}
	same, d := opt.Same, math.Log(b.value/a.value)
	st.Change = b.value/a.value - 1
	if share {
		same, d = opt.Same/100, b.value-a.value
		st.Change = d
	}
	if !share && (a.value <= 0 || b.value <= 0) || a.blocks == 0 || b.blocks == 0 {
		return
	}
	t := distuv.StudentsT{Sigma: 1, Nu: float64(min(a.blocks, b.blocks) - 1)}.
		Quantile(1 - (1-confidence.Level)/2)
	off := t * math.Hypot(a.spread, b.spread)
	st.Low, st.High, st.Bounded = d-off, d+off, true
	if !share {
		st.Low, st.High = math.Expm1(st.Low), math.Expm1(st.High)
	}
	more, less := Slower, Faster
	if share {
		more, less = Worse, Better
	}
	switch {
	case st.Low >= -same && st.High <= same:
		st.Outcome = Same
	case st.Low > 0:
		st.Outcome = more
	case st.High < 0:
		st.Outcome = less
	}
}

// estimate finds the figures of a scope, and how they scatter.
func estimate(s *verdict.PastScope, r *rand.Rand, samples int) (e estimates) {
	if s == nil || s.Stats.Judged() == 0 {
		return e
	}
	d := s.Stats.Response()
	for n, x := range quantiles {
		at, ok := d.Quantile(x.q)
		e[n] = estimated{value: float64(at), known: ok && float64(d.Count()) >= 1/(1-x.q)}
	}
	all := float64(s.Stats.Judged())
	e[len(quantiles)] = estimated{value: float64(s.Stats.Errors()) / all, known: true}
	drawn := newDrawing(s.Blocks)
	for len(drawn.blocks) >= confidence.MinBlocks {
		spread := drawn.spread(r, samples)
		for n := range e {
			if e[n].blocks == 0 || spread[n] >= e[n].spread {
				e[n].spread, e[n].blocks = spread[n], len(drawn.blocks)
			}
		}
		drawn = drawn.pairs()
	}
	// No error in so many requests does not mean that there are none: the spread is at least that
	// of one error.
	errors := &e[len(quantiles)]
	errors.spread = max(errors.spread, 1/all)
	return e
}

// drawing draws blocks again and again.
type drawing struct {
	from   []time.Duration // of the buckets that any block has something in
	to     []time.Duration
	blocks []drawnBlock
}

type drawnBlock struct {
	n              []float64 // by bucket
	judged, errors float64
}

func newDrawing(blocks []verdict.PastBlock) *drawing {
	var all timeline.Coarse
	for i := range blocks {
		all.Merge(&blocks[i].Response)
	}
	d := &drawing{}
	for i := range all.Len() {
		from, to, _ := all.Bucket(i)
		d.from, d.to = append(d.from, from), append(d.to, to)
	}
	for i := range blocks {
		b := &blocks[i]
		if b.Judged == 0 {
			continue
		}
		out := drawnBlock{
			n: make([]float64, all.Len()), judged: float64(b.Judged), errors: float64(b.Errors),
		}
		at := 0
		for k := range b.Response.Len() {
			from, _, n := b.Response.Bucket(k)
			for d.from[at] != from {
				at++
			}
			out.n[at] = float64(n)
		}
		d.blocks = append(d.blocks, out)
	}
	return d
}

// pairs has blocks that are twice as long; what is left of an odd number is left out.
func (d *drawing) pairs() *drawing {
	out := &drawing{from: d.from, to: d.to}
	for i := 0; i+1 < len(d.blocks); i += 2 {
		a, b := &d.blocks[i], &d.blocks[i+1]
		sum := drawnBlock{
			n: slices.Clone(a.n), judged: a.judged + b.judged, errors: a.errors + b.errors,
		}
		for k, n := range b.n {
			sum.n[k] += n
		}
		out.blocks = append(out.blocks, sum)
	}
	return out
}

// spread is the standard deviation of the figures of runs of drawn blocks.
func (d *drawing) spread(r *rand.Rand, samples int) (out [4]float64) {
	var sum, squares [4]float64
	n, times := make([]float64, len(d.from)), make([]float64, len(d.blocks))
	for range samples {
		clear(n)
		clear(times)
		for range d.blocks {
			times[r.IntN(len(d.blocks))]++
		}
		var judged, errors float64
		for i, w := range times {
			if w == 0 {
				continue
			}
			b := &d.blocks[i]
			for k, x := range b.n {
				n[k] += w * x
			}
			judged, errors = judged+w*b.judged, errors+w*b.errors
		}
		var figures [4]float64
		for k, x := range quantiles {
			figures[k] = math.Log(max(d.quantile(n, x.q), 1))
		}
		figures[len(quantiles)] = errors / judged
		for k, f := range figures {
			sum[k], squares[k] = sum[k]+f, squares[k]+f*f
		}
	}
	count, blocks := float64(samples), float64(len(d.blocks))
	for k := range out {
		mean := sum[k] / count
		// Drawn blocks scatter less than new ones by (B−1)/B.
		out[k] = math.Sqrt(max(squares[k]/count-mean*mean, 0) * blocks / (blocks - 1))
	}
	return out
}

// quantile is that of counts by bucket, whose values are taken to be spread evenly.
func (d *drawing) quantile(n []float64, q float64) float64 {
	var all, below float64
	for _, x := range n {
		all += x
	}
	for k, x := range n {
		if rank := q * all; below+x >= rank && x > 0 {
			return float64(d.from[k]) + (rank-below)/x*float64(d.to[k]-d.from[k])
		}
		below += x
	}
	return 0
}
