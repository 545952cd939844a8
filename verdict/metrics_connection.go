package verdict

import "github.com/seed-1574e9de/ordeal/timeline"

// connectionMetrics are those of one time that only some arrivals have: the ones
// that opened a connection. Where none was opened its times have no data, and
// their number is 0.
func connectionMetrics(prefix, of string, dist func(*View) *timeline.Distribution) []Metric {
	return append(latencyMetrics(prefix, of, dist), Metric{
		Name: prefix + "count", Unit: UnitNumber, Doc: "number of the " + of,
		eval: func(v *View) (float64, bool) { return float64(dist(v).Count()), v.Stats.Planned > 0 },
	})
}
