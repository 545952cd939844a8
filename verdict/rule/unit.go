package rule

import (
	"math"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
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
)

// unitInfo is what rules and messages need to know of a unit.
type unitInfo struct {
	name    string // duration
	example string // a duration such as 200ms
	literal string // the bare number, the duration
	format  func(float64) string
}

var units = map[Unit]unitInfo{
	Duration: {"duration", "200ms", "the duration",
		func(n float64) string { return quantity.FormatDuration(AsDuration(n)) }},
	Fraction: {"percentage", "5%", "the percentage", quantity.FormatFraction},
	Rate:     {"rate", "500/s", "the rate", quantity.FormatRate},
	Number:   {"plain number", "10", "the bare number", quantity.FormatCount},
	Bytes:    {"size", "512MiB", "the size", quantity.FormatBytes},
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
