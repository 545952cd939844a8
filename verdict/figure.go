package verdict

import (
	"math"

	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// Figure is a quantity for programs.
type Figure struct {
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // ns, fraction (0..1), per_second, number or bytes
	// AtLeast says that the true figure is Value or more.
	AtLeast bool `json:"at_least,omitempty"`
}

var figureUnits = map[rule.Unit]string{
	rule.Duration: "ns", rule.Fraction: "fraction", rule.Rate: "per_second",
	rule.Number: "number", rule.Bytes: "bytes",
}

// figure is v for programs; nil if there is none.
func (v value) figure(u rule.Unit) *Figure {
	if v.missing.any() && !v.shown || math.IsNaN(v.n) || math.IsInf(v.n, 0) {
		return nil
	}
	return &Figure{Value: v.n, Unit: figureUnits[u], AtLeast: v.atLeast}
}
