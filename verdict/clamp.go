package verdict

import (
	"math"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// clamp widens the bounds of a figure of durations of which some were longer than what is recorded:
// these count as timeline.Highest in the histogram. The greatest, the mean, and a percentile whose
// rank is among them are then at least what was read. How a percentile compares with a limit that
// was counted exactly is known all the same.
func (val *value) clamp(m *Metric, v *View) {
	if m.of == nil || v.Stats == nil {
		return
	}
	d := m.of(v)
	clamped, all := d.Clamped(), d.Count()
	if clamped == 0 {
		return
	}
	if b := val.bounds; b != nil && b.hi >= float64(timeline.Highest) {
		b.hi = math.Inf(1)
	}
	if m.dist != nil && timeline.Rank(m.quantile, all) <= all-clamped {
		return
	}
	lo := min(val.n, float64(timeline.Highest)) // a histogram reads up to 0.1 % high
	if val.atLeast = !m.spread; m.spread {
		lo = 0
	} else {
		val.n = lo
	}
	if val.bounds == nil {
		val.bounds = &bounds{lo: lo, exactLo: val.reading.exact, exactHi: val.reading.exact}
	}
	b := val.bounds
	b.hi = math.Inf(1)
	if !b.why.any() {
		longest := quantity.FormatDuration(timeline.Highest)
		b.why = doubtf(
			ReasonTooLong,
			"%s is not known: %d of %d were longer than %s, up to which they are recorded; "+
				"lower the timeout, or ask for a percentile with a limit, which is counted "+
				"exactly",
			val.reading.text,
			clamped,
			all,
			longest,
		)
	}
}
