package timeline

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCoarseBuckets(t *testing.T) {
	last := coarseBucket(Highest)
	if last >= coarseBuckets {
		t.Fatalf("the greatest value is in bucket %d of %d", last, coarseBuckets)
	}
	for b := range last {
		from, to := coarseFrom(b), coarseFrom(b+1)
		if first, end := coarseBucket(from), coarseBucket(to-1); first != b || end != b {
			t.Fatalf("bucket %d from %v to %v holds values of %d to %d", b, from, to, first, end)
		}
		if from >= 64*time.Microsecond && float64(to-from) > 0.016*float64(from) {
			t.Fatalf("bucket %d from %v to %v is too wide", b, from, to)
		}
	}
}

// Whatever way values come together, they are the same values.
func TestCoarseMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var all, part CoarseSum
		var merged Coarse
		for range 1 + r.IntN(10) {
			d := NewDistribution(nil)
			for range r.IntN(3000) {
				d.Record(time.Duration(r.ExpFloat64() * float64(10*time.Millisecond)))
			}
			all.Add(&d)
			part.Add(&d)
			c := part.Take()
			merged.Merge(&c)
		}
		want := all.Take()
		if diff := cmp.Diff(want, merged, cmp.AllowUnexported(Coarse{})); diff != "" {
			t.Fatalf("-at once +in parts\n%s", diff)
		}
		if rest := all.Take(); rest.Len() > 0 {
			t.Fatalf("%d buckets are left", rest.Len())
		}
	}
}

func TestCoarseAbove(t *testing.T) {
	d := NewDistribution(nil)
	for i := range 1000 {
		d.Record(time.Duration(i+1) * time.Millisecond)
	}
	var s CoarseSum
	s.Add(&d)
	c := s.Take()
	if c.Count() != 1000 {
		t.Fatalf("%d values, want 1000", c.Count())
	}
	for v, want := range map[time.Duration]float64{
		0: 1000, 100 * time.Millisecond: 900, 500 * time.Millisecond: 500,
		990 * time.Millisecond: 10, time.Hour: 0,
	} {
		if got := c.Above(v); got < want-5 || got > want+5 {
			t.Errorf("%v are above %v, want about %v", got, v, want)
		}
	}
}
