package verdict

import (
	"maps"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// measure prints a scope.
func measure(v *View) Measure {
	s := v.Stats
	m := Measure{
		Planned: s.Planned, Done: s.Done, Unsent: s.Unsent, Interrupted: s.Interrupted, Errors: s.Errors(), Cut: s.Cut,
		Kinds: maps.Clone(s.Kinds), Statuses: maps.Clone(s.Statuses),
		BytesIn: s.BytesIn, BytesOut: s.BytesOut, Counted: s.Counted,
		Seconds: v.Seconds, Clamped: v.Response().Clamped(),
		Latency: latency(v.Response()), Service: latency(&s.Service), Lag: latency(&s.Lag),
	}
	for i := range s.Phases {
		m.Phases[i] = PhaseMeasure{s.Phases[i].Count(), latency(&s.Phases[i])}
	}
	if v.Seconds > 0 {
		m.RPS = float64(s.Answered) / v.Seconds
	}
	if all := s.Judged(); all > 0 {
		rate, available := float64(s.Errors())/float64(all), float64(all-s.Errors())/float64(all)
		m.ErrorRate, m.Availability = &rate, &available
	}
	return m
}

func latency(d *timeline.Distribution) Latency {
	pointer := func(v time.Duration, ok bool) *time.Duration {
		if !ok {
			return nil
		}
		return &v
	}
	return Latency{
		P50: pointer(
			d.Quantile(0.50),
		), P90: pointer(d.Quantile(0.90)), P95: pointer(d.Quantile(0.95)),
		P99: pointer(d.Quantile(0.99)), P999: pointer(d.Quantile(0.999)),
		Max: pointer(d.Max()), Mean: pointer(d.Mean()),
	}
}

// generatorOf prints how the generator did over a scope.
func generatorOf(v *View, tl *timeline.Timeline) *Generator {
	if v.Stats.Planned == 0 {
		return nil
	}
	g := &Generator{
		Late: latency(
			&v.Stats.Late,
		), Budget: tl.LateBudget, Usage: *v.usage(tl), Delayed: v.Stats.Delayed,
		Arrivals: v.Stats.Judged(),
		Local:    v.Stats.CountKinds(func(k timeline.ErrorKind) bool { return k.Own && !k.TooLate }),
	}
	for _, s := range tl.Standstills.Intersect(v.windows) {
		g.Standstill += s.Len()
		g.Longest = max(g.Longest, s.Len())
	}
	return g
}
