package arrivals

import (
	"fmt"
	"math"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// Sine is a rate that swings around a mean, m, by an amplitude, a, once every
// period, P. It begins at the mean, rising.
//
//	rate(t)     = m + a·sin(2πt/P)
//	expected(t) = m·t + a·P/2π·(1 − cos(2πt/P)) = m·t + a·P/π·sin²(πt/P)
type Sine struct {
	Mean      Rate          `json:"mean" doc:"arrivals per second around which the rate swings"`
	Amplitude Rate          `json:"amplitude" doc:"how far the rate swings to either side, at most the mean"`
	Period    time.Duration `json:"period" doc:"length of one full swing"`
}

var _ OpenShape = Sine{}

// Rate implements OpenShape.
func (s Sine) Rate(t, _ time.Duration) Rate {
	return max(
		0,
		s.Mean+s.Amplitude*Rate(math.Sin(2*math.Pi*float64(t%s.Period)/float64(s.Period))),
	)
}

// Expected implements OpenShape. Whole periods are taken out first, so that a long
// stage loses no precision in the sine, and the square form does not cancel.
func (s Sine) Expected(t, _ time.Duration) float64 {
	sin := math.Sin(math.Pi * float64(t%s.Period) / float64(s.Period))
	return float64(s.Mean)*seconds(t) + float64(s.Amplitude)*seconds(s.Period)/math.Pi*sin*sin
}

// Validate implements Shape.
func (s Sine) Validate(total time.Duration) fielderr.List {
	var m mistakes
	m.total(total)
	m.rate("mean", s.Mean)
	m.rate("amplitude", s.Amplitude)
	m.somewhere(nil, s.Mean)
	if s.Amplitude > s.Mean {
		m.Add(
			"amplitude",
			"amplitude: expected at most the mean of %s, as a rate cannot fall below 0/s, found %s",
			quantity.FormatRate(float64(s.Mean)),
			quantity.FormatRate(float64(s.Amplitude)),
		)
	}
	if s.Period <= 0 {
		m.Add("period", "period: expected a length above 0, found %s", s.Period)
	}
	return m.List
}

func (s Sine) String() string {
	return fmt.Sprintf(
		"%s ± %s every %s",
		quantity.FormatRate(float64(s.Mean)),
		quantity.FormatRate(float64(s.Amplitude)),
		quantity.FormatDuration(s.Period),
	)
}
