package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// made is a run of so many blocks, whose response times are lognormal around a median that wanders:
// what is slow in a block is slow together.
func made(r *rand.Rand, scopes, blocks, perBlock int, median time.Duration, errors float64) *verdict.Past {
	p := &verdict.Past{}
	for i := range scopes {
		s := verdict.PastScope{
			PastKey: verdict.PastKey{Kind: verdict.PastRequest, Index: i},
			Name:    fmt.Sprint("r", i), Seconds: 60, Stats: timeline.NewStats(nil),
		}
		wander := 0.0
		for range blocks {
			wander = 0.5*wander + 0.05*r.NormFloat64()
			b := timeline.NewStats(nil)
			for range perBlock {
				took := time.Duration(float64(median) * math.Exp(wander+0.5*r.NormFloat64()))
				b.Done++
				if r.Float64() < errors {
					b.Failed++
					b.Err.Record(took)
				} else {
					b.OK.Record(took)
				}
			}
			var sum timeline.CoarseSum
			sum.Add(&b.OK)
			sum.Add(&b.Err)
			s.Blocks = append(s.Blocks, verdict.PastBlock{
				Judged: b.Judged(), Errors: b.Errors(), Response: sum.Take(),
			})
			s.Stats.Merge(b)
		}
		p.Scopes = append(p.Scopes, s)
	}
	return p
}

var options = Options{Seed: 1, Same: 0.05, Samples: 200}

func outcomes(figures []Figure) map[string]Outcome {
	out := map[string]Outcome{}
	for _, f := range figures {
		out[f.Name] = f.Runs[len(f.Runs)-1].Outcome
	}
	return out
}

func TestRuns(t *testing.T) {
	const ms = time.Millisecond
	source := func(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }
	for _, tt := range []struct {
		name string
		a, b *verdict.Past
		want map[string]Outcome
	}{
		{"a third slower, more errors", made(source(1), 1, 60, 500, 20*ms, 0.01), made(source(2), 1, 60, 500, 27*ms, 0.05),
			map[string]Outcome{"p50": Slower, "p95": Slower, "p99": Slower, "error_rate": Worse}},
		{"a third faster, fewer errors", made(source(3), 1, 60, 500, 27*ms, 0.05), made(source(4), 1, 60, 500, 20*ms, 0.01),
			map[string]Outcome{"p50": Faster, "p95": Faster, "p99": Faster, "error_rate": Better}},
		{"too short to tell", made(source(5), 1, 9, 500, 20*ms, 0.01), made(source(6), 1, 9, 500, 40*ms, 0.2),
			map[string]Outcome{"p50": CannotTell, "p95": CannotTell, "p99": CannotTell, "error_rate": CannotTell}},
		{"too few for a p99", made(source(7), 1, 12, 5, 20*ms, 0), made(source(8), 1, 12, 5, 90*ms, 0),
			map[string]Outcome{"p50": Slower, "p95": Slower, "p99": CannotTell, "error_rate": CannotTell}},
		{"another scope", made(source(9), 1, 12, 50, 20*ms, 0), &verdict.Past{},
			map[string]Outcome{"p50": CannotTell, "p95": CannotTell, "p99": CannotTell, "error_rate": CannotTell}},
		{"the same, of which much is known", made(source(10), 1, 64, 3000, 20*ms, 0.01), made(source(11), 1, 64, 3000, 20*ms, 0.01),
			map[string]Outcome{"p50": Same, "p95": Same, "p99": Same, "error_rate": CannotTell}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Runs([]*verdict.Past{tt.a, tt.b}, options)
			if diff := cmp.Diff(tt.want, outcomes(got)); diff != "" {
				t.Errorf("-want +got\n%s\n%+v", diff, got)
			}
			for _, f := range got {
				if s := f.Runs[1]; s.Bounded && (s.Change < s.Low || s.Change > s.High) {
					t.Errorf("%s: %v is not in %v to %v", f.Name, s.Change, s.Low, s.High)
				}
			}
		})
	}
}

func TestSeedDecides(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	runs := []*verdict.Past{
		made(r, 2, 20, 100, time.Millisecond, 0.1), made(r, 2, 20, 100, time.Millisecond, 0.1),
	}
	if diff := cmp.Diff(Runs(runs, options), Runs(runs, options)); diff != "" {
		t.Error(diff)
	}
}

// Two runs of one system are told apart no more often than one should think.
func TestRunsOfOneSystem(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	r := rand.New(rand.NewPCG(7, 7))
	const trials = 120
	wrong := map[string]int{}
	for range trials {
		a := made(r, 1, 40, 100, 20*time.Millisecond, 0.05)
		b := made(r, 1, 40, 100, 20*time.Millisecond, 0.05)
		for _, f := range Runs([]*verdict.Past{a, b}, options) {
			if s := f.Runs[1]; s.Low > 0 || s.High < 0 {
				wrong[f.Name]++
			}
		}
	}
	for name, n := range wrong {
		if share := float64(n) / trials; share > 0.10 {
			t.Errorf("%s seems to differ in %v of runs", name, share)
		}
	}
}

// BenchmarkRuns compares two runs with the scopes of ten requests, three stages and five faults.
func BenchmarkRuns(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	runs := []*verdict.Past{
		made(r, 29, 60, 1000, 20*time.Millisecond, 0.01), made(r, 29, 60, 1000, 20*time.Millisecond, 0.01),
	}
	b.ReportAllocs()
	for b.Loop() {
		Runs(runs, Options{Seed: 1, Same: 0.05})
	}
}
