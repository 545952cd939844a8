package arrivals_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

func stagesOf(process arrivals.Process, stages ...arrivals.Stage) *arrivals.Load {
	l := oneStage(process, arrivals.Hold{1}, time.Second)
	l.Stages = stages
	return l
}

func repeated(n int, s arrivals.Stage) []arrivals.Stage {
	out := make([]arrivals.Stage, n)
	for i := range out {
		out[i] = s
		out[i].Name = fmt.Sprint("stage ", i)
	}
	return out
}

// What a stage is too short for is carried over, so that many short ones send no
// more than a long one.
func TestUniformStagesCarryFractionsOver(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	hold := func(r arrivals.Rate, d time.Duration) arrivals.Stage {
		return arrivals.Stage{For: d, Shape: arrivals.Hold{r}}
	}
	pause := func(d time.Duration) arrivals.Stage { return arrivals.Stage{For: d, Shape: arrivals.Pause{true}} }
	for name, c := range map[string]struct {
		stages []arrivals.Stage
		want   []time.Duration
	}{
		"one short stage":             {[]arrivals.Stage{hold(1, 100*ms)}, []time.Duration{0}},
		"ten short stages, one whole": {repeated(10, hold(1, 100*ms)), []time.Duration{0}},
		"thirty short stages":         {repeated(30, hold(1, 100*ms)), []time.Duration{0, s, 2 * s}},
		"a pause stops the clock":     {[]arrivals.Stage{hold(1, 500*ms), pause(10 * s), hold(1, s)}, []time.Duration{0, 11 * s}},
		"another rate goes on":        {[]arrivals.Stage{hold(1, 500*ms), hold(10, 100*ms)}, []time.Duration{0, 550 * ms}},
		"whole stages begin with one": {[]arrivals.Stage{hold(2, s), hold(4, s)}, []time.Duration{0, 500 * ms, s, 1250 * ms, 1500 * ms, 1750 * ms}},
		"users carry nothing":         {[]arrivals.Stage{hold(1, 500*ms), {For: s, Shape: arrivals.Users{1, 1, 0}}, hold(1, s)}, []time.Duration{0, 2 * s}},
		"nor does a trace": {[]arrivals.Stage{hold(1, 500*ms), {For: s, Shape: traceOf("x", 1, 0, 20*ms)}, hold(1, s)},
			[]time.Duration{0, 500 * ms, 520 * ms, 2 * s}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []time.Duration
			for _, a := range all(stagesOf(arrivals.Uniform, c.stages...)) {
				got = append(got, a.Intended)
			}
			if len(got) != len(c.want) {
				t.Fatalf("expected %v, found %v", c.want, got)
			}
			for i := range got {
				if d := got[i] - c.want[i]; d < -time.Microsecond || d > time.Microsecond {
					t.Errorf("expected %v, found %v", c.want, got)
				}
			}
		})
	}
}

// However a load is cut into stages, at every moment as many arrivals have come as
// the integral of its rate says, rounded up.
func TestUniformArrivalsFollowTheIntegral(t *testing.T) {
	for n := range uint64(200) {
		rng := rand.New(rand.NewPCG(7, n))
		l := stagesOf(arrivals.Uniform)
		for i := range 1 + rng.IntN(40) {
			s := arrivals.Stage{Name: fmt.Sprint(i), For: time.Duration(1+rng.IntN(300)) * time.Millisecond}
			switch rng.IntN(5) {
			case 0:
				s.Shape = arrivals.Pause{true}
			case 1:
				s.Shape = arrivals.Ramp{arrivals.Rate(rng.IntN(30)), arrivals.Rate(1 + rng.IntN(30))}
			case 2:
				s.Shape = arrivals.Steps{arrivals.Rate(rng.IntN(9)), arrivals.Rate(1 + rng.IntN(50)), 2 + rng.IntN(4)}
			case 3:
				s.Shape = arrivals.Sine{10, 5, 50 * time.Millisecond}
			default:
				s.Shape = arrivals.Hold{arrivals.Rate(float64(1+rng.IntN(200)) / 10)}
			}
			l.Stages = append(l.Stages, s)
		}
		got := all(l)
		if want := l.Expected(); math.Abs(float64(len(got))-math.Ceil(want-1e-5)) > 1e-9 && math.Abs(want-math.Round(want)) > 1e-5 {
			t.Errorf("load %d: expected %v arrivals, rounded up, found %d", n, want, len(got))
		}
		var before float64
		var begin time.Duration
		k := 0
		for i, s := range l.Stages {
			open := s.Shape.(arrivals.OpenShape)
			for ; k < len(got) && got[k].Stage == i; k++ {
				at := got[k].Intended - begin
				lo := before + open.Expected(max(0, at-1), s.For)
				hi := before + open.Expected(min(at+2, s.For), s.For)
				if float64(k) < lo-1e-4 || float64(k) > hi+1e-4 {
					t.Fatalf("load %d: arrival %d comes where the integral is %v to %v", n, k, lo, hi)
				}
			}
			before += open.Expected(s.For, s.For)
			begin += s.For
		}
	}
}

// A Poisson process forgets: cut into short stages it has as many arrivals as in
// one piece, give or take its standard deviation.
func TestPoissonStagesNeedNoCarrying(t *testing.T) {
	l := stagesOf(arrivals.Poisson, repeated(10_000, arrivals.Stage{For: 100 * time.Millisecond, Shape: arrivals.Hold{1}})...)
	if n := float64(len(all(l))); math.Abs(n-1000) > 5*math.Sqrt(1000) {
		t.Errorf("expected 1000 ± 32 arrivals, found %v", n)
	}
}

// Loads whose stages are whole are what they were before fractions were carried
// over: each stage as if it were alone.
func TestWholeStagesAreWhatTheyWere(t *testing.T) {
	stages := []arrivals.Stage{
		{For: 10 * time.Second, Shape: arrivals.Ramp{10, 100}}, {For: 1500 * time.Millisecond, Shape: arrivals.Hold{6}}, {For: time.Second, Shape: arrivals.Pause{true}},
		{For: 10 * time.Second, Shape: arrivals.Steps{10, 100, 10}}, {For: 10 * time.Second, Shape: arrivals.Spike{10, 100, time.Second}},
		{For: 10 * time.Second, Shape: arrivals.Sine{50, 20, 5 * time.Second}}, {For: 700 * time.Millisecond, Shape: arrivals.Hold{30}}, {For: 3 * time.Second, Shape: arrivals.Hold{1.0 / 3}},
		{For: time.Second, Shape: arrivals.Hold{7}},
	}
	got := all(stagesOf(arrivals.Uniform, stages...))
	var want []time.Duration
	var begin time.Duration
	for _, s := range stages {
		for _, a := range all(stagesOf(arrivals.Uniform, s)) {
			want = append(want, begin+a.Intended)
		}
		begin += s.For
	}
	if found := slices.Collect(func(yield func(time.Duration) bool) {
		for _, a := range got {
			if !yield(a.Intended) {
				return
			}
		}
	}); !slices.Equal(found, want) {
		t.Errorf("expected %d arrivals, found %d", len(want), len(found))
	}
}
