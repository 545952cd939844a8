package verdict

import (
	"math"

	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// Figure is a quantity for programs.
type Figure struct {
	Value float64 `json:"value"`
	// Unit is ns, fraction (0..1), per_second, number, bytes or bytes_per_second; of growth, one
	// of these per_second.
	Unit string `json:"unit"`
	// AtLeast says that the true figure is Value or more.
	AtLeast bool `json:"at_least,omitempty"`
}

var figureUnits = map[rule.Unit]string{
	rule.Duration: "ns", rule.Fraction: "fraction", rule.Rate: "per_second",
	rule.Number: "number", rule.Bytes: "bytes", rule.BytesRate: "bytes_per_second",
	rule.DurationGrowth: "ns_per_second", rule.FractionGrowth: "fraction_per_second",
	rule.NumberGrowth: "per_second", rule.BytesGrowth: "bytes_per_second",
}

// UnitName is what figures of a unit have as their Unit.
func UnitName(u rule.Unit) string { return figureUnits[u] }

// figure is v for programs; nil if there is none.
func (v value) figure(u rule.Unit) *Figure {
	if v.missing.any() && !v.shown || math.IsNaN(v.n) || math.IsInf(v.n, 0) {
		return nil
	}
	return &Figure{Value: v.n, Unit: figureUnits[u], AtLeast: v.atLeast}
}
