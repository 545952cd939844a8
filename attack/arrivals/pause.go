package arrivals

import (
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Pause is a stretch without arrivals, in which a system can recover.
//
//	rate(t) = 0        expected(t) = 0
type Pause struct {
	Pause bool `json:"pause" doc:"true: no arrivals in this stage"`
}

var _ OpenShape = Pause{}

// Rate implements OpenShape.
func (Pause) Rate(_, _ time.Duration) Rate { return 0 }

// Expected implements OpenShape.
func (Pause) Expected(_, _ time.Duration) float64 { return 0 }

// Validate implements Shape.
func (p Pause) Validate(total time.Duration) fielderr.List {
	var m mistakes
	m.total(total)
	if !p.Pause {
		m.Add("pause", "pause: expected true, found false: give a rate, or leave the stage out")
	}
	return m.List
}

func (Pause) String() string { return "pause" }
