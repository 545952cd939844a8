package verdict

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

func TestEnough(t *testing.T) {
	for _, tc := range []struct{ limit, want float64 }{
		{0.01, 100}, {0.99, 100}, {0.001, 1000}, {0.999, 1000}, {0.9999, 10_000}, {0.99999, 100_000}, {0.05, 20}, {0.5, 2}, {0.03, 34}, {0.07, 15},
		{0, 1}, {1, 1}, {-0.1, 1}, {1.1, 1},
	} {
		if got := samplesNeeded(tc.limit); got != tc.want {
			t.Errorf("%v needs %v arrivals, want %v", tc.limit, got, tc.want)
		}
	}
	for _, p := range percentiles { // a percentile needs as many as a share of its errors
		if got := samplesNeeded(p.q); uint64(got) != minSamples(p.q) {
			t.Errorf("%s needs %d samples, and a share of %v needs %v", p.name, minSamples(p.q), p.q, got)
		}
	}
}

func TestSharesOfFew(t *testing.T) {
	for _, tc := range []struct {
		rule   string
		n, bad int
		want   Outcome
		why    string
	}{
		{"error_rate < 1%", 1, 0, Inconclusive, "too few samples for error_rate: 1, and 100 are needed to tell it from 1%; send more"},
		{"error_rate < 1%", 99, 0, Inconclusive, "99, and 100 are needed"},
		{"error_rate < 1%", 100, 0, Pass, ""},
		{"error_rate < 1%", 1, 1, Fail, "error_rate was 100%"}, // of a hundred, one is too many
		{"error_rate <= 1%", 1, 1, Inconclusive, "1, and 100 are needed"},
		{"error_rate <= 1%", 50, 2, Fail, "error_rate was 4%"},
		{"error_rate < 5%", 19, 0, Inconclusive, "19, and 20 are needed"},
		{"error_rate < 5%", 20, 0, Pass, ""},
		{"error_rate > 1%", 10, 2, Pass, ""}, // the other ninety could not take it back
		{"error_rate > 1%", 10, 1, Inconclusive, ""},
		{"availability >= 99.99%", 9998, 0, Inconclusive, "too few samples for availability: 9998, and 10000 are needed to tell it from 99.99%"},
		{"availability >= 99.99%", 10000, 0, Pass, ""},
		{"availability >= 99.99%", 100, 1, Inconclusive, ""}, // of ten thousand, one is allowed
		{"availability >= 99.99%", 100, 2, Fail, "availability was 98%"},
		{"availability < 50%", 1, 1, Inconclusive, "1, and 2 are needed"},

		// None and all are what was seen, and one is enough.
		{"error_rate == 0%", 1, 0, Pass, ""},
		{"error_rate <= 0%", 1, 0, Pass, ""},
		{"error_rate > 0%", 1, 0, Fail, ""},
		{"error_rate < 0%", 1, 0, Fail, ""},
		{"availability >= 100%", 1, 0, Pass, ""},
		{"availability == 100%", 1, 1, Fail, ""},
		{"errors == 0", 1, 0, Pass, ""},

		// However it is written.
		{"1% > error_rate", 10, 0, Inconclusive, "100 are needed"},
		{"!(error_rate >= 1%)", 10, 0, Inconclusive, "100 are needed"},
		{"100% - availability < 1%", 10, 0, Inconclusive, "availability: 10, and 100 are needed to tell it from 99%"},
		{"error_rate + 1% < 2%", 10, 0, Inconclusive, "100 are needed to tell it from 1%"},
		{"2 * error_rate < 1%", 100, 0, Inconclusive, "100, and 200 are needed to tell it from 0.5%"},
		{"1 / (error_rate / 1%) > 1", 10, 1, Fail, ""},
		{"error_rate < 1% && p99 < 1s", 10, 1, Fail, ""},
		{"error_rate < 1% || p50 < 1s", 10, 0, Pass, ""},
		{"every(5s).error_rate < 1%", 150, 0, Inconclusive, "from 0s to 5s: too few samples for every(5s).error_rate: 75, and 100 are needed"},
		{"every(5s).error_rate < 1%", 200, 0, Pass, ""},
		{"window(0s, 1s).error_rate < 1%", 200, 0, Inconclusive, "20, and 100 are needed"},

		// A computed limit counts by its figure.
		{"error_rate <= window(0s, 5s).error_rate + 1%", 50, 0, Inconclusive, "error_rate: 50, and 100 are needed to tell it from 1%"},
		{"error_rate <= window(0s, 5s).error_rate + 1%", 1000, 0, Pass, ""},
		{"window(5s, 10s).error_rate < 0.5 * window(0s, 5s).error_rate", 1000, 1, Inconclusive, "window(5s, 10s).error_rate: 500, and 1000 are needed to tell it from 0.1%"},
		{"window(5s, 10s).error_rate < 2 * window(0s, 5s).error_rate", 1000, 1, Pass, ""},
	} {
		t.Run(fmt.Sprintf("%s, %d of %d", tc.rule, tc.bad, tc.n), func(t *testing.T) {
			r := judgeOne(t, tc.rule, run(10*sec, nil, nil, mix(tc.n, tc.bad, 0, 0)))
			if r.Outcome != tc.want || !strings.Contains(r.Why, tc.why) {
				t.Errorf("got %s: %s; want %s with %s", r.Outcome, r.Why, tc.want, tc.why)
			}
		})
	}
}

// What a busy generator may have made itself counts neither way.
func TestSharesOfFewAndABusyGenerator(t *testing.T) {
	busy := func(_ int, s *timeline.UsageWindow) { s.CPU = 1 }
	for _, tc := range []struct {
		errors string
		want   Outcome
	}{{"status", Fail}, {"timeout", Inconclusive}} {
		tl := sampled(run(10*sec, nil, nil, with(mix(50, 0, 0, 0), 2, tc.errors)), busy)
		if r := judgeOne(t, "error_rate < 2%", tl); r.Outcome != tc.want {
			t.Errorf("2 of 50 with %s: %s, %s; want %s", tc.errors, r.Outcome, r.Why, tc.want)
		}
	}
}

// TestSharesAgainstThoseMissing adds what is missing in every way there is: a
// rule is decided only if all come out alike.
func TestSharesAgainstThoseMissing(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		limit := 1 + rng.IntN(99) // percent
		n := 1 + rng.IntN(120)
		bad := rng.IntN(min(n, 6) + 1)
		op := rule.Comparisons[rng.IntN(len(rule.Comparisons))]
		needed := int(samplesNeeded(float64(limit) / 100))
		outcomes := map[Outcome]bool{}
		missing := max(0, needed-n)
		for more := 0; more <= missing; more++ {
			c := 100*(bad+more) - limit*(n+missing)
			switch holds(op, max(-1, min(c, 1))) {
			case yes:
				outcomes[Pass] = true
			default:
				outcomes[Fail] = true
			}
		}
		want := Inconclusive
		if len(outcomes) == 1 {
			for o := range outcomes {
				want = o
			}
		}
		rule := fmt.Sprintf("error_rate %s %d%%", op, limit)
		r := judgeOne(t, rule, run(10*sec, nil, nil, mix(n, bad, 0, 0)))
		// Between two figures that are alike there may be others that those missing
		// cannot reach; then it is in doubt without need, never decided falsely.
		if r.Outcome != want && !(r.Outcome == Inconclusive && (op == "==" || op == "!=")) {
			t.Errorf("%s with %d of %d: %s, %s; want %s", rule, bad, n, r.Outcome, r.Why, want)
		}
	}
}
