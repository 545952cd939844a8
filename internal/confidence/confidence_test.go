package confidence

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func about(a, b float64) bool { return math.Abs(a-b) <= 1e-4*math.Max(math.Abs(b), 1e-3) }

// The values are of R's binom.test.
func TestShare(t *testing.T) {
	for _, tt := range []struct{ k, n, level, low, high float64 }{
		{0, 100, 0.95, 0, 0.0362167},
		{5, 100, 0.95, 0.0164319, 0.1128349},
		{100, 100, 0.95, 0.9637833, 1},
		{1, 1000, 0.95, 2.53175e-5, 0.0055589},
		{10, 10, 0.9, 0.7411344, 1},
		{0, 0, 0.95, 0, 1},
	} {
		low, high := Share(tt.k, tt.n, tt.level)
		if !about(low, tt.low) || !about(high, tt.high) {
			t.Errorf("%v of %v: %v to %v, want %v to %v", tt.k, tt.n, low, high, tt.low, tt.high)
		}
	}
}

// A share of very many, and one of parts of samples, are bounded around what was seen.
func TestShareOfAnyNumber(t *testing.T) {
	for _, n := range []float64{0.5, 3.7, 1e3, 1e6, 1e8, 1e12} {
		for _, p := range []float64{0, 1e-6, 0.01, 0.5, 0.99, 1} {
			low, high := Share(p*n, n, 0.95)
			if low < 0 || high > 1 {
				t.Errorf("%v of %v: %v to %v is no share", p*n, n, low, high)
			}
			if p < low || p > high {
				t.Errorf("%v of %v: what was seen is not in %v to %v", p*n, n, low, high)
			}
			if (n == 1e6 || n == 1e8) && p > 0 && p < 1 {
				se := math.Sqrt(p * (1 - p) / n)
				if p*n > 100 && math.Abs(high-p-1.96*se) > 0.2*se {
					t.Errorf("%v of %v: up to %v, want about %v", p*n, n, high, p+1.96*se)
				}
			}
		}
	}
}

// ranks are those of the interval's ends among n sorted samples.
func ranks(q, n, level float64) (low, high float64) {
	l, h := Quantile(q, n, level)
	return math.Floor(l*n + 1e-9), math.Ceil(h*n - 1e-9)
}

// With so many samples above the limit a one-sided test at 95 % passes or fails: docs/verdicts.md.
func TestQuantile(t *testing.T) {
	for _, tt := range []struct{ q, n, pass, fail float64 }{
		{0.99, 1000, 4, 16}, {0.99, 10000, 83, 118},
	} {
		low, high := ranks(tt.q, tt.n, 0.90)
		if pass, fail := tt.n-high, tt.n-low+1; pass != tt.pass || fail != tt.fail {
			t.Errorf("q %v of %v: pass up to %v, fail from %v, want %v and %v",
				tt.q, tt.n, pass, fail, tt.pass, tt.fail)
		}
	}
}

// Of fewer samples than these a percentile is not bounded above.
func TestLeastSamples(t *testing.T) {
	for q, least := range map[float64]float64{0.95: 59, 0.99: 299, 0.999: 2995, 0.9999: 29956} {
		if _, high := Quantile(q, least-1, 0.90); !math.IsInf(high, 1) {
			t.Errorf("q %v of %v: bounded by %v", q, least-1, high)
		}
		if _, high := Quantile(q, least, 0.90); high > 1 {
			t.Errorf("q %v of %v: not bounded", q, least)
		}
	}
}

func TestQuantileHoldsTheTruth(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const runs, n = 2000, 500
	missed := 0
	for range runs {
		below := 0 // how many samples lie below the true quantile
		for range n {
			if r.Float64() < 0.9 {
				below++
			}
		}
		if low, high := ranks(0.9, n, 0.95); float64(below) < low || float64(below) >= high {
			missed++
		}
	}
	if share := float64(missed) / runs; share < 0.02 || share > 0.06 {
		t.Errorf("the 95 %% interval missed the truth in %v of runs", share)
	}
}

func TestEffective(t *testing.T) {
	even := func(blocks int) []Block {
		out := make([]Block, blocks)
		for i := range out {
			out[i] = Block{N: 100, K: 1}
		}
		return out
	}
	burst := even(60)
	for i := range burst {
		burst[i].K = 0
	}
	burst[30].K = 60
	long := even(64)
	for i := range long {
		long[i].K = 0
		if i >= 20 && i < 40 {
			long[i].K = 50
		}
	}
	for _, tt := range []struct {
		name        string
		blocks      []Block
		least, most float64
	}{
		{"too even to be by chance", even(60), 6000, 6000},
		{"one of 60 blocks has all", burst, 0, 100},
		{"a third of the run is another", long, 0, 12},
		{"none", make([]Block, 60), -1, -1},
		{"nine blocks", even(9), -1, -1},
		{"ten blocks", even(10), 1000, 1000},
		{"nine of them with samples", append(even(9), make([]Block, 9)...), -1, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, ok := Effective(tt.blocks, 0.95)
			if !ok {
				n = -1
			}
			if n < tt.least || n > tt.most {
				t.Errorf("worth %v samples, want %v to %v", n, tt.least, tt.most)
			}
		})
	}
}

func TestBursts(t *testing.T) {
	blocks := func(k ...float64) []Block {
		out := make([]Block, 40)
		for i := range out {
			out[i] = Block{N: 100, K: 10}
			if i < len(k) {
				out[i].K = k[i]
			}
		}
		return out
	}
	for _, tt := range []struct {
		name           string
		blocks         []Block
		low, high, off float64
	}{
		{"nothing stands out", blocks(11, 9, 12, 8), 0.1, 0.1, 0},
		{"no samples", make([]Block, 40), 0, 1, 0},
		// One burst of 40 in 4000 counts as half of one, of which Poisson's interval ends at 4.7:
		// there may be 9.3 times as much of it.
		{"one burst", blocks(50), 0.11, 0.19, 0.02},
		{"one burst in two blocks", blocks(10, 30, 30), 0.11, 0.19, 0.02},
		{"two bursts", append(blocks(10, 30)[:20], blocks(30)[:20]...), 0.11, 0.14, 0.01},
		{"one lull", blocks(0), 0.08, 0.0975, 0.01},
	} {
		t.Run(tt.name, func(t *testing.T) {
			low, high := Bursts(tt.blocks, 0.95)
			if math.Abs(low-tt.low) > tt.off+1e-9 || math.Abs(high-tt.high) > tt.off+1e-9 {
				t.Errorf("%v to %v, want about %v to %v", low, high, tt.low, tt.high)
			}
		})
	}
}

// The order of K and N−K does not matter, nor are blocks changed.
func TestEffectiveIsSymmetric(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		a := make([]Block, 10+r.IntN(60))
		b := make([]Block, len(a))
		for i := range a {
			n := float64(1 + r.IntN(50))
			k := float64(r.IntN(int(n) + 1))
			a[i], b[i] = Block{n, k}, Block{n, n - k}
		}
		before := fmt.Sprint(a)
		x, _ := Effective(a, 0.95)
		y, _ := Effective(b, 0.95)
		if !about(x, y) {
			t.Fatalf("%v and %v", x, y)
		}
		if fmt.Sprint(a) != before {
			t.Fatal("blocks were changed")
		}
	}
}

func ExampleShare() {
	low, high := Share(0, 1000, Level)
	fmt.Printf("no error in 1000 requests: %.2f %% to %.2f %%\n", 100*low, 100*high)
	// Output: no error in 1000 requests: 0.00 % to 0.37 %
}
