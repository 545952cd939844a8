package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// TestSlicesAsFigures holds worst(...) and share(...) against what rules on a window each say of
// the slices.
func TestSlicesAsFigures(t *testing.T) {
	outcomes := map[string]map[Outcome]int{}
	for seed := range 25 {
		rng := rand.New(rand.NewPCG(uint64(seed), 41))
		end := time.Duration(20+rng.IntN(20)) * sec
		var as []arrival
		rate := []int{2, 20, 100, 300}[rng.IntN(4)]
		for at := time.Duration(rng.Int64N(int64(sec))); at < end; at += time.Duration(rng.ExpFloat64() * float64(sec) / float64(rate)) {
			a := arrival{at: at, took: time.Duration(rng.ExpFloat64() * float64(40*ms)).Round(time.Microsecond)}
			if rng.IntN(50) == 0 {
				a.kind = "status"
			}
			as = append(as, a)
		}
		tl := run(end, nil, nil, as)
		judge := func(src string) RuleResult {
			r, wrong := Compile(src, names)
			if wrong != nil {
				t.Fatal(src, wrong)
			}
			of := run(end, nil, r.Limits(), as)
			rep, err := Judge([]Input{{Rule: r}}, of)
			if err != nil {
				t.Fatal(err)
			}
			return rep.Rules[0]
		}
		length := time.Duration(2+rng.IntN(6)) * sec
		var slices []timeline.Window
		for n := 0; len(slices) == 0 || slices[len(slices)-1].To < end; n++ {
			slices = append(slices, cutSlice(timeline.Window{To: tl.Duration}, length, n))
		}
		for _, tt := range []struct {
			metric, op, limit string
			less              bool // is worse
		}{
			{"p50", "<", "30ms", false}, {"p95", "<=", "150ms", false}, {"max", ">", "200ms", false},
			{"error_rate", "<", "4%", false}, {"error_rate", ">=", "3%", false},
			{"availability", ">", "95%", true}, {"throughput", ">=", fmt.Sprintf("%d/s", rate*3/4), true},
			{"apdex(30ms)", ">", "0.6", true},
		} {
			// The worst slice is so if all are so, or if any is.
			all := tt.op[0] == '<' != tt.less
			want := map[bool]Outcome{true: Pass, false: Fail}[all]
			due := false
			worst := math.NaN()
			held, open, judgedSlices := 0.0, 0.0, 0.0
			for _, w := range slices {
				got := judge(fmt.Sprintf("window(%s, %s).%s %s %s", w.From, w.To, tt.metric, tt.op, tt.limit))
				if got.Reason == ReasonNothingDue {
					continue
				}
				due = true
				judgedSlices++
				switch got.Outcome {
				case Pass:
					held++
				case Inconclusive:
					open++
				}
				if v := got.Value; v != nil && got.Outcome != Inconclusive {
					if math.IsNaN(worst) || tt.less && v.Value < worst || !tt.less && v.Value > worst {
						worst = v.Value
					}
				}
				decisive := map[bool]Outcome{true: Fail, false: Pass}[all]
				switch {
				case got.Outcome == decisive:
					want = decisive
				case got.Outcome == Inconclusive && want != decisive:
					want = Inconclusive
				}
			}
			if !due {
				continue
			}
			src := fmt.Sprintf("worst(%s).%s %s %s", length, tt.metric, tt.op, tt.limit)
			got := judge(src)
			if outcomes["worst"] == nil {
				outcomes["worst"], outcomes["share"] = map[Outcome]int{}, map[Outcome]int{}
			}
			outcomes["worst"][want]++
			if got.Outcome != want {
				t.Errorf("seed %d: %s is %s (%s, %s), want %s", seed, src, got.Outcome, got.Observed, got.Why, want)
			}
			if open == 0 && got.Value != nil && math.Abs(got.Value.Value-worst) > 1e-9*worst+1 {
				t.Errorf("seed %d: %s observed %v, want %v", seed, src, got.Value.Value, worst)
			}
			for _, limit := range []float64{0.3, 0.75, 1} {
				src := fmt.Sprintf("share(%s, %s %s %s) >= %s", length, tt.metric, tt.op, tt.limit,
					rule.Fraction.Format(limit))
				want := Inconclusive
				switch {
				case held/judgedSlices >= limit:
					want = Pass
				case (held+open)/judgedSlices < limit:
					want = Fail
				}
				outcomes["share"][want]++
				if got := judge(src); got.Outcome != want {
					t.Errorf("seed %d: %s is %s (%s, %s), want %s: %v held, %v open of %v",
						seed, src, got.Outcome, got.Observed, got.Why, want, held, open, judgedSlices)
				}
			}
		}
	}
	for form, n := range outcomes {
		for _, o := range []Outcome{Pass, Fail, Inconclusive} {
			if n[o] < 8 {
				t.Errorf("%s: %v are too few to tell", form, n)
			}
		}
	}
}
