package timeline

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Geometry of every histogram: values in nanoseconds, told apart from one
// microsecond up, to three significant digits. All histograms share it, so
// merging them loses nothing.
const (
	Lowest  = time.Microsecond
	Highest = 10 * time.Minute
	digits  = 3
)

// NewHistogram returns an empty histogram of the shared geometry.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(Lowest), int64(Highest), digits)
}

// NewPackedHistogram returns an empty histogram of the shared geometry that holds
// only buckets with something in them.
func NewPackedHistogram() *hdrhistogram.PackedHistogram {
	return hdrhistogram.NewPacked(int64(Lowest), int64(Highest), digits)
}

// LimitCount counts exactly, not by bucket, how many values lie at and above
// one limit.
type LimitCount struct {
	Limit time.Duration `json:"limit"`
	At    uint64        `json:"at,omitempty"`
	Above uint64        `json:"above,omitempty"`
}

// Distribution is a set of durations: an HDR histogram, and beside it the exact
// counts at the limits that rules name, as a histogram reads up to 0.1 % high.
// The zero value is empty and has no limits.
//
// A few values, what is read back and what is merged is packed: only buckets that
// are not empty, a few hundred as a rule, so that thousands of cells cost neither
// the time nor the memory of walking and keeping the empty ones. Many values are
// recorded into a histogram with a place for every bucket, of 180 KB. Both read
// alike, to the bit.
type Distribution struct {
	hist   *hdrhistogram.Histogram       // of many values
	packed *hdrhistogram.PackedHistogram // of any number; nil if there is the other
	// Sorted by Limit; shared with others until something is recorded.
	limits  []LimitCount
	own     bool // limits are shared with nobody
	clamped uint64
}

// many values are recorded quicker into a full histogram than into a packed one,
// and take as much memory there as they do packed, more or less.
const many = 2048

// maxKept bounds what Reset leaves allocated in a packed histogram.
const maxKept = 64

// NewDistribution returns an empty distribution that counts exactly at limits.
func NewDistribution(limits []time.Duration) Distribution {
	limits = slices.Clone(limits)
	slices.Sort(limits)
	limits = slices.Compact(limits)
	d := Distribution{limits: make([]LimitCount, len(limits))}
	for i, l := range limits {
		d.limits[i].Limit = l
	}
	return d
}

// RestoreDistribution puts a recorded distribution together again. It takes
// ownership of its arguments; packed may be nil.
func RestoreDistribution(
	packed *hdrhistogram.PackedHistogram,
	limits []LimitCount,
	clamped uint64,
) Distribution {
	if packed != nil && packed.TotalCount() == 0 {
		packed = nil
	}
	return Distribution{packed: packed, limits: limits, clamped: clamped}
}

// read is either histogram; nil if nothing was recorded.
func (d *Distribution) read() reader {
	switch {
	case d.hist != nil:
		return d.hist
	case d.packed != nil:
		return d.packed
	}
	return nil
}

// reader is what can be read of a histogram.
type reader interface {
	TotalCount() int64
	ValueAtPercentile(float64) int64
	Mean() float64
	StdDev() float64
	Min() int64
	Max() int64
}

var (
	_ reader = (*hdrhistogram.Histogram)(nil)
	_ reader = (*hdrhistogram.PackedHistogram)(nil)
)

// Wants says that the next Record will need a full histogram: Lend d one before.
func (d *Distribution) Wants() bool { return d.hist == nil && d.Count() >= many }

// Lend gives d an empty histogram of the shared geometry to record into, where
// it would otherwise allocate one of 180 KB; it does nothing if d has one.
func (d *Distribution) Lend(h *hdrhistogram.Histogram) {
	if d.hist != nil {
		return
	}
	if d.packed != nil {
		d.packed.MergeInto(h)
		d.packed = nil
	}
	d.hist = h
}

// Lent says that d records into a full histogram.
func (d *Distribution) Lent() bool { return d.hist != nil }

// Reset empties d, which keeps its limits, and returns the full histogram it
// recorded into, with its values still in it, for another use; nil if it had none.
func (d *Distribution) Reset() *hdrhistogram.Histogram {
	h := d.hist
	d.hist, d.clamped = nil, 0
	if d.packed != nil && d.packed.Populated() <= maxKept {
		d.packed.Reset()
	} else {
		d.packed = nil
	}
	if d.own {
		for i := range d.limits {
			d.limits[i].At, d.limits[i].Above = 0, 0
		}
	}
	return h
}

// StartFrom makes d, if it is empty, what o holds by now.
func (d *Distribution) StartFrom(o *Distribution) {
	if d.Count() == 0 && o.Count() > 0 {
		d.Merge(o)
	}
}

// Record adds v. A negative value counts as 0; one above Highest counts as
// Highest, and in Clamped. The limits see the value as it was.
func (d *Distribution) Record(v time.Duration) {
	switch {
	case d.Wants():
		d.Lend(NewHistogram())
	case d.hist == nil && d.packed == nil:
		d.packed = NewPackedHistogram()
	}
	if !d.own {
		d.limits, d.own = slices.Clone(d.limits), true
	}
	for i := range d.limits {
		switch l := &d.limits[i]; {
		case v > l.Limit:
			l.Above++
		case v == l.Limit:
			l.At++
		}
	}
	v = max(v, 0)
	if v > Highest {
		v = Highest
		d.clamped++
	}
	var err error
	if d.hist != nil {
		err = d.hist.RecordValue(int64(v))
	} else {
		err = d.packed.RecordValue(int64(v))
	}
	if err != nil {
		panic("timeline: a clamped value was refused by the histogram: " + err.Error())
	}
}

// Merge adds all of o's values. Limits that only one side counted are dropped,
// as their counts would no longer be exact, unless that other side is empty.
func (d *Distribution) Merge(o *Distribution) {
	if o.Count() == 0 {
		if d.Count() == 0 && len(d.limits) == 0 {
			d.limits, d.own = slices.Clone(o.limits), true
		}
		return
	}
	switch {
	case d.Count() == 0:
		d.limits = slices.Clone(o.limits)
	case d.own && slices.EqualFunc(d.limits, o.limits, sameLimit):
		for i, l := range o.limits {
			d.limits[i].At += l.At
			d.limits[i].Above += l.Above
		}
	default:
		d.limits = mergeLimits(d.limits, o.limits)
	}
	d.own = true
	if d.mergeCounts(o) > 0 {
		panic("timeline: histograms of unlike geometry were merged")
	}
	d.clamped += o.clamped
}

func (d *Distribution) mergeCounts(o *Distribution) (dropped int64) {
	theirs := o.packed
	switch {
	case d.hist != nil && o.hist != nil:
		return d.hist.Merge(o.hist)
	case d.hist != nil:
		return theirs.MergeInto(d.hist)
	case o.hist != nil:
		theirs = NewPackedHistogram()
		dropped = theirs.MergeFrom(o.hist)
	case d.packed == nil || d.packed.TotalCount() == 0:
		theirs = theirs.Clone()
	}
	if d.packed == nil || d.packed.TotalCount() == 0 {
		d.packed = theirs
		return dropped
	}
	return dropped + d.packed.Merge(theirs)
}

func sameLimit(a, b LimitCount) bool { return a.Limit == b.Limit }

func mergeLimits(a, b []LimitCount) []LimitCount {
	var out []LimitCount
	for _, x := range a {
		i, ok := findLimit(b, x.Limit)
		if ok {
			out = append(out, LimitCount{x.Limit, x.At + b[i].At, x.Above + b[i].Above})
		}
	}
	return out
}

func findLimit(ls []LimitCount, limit time.Duration) (int, bool) {
	return slices.BinarySearchFunc(
		ls,
		limit,
		func(l LimitCount, t time.Duration) int { return cmp.Compare(l.Limit, t) },
	)
}

// Clone returns an independent copy.
func (d *Distribution) Clone() Distribution {
	var c Distribution
	c.Merge(d)
	return c
}

// Count is the number of values.
func (d *Distribution) Count() uint64 {
	if h := d.read(); h != nil {
		return uint64(h.TotalCount())
	}
	return 0
}

// Clamped is the number of values above Highest.
func (d *Distribution) Clamped() uint64 { return d.clamped }

// Limits returns the exact counts, sorted by limit. The slice is shared.
func (d *Distribution) Limits() []LimitCount { return d.limits }

// MergeInto adds all values to h, which has the shared geometry.
func (d *Distribution) MergeInto(h *hdrhistogram.PackedHistogram) {
	if d.packed != nil {
		h.Merge(d.packed)
	}
	if d.hist != nil {
		h.MergeFrom(d.hist)
	}
}

// Histogram returns the histogram, nil when empty. It may be shared: read it only.
// Of a distribution that is packed it is made for the call.
func (d *Distribution) Histogram() *hdrhistogram.Histogram {
	switch {
	case d.Count() == 0:
		return nil
	case d.hist != nil:
		return d.hist
	}
	h := NewHistogram()
	d.packed.MergeInto(h)
	return h
}

// Rank is the position, from 1, of the q-quantile among n sorted values:
// ⌈q·n⌉, the nearest-rank definition; q is in 0..1. The product is forgiven
// 1e-15 relative, some roundings of floating point, so that 0.07 of 100 is the
// 7th and not the 8th; a larger forgiveness would lose ranks of long runs.
func Rank(q float64, n uint64) uint64 {
	if n == 0 {
		return 0
	}
	r := math.Ceil(q * float64(n) * (1 - 1e-15))
	return min(max(uint64(r), 1), n)
}

// Quantile returns the value at the q-quantile's nearest rank, q in 0..1, read
// at the top of its bucket, so up to 0.1 % high; false when empty.
func (d *Distribution) Quantile(q float64) (time.Duration, bool) {
	n := d.Count()
	if n == 0 {
		return 0, false
	}
	// The library takes rank ⌊p/100·n+0.5⌋; asking for the middle of the rank's
	// own step makes it take exactly the nearest rank.
	r := Rank(q, n)
	return time.Duration(d.read().ValueAtPercentile(float64(r) / float64(n) * 100)), true
}

// Bucket is the range of values that a histogram does not tell apart from v, both ends
// included: some 0.1 % of v wide.
func Bucket(v time.Duration) (least, greatest time.Duration) {
	h := NewPackedHistogram()
	if h.RecordValue(int64(min(max(v, 0), Highest))) != nil {
		return v, v
	}
	return time.Duration(h.Min()), time.Duration(h.Max())
}

// AtMost is how many values are at most the limit: between least and most of them, as far as the
// histogram tells, and both the same where the limit was counted at.
func (d *Distribution) AtMost(limit time.Duration) (least, most uint64) {
	n := d.Count()
	if i, found := findLimit(d.limits, limit); found {
		return n - d.limits[i].Above, n - d.limits[i].Above
	}
	// All values of a bucket read as its greatest one.
	within := func(v time.Duration) uint64 {
		return uint64(sort.Search(int(n), func(i int) bool {
			return d.read().ValueAtPercentile(float64(i+1)/float64(n)*100) > int64(v)
		}))
	}
	lower, upper := Bucket(limit)
	if limit == upper {
		return within(limit), within(limit)
	}
	return within(lower - 1), within(upper)
}

// CompareQuantile says by exact count how the q-quantile stands to limit: -1
// below, 0 equal, 1 above. ok is false when the distribution is empty or did
// not count at this limit.
func (d *Distribution) CompareQuantile(q float64, limit time.Duration) (cmp int, ok bool) {
	n := d.Count()
	if n == 0 {
		return 0, false
	}
	i, found := findLimit(d.limits, limit)
	if !found {
		return 0, false
	}
	r, l := Rank(q, n), d.limits[i]
	switch below := n - l.Above - l.At; {
	case r <= below:
		return -1, true
	case r <= below+l.At:
		return 0, true
	}
	return 1, true
}

// CountAbove is how many values are greater than v. It is exact if values were counted at v.
// Otherwise it goes by buckets, and leaves out the values in v's own bucket.
func (d *Distribution) CountAbove(v time.Duration) uint64 {
	if i, found := findLimit(d.limits, v); found && d.Count() > 0 {
		return d.limits[i].Above
	}
	var above uint64
	packed := d.packed
	if packed == nil && d.hist != nil {
		packed = NewPackedHistogram()
		packed.MergeFrom(d.hist)
	}
	if packed == nil {
		return 0
	}
	for at, n := range packed.ForEachBucket {
		if at > int64(v) {
			above += uint64(n)
		}
	}
	return above
}

// Mean returns the arithmetic mean; false when empty.
func (d *Distribution) Mean() (time.Duration, bool) {
	if d.Count() == 0 {
		return 0, false
	}
	return time.Duration(d.read().Mean()), true
}

// StdDev returns the standard deviation; false when empty.
func (d *Distribution) StdDev() (time.Duration, bool) {
	if d.Count() == 0 {
		return 0, false
	}
	return time.Duration(d.read().StdDev()), true
}

// Min returns the least value; false when empty.
func (d *Distribution) Min() (time.Duration, bool) {
	if d.Count() == 0 {
		return 0, false
	}
	return time.Duration(d.read().Min()), true
}

// Max returns the greatest value; false when empty.
func (d *Distribution) Max() (time.Duration, bool) {
	if d.Count() == 0 {
		return 0, false
	}
	return time.Duration(d.read().Max()), true
}
