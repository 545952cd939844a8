package verdict

import (
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// rateMetrics are shares of the arrivals that count, and rates per second.
func rateMetrics() []Metric {
	const needed = "; needs as many arrivals as tell it from its limit, that is 100 for 1% or 99%, 10000 for 99.99%"
	share := func(name, doc string, errors bool, how biased, part func(*timeline.Stats) uint64) Metric {
		worse := rule.LessIsWorse
		if errors {
			worse = rule.MoreIsWorse
		}
		return Metric{Name: name, Unit: rule.Fraction, Doc: doc, biased: how, ofAll: true,
			ofErrors: errors, worse: worse,
			eval: func(v *View) (float64, bool) {
				all := v.Stats.Judged()
				if all == 0 {
					return 0, false
				}
				// One division of whole numbers: the float nearest to the share, and so
				// equal to a literal that means the same.
				return float64(part(v.Stats)) / float64(all), true
			}}
	}
	rate := func(name, doc string, how biased, part func(*timeline.Stats) uint64) Metric {
		return Metric{Name: name, Unit: rule.Rate, Doc: doc, biased: how, ofAnswers: true,
			worse: rule.LessIsWorse,
			eval: func(v *View) (float64, bool) {
				if v.Seconds <= 0 || v.Stats.Planned == 0 && !v.waiting {
					return 0, false
				}
				return float64(part(v.Stats)) / v.Seconds, true
			}}
	}
	return []Metric{
		share(
			"error_rate",
			"errors / (done + unsent)"+needed,
			true,
			biasedErrorRate,
			(*timeline.Stats).Errors,
		),
		share(
			"availability",
			"1 − error_rate"+needed,
			false,
			biasedAvailability,
			func(s *timeline.Stats) uint64 { return s.Judged() - s.Errors() },
		),
		rate(
			"rps",
			"answers, which are complete responses whatever they say, that came within the time "+
				"of the scope and before their stage ended, per second of it: "+
				"what was answered later, or not at all (timed out, refused, cut off, not sent), does not count; "+
				"0 where requests waited and none was answered, also if none came due",
			biasedRPS,
			func(s *timeline.Stats) uint64 { return s.Answered },
		),
		rate(
			"throughput",
			"good answers that came within the time of the scope and before their stage ended, per second of it",
			biasedThroughput,
			func(s *timeline.Stats) uint64 { return s.AnsweredOK },
		),
	}
}
