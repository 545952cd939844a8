package rule

import (
	"math"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Unit is what a quantity is measured in. Quantities of unlike units cannot be
// compared or added: such a rule does not compile.
type Unit int

// The units.
const (
	Duration Unit = iota // nanoseconds
	Fraction             // 0..1, written as a percentage
	Rate                 // per second
	Number               // plain count or factor
	Bytes
	BytesRate // bytes per second

	// How fast something grows, in its own measure per second. People tell it by the hour.
	DurationGrowth
	FractionGrowth
	NumberGrowth
	BytesGrowth
)

// unitInfo is what rules and messages need to know of a unit.
type unitInfo struct {
	name    string // duration
	example string // a duration such as 200ms
	literal string // the bare number, the duration
	format  func(float64) string
	growth  *Unit // of how fast it grows; nil: that is not asked
	// like is the unit of literals that it can be compared with too: those of the same measure.
	like *Unit
}

var units = map[Unit]unitInfo{
	Duration: {
		name:    "duration",
		example: "200ms",
		literal: "the duration",
		growth:  unit(DurationGrowth),
		format:  formatDuration,
	},
	Fraction: {
		name:    "percentage",
		example: "5%",
		literal: "the percentage",
		growth:  unit(FractionGrowth),
		format:  quantity.FormatFraction,
	},
	Rate: {name: "rate", example: "500/s", literal: "the rate", format: quantity.FormatRate},
	Number: {
		name:    "plain number",
		example: "10",
		literal: "the bare number",
		growth:  unit(NumberGrowth),
		format:  quantity.FormatCount,
	},
	Bytes: {name: "size", example: "512MiB", literal: "the size", growth: unit(BytesGrowth),
		format: quantity.FormatBytes},
	BytesRate: {name: "size per time", example: "10MiB/s", literal: "the size per time",
		format: func(n float64) string { return quantity.FormatBytes(n) + "/s" }},

	DurationGrowth: {name: "growth of a duration", example: "5ms/h", literal: "the growth",
		format: perHour(formatDuration)},
	FractionGrowth: {name: "growth of a percentage", example: "5%/h", literal: "the growth",
		format: perHour(quantity.FormatFraction)},
	NumberGrowth: {
		name:    "growth of a number",
		example: "10/h",
		literal: "the growth",
		like:    unit(Rate),
		format:  perHour(quantity.FormatCount),
	},
	BytesGrowth: {name: "growth of a size", example: "10MiB/h", literal: "the growth",
		like: unit(BytesRate), format: perHour(quantity.FormatBytes)},
}

func unit(u Unit) *Unit { return &u }

func formatDuration(n float64) string {
	if n < 0 {
		return "-" + quantity.FormatDuration(AsDuration(-n))
	}
	return quantity.FormatDuration(AsDuration(n))
}

func perHour(format func(float64) string) func(float64) string {
	return func(n float64) string { return format(n*3600) + "/h" }
}

// UnitOf is the unit of what is measured in u; a plain number where u says nothing.
func UnitOf(u timeline.Unit) Unit {
	switch u {
	case timeline.UnitDuration:
		return Duration
	case timeline.UnitFraction:
		return Fraction
	case timeline.UnitRate:
		return Rate
	case timeline.UnitBytes:
		return Bytes
	case timeline.UnitBytesPerSec:
		return BytesRate
	}
	return Number
}

// Growth is the unit of how fast something of this unit grows; false if that is not asked.
func (u Unit) Growth() (Unit, bool) {
	if g := units[u].growth; g != nil {
		return *g, true
	}
	return u, false
}

// IsGrowth says whether the unit is of how fast something grows.
func (u Unit) IsGrowth() bool {
	for _, i := range units {
		if i.growth != nil && *i.growth == u {
			return true
		}
	}
	return false
}

// measures is the unit whose literals are read as this one's: of growth, which is a rate too.
func (u Unit) measures() Unit {
	if like := units[u].like; like != nil {
		return *like
	}
	return u
}

// common is the unit of two quantities that can be compared or added; false if they cannot.
func common(a, b Unit) (Unit, bool) {
	switch {
	case a == b:
		return a, true
	case a.measures() != b.measures():
		return a, false
	case a == a.measures():
		return b, true
	}
	return a, true
}

// String names the unit for people.
func (u Unit) String() string { return units[u].name }

// Format prints n, which is in the unit's own measure, for people.
func (u Unit) Format(n float64) string { return units[u].format(n) }

// AsDuration rounds nanoseconds to a Duration, holding on to its bounds.
func AsDuration(n float64) time.Duration {
	switch {
	case n >= math.MaxInt64:
		return math.MaxInt64
	case n <= math.MinInt64:
		return math.MinInt64
	}
	return time.Duration(math.Round(n))
}
