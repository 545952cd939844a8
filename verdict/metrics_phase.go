package verdict

import (
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// phaseMetrics are those of the measured phases, such as connect.p99. Where no call had a
// phase its times have no data, and their number is 0.
func phaseMetrics() []Metric {
	var out []Metric
	for i, p := range timeline.Phases() {
		dist := func(v *View) *timeline.Distribution { return &v.Stats.Phases[i] }
		parts := func(s *timeline.Stats) []*timeline.Distribution {
			return []*timeline.Distribution{&s.Phases[i]}
		}
		ms := append(latencyMetrics(p.Name+".", p.Doc, dist, parts), Metric{
			Name: p.Name + ".count", Unit: rule.Number, Doc: p.Counted,
			eval: func(v *View) (float64, bool) { return float64(dist(v).Count()), v.Stats.Planned > 0 },
		})
		for j := range ms {
			ms[j].OfCall, ms[j].more = true, p.More
		}
		out = append(out, ms...)
	}
	return out
}

// moreSamples says what to do where a metric had too few samples.
func moreSamples(m *Metric) string {
	if m.more != "" {
		return m.more
	}
	return "send more or ask for a lower percentile"
}
