package timeline

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// cpu is a window of a second that begins at from.
func cpu(from int, share float64) UsageWindow {
	at := time.Duration(from) * sec
	return UsageWindow{Window: Window{at, at + sec}, Cores: 2, CPU: share, Files: uint64(from), GCPause: time.Duration(from)}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestUsageWithin(t *testing.T) {
	var l UsageLog
	for i, share := range []float64{0.1, 0.2, 1, 0.96, 0.3, 0.4} {
		if i == 4 {
			continue // one that was not taken
		}
		l.Add(cpu(i, share))
	}
	for _, tc := range []struct {
		name       string
		in         Windows
		mean, most float64
		full, time time.Duration
		windows    uint64
	}{
		{"nothing", nil, 0, 0, 0, 0, 0},
		{"all", Windows{{0, 6 * sec}}, (0.1 + 0.2 + 1 + 0.96 + 0.4) / 5, 1, 2 * sec, 5 * sec, 5},
		{"more than all", Windows{{0, math.MaxInt64}}, (0.1 + 0.2 + 1 + 0.96 + 0.4) / 5, 1, 2 * sec, 5 * sec, 5},
		{"some", Windows{{1 * sec, 3 * sec}}, 0.6, 1, sec, 2 * sec, 2},
		{"several", Windows{{0, sec}, {3 * sec, 4 * sec}}, 0.53, 0.96, sec, 2 * sec, 2},
		{"the second half of one", Windows{{2500 * ms, 3 * sec}}, 1, 1, 500 * ms, 500 * ms, 1},
		{"halves weigh half", Windows{{500 * ms, 2 * sec}}, (0.05 + 0.2) / 1.5, 0.2, 0, 1500 * ms, 2},
		{"a gap", Windows{{4 * sec, 5 * sec}}, 0, 0, 0, 0, 0},
		{"beyond", Windows{{7 * sec, 9 * sec}}, 0, 0, 0, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u := UsageWithin(l.Entries(), tc.in)
			if !near(u.CPU.Mean, tc.mean) || u.CPU.Max != tc.most {
				t.Errorf("mean %v and max %v, want %v and %v", u.CPU.Mean, u.CPU.Max, tc.mean, tc.most)
			}
			if u.Full != tc.full || u.Time != tc.time {
				t.Errorf("full for %v of %v, want %v of %v", u.Full, u.Time, tc.full, tc.time)
			}
			if u.Samples != tc.windows {
				t.Errorf("%d windows, want %d", u.Samples, tc.windows)
			}
		})
	}
}

// TestUsageLogIsBounded compares a log that had to merge with one sum over all
// windows.
func TestUsageLogIsBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for _, n := range []int{1, MaxUsages, MaxUsages + 1, 5*MaxUsages + 3} {
		var l UsageLog
		var want Usage
		for i := range n {
			s := cpu(i, rng.Float64())
			u := s.Usage()
			want.Merge(&u)
			l.Add(s)
		}
		if k := len(l.Entries()); k > MaxUsages || n <= MaxUsages && k != n {
			t.Errorf("%d windows are %d entries", n, k)
		}
		for i, u := range l.Entries() {
			if i > 0 && u.From != l.Entries()[i-1].To {
				t.Fatalf("%d windows: entry %d begins at %v, the one before ends at %v", n, i, u.From, l.Entries()[i-1].To)
			}
		}
		got := UsageWithin(l.Entries(), Windows{{0, math.MaxInt64}})
		if !near(got.CPU.Mean, want.CPU.Mean) {
			t.Errorf("%d windows: mean is %v, want %v", n, got.CPU.Mean, want.CPU.Mean)
		}
		got.CPU.Mean = want.CPU.Mean
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d windows (-want +got):\n%s", n, diff)
		}
		if l.End() != time.Duration(n)*sec {
			t.Errorf("%d windows end at %v", n, l.End())
		}
	}
}
