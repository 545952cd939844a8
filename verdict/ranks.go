package verdict

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// ranks tells the percentiles of figures of any size and sign, in memory that does not grow with
// their number: they are counted in buckets that are at most 0.1 % wide, and exactly at some
// limits. The zero value is empty and has no limits.
type ranks struct {
	n       uint64
	buckets map[int64]uint64
	limits  []rankLimit // sorted
}

// rankLimit counts what is below a limit, and what is the same.
type rankLimit struct {
	limit     float64
	below, at uint64
}

func newRanks(limits []float64) *ranks {
	r := &ranks{buckets: map[int64]uint64{}}
	for _, l := range limits {
		r.limits = append(r.limits, rankLimit{limit: l})
	}
	return r
}

// bucketBits are the bits of a float64 that a bucket leaves out: of its 52 after the point, ten
// are left.
const bucketBits = 42

// bucketOf numbers buckets in the order of their values.
func bucketOf(v float64) int64 {
	b := int64(math.Float64bits(math.Abs(v)) >> bucketBits)
	if v < 0 {
		return -1 - b
	}
	return b
}

// bucketEnds are between which values those of a bucket lie: the nearer one to 0 is one of them,
// the other begins the next bucket.
func bucketEnds(b int64) (low, high float64) {
	if b < 0 {
		low, high = bucketEnds(-1 - b)
		return -high, -low
	}
	return math.Float64frombits(
			uint64(b) << bucketBits,
		), math.Float64frombits(
			uint64(b+1) << bucketBits,
		)
}

func (r *ranks) add(v float64) {
	r.n++
	r.buckets[bucketOf(v)]++
	for i := range r.limits {
		switch l := &r.limits[i]; {
		case v < l.limit:
			l.below++
		case v == l.limit:
			l.at++
		}
	}
}

// merge adds what o counted, at the same limits.
func (r *ranks) merge(o *ranks) {
	r.n += o.n
	for b, n := range o.buckets {
		r.buckets[b] += n
	}
	for i := range r.limits {
		r.limits[i].below += o.limits[i].below
		r.limits[i].at += o.limits[i].at
	}
}

func (r *ranks) clone() *ranks {
	return &ranks{n: r.n, buckets: maps.Clone(r.buckets), limits: slices.Clone(r.limits)}
}

// at is where the value of a rank, from 1 to n, lies.
func (r *ranks) at(rank uint64) (low, high float64) {
	for _, b := range slices.Sorted(maps.Keys(r.buckets)) {
		n := r.buckets[b]
		if rank <= n {
			return bucketEnds(b)
		}
		rank -= n
	}
	return math.NaN(), math.NaN()
}

// compared is how the value of a rank stands to each limit, by exact count.
func (r *ranks) compared(rank uint64) map[float64]int {
	out := make(map[float64]int, len(r.limits))
	for _, l := range r.limits {
		switch {
		case rank <= l.below:
			out[l.limit] = -1
		case rank <= l.below+l.at:
			out[l.limit] = 0
		default:
			out[l.limit] = 1
		}
	}
	return out
}

// rankOf is the rank of the q-quantile.
func (r *ranks) rankOf(q float64) uint64 { return timeline.Rank(q, r.n) }

// insertLimit keeps limits sorted and each once.
func insertLimit(limits []float64, l float64) []float64 {
	i, found := slices.BinarySearchFunc(limits, l, cmp.Compare[float64])
	if found {
		return limits
	}
	return slices.Insert(limits, i, l)
}
