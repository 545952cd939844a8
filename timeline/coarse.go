package timeline

import (
	"math/bits"
	"slices"
	"time"
)

// Coarse is a histogram in buckets of less than 1.6 % of their values (below 64 µs, of 0.5 µs),
// and takes some ten bytes for each that is not empty: a run can keep many of them. Each bucket of
// a Distribution lies in one of its buckets. The zero value is empty.
type Coarse struct {
	at []uint16 // of the buckets that are not empty, ascending
	n  []uint64
}

const (
	coarseUnit    = 9 // buckets are as exact as 2^9 ns
	coarseDigits  = 6 // binary ones of a value that tell buckets apart
	coarseBuckets = 1664
)

// coarseBucket is the bucket of a value: the first 2·2^coarseDigits have a width of one unit each,
// and each 2^coarseDigits that follow are twice as wide as those before.
func coarseBucket(v time.Duration) int {
	u := uint64(min(max(v, 0), Highest)) >> coarseUnit
	shift := max(bits.Len64(u)-coarseDigits-1, 0)
	return shift<<coarseDigits + int(u>>shift)
}

// coarseFrom is the least value of a bucket, and that at which the next one begins.
func coarseFrom(bucket int) time.Duration {
	shift := max(bucket>>coarseDigits-1, 0)
	return time.Duration(bucket-shift<<coarseDigits) << (shift + coarseUnit)
}

// Len is the number of buckets that are not empty.
func (c *Coarse) Len() int { return len(c.at) }

// Bucket returns the i-th bucket that is not empty: the values from (inclusive) to (exclusive), and
// how many there are.
func (c *Coarse) Bucket(i int) (from, to time.Duration, n uint64) {
	b := int(c.at[i])
	return coarseFrom(b), coarseFrom(b + 1), c.n[i]
}

// Count is the number of values.
func (c *Coarse) Count() uint64 {
	var all uint64
	for _, n := range c.n {
		all += n
	}
	return all
}

// Above is about how many values are greater than v: those of its own bucket are taken to be spread
// evenly over it.
func (c *Coarse) Above(v time.Duration) float64 {
	var above float64
	for i := len(c.at) - 1; i >= 0; i-- {
		from, to, n := c.Bucket(i)
		if to <= v {
			break
		}
		if from >= v {
			above += float64(n)
			continue
		}
		above += float64(n) * float64(to-v) / float64(to-from)
	}
	return above
}

// Merge adds all of o's values.
func (c *Coarse) Merge(o *Coarse) {
	switch {
	case len(o.at) == 0:
		return
	case len(c.at) == 0:
		c.at, c.n = slices.Clone(o.at), slices.Clone(o.n)
		return
	}
	fresh := 0 // buckets that only o has
	for i, j := 0, 0; j < len(o.at); {
		switch {
		case i == len(c.at) || o.at[j] < c.at[i]:
			fresh++
			j++
		case o.at[j] == c.at[i]:
			i++
			j++
		default:
			i++
		}
	}
	// From the end, so that what is moved is not overwritten.
	i, j := len(c.at)-1, len(o.at)-1
	c.at = append(c.at, make([]uint16, fresh)...)
	c.n = append(c.n, make([]uint64, fresh)...)
	for k := len(c.at) - 1; j >= 0; k-- {
		switch {
		case i < 0 || o.at[j] > c.at[i]:
			c.at[k], c.n[k] = o.at[j], o.n[j]
			j--
		case o.at[j] == c.at[i]:
			c.at[k], c.n[k] = c.at[i], c.n[i]+o.n[j]
			i--
			j--
		default:
			c.at[k], c.n[k] = c.at[i], c.n[i]
			i--
		}
	}
}

// CoarseSum gathers the values of many distributions, quicker than Coarse.Merge does. The zero
// value is empty.
type CoarseSum struct {
	n         []uint64 // by bucket; nil until something is added
	low, high int      // of the buckets that are not empty
}

// Add adds all of d's values.
func (s *CoarseSum) Add(d *Distribution) {
	if d.Count() == 0 {
		return
	}
	if s.n == nil {
		s.n, s.low = make([]uint64, coarseBuckets), coarseBuckets
	}
	packed := d.packed
	if packed == nil {
		packed = NewPackedHistogram()
		packed.MergeFrom(d.hist)
	}
	for v, n := range packed.ForEachBucket {
		b := coarseBucket(time.Duration(v))
		s.n[b] += uint64(n)
		s.low, s.high = min(s.low, b), max(s.high, b)
	}
}

// Take returns what was added, and empties s.
func (s *CoarseSum) Take() Coarse {
	if s.n == nil || s.low == coarseBuckets {
		return Coarse{}
	}
	filled := 0
	for _, n := range s.n[s.low : s.high+1] {
		if n > 0 {
			filled++
		}
	}
	c := Coarse{at: make([]uint16, 0, filled), n: make([]uint64, 0, filled)}
	for i, n := range s.n[s.low : s.high+1] {
		if n > 0 {
			c.at, c.n = append(c.at, uint16(s.low+i)), append(c.n, n)
		}
	}
	clear(s.n[s.low : s.high+1])
	s.low, s.high = coarseBuckets, 0
	return c
}
