package arrivals_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

func all(l *arrivals.Load) []arrivals.Arrival { return slices.Collect(l.Schedule()) }

func oneStage(process arrivals.Process, s arrivals.Shape, d time.Duration) *arrivals.Load {
	return &arrivals.Load{Seed: 42, Process: process, Stages: []arrivals.Stage{{Name: "only", For: d, Shape: s}}, Requests: []float64{1}}
}

func TestUniformHoldIsExact(t *testing.T) {
	got := all(oneStage(arrivals.Uniform, arrivals.Hold{1000}, 10*time.Second))
	if len(got) != 10_000 {
		t.Fatalf("expected 10000 arrivals, found %d", len(got))
	}
	for k, a := range got {
		if want := (arrivals.Arrival{Seq: uint64(k), Nth: uint64(k), Intended: time.Duration(k) * time.Millisecond}); a != want {
			t.Fatalf("expected %+v, found %+v", want, a)
		}
	}
}

// Every shape in the registry: the right number, in order, within the stage,
// none where the rate is 0, and arrival k where Expected is k.
func TestUniformSchedule(t *testing.T) {
	const total = 10 * time.Second
	for _, s := range openSamples() {
		got := all(oneStage(arrivals.Uniform, s, total))
		if want := int(math.Ceil(s.Expected(total, total) - 1e-6)); len(got) != want {
			t.Errorf("%s: expected %d arrivals, found %d", s, want, len(got))
		}
		last := time.Duration(-1)
		for k, a := range got {
			if a.Intended < last || a.Intended < 0 || a.Intended >= total {
				t.Fatalf("%s: arrival %d at %s, after %s", s, k, a.Intended, last)
			}
			last = a.Intended
			// Expected is k to within what two nanoseconds bring.
			lo, hi := s.Expected(max(0, a.Intended-1), total), s.Expected(a.Intended+2, total)
			if float64(k) < lo-1e-6 || float64(k) > hi+1e-6 {
				t.Fatalf("%s: arrival %d at %s, where expected is %v to %v", s, k, a.Intended, lo, hi)
			}
			if s.Rate(a.Intended+1000, total) == 0 && s.Rate(max(0, a.Intended-1000), total) == 0 {
				t.Fatalf("%s: arrival %d at %s, where the rate is 0", s, k, a.Intended)
			}
		}
	}
}

// A Poisson process has as many arrivals in any stretch as the integral of its
// rate, give or take a few standard deviations (its square root).
func TestPoissonSchedule(t *testing.T) {
	const total = 10 * time.Second
	for _, s := range openSamples() {
		var runs [][]arrivals.Arrival
		for seed := range uint64(40) {
			l := oneStage(arrivals.Poisson, s, total)
			l.Seed = seed
			runs = append(runs, all(l))
		}
		for from := time.Duration(0); from < total; from += total / 5 {
			to := from + total/5
			want := 40 * (s.Expected(to, total) - s.Expected(from, total))
			var got float64
			for _, r := range runs {
				for _, a := range r {
					if a.Intended >= from && a.Intended < to {
						got++
					}
				}
			}
			if math.Abs(got-want) > 5*math.Sqrt(want)+1e-9 {
				t.Errorf("%s: expected %.0f ± %.0f arrivals from %s to %s, found %.0f", s, want, math.Sqrt(want), from, to, got)
			}
		}
		for _, r := range runs {
			if !slices.IsSortedFunc(r, func(a, b arrivals.Arrival) int { return int(a.Intended - b.Intended) }) {
				t.Errorf("%s: arrivals are not in order", s)
			}
			if n := len(r); n > 0 && r[n-1].Intended >= total {
				t.Errorf("%s: an arrival at %s", s, r[n-1].Intended)
			}
		}
	}
}

// In a Poisson process the gaps' standard deviation is their mean; in evenly
// spaced arrivals it is 0.
func TestPoissonGapsScatter(t *testing.T) {
	got := all(oneStage(arrivals.Poisson, arrivals.Hold{1000}, 20*time.Second))
	var sum, squares float64
	for i := 1; i < len(got); i++ {
		gap := (got[i].Intended - got[i-1].Intended).Seconds()
		sum += gap
		squares += gap * gap
	}
	n := float64(len(got) - 1)
	mean := sum / n
	if cv := math.Sqrt(squares/n-mean*mean) / mean; cv < 0.95 || cv > 1.05 {
		t.Errorf("expected a coefficient of variation of 1, found %v", cv)
	}
}

// A trace is replayed as it was, whatever the process; what the stage is too
// short for is cut off.
func TestTraceIsExactInEveryProcess(t *testing.T) {
	const ms = time.Millisecond
	instants := []time.Duration{0, 10 * ms, 10 * ms, 15 * ms, 1000 * ms, 1001 * ms}
	for _, process := range []arrivals.Process{arrivals.Uniform, arrivals.Poisson} {
		for _, c := range []struct {
			speed float64
			total time.Duration
			want  []time.Duration
		}{
			{1, 2 * time.Second, instants},
			{1, 1000 * ms, instants[:4]},
			{1, 1000*ms + 1, instants[:5]},
			{2, 2 * time.Second, []time.Duration{0, 5 * ms, 5 * ms, 7500 * time.Microsecond, 500 * ms, 500500 * time.Microsecond}},
			{3, 4 * ms, []time.Duration{0, 3333333, 3333333}},
		} {
			got := intended(all(oneStage(process, traceOf("x", c.speed, instants...), c.total)), 0)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s at speed %v for %s: expected %v, found %v", process, c.speed, c.total, c.want, got)
			}
		}
	}
}

// Users come when they like: what the schedule and its digest hold is the rest.
func TestClosedStagesAreNotScheduled(t *testing.T) {
	l := oneStage(arrivals.Uniform, arrivals.Users{5, 5, 0}, time.Second)
	if n, sha := l.Digest(10); n != 0 || len(sha) != 64 || l.Expected() != 0 {
		t.Errorf("expected no arrivals, found %d, %v", n, l.Expected())
	}
	l.Stages = append(l.Stages, arrivals.Stage{Name: "open", For: time.Second, Shape: arrivals.Hold{2}})
	if got := intended(all(l), 1); !slices.Equal(got, []time.Duration{time.Second, 1500 * time.Millisecond}) {
		t.Errorf("found %v", got)
	}
}

func mixedLoad() *arrivals.Load {
	return &arrivals.Load{
		Seed: 42, Process: arrivals.Poisson,
		Stages: []arrivals.Stage{
			{Name: "a", For: 10 * time.Second, Shape: arrivals.Ramp{0, 200}},
			{Name: "rest", For: 5 * time.Second, Shape: arrivals.Pause{true}},
			{Name: "b", For: 20 * time.Second, Shape: arrivals.Hold{500}},
		},
		Requests: []float64{9, 0, 1},
	}
}

func TestMixFollowsWeights(t *testing.T) {
	count := map[int]uint64{}
	for _, a := range all(mixedLoad()) {
		if a.Nth != count[a.Request] {
			t.Fatalf("arrival %d: expected place %d among its request's, found %d", a.Seq, count[a.Request], a.Nth)
		}
		count[a.Request]++
		if a.Stage == 1 || (a.Intended < 10*time.Second) != (a.Stage == 0) {
			t.Fatalf("arrival %d at %s is in stage %d", a.Seq, a.Intended, a.Stage)
		}
	}
	if count[1] != 0 {
		t.Errorf("a request of weight 0 was drawn %d times", count[1])
	}
	n := float64(count[0] + count[2])
	if share := float64(count[2]) / n; math.Abs(share-0.1) > 5*math.Sqrt(0.09/n) {
		t.Errorf("expected a share of 0.1, found %v", share)
	}
}

func intended(as []arrivals.Arrival, stage int) (out []time.Duration) {
	for _, a := range as {
		if a.Stage == stage {
			out = append(out, a.Intended)
		}
	}
	return out
}

func TestScheduleIsDefinedByLoadAndSeed(t *testing.T) {
	base := all(mixedLoad())
	if !slices.Equal(base, all(mixedLoad())) {
		t.Error("the same load has two schedules")
	}
	other := mixedLoad()
	other.Seed++
	if slices.Equal(base, all(other)) {
		t.Error("another seed gives the same schedule")
	}
	more := mixedLoad()
	more.Requests = append(more.Requests, 3)
	for stage := range 3 {
		if !slices.Equal(intended(base, stage), intended(all(more), stage)) {
			t.Errorf("another request moves the arrivals of stage %d", stage)
		}
	}
	faster := mixedLoad()
	faster.Stages[0].Shape = arrivals.Ramp{0, 400}
	if !slices.Equal(intended(base, 2), intended(all(faster), 2)) {
		t.Error("another first stage moves the arrivals of the last")
	}
}

func TestDigest(t *testing.T) {
	l := mixedLoad()
	n := uint64(len(all(l)))
	count, sha := l.Digest(1 << 20)
	if count != n || len(sha) != 64 {
		t.Errorf("expected %d arrivals and 64 digits, found %d and %q", n, count, sha)
	}
	if math.Abs(l.Expected()-float64(n)) > 5*math.Sqrt(l.Expected()) {
		t.Errorf("expected about %v arrivals, found %d", l.Expected(), n)
	}
	if _, again := mixedLoad().Digest(1 << 20); again != sha {
		t.Error("the same load has two digests")
	}
	if c, short := l.Digest(100); c != 100 || short == sha {
		t.Errorf("expected 100 arrivals and another digest, found %d", c)
	}
	if c, _ := l.Digest(0); c != 0 {
		t.Errorf("expected none, found %d", c)
	}
	// Pinned: a release that changes it sends other requests for the same file.
	const want = "e8abaa3ce612e37fcaa749e9e9a94b785ece7e3385d5506447e85ede00cf5cd3"
	if _, got := oneStage(arrivals.Uniform, arrivals.Ramp{10, 100}, 10*time.Second).Digest(1000); got != want {
		t.Errorf("expected digest %s, found %s", want, got)
	}
}

func TestScheduleIsLazy(t *testing.T) {
	l := oneStage(arrivals.Poisson, arrivals.Hold{1e6}, 1000*time.Hour)
	n := 0
	for range l.Schedule() {
		if n++; n == 10 {
			break
		}
	}
	if n != 10 {
		t.Errorf("expected 10, found %d", n)
	}
}

func BenchmarkSchedule(b *testing.B) {
	for _, s := range []arrivals.Shape{arrivals.Hold{1000}, arrivals.Ramp{10, 1000}, arrivals.Sine{500, 400, time.Minute}, arrivals.Steps{10, 1000, 20}} {
		b.Run(fmt.Sprintf("%T", s), func(b *testing.B) {
			l := oneStage(arrivals.Poisson, s, 1000*time.Hour)
			l.Requests = append(l.Requests, 1)
			n := 0
			for range l.Schedule() {
				if n++; n >= b.N {
					break
				}
			}
		})
	}
}
