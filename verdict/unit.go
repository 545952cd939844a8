package verdict

import (
	"math"
	"reflect"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// Unit is what a quantity is measured in. Quantities of unlike units cannot be
// compared or added: such a rule does not compile.
type Unit int

// The units.
const (
	UnitDuration Unit = iota // nanoseconds
	UnitFraction             // 0..1, written as a percentage
	UnitRate                 // per second
	UnitNumber               // plain count or factor
	UnitBytes
)

// Each unit is a Go type of its own, so that expr's type checker tells them
// apart: a mix finds no operator.
type (
	durationQ struct{ value }
	fractionQ struct{ value }
	rateQ     struct{ value }
	numberQ   struct{ value }
	bytesQ    struct{ value }
)

// unitInfo is what rules and messages need to know of a unit.
type unitInfo struct {
	unit    Unit
	name    string // duration
	example string // a duration such as 200ms
	literal string // the bare number, the duration
	typ     reflect.Type
	wrap    func(value) any
	format  func(float64) string
}

var units = []unitInfo{
	{UnitDuration, "duration", "200ms", "the duration", reflect.TypeFor[durationQ](),
		func(v value) any { return durationQ{v} },
		func(n float64) string { return quantity.FormatDuration(asDuration(n)) }},
	{UnitFraction, "percentage", "5%", "the percentage", reflect.TypeFor[fractionQ](),
		func(v value) any { return fractionQ{v} }, quantity.FormatFraction},
	{UnitRate, "rate", "500/s", "the rate", reflect.TypeFor[rateQ](),
		func(v value) any { return rateQ{v} }, quantity.FormatRate},
	{UnitNumber, "plain number", "10", "the bare number", reflect.TypeFor[numberQ](),
		func(v value) any { return numberQ{v} }, quantity.FormatCount},
	{UnitBytes, "size", "512MiB", "the size", reflect.TypeFor[bytesQ](),
		func(v value) any { return bytesQ{v} }, quantity.FormatBytes},
}

// String names the unit for people.
func (u Unit) String() string { return units[u].name }

// Format prints n, which is in the unit's own measure, for people.
func (u Unit) Format(n float64) string { return units[u].format(n) }

func unitOfType(t reflect.Type) (Unit, bool) {
	for _, u := range units {
		if u.typ == t {
			return u.unit, true
		}
	}
	return 0, false
}

// asDuration rounds nanoseconds to a Duration, holding on to its bounds.
func asDuration(n float64) time.Duration {
	switch {
	case n >= math.MaxInt64:
		return math.MaxInt64
	case n <= math.MinInt64:
		return math.MinInt64
	}
	return time.Duration(math.Round(n))
}

// value is a quantity as a rule meets it: a figure, or why there is none.
type value struct {
	n       float64
	missing doubt   // why the figure is not known; none if it is
	shown   bool    // there is a figure all the same, to be shown
	atLeast bool    // the figure is a lower bound
	until   string  // the fault with which looking at what is bounded ended; empty: with the load
	bounds  *bounds // where the target's own figure lies, if the generator may have had a part in it
	literal string  // as it stands in the rule, if it is a lone literal
	fixed   bool    // made of literals alone
	reading *reading
	// shares are what of its figure is a share of few or many arrivals, and vary is
	// what it would be if one of them were another.
	shares []*share
	vary   func(s *share, p float64) float64
}

// reading is where a value came from, if it is a metric as it was read.
type reading struct {
	text   string // as it is written
	metric *Metric
	exact  map[time.Duration]int // how it stands to limits, by exact count
}

func (v value) get() value { return v }

// operand is any of the quantity types.
type operand interface{ get() value }

// format prints the value in its unit.
func (v value) format(u Unit) string {
	switch {
	case v.missing.any() && !v.shown:
		return ""
	case v.literal != "":
		return v.literal
	case v.atLeast:
		return "more than " + u.Format(v.n)
	}
	return u.Format(v.n)
}
