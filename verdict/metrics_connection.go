package verdict

import "github.com/seed-1574e9de/ordeal/timeline"

// moreSamples says what to do where a metric had too few samples.
func moreSamples(m *Metric) string {
	if m.OfConnection { // kept alive, few are opened however many requests are sent
		return "open more (connections: { keepalive: false }), or ask for a lower percentile, or the max"
	}
	return "send more or ask for a lower percentile"
}

// connectionMetrics are those of one time that only some arrivals have: the ones
// that opened a connection. Where none was opened its times have no data, and
// their number is 0.
func connectionMetrics(prefix, of, number string, dist func(*View) *timeline.Distribution) []Metric {
	ms := append(latencyMetrics(prefix, of, dist), Metric{
		Name: prefix + "count", Unit: UnitNumber, Doc: number,
		eval: func(v *View) (float64, bool) { return float64(dist(v).Count()), v.Stats.Planned > 0 },
	})
	for i := range ms {
		ms[i].OfConnection = true
	}
	return ms
}
