package verdict

import (
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// countMetrics count arrivals and bytes. Where nothing was due there is no
// data, so that errors == 0 does not pass on an empty stretch.
func countMetrics() []Metric {
	return []Metric{
		count("count", "arrivals that count: done and unsent", rule.Number, ofLoad,
			(*timeline.Stats).Judged),
		count("planned", "arrivals that came due", rule.Number, ofLoad,
			func(s *timeline.Stats) uint64 { return s.Planned }),
		count("done", "arrivals that were sent, and answered or failed", rule.Number, biasedDone,
			func(s *timeline.Stats) uint64 { return s.Done }),
		worse(count("unsent",
			"arrivals that were never sent: no free slot in time, or the generator was too late",
			rule.Number, biasedUnsent, func(s *timeline.Stats) uint64 { return s.Unsent })),
		worse(count("errors", "arrivals that went wrong: failed or unsent", rule.Number,
			biasedErrors, (*timeline.Stats).Errors)),
		count("bytes_in", "bytes of bodies received", rule.Bytes, ofLoad,
			func(s *timeline.Stats) uint64 { return s.BytesIn }),
		count("bytes_out", "bytes of bodies sent", rule.Bytes, ofLoad,
			func(s *timeline.Stats) uint64 { return s.BytesOut }),
	}
}

// worse is a number of which more is worse.
func worse(m Metric) Metric {
	m.worse = rule.MoreIsWorse
	return m
}

func count(name, doc string, unit rule.Unit, how biased, read func(*timeline.Stats) uint64) Metric {
	return Metric{
		Name:   name,
		Unit:   unit,
		Doc:    doc,
		biased: how,
		eval: func(v *View) (float64, bool) {
			return float64(read(v.Stats)), v.Stats.Planned > 0
		},
	}
}

// callCountMetrics are those of timeline.Counters.
func callCountMetrics() []Metric {
	var out []Metric
	for i, c := range timeline.Counters() {
		m := count(c.Name, c.Doc, rule.Number, ofLoad,
			func(s *timeline.Stats) uint64 { return s.Counted[i] })
		m.OfCall = true
		out = append(out, m)
	}
	return out
}
