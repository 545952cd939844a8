package verdict

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// A rule whose limit the run did not count at is never judged otherwise than it would have been
// with the count: it is inconclusive at most, and that only where its limit lies in the figure's
// bucket.
func TestLimitsThatWereNotCounted(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	outcomes := map[Outcome]int{}
	for range 300 {
		var arrivals []arrival
		for i := range 200 {
			took := time.Duration(rng.ExpFloat64() * float64(20*time.Millisecond))
			arrivals = append(arrivals, arrival{at: time.Duration(i) * 5 * time.Millisecond, took: took})
		}
		metric := []string{"p50", "p90", "p97.5", "max", "min"}[rng.IntN(5)]
		sorted := make([]time.Duration, 0, len(arrivals))
		for _, a := range arrivals {
			sorted = append(sorted, a.took)
		}
		slices.Sort(sorted)
		near := sorted[map[string]int{"p50": 99, "p90": 179, "p97.5": 194, "max": 199, "min": 0}[metric]]
		limit := near
		if rng.IntN(4) > 0 {
			limit += time.Duration(rng.NormFloat64() * float64(near) / 1000)
		}
		op := []string{"<", "<=", ">", ">=", "==", "!="}[rng.IntN(6)]
		src := fmt.Sprintf("%s %s %s", metric, op, limit.Round(time.Nanosecond))
		rule, wrong := Compile(src, names)
		if wrong != nil {
			t.Fatal(src, wrong)
		}
		judge := func(limits []time.Duration) RuleResult {
			r, err := Judge([]Input{{Rule: rule}}, run(2*time.Second, nil, limits, arrivals))
			if err != nil {
				t.Fatal(err)
			}
			return r.Rules[0]
		}
		counted, coarse := judge(rule.Limits()), judge([]time.Duration{time.Hour})
		outcomes[coarse.Outcome]++
		if counted.ByBucket || !coarse.ByBucket {
			t.Fatalf("%s: by bucket %v where it was counted, %v where not", src, counted.ByBucket, coarse.ByBucket)
		}
		least, greatest := timeline.Bucket(near)
		within := limit >= least && limit <= greatest
		switch {
		case coarse.Outcome == Inconclusive:
			if coarse.Reason != ReasonBucket || !within || coarse.CouldBe == nil {
				t.Fatalf("%s of %v: inconclusive for the reason %q, bucket %v to %v: %s",
					src, near, coarse.Reason, least, greatest, coarse.Why)
			}
		case coarse.Outcome != counted.Outcome:
			t.Fatalf("%s of %v: %s, and with the count %s", src, near, coarse.Outcome, counted.Outcome)
		case !within && coarse.Observed != counted.Observed:
			t.Fatalf("%s: observed %q, and with the count %q", src, coarse.Observed, counted.Observed)
		}
	}
	for _, o := range []Outcome{Pass, Fail, Inconclusive} {
		if outcomes[o] < 20 {
			t.Errorf("expected some of each outcome, found %v", outcomes)
		}
	}
}

// Nor are rules on slices, whose outcome hangs on many figures.
func TestLimitsOfSlicesThatWereNotCounted(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	outcomes := map[Outcome]int{}
	for range 200 {
		var arrivals []arrival
		for i := range 600 {
			took := time.Duration(rng.ExpFloat64() * float64(20*time.Millisecond))
			arrivals = append(arrivals, arrival{at: time.Duration(i) * 5 * time.Millisecond, took: took})
		}
		var medians []time.Duration // of each second
		for s := range 3 {
			var sorted []time.Duration
			for _, a := range arrivals[s*200 : (s+1)*200] {
				sorted = append(sorted, a.took)
			}
			slices.Sort(sorted)
			medians = append(medians, sorted[99])
		}
		limit := medians[rng.IntN(3)] + time.Duration(rng.IntN(3)-1)*time.Nanosecond
		form := []string{"every(1s).p50 %s %s", "worst(1s).p50 %s %s", "share(1s, p50 %s %s) >= 50%%"}[rng.IntN(3)]
		src := fmt.Sprintf(form, []string{"<", "<=", ">", ">="}[rng.IntN(4)], limit)
		rule, wrong := Compile(src, names)
		if wrong != nil {
			t.Fatal(src, wrong)
		}
		judge := func(limits []time.Duration) RuleResult {
			r, err := Judge([]Input{{Rule: rule}}, run(3*time.Second, nil, limits, arrivals))
			if err != nil {
				t.Fatal(err)
			}
			return r.Rules[0]
		}
		counted, coarse := judge(rule.Limits()), judge(nil)
		outcomes[coarse.Outcome]++
		if counted.ByBucket || !coarse.ByBucket {
			t.Fatalf("%s: by bucket %v where it was counted, %v where not", src, counted.ByBucket, coarse.ByBucket)
		}
		if coarse.Outcome != Inconclusive && coarse.Outcome != counted.Outcome {
			t.Fatalf("%s of %v: %s, and with the count %s", src, medians, coarse.Outcome, counted.Outcome)
		}
		if coarse.Outcome == Inconclusive && coarse.Reason != ReasonBucket {
			t.Fatalf("%s of %v: inconclusive for the reason %q: %s", src, medians, coarse.Reason, coarse.Why)
		}
	}
	for _, o := range []Outcome{Pass, Fail, Inconclusive} {
		if outcomes[o] < 10 {
			t.Errorf("expected some of each outcome, found %v", outcomes)
		}
	}
}
