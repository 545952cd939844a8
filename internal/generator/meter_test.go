package generator

import (
	"context"
	"math"
	"runtime"
	"runtime/metrics"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDifference(t *testing.T) {
	w := timeline.Window{From: time.Second, To: 3 * time.Second}
	four := Limits{Cores: 2, CPUs: 4, Files: 1024, Ports: 28232}
	for _, tc := range []struct {
		name          string
		limits        Limits
		before, after usage
		want          timeline.UsageWindow
	}{
		{"half of two cores, and others", four,
			usage{cpu: 10, work: 1000, total: 5000}, usage{cpu: 12, work: 1600, steal: 80, total: 5800, files: 7, ports: 8, memory: 9},
			timeline.UsageWindow{Cores: 2, CPU: 0.5, CPUs: 4, Others: 0.5, Steal: 0.1, Busy: 0.85, Files: 7, MaxFiles: 1024, Ports: 8, MaxPorts: 28232, Memory: 9}},
		{"the kernel's ticks lag behind", four,
			usage{cpu: 10, total: 5000}, usage{cpu: 12, work: 100, total: 5800},
			timeline.UsageWindow{Cores: 2, CPU: 0.5, CPUs: 4, Busy: 0.25, MaxFiles: 1024, MaxPorts: 28232}},
		{"CPUs are not known", Limits{Cores: 1, CPUs: 1},
			usage{cpu: 1}, usage{cpu: 3}, timeline.UsageWindow{Cores: 1, CPU: 1}},
		{"counters fall", four,
			usage{cpu: 5, work: 900, steal: 5, total: 1000}, usage{cpu: 4, work: 800, steal: 0, total: 1800},
			timeline.UsageWindow{Cores: 2, CPUs: 4, MaxFiles: 1024, MaxPorts: 28232}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.want.Window = w
			got := difference(&tc.limits, w, &tc.before, &tc.after)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	if got := difference(&four, timeline.Window{From: 5, To: 5}, &usage{}, &usage{cpu: 1}); got.CPU != 0 {
		t.Errorf("an empty window has %v of CPU", got.CPU)
	}
}

func TestHistogramSince(t *testing.T) {
	h := func(counts ...uint64) *metrics.Float64Histogram {
		return &metrics.Float64Histogram{Counts: counts, Buckets: []float64{math.Inf(-1), 0.001, 0.002, 0.004, math.Inf(1)}}
	}
	for _, tc := range []struct {
		name      string
		h         *metrics.Float64Histogram
		before    []uint64
		p50, most time.Duration
		sum       time.Duration
	}{
		{"first time", h(2, 1, 0, 0), nil, time.Millisecond, 2 * time.Millisecond, 2500 * time.Microsecond},
		{"nothing new", h(2, 1, 5, 1), []uint64{2, 1, 5, 1}, 0, 0, 0},
		{"one in each", h(3, 2, 6, 2), []uint64{2, 1, 5, 1}, 2 * time.Millisecond, 4 * time.Millisecond, 9 * time.Millisecond},
		{"only the last", h(0, 0, 0, 2), []uint64{0, 0, 0, 1}, 4 * time.Millisecond, 4 * time.Millisecond, 4 * time.Millisecond},
	} {
		if p50, most, sum := quantileSince(tc.h, tc.before, 0.5), quantileSince(tc.h, tc.before, 1), sumSince(tc.h, tc.before); p50 != tc.p50 || most != tc.most || sum != tc.sum {
			t.Errorf("%s: p50 %v, max %v, sum %v; want %v, %v, %v", tc.name, p50, most, sum, tc.p50, tc.most, tc.sum)
		}
	}
}

// burn uses CPU time until f says that it is enough.
func burn(enough func() bool) {
	x := 1.0
	for !enough() {
		for range 10_000 {
			x = math.Sqrt(x + 1)
		}
	}
	runtime.KeepAlive(x)
}

func TestRealSample(t *testing.T) {
	start := time.Now()
	s := NewMeter(0)
	defer s.Close()
	before := ownCPU()
	burn(func() bool { return ownCPU() > before+0.1 })
	runtime.GC()
	got := s.take(time.Since(start))

	l := s.limits
	if l.Cores <= 0 || l.Cores > float64(runtime.NumCPU()) || got.Cores != l.Cores {
		t.Errorf("it may use %v cores of %d; the window says %v", l.Cores, runtime.NumCPU(), got.Cores)
	}
	if got.CPU <= 0 {
		t.Errorf("a busy loop used %v of its CPU", got.CPU)
	}
	if got.GCPause <= 0 || got.GCTotal <= 0 || got.GC <= 0 {
		t.Errorf("a collection paused for %v, in all %v, and took %v", got.GCPause, got.GCTotal, got.GC)
	}
	if got.Memory == 0 {
		t.Error("it uses no memory")
	}
	if runtime.GOOS != "linux" {
		return
	}
	if got.Busy <= 0 {
		t.Errorf("a busy machine used %v of its CPU", got.Busy)
	}
	if got.CPUs < 1 {
		t.Errorf("the machine has %v CPUs", got.CPUs)
	}
	for who, share := range map[string]float64{"others": got.Others, "the hypervisor": got.Steal} {
		if share < 0 || share > 1 {
			t.Errorf("%s took %v of the CPU, want 0 to 1", who, share)
		}
	}
	if got.Files < 5 || got.MaxFiles > 0 && got.Files > got.MaxFiles {
		t.Errorf("%d of %d files are open", got.Files, got.MaxFiles)
	}
	if got.MaxPorts == 0 {
		t.Error("there are no local ports")
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		clock := func() time.Duration { return time.Since(start) }
		s := NewMeter(clock())
		defer s.Close()
		ctx, stop := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer stop()
		var got []timeline.Window
		s.Run(ctx, clock, func(s timeline.UsageWindow) { got = append(got, s.Window) })
		want := []timeline.Window{{From: 0, To: time.Second}, {From: time.Second, To: 2 * time.Second}, {From: 2 * time.Second, To: 3 * time.Second}, {From: 3 * time.Second, To: 3500 * time.Millisecond}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		// What is left of a window may be too short to say anything.
		ctx, stop = context.WithTimeout(t.Context(), 1100*time.Millisecond)
		defer stop()
		got = nil
		s.Run(ctx, clock, func(s timeline.UsageWindow) { got = append(got, s.Window) })
		if len(got) != 1 {
			t.Errorf("got %v, want one window", got)
		}
	})
}

func TestTakeAllocates(t *testing.T) {
	s := NewMeter(0)
	defer s.Close()
	now := time.Duration(0)
	if n := testing.AllocsPerRun(20, func() { now += time.Second; s.take(now) }); n > 5 {
		t.Errorf("a window allocates %v times", n)
	}
}

func BenchmarkTake(b *testing.B) {
	s := NewMeter(0)
	defer s.Close()
	b.ReportAllocs()
	now := time.Duration(0)
	for b.Loop() {
		now += time.Second
		s.take(now)
	}
}
