package timeline

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"time"
)

// Values that are kept for long are written by buckets that are wider than those of a histogram: of
// 0.8 % of a value at most for a distribution, and of 6.3 % for a Coarse, of which there are many.
const (
	compactDigits       = 7 // binary ones of a value that tell buckets apart
	compactCoarseDigits = 4
)

// bucketOf is the bucket of a value that so many digits tell apart; see coarseBucket.
func bucketOf(v time.Duration, digits int) uint64 {
	u := uint64(min(max(v, 0), Highest)) >> coarseUnit
	shift := max(bits.Len64(u)-digits-1, 0)
	return uint64(shift)<<digits + u>>shift
}

// bucketFrom is the least value of such a bucket.
func bucketFrom(bucket uint64, digits int) time.Duration {
	shift := int(max(bucket>>digits, 1)) - 1
	return time.Duration(bucket-uint64(shift)<<digits) << (shift + coarseUnit)
}

// compactWriter writes how many values are in each bucket, in the order of buckets.
type compactWriter struct {
	buckets, counts []uint64
}

func (w *compactWriter) add(bucket, n uint64) {
	if k := len(w.buckets); k > 0 && w.buckets[k-1] == bucket {
		w.counts[k-1] += n
		return
	}
	w.buckets, w.counts = append(w.buckets, bucket), append(w.counts, n)
}

// append writes the number of buckets, and of each how far it is from the one before it, and its
// count.
func (w *compactWriter) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(w.buckets)))
	var last uint64
	for i, at := range w.buckets {
		b = binary.AppendUvarint(b, at-last)
		b = binary.AppendUvarint(b, w.counts[i])
		last = at
	}
	return b
}

var errCompact = errors.New("expected a histogram, found other bytes, or less of them")

// readCompact reads what a compactWriter wrote, and returns what follows it. The buckets are below
// most.
func readCompact(b []byte, most uint64, add func(bucket, n uint64) error) ([]byte, error) {
	next := func() (v uint64, ok bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	count, ok := next()
	if !ok || count > most {
		return nil, errCompact
	}
	var at uint64
	for i := range count {
		step, okStep := next()
		n, okCount := next()
		if !okStep || !okCount || step >= most || i > 0 && step == 0 {
			return nil, errCompact
		}
		if at += step; at >= most || n == 0 || n > 1<<53 {
			return nil, errCompact
		}
		if err := add(at, n); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// AppendCompact appends the values of a distribution in a few hundred bytes, by buckets of less
// than 0.8 %. Counts at limits are left out.
func (d *Distribution) AppendCompact(b []byte) []byte {
	packed := d.packed
	if packed == nil && d.hist != nil {
		packed = NewPackedHistogram()
		packed.MergeFrom(d.hist)
	}
	b = binary.AppendUvarint(b, d.clamped)
	var w compactWriter
	if packed != nil {
		for v, n := range packed.ForEachBucket {
			w.add(bucketOf(time.Duration(v), compactDigits), uint64(n))
		}
	}
	return w.append(b)
}

// ReadCompact reads what AppendCompact appended, and returns what follows it. Values are in the
// middle of their buckets.
func ReadCompact(b []byte) (d Distribution, rest []byte, err error) {
	clamped, n := binary.Uvarint(b)
	if n <= 0 || clamped > 1<<53 {
		return d, nil, errCompact
	}
	packed := NewPackedHistogram()
	most := bucketOf(Highest, compactDigits) + 1
	rest, err = readCompact(b[n:], most, func(bucket, n uint64) error {
		from, to := bucketFrom(bucket, compactDigits), bucketFrom(bucket+1, compactDigits)
		return packed.RecordValues(int64(min(from+(to-from)/2, Highest)), int64(n))
	})
	if err != nil {
		return d, nil, err
	}
	return RestoreDistribution(packed, nil, clamped), rest, nil
}

// AppendCompact appends the values of a histogram, by buckets of less than 6.3 %.
func (c *Coarse) AppendCompact(b []byte) []byte {
	var w compactWriter
	for i := range c.at {
		w.add(bucketOf(coarseFrom(int(c.at[i])), compactCoarseDigits), c.n[i])
	}
	return w.append(b)
}

// ReadCompactCoarse reads what Coarse.AppendCompact appended, and returns what follows it. Values
// are spread evenly over their buckets.
func ReadCompactCoarse(b []byte) (c Coarse, rest []byte, err error) {
	most := bucketOf(Highest, compactCoarseDigits) + 1
	rest, err = readCompact(b, most, func(bucket, n uint64) error {
		first := coarseBucket(bucketFrom(bucket, compactCoarseDigits))
		last := coarseBucket(min(bucketFrom(bucket+1, compactCoarseDigits)-1, Highest))
		parts := uint64(last - first + 1)
		for i := range parts {
			if share := n*(i+1)/parts - n*i/parts; share > 0 {
				c.at, c.n = append(c.at, uint16(first)+uint16(i)), append(c.n, share)
			}
		}
		return nil
	})
	return c, rest, err
}
