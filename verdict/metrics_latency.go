package verdict

import (
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// percentiles that are listed; any other can be asked for too, see percentileMetric.
var percentiles = []struct {
	name string
	q    float64
}{
	{
		"p50",
		0.50,
	}, {"p75", 0.75}, {"p90", 0.90}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999},
}

// minSamples is how many samples the q-quantile needs: 1/(1−q), as with fewer
// its rank is that of the maximum, and one stray request would be the verdict;
// below the median 1/q, for the sake of the minimum.
func minSamples(q float64) uint64 { return uint64(samplesNeeded(q)) }

// percentileMetric is the metric of a percentile that is not listed, such as
// p97.5 or ok.p12; nil if the name is that of none.
func percentileMetric(name string) *Metric {
	prefix, number := "", name
	if group, rest, ok := strings.Cut(name, "."); ok && !rule.IsPercentile(group) {
		prefix, number = group+".", rest
	}
	q, ok := rule.Percentile(number)
	if !ok {
		return nil
	}
	listed := slices.IndexFunc(
		metrics,
		func(m Metric) bool { return m.Name == prefix+percentiles[0].name },
	)
	if listed < 0 {
		return nil
	}
	m := metrics[listed]
	m.Name, m.quantile, m.MinSamples = name, q, minSamples(q)
	if q == 0 {
		m.family = nil // nothing tells how much less there could have been
	}
	m.eval = func(v *View) (float64, bool) {
		d, ok := m.dist(v).Quantile(q)
		return float64(d), ok
	}
	return &m
}

// goodPrefix begins the metrics of good answers alone.
const goodPrefix = "ok."

// latencyMetrics are those of one distribution of durations, which is made of parts.
func latencyMetrics(
	prefix, of string,
	dist func(*View) *timeline.Distribution,
	parts func(*timeline.Stats) []*timeline.Distribution,
) []Metric {
	metric := func(name, doc string, how biased, read func(*timeline.Distribution) (time.Duration, bool)) Metric {
		return Metric{Name: prefix + name, Unit: rule.Duration, Doc: doc + " " + of,
			of: dist, prefix: prefix, biased: how, worse: rule.MoreIsWorse,
			ofArrivals: prefix == "", ofGood: prefix == goodPrefix,
			eval: func(v *View) (float64, bool) {
				d, ok := read(dist(v))
				return float64(d), ok
			}}
	}
	var out []Metric
	for _, p := range percentiles {
		m := metric(
			p.name,
			"percentile of the",
			biasedRank,
			func(d *timeline.Distribution) (time.Duration, bool) { return d.Quantile(p.q) },
		)
		m.dist, m.quantile, m.MinSamples = dist, p.q, minSamples(p.q)
		m.family = &family{prefix, parts}
		out = append(out, m)
	}
	least := metric("min", "least", biasedRank, (*timeline.Distribution).Min)
	least.dist, least.quantile = dist, 0
	greatest := metric("max", "greatest", biasedRank, (*timeline.Distribution).Max)
	greatest.dist, greatest.quantile = dist, 1
	deviation := metric(
		"stddev",
		"standard deviation of the",
		biasedStdDev,
		(*timeline.Distribution).StdDev,
	)
	deviation.spread = true
	return append(out,
		metric("mean", "mean", biasedMean, (*timeline.Distribution).Mean),
		least, greatest,
		deviation,
	)
}
