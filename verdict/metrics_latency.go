package verdict

import (
	"math"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// percentiles that can be asked for.
var percentiles = []struct {
	name string
	q    float64
}{
	{"p50", 0.50}, {"p75", 0.75}, {"p90", 0.90}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999},
}

// minSamples is how many samples the q-quantile needs: 1/(1−q), as with fewer
// its rank is that of the maximum, and one stray request would be the verdict.
func minSamples(q float64) uint64 {
	return uint64(math.Round(1 / (1 - q)))
}

// latencyMetrics are those of one distribution of durations.
func latencyMetrics(prefix, of string, dist func(*View) *timeline.Distribution) []Metric {
	metric := func(name, doc string, read func(*timeline.Distribution) (time.Duration, bool)) Metric {
		return Metric{Name: prefix + name, Unit: UnitDuration, Doc: doc + " " + of,
			eval: func(v *View) (float64, bool) {
				d, ok := read(dist(v))
				return float64(d), ok
			}}
	}
	var out []Metric
	for _, p := range percentiles {
		m := metric(p.name, "percentile of the", func(d *timeline.Distribution) (time.Duration, bool) { return d.Quantile(p.q) })
		m.dist, m.quantile, m.MinSamples = dist, p.q, minSamples(p.q)
		out = append(out, m)
	}
	least := metric("min", "least", (*timeline.Distribution).Min)
	least.dist, least.quantile = dist, 0
	greatest := metric("max", "greatest", (*timeline.Distribution).Max)
	greatest.dist, greatest.quantile = dist, 1
	return append(out,
		metric("mean", "mean", (*timeline.Distribution).Mean),
		least, greatest,
		metric("stddev", "standard deviation of the", (*timeline.Distribution).StdDev),
	)
}
