package verdict

import (
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// scoreMetrics are told something in parentheses: what is fast enough, what was promised.
func scoreMetrics() []Metric {
	const month = 30 * 24 * time.Hour
	return []Metric{
		apdex([]float64{float64(100 * time.Millisecond)}),
		budget([]float64{0.999, float64(month)}),
	}
}

// toleratedTimes is how many times its limit apdex tolerates.
const toleratedTimes = 4

// apdex is the score of the Apdex Technical Specification, version 1.1.
func apdex(args []float64) Metric {
	limit := rule.AsDuration(args[0])
	// bounds are what it is by the counts at its limits, or by the buckets that they lie in.
	bounds := func(v *View) (lo, hi float64) {
		all := 2 * float64(v.Stats.Judged())
		satisfied, mostSatisfied := v.Stats.OK.AtMost(limit)
		tolerated, mostTolerated := v.Stats.OK.AtMost(toleratedTimes * limit)
		return float64(satisfied+tolerated) / all, float64(mostSatisfied+mostTolerated) / all
	}
	return Metric{
		Name: "apdex", Unit: rule.Number, worse: rule.LessIsWorse, ofScore: true,
		Doc: "score from 0 to 1: good answers within the time, and half of those within four times " +
			"the time, as a share of all arrivals; needs as many arrivals as tell it from its limit: " +
			"10 for 0.9, 100 for 0.99",
		takes: []rule.Parameter{{
			Name: "the time that satisfies", Unit: rule.Duration, Example: "100ms",
		}},
		with:   apdex,
		counts: []time.Duration{limit, toleratedTimes * limit},
		biased: biasedApdex,
		bucket: bounds,
		eval: func(v *View) (float64, bool) {
			if v.Stats.Judged() == 0 {
				return 0, false
			}
			lo, _ := bounds(v)
			return lo, true
		},
	}
}

// biasedApdex: what the generator held up or made an error of was satisfied at best.
func biasedApdex(b *bias, f measured, s *bounds) bool {
	s.lo, s.hi = f.n, 1
	if !b.busy {
		of := float64(b.delayed + b.slow + b.local)
		s.hi = min(1, f.n+of/float64(f.v.Stats.Judged()))
	}
	if b.short {
		s.lo, s.hi = 0, 1
	}
	return true
}

// days prints a duration in days if it is of whole ones.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return quantity.FormatDuration(d)
}

// budget is how much of the errors that a promise allows in a period a run like this one spends.
func budget(args []float64) Metric {
	allowed, period := 1-args[0], time.Duration(args[1])
	// The share of the arrivals that go wrong makes this much of the budget: the period has as
	// many arrivals a second as the scope.
	scale := func(v *View) float64 { return v.Seconds / period.Seconds() / allowed }
	rate := func(v *View) (float64, bool) {
		all := v.Stats.Judged()
		if all == 0 || v.Seconds <= 0 {
			return 0, false
		}
		return float64(v.Stats.Errors()) / float64(all), true
	}
	return Metric{
		Name: "budget", Unit: rule.Fraction, scale: scale,
		Doc: "share of the errors that an availability allows in a period which the scope spent: " +
			"100% is all of it; the traffic of the period is taken to be like that of the scope",
		takes: []rule.Parameter{
			{Name: "the availability that was promised", Unit: rule.Fraction, Example: `"99.9%"`,
				Below: 1},
			{Name: "the period", Unit: rule.Duration, Example: "30d"},
		},
		with: budget,
		note: fmt.Sprintf("of %s with traffic like this", days(period)),
		biased: func(b *bias, f measured, s *bounds) bool {
			r, _ := rate(f.v)
			of := f
			of.n = r
			known := biasedErrorRate(b, of, s)
			k := scale(f.v)
			s.lo, s.hi = s.lo*k, s.hi*k
			return known
		},
		eval: func(v *View) (float64, bool) {
			r, ok := rate(v)
			return r * scale(v), ok
		},
	}
}
