package arrivals

import (
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// Steps are count plateaus of equal length T/count whose rates go evenly from
// one value to another.
//
//	rate(t)     = from + (to−from)·i/(count−1)      on plateau i = ⌊t·count/T⌋
//	expected(t) = Σ rate of the plateaus before · T/count + rate(t)·(time on this one)
type Steps struct {
	From  Rate `json:"from" doc:"arrivals per second on the first plateau"`
	To    Rate `json:"to" doc:"arrivals per second on the last plateau"`
	Count int  `json:"count" doc:"number of plateaus, at least 2"`
}

var _ OpenShape = Steps{}

// maxSteps keeps a plateau count within reason; a finer staircase is a ramp.
const maxSteps = 10_000

// plateau returns the plateau on which t lies, and how much of the stage is
// over when it begins, as a share of a plateau's length.
func (s Steps) plateau(t, total time.Duration) (i int, into float64) {
	pos := float64(t) / float64(total) * float64(s.Count)
	i = min(int(pos), s.Count-1)
	return i, pos - float64(i)
}

func (s Steps) on(i int) float64 {
	if s.Count < 2 {
		return float64(s.From)
	}
	return float64(s.From) + float64(s.To-s.From)*float64(i)/float64(s.Count-1)
}

// Rate implements OpenShape.
func (s Steps) Rate(t, total time.Duration) Rate {
	i, _ := s.plateau(t, total)
	return Rate(s.on(i))
}

// Expected implements OpenShape. The rates before plateau i are an arithmetic
// series, so its sum is i times the mean of its ends.
func (s Steps) Expected(t, total time.Duration) float64 {
	i, into := s.plateau(t, total)
	var before float64
	if i > 0 {
		before = float64(i) * (s.on(0) + s.on(i-1)) / 2
	}
	return (before + s.on(i)*into) * seconds(total) / float64(s.Count)
}

// Validate implements Shape.
func (s Steps) Validate(total time.Duration) fielderr.List {
	var m mistakes
	m.total(total)
	m.rate("from", s.From)
	m.rate("to", s.To)
	m.somewhere(nil, s.From, s.To)
	if s.Count < 2 || s.Count > maxSteps {
		m.Add("count", "count: expected 2 to %d plateaus, found %d", maxSteps, s.Count)
	}
	return m.List
}

func (s Steps) String() string {
	return fmt.Sprintf(
		"%s to %s in %d steps",
		quantity.FormatRate(float64(s.From)),
		quantity.FormatRate(float64(s.To)),
		s.Count,
	)
}
