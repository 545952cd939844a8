package timeline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	us  = time.Microsecond
	ms  = time.Millisecond
	sec = time.Second
)

func of(limits []time.Duration, values ...time.Duration) Distribution {
	d := NewDistribution(limits)
	for _, v := range values {
		d.Record(v)
	}
	return d
}

// within says whether a reading of the histogram stands for v: not below it,
// and at most 0.1 % or half a microsecond above.
func within(read, v time.Duration) bool {
	return read >= v && read <= v+v/1000+512
}

func TestRank(t *testing.T) {
	for _, tc := range []struct {
		q    float64
		n    uint64
		want uint64
	}{
		{0.5, 0, 0},
		{0, 10, 1},
		{0.5, 1, 1},
		{0.5, 10, 5},
		{0.5, 11, 6},
		{0.99, 100, 99},
		{0.99, 101, 100},
		{0.07, 100, 7}, // 0.07 × 100 is 7.000000000000001
		{0.999, 1000, 999},
		{0.9999, 10_000, 9999},
		{0.9999, 10_001, 10_000},
		{1, 7, 7},
		{1, 5_000_000_000, 5_000_000_000},
		{0.5, 5_000_000_000, 2_500_000_000},
		{0.99, 5_000_000_000, 4_950_000_000},
		{0.99, 5_000_000_001, 4_950_000_001},
	} {
		if got := Rank(tc.q, tc.n); got != tc.want {
			t.Errorf("Rank(%v, %d) = %d, want %d", tc.q, tc.n, got, tc.want)
		}
	}
}

// TestRankAgainstIntegers computes ⌈q·n⌉ for q in ten-thousandths without
// floating point.
func TestRankAgainstIntegers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200_000 {
		k, n := rng.Uint64N(10_001), 1+rng.Uint64N(1<<rng.IntN(34))
		want := max(1, (k*n+9999)/10_000)
		if got := Rank(float64(k)/10_000, n); got != want {
			t.Fatalf("Rank(%d/10000, %d) = %d, want %d", k, n, got, want)
		}
	}
}

func TestEmptyDistribution(t *testing.T) {
	lent := NewDistribution(nil)
	lent.Lend(NewHistogram())
	for name, d := range map[string]Distribution{
		"zero":     {},
		"new":      NewDistribution([]time.Duration{sec}),
		"lent":     lent,
		"restored": RestoreDistribution(NewPackedHistogram(), nil, 0),
	} {
		t.Run(name, func(t *testing.T) {
			if d.Count() != 0 || d.Clamped() != 0 || d.Histogram() != nil {
				t.Errorf("count %d, clamped %d, histogram %v", d.Count(), d.Clamped(), d.Histogram())
			}
			for what, f := range map[string]func() (time.Duration, bool){
				"quantile": func() (time.Duration, bool) { return d.Quantile(0.99) },
				"mean":     d.Mean, "stddev": d.StdDev, "min": d.Min, "max": d.Max,
			} {
				if v, ok := f(); ok || v != 0 {
					t.Errorf("%s of nothing is %v, %v", what, v, ok)
				}
			}
			if _, ok := d.CompareQuantile(0.99, sec); ok {
				t.Error("CompareQuantile of nothing is ok")
			}
		})
	}
}

// TestQuantiles compares with the sorted values, for quantiles and sizes where
// ranks round.
func TestQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, n := range []int{1, 2, 3, 10, 99, 100, 101, 1000, 4321} {
		values := make([]time.Duration, n)
		var d Distribution
		var sum float64
		for i := range values {
			values[i] = min(time.Duration(math.Exp(rng.NormFloat64()*3+16)), Highest)
			d.Record(values[i])
			sum += float64(values[i])
		}
		slices.Sort(values)
		for _, q := range []float64{0, 0.001, 0.01, 0.07, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1} {
			want := values[Rank(q, uint64(n))-1]
			if got, ok := d.Quantile(q); !ok || !within(got, want) {
				t.Errorf("n=%d: quantile %v is %v, %v; want %v", n, q, got, ok, want)
			}
		}
		if got, _ := d.Max(); !within(got, values[n-1]) {
			t.Errorf("n=%d: max is %v, want %v", n, got, values[n-1])
		}
		if got, _ := d.Min(); !within(values[0], got) {
			t.Errorf("n=%d: min is %v, want %v", n, got, values[0])
		}
		mean := sum / float64(n)
		if got, _ := d.Mean(); math.Abs(float64(got)-mean) > mean/1000+512 {
			t.Errorf("n=%d: mean is %v, want %v", n, got, time.Duration(mean))
		}
		var squares float64
		for _, v := range values {
			squares += (float64(v) - mean) * (float64(v) - mean)
		}
		stddev := math.Sqrt(squares / float64(n))
		if got, _ := d.StdDev(); math.Abs(float64(got)-stddev) > (stddev+mean)/500+512 {
			t.Errorf("n=%d: stddev is %v, want %v", n, got, time.Duration(stddev))
		}
	}
}

// TestCompareQuantile compares with the sorted values, at limits so close to them
// that the histogram cannot tell.
func TestCompareQuantile(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	limits := []time.Duration{200*ms - 1, 200 * ms, 200*ms + 1, 0, Highest + sec}
	for range 300 {
		n := 1 + rng.IntN(300)
		values := make([]time.Duration, n)
		for i := range values {
			values[i] = 200*ms + time.Duration(rng.IntN(5)-2)
			switch rng.IntN(20) {
			case 0:
				values[i] = -ms
			case 1:
				values[i] = Highest + time.Duration(rng.IntN(3))*sec
			}
		}
		d := of(limits, values...)
		slices.Sort(values)
		for _, limit := range limits {
			for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
				want := 0
				switch v := values[Rank(q, uint64(n))-1]; {
				case v < limit:
					want = -1
				case v > limit:
					want = 1
				}
				if got, ok := d.CompareQuantile(q, limit); !ok || got != want {
					t.Fatalf("n=%d: quantile %v against %v is %d, %v; want %d", n, q, limit, got, ok, want)
				}
			}
		}
		if _, ok := d.CompareQuantile(0.5, 100*ms); ok {
			t.Fatal("compared with a limit that was not counted")
		}
	}
}

func TestClamp(t *testing.T) {
	limit := Highest + sec
	d := of([]time.Duration{limit}, -sec, 0, Highest, Highest+1, limit, limit+1)
	if d.Count() != 6 || d.Clamped() != 3 {
		t.Errorf("count %d, clamped %d; want 6, 3", d.Count(), d.Clamped())
	}
	if got, _ := d.Max(); !within(got, Highest) {
		t.Errorf("max is %v, want %v", got, Highest)
	}
	if got, _ := d.Min(); got != 0 {
		t.Errorf("min is %v, want 0", got)
	}
	// The limits see the values as they were.
	if diff := cmp.Diff([]LimitCount{{Limit: limit, At: 1, Above: 1}}, d.Limits()); diff != "" {
		t.Errorf("limits: -want +got\n%s", diff)
	}
}

func TestLimitsAreSortedAndUnique(t *testing.T) {
	given := []time.Duration{3 * sec, sec, 3 * sec, 2 * sec}
	d := of(given, 2*sec)
	want := []LimitCount{{Limit: sec, Above: 1}, {Limit: 2 * sec, At: 1}, {Limit: 3 * sec}}
	if diff := cmp.Diff(want, d.Limits()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !slices.Equal(given, []time.Duration{3 * sec, sec, 3 * sec, 2 * sec}) {
		t.Errorf("the caller's limits were changed: %v", given)
	}
}

func TestMergeOfLimits(t *testing.T) {
	type limits = []time.Duration
	one, two := limits{sec}, limits{sec, 2 * sec}
	for _, tc := range []struct {
		name string
		a, b Distribution
		want []LimitCount
	}{
		{"both counted", of(two, sec, 3*sec), of(two, 2*sec), []LimitCount{{sec, 1, 2}, {2 * sec, 1, 1}}},
		{"one side counted", of(two, 3*sec), of(one, 3*sec), []LimitCount{{sec, 0, 2}}},
		{"the other side counted", of(one, 3*sec), of(two, 3*sec), []LimitCount{{sec, 0, 2}}},
		{"none in common", of(limits{3 * sec}, sec), of(one, sec), nil},
		{"into the zero value", Distribution{}, of(two, 2*sec), []LimitCount{{sec, 0, 1}, {2 * sec, 1, 0}}},
		{"into an empty one with fewer", of(one), of(two, 2*sec), []LimitCount{{sec, 0, 1}, {2 * sec, 1, 0}}},
		{"into an empty one with more", of(two), of(one, 2*sec), []LimitCount{{sec, 0, 1}}},
		{"from the zero value", of(two, 2*sec), Distribution{}, []LimitCount{{sec, 0, 1}, {2 * sec, 1, 0}}},
		{"from an empty one with fewer", of(two, 2*sec), of(one), []LimitCount{{sec, 0, 1}, {2 * sec, 1, 0}}},
		{"both empty", Distribution{}, of(two), []LimitCount{{Limit: sec}, {Limit: 2 * sec}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.a.Merge(&tc.b)
			if diff := cmp.Diff(tc.want, tc.a.Limits()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestMergeIsRecording merges parts and compares with one distribution of all.
func TestMergeIsRecording(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	limits := []time.Duration{ms, 20 * ms}
	whole, parts := NewDistribution(limits), make([]Distribution, 5)
	for i := range parts {
		parts[i] = NewDistribution(limits)
	}
	for range 5000 {
		v := time.Duration(rng.ExpFloat64() * float64(10*ms)).Truncate(ms)
		if rng.IntN(1000) == 0 {
			v = Highest + sec
		}
		whole.Record(v)
		parts[rng.IntN(4)].Record(v) // the last stays empty
	}
	var merged Distribution
	for i := range parts {
		merged.Merge(&parts[i])
	}
	copied := merged.Clone()
	merged.Record(sec) // must not show in the copy
	if !copied.Histogram().Equals(whole.Histogram()) || copied.Clamped() != whole.Clamped() {
		t.Error("the merged histograms differ from the one that has all")
	}
	if diff := cmp.Diff(whole.Limits(), copied.Limits()); diff != "" {
		t.Errorf("limits: -want +got\n%s", diff)
	}
}

func TestResetAndLend(t *testing.T) {
	limits := []time.Duration{sec}
	few := of(limits, 2*sec)
	if few.Reset() != nil {
		t.Error("Reset of a few values returned a histogram")
	}
	d := of(limits, 2*sec, 11*time.Minute)
	for range many - 2 {
		d.Record(sec)
	}
	if d.Lent() || !d.Wants() {
		t.Fatal("many values were to want a full histogram")
	}
	d.Record(sec)
	h := d.Reset()
	if h == nil || h.TotalCount() != many+1 {
		t.Fatalf("Reset returned %v, want the histogram of %d values", h, many+1)
	}
	if d.Count() != 0 || d.Clamped() != 0 || d.Limits()[0] != (LimitCount{Limit: sec}) {
		t.Errorf("after Reset: count %d, clamped %d, limits %v", d.Count(), d.Clamped(), d.Limits())
	}
	if d.Reset() != nil {
		t.Error("the second Reset returned a histogram")
	}
	h.Reset()
	d.Lend(h)
	d.Lend(NewHistogram()) // has no effect
	d.Record(3 * sec)
	if d.Histogram() != h || d.Count() != 1 || d.Limits()[0].Above != 1 {
		t.Errorf("after Lend: count %d, limits %v, lent histogram used: %v", d.Count(), d.Limits(), d.Histogram() == h)
	}
}

// Thousands of cells with a value each take no histograms of 180 KB.
func TestFewValuesTakeLittleMemory(t *testing.T) {
	const cells = 2000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	all := make([]*Stats, cells)
	for i := range all {
		all[i] = NewStats([]time.Duration{ms, sec})
		all[i].OK.Record(ms)
		all[i].Service.Record(ms)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / cells; each > 4<<10 {
		t.Errorf("a cell of two values takes %d bytes, expected a few hundred", each)
	}
	runtime.KeepAlive(all)
}

func ExampleDistribution_CompareQuantile() {
	d := NewDistribution([]time.Duration{200 * time.Millisecond})
	for range 100 {
		d.Record(199950 * time.Microsecond)
	}
	read, _ := d.Quantile(0.99)
	cmp, _ := d.CompareQuantile(0.99, 200*time.Millisecond)
	fmt.Println("reads as", read, "but by exact count stands at", cmp)
	// Output: reads as 200.015871ms but by exact count stands at -1
}

func BenchmarkDistributionRecord(b *testing.B) {
	d := NewDistribution([]time.Duration{ms, 10 * ms, 100 * ms})
	b.ReportAllocs()
	v := time.Duration(0)
	for b.Loop() {
		d.Record(v)
		v = (v + 7919*us) % sec
	}
}

// TestPackedReadsAsRecorded compares what was merged, in any way, with what was
// recorded, to the bit.
func TestPackedReadsAsRecorded(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for round := range 200 {
		var recorded, other Distribution
		whole := Distribution{}
		n := 400
		if round%20 == 0 {
			n = 3 * many
		}
		for range 1 + rng.IntN(n) {
			v := time.Duration(math.Exp(rng.NormFloat64()*4 + 16))
			to := &recorded
			if rng.IntN(3) == 0 {
				to = &other
			}
			to.Record(v)
			whole.Record(v)
		}
		packed := recorded.Clone() // recorded into an empty one
		again := packed.Clone()    // packed into an empty one
		theirs := other.Clone()
		sums := map[string]*Distribution{"recorded into packed": &packed, "packed into packed": &again, "packed into recorded": &recorded}
		packed.Merge(&other)
		again.Merge(&theirs)
		recorded.Merge(&theirs)
		if round%2 == 0 { // and recorded into after that
			whole.Record(sec)
			for _, d := range sums {
				d.Record(sec)
			}
		}
		for name, d := range sums {
			if !d.Histogram().Equals(whole.Histogram()) || d.Count() != whole.Count() {
				t.Fatalf("%s: %d values, want those of %d", name, d.Count(), whole.Count())
			}
			for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
				got, _ := d.Quantile(q)
				if want, _ := whole.Quantile(q); got != want {
					t.Fatalf("%s: quantile %v is %v, want %v", name, q, got, want)
				}
			}
			for what, f := range map[string]func(*Distribution) (time.Duration, bool){
				"mean": (*Distribution).Mean, "stddev": (*Distribution).StdDev, "min": (*Distribution).Min, "max": (*Distribution).Max,
			} {
				got, _ := f(d)
				if want, _ := f(&whole); got != want {
					t.Fatalf("%s: %s is %v, want %v", name, what, got, want)
				}
			}
		}
	}
}

// Judging merges a histogram for each interval, request and distribution, most
// of them into an empty one; a wide one has values in some thousand buckets.
func BenchmarkDistributionMerge(b *testing.B) {
	for _, tc := range []struct {
		name   string
		values int
	}{{"", 1000}, {"wide ", 50_000}} {
		var d Distribution
		rng := rand.New(rand.NewPCG(1, 2))
		for range tc.values {
			d.Record(time.Duration(rng.ExpFloat64() * float64(50*time.Millisecond)))
		}
		d = d.Clone() // as it is read back
		b.Run(tc.name+"into empty", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var sum Distribution
				sum.Merge(&d)
			}
		})
		b.Run(tc.name+"into filled", func(b *testing.B) {
			sum := d.Clone()
			b.ReportAllocs()
			for b.Loop() {
				sum.Merge(&d)
			}
		})
	}
}

func TestAtMost(t *testing.T) {
	d := NewDistribution([]time.Duration{50 * time.Millisecond})
	var all []time.Duration
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		v := time.Duration(rng.Int64N(int64(100 * time.Millisecond)))
		d.Record(v)
		all = append(all, v)
	}
	for range 500 {
		limit := all[rng.IntN(len(all))] + time.Duration(rng.IntN(3)-1)
		if rng.IntN(10) == 0 {
			limit = 50 * time.Millisecond
		}
		var want uint64
		for _, v := range all {
			if v <= limit {
				want++
			}
		}
		least, most := d.AtMost(limit)
		if least > want || most < want || most-least > 100 {
			t.Fatalf("at most %v: %d to %d, want %d in it", limit, least, most, want)
		}
		if limit == 50*time.Millisecond && least != most {
			t.Fatalf("at the limit that was counted: %d to %d", least, most)
		}
	}
	var none Distribution
	if least, most := none.AtMost(time.Second); least != 0 || most != 0 {
		t.Errorf("of nothing: %d to %d", least, most)
	}
}
