package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Scores are held against those computed from the single arrivals, by the words of the manual.
func TestScoresAgainstTheArrivals(t *testing.T) {
	outcomes := map[Outcome]int{}
	for seed := range 200 {
		rng := rand.New(rand.NewPCG(uint64(seed), 31))
		var as []arrival
		n := 50 + rng.IntN(2000)
		for i := range n {
			a := arrival{at: time.Duration(i) * 20 * sec / time.Duration(n),
				took: time.Duration(rng.ExpFloat64() * float64(60*ms)).Round(time.Microsecond)}
			switch rng.IntN(40) {
			case 0:
				a.kind = "status"
			case 1:
				a.took = 100 * ms // the limit itself
			case 2:
				a.took = 400 * ms
			}
			as = append(as, a)
		}
		var score, errors float64
		for _, a := range as {
			switch {
			case a.kind != "":
				errors++
			case a.took <= 100*ms:
				score++
			case a.took <= 400*ms:
				score += 0.5
			}
		}
		score /= float64(n)
		spent := errors / (float64(n) / 20 * (30 * 24 * time.Hour).Seconds() * (1 - 0.999))
		for _, tt := range []struct {
			rule string
			want float64
			text string
		}{
			{"apdex(100ms) >= %s", score, fmt.Sprintf("%.3f", score+(rng.Float64()-0.5)/20)},
			{`budget("99.9%%", 30d) < %s%%`, spent, fmt.Sprintf("%.5f", 100*spent*(0.8+0.4*rng.Float64()))},
		} {
			src := fmt.Sprintf(tt.rule, tt.text)
			rule, wrong := Compile(src, names)
			if wrong != nil {
				t.Fatal(src, wrong)
			}
			rep, err := Judge([]Input{{Rule: rule}}, run(20*sec, nil, rule.Limits(), as))
			if err != nil {
				t.Fatal(err)
			}
			got := rep.Rules[0]
			if got.Value == nil || math.Abs(got.Value.Value-tt.want) > 1e-9 {
				t.Fatalf("seed %d: %s: observed %+v, want %v", seed, src, got.Value, tt.want)
			}
			outcomes[got.Outcome]++
			limit := got.Bound.Value
			holds := tt.want >= limit
			if strings.HasPrefix(src, "budget") {
				holds = tt.want < limit
			}
			if want := map[bool]Outcome{true: Pass, false: Fail}[holds]; got.Outcome != want && got.Reason != ReasonTooFew {
				t.Errorf("seed %d: %s of %v is %s (%s), want %s", seed, src, tt.want, got.Outcome, got.Why, want)
			}
			// Where the run did not count, the score is never judged otherwise.
			coarse, err := Judge([]Input{{Rule: rule}}, run(20*sec, nil, []time.Duration{time.Hour}, as))
			if err != nil {
				t.Fatal(err)
			}
			if c := coarse.Rules[0]; c.Outcome != got.Outcome && c.Reason != ReasonBucket {
				t.Errorf("seed %d: %s is %s by the buckets, and %s by the counts", seed, src, c.Outcome, got.Outcome)
			}
		}
	}
	if outcomes[Pass] < 50 || outcomes[Fail] < 50 {
		t.Errorf("%v are too few to tell", outcomes)
	}
}

func TestScoresOfFew(t *testing.T) {
	for src, want := range map[string]string{
		"apdex(100ms) >= 0.9":        "",
		"apdex(100ms) >= 0.99":       "too few samples for apdex(100ms): 20, and 100 are needed to tell it from 0.99",
		`budget("99.9%", 30d) < 10%`: "", // as two seconds without any answer would not spend it
		`budget("99.9%", 10s) < 10%`: "too few samples for budget(\"99.9%\", 10s): 20, and 2000 are needed to tell it from 0.05%",
	} {
		rule, wrong := Compile(src, names)
		if wrong != nil {
			t.Fatal(src, wrong)
		}
		rep, err := Judge([]Input{{Rule: rule}}, run(2*sec, nil, rule.Limits(), steady(0, 2*sec, 10, ms)))
		if err != nil {
			t.Fatal(err)
		}
		got := rep.Rules[0]
		if (got.Outcome == Pass) != (want == "") || !strings.Contains(got.Why, want) {
			t.Errorf("%s: %s, %q, want %q", src, got.Outcome, got.Why, want)
		}
	}
}
