package arrivals

import (
	"math"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Shapes lists every shape, in the order in which manuals and messages name
// them.
func Shapes() []ShapeKind {
	return []ShapeKind{
		{Name: "rate", Flat: true, Doc: "a constant rate", New: func() Shape { return new(Hold) }},
		{
			Name: "from",
			Flat: true,
			Doc:  "a rate that changes evenly from one value to another",
			New:  func() Shape { return new(Ramp) },
		},
		{
			Name: "steps",
			Doc:  "equal plateaus that climb or descend from one rate to another",
			New:  func() Shape { return new(Steps) },
		},
		{
			Name: "spike",
			Doc:  "a base rate with a plateau of a higher rate in the middle",
			New:  func() Shape { return new(Spike) },
		},
		{
			Name: "sine",
			Doc:  "a rate that swings around a mean",
			New:  func() Shape { return new(Sine) },
		},
		{
			Name:    "pause",
			Flat:    true,
			Written: "pause: true",
			Doc:     "no arrivals at all",
			New:     func() Shape { return new(Pause) },
		},
		{
			Name:    "users",
			Flat:    true,
			Written: "users: N | { from, to }, think: …",
			Doc:     "a closed loop: users who each wait for an answer, and think, before they ask again",
			New:     func() Shape { return new(Users) },
		},
		{
			Name:    "trace",
			Written: "trace: { file, speed }",
			Doc:     "arrivals at the instants of a file; for can be left out",
			New:     func() Shape { return new(Trace) },
		},
	}
}

// inverter is a shape that knows its inverse in closed form: the last offset
// at which Expected is still at most k. Other shapes are inverted by search.
type inverter interface {
	Invert(k float64, total time.Duration) time.Duration
}

// Replays says whether the shape is a list of instants, so that Expected is exactly their number.
func Replays(s Shape) bool { _, ok := s.(exact); return ok }

// exact is a shape that is a list of instants: in every process, arrival k comes at Invert(k).
type exact interface {
	inverter
	exact()
}

// maxRate keeps every gap well above a nanosecond, the unit of offsets; no machine can send that
// fast.
const maxRate Rate = 10e6

// mistakes are what is wrong with the settings of a shape.
type mistakes struct{ fielderr.List }

// total checks the length of the stage.
func (m *mistakes) total(total time.Duration) {
	if total <= 0 {
		m.Add("for", "for: expected a length above 0, found %s", total)
	}
}

// rate checks a rate.
func (m *mistakes) rate(name string, r Rate) {
	switch {
	case math.IsNaN(float64(r)) || r < 0:
		m.Add(name, "%s: expected a rate of at least 0/s, found %v/s", name, float64(r))
	case r > maxRate:
		m.Add(name, "%s: expected a rate of at most 10M/s, found %v/s", name, float64(r))
	}
}

// somewhere refuses a shape whose rate is 0 throughout: a mistyped rate would otherwise pass as a
// stage without load. The mistake is at field, if one is given.
func (m *mistakes) somewhere(field fielderr.Path, rates ...Rate) {
	if !slices.ContainsFunc(rates, func(r Rate) bool { return r > 0 }) {
		m.List = append(m.List, fielderr.At(
			field,
			"the rate is 0/s throughout: give a rate above 0/s, or say pause: true for a stage without load",
		))
	}
}

// seconds are the unit of every integral, as rates are per second.
func seconds(d time.Duration) float64 { return float64(d) / float64(time.Second) }

// offset turns seconds into whole nanoseconds.
func offset(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }
