package arrivals

import (
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// Spike is a base rate with a plateau of another rate, width long, in the
// middle of a stage of length T.
//
//	rate(t)     = peak for |t − T/2| < width/2, else base
//	expected(t) = base·t + (peak−base)·(time of the plateau that is over at t)
type Spike struct {
	Base  Rate          `json:"base" doc:"arrivals per second before and after the spike"`
	Peak  Rate          `json:"peak" doc:"arrivals per second in the spike"`
	Width time.Duration `json:"width" doc:"length of the spike, which lies in the middle of the stage"`
}

var _ OpenShape = Spike{}

func (s Spike) begin(total time.Duration) time.Duration { return (total - s.Width) / 2 }

// Rate implements OpenShape.
func (s Spike) Rate(t, total time.Duration) Rate {
	if from := s.begin(total); t >= from && t < from+s.Width {
		return s.Peak
	}
	return s.Base
}

// Expected implements OpenShape.
func (s Spike) Expected(t, total time.Duration) float64 {
	in := min(max(0, t-s.begin(total)), s.Width)
	return float64(s.Base)*seconds(t-in) + float64(s.Peak)*seconds(in)
}

// Validate implements Shape.
func (s Spike) Validate(total time.Duration) fielderr.List {
	var m mistakes
	m.total(total)
	m.rate("base", s.Base)
	m.rate("peak", s.Peak)
	m.somewhere(nil, s.Base, s.Peak)
	if s.Width <= 0 || s.Width > total {
		m.Add("width", "width: expected above 0 and at most the stage's length of %s, found %s",
			quantity.FormatDuration(total), s.Width)
	}
	return m.List
}

func (s Spike) String() string {
	return fmt.Sprintf(
		"%s with %s for %s",
		quantity.FormatRate(float64(s.Base)),
		quantity.FormatRate(float64(s.Peak)),
		quantity.FormatDuration(s.Width),
	)
}
