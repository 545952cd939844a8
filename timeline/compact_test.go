package timeline

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestCompactBuckets(t *testing.T) {
	for _, digits := range []int{compactCoarseDigits, coarseDigits, compactDigits} {
		for b := range bucketOf(Highest, digits) {
			from, to := bucketFrom(b, digits), bucketFrom(b+1, digits)
			if first, end := bucketOf(from, digits), bucketOf(to-1, digits); first != b || end != b {
				t.Fatalf("%d digits: bucket %d from %v to %v holds values of %d to %d",
					digits, b, from, to, first, end)
			}
		}
	}
	for v := time.Duration(0); v < Highest; v = v*9/8 + 777 {
		if got, want := bucketOf(v, coarseDigits), coarseBucket(v); got != uint64(want) {
			t.Fatalf("%v is in the buckets %d and %d", v, got, want)
		}
	}
}

// What is read is what was written, to less than a percent, and whole.
func TestCompactKeepsFigures(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 30, 5000} {
		d := NewDistribution(nil)
		for range n {
			d.Record(time.Duration(r.ExpFloat64() * float64(30*time.Millisecond)))
		}
		if n > 1 {
			d.Record(Highest + time.Second)
		}
		var sum CoarseSum
		sum.Add(&d)
		c := sum.Take()
		b := append(c.AppendCompact(d.AppendCompact(nil)), "rest"...)
		got, b, err := ReadCompact(b)
		if err != nil {
			t.Fatal(err)
		}
		coarse, b, err := ReadCompactCoarse(b)
		if err != nil {
			t.Fatal(err)
		}
		if string(b) != "rest" || got.Count() != d.Count() || coarse.Count() != d.Count() {
			t.Errorf("%d values: %d and %d, then %q", d.Count(), got.Count(), coarse.Count(), b)
		}
		if got.Clamped() != d.Clamped() {
			t.Errorf("%d were clamped, want %d", got.Clamped(), d.Clamped())
		}
		for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 1} {
			was, _ := d.Quantile(q)
			is, _ := got.Quantile(q)
			if off := (is - was).Abs(); float64(off) > 0.008*float64(was)+float64(time.Microsecond) {
				t.Errorf("the %v-quantile of %d is %v, and was %v", q, n, is, was)
			}
		}
	}
}

func TestCompactRefusesOtherBytes(t *testing.T) {
	d := NewDistribution(nil)
	for i := range 20 {
		d.Record(time.Duration(i) * time.Millisecond)
	}
	whole := d.AppendCompact(nil)
	for i := range whole {
		if _, _, err := ReadCompact(whole[:i]); err == nil {
			t.Errorf("%d of %d bytes are a histogram", i, len(whole))
		}
	}
	for _, bad := range []string{
		"\x00\xff\xff\xff\xff\x0f", "\x00\x01\x00\x00", "\x00\x02\x05\x01\x00\x01", "\x00\x01\xff\x7f\x01",
	} {
		if _, _, err := ReadCompact([]byte(bad)); err == nil {
			t.Errorf("%q is a histogram", bad)
		}
	}
}
