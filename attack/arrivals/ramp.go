package arrivals

import (
	"math"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// Ramp is a rate that changes evenly from one value to another over a stage of
// length T.
//
//	rate(t)     = from + (to−from)·t/T
//	expected(t) = from·t + (to−from)·t²/2T
type Ramp struct {
	From Rate `json:"from" doc:"arrivals per second when the stage begins"`
	To   Rate `json:"to" doc:"arrivals per second when the stage ends"`
}

var (
	_ OpenShape = Ramp{}
	_ inverter  = Ramp{}
)

// Rate implements OpenShape.
func (r Ramp) Rate(t, total time.Duration) Rate {
	return r.From + (r.To-r.From)*Rate(float64(t)/float64(total))
}

// Expected implements OpenShape.
func (r Ramp) Expected(t, total time.Duration) float64 {
	// The mean of the rates at both ends of 0..t, times t: no cancellation
	// between two large terms when the ramp descends.
	return float64(r.From+r.Rate(t, total)) / 2 * seconds(t)
}

// Invert solves a·t² + from·t = k with a = (to−from)/2T, in the form whose
// denominator does not cancel:
//
//	t = 2k / (from + √(from² + 4ak))
func (r Ramp) Invert(k float64, total time.Duration) time.Duration {
	from := float64(r.From)
	a := float64(r.To-r.From) / 2 / seconds(total)
	d := max(0, from*from+4*a*k) // below 0 only by rounding, where the rate reaches 0
	if den := from + math.Sqrt(d); den > 0 {
		return offset(2 * k / den)
	}
	return 0
}

// Validate implements Shape.
func (r Ramp) Validate(total time.Duration) fielderr.List {
	var m mistakes
	m.total(total)
	m.rate("from", r.From)
	m.rate("to", r.To)
	m.somewhere(nil, r.From, r.To)
	return m.List
}

func (r Ramp) String() string {
	return quantity.FormatRate(float64(r.From)) + " to " + quantity.FormatRate(float64(r.To))
}
