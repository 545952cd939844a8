package arrivals

import (
	"errors"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// Hold is a constant rate.
//
//	rate(t) = r        expected(t) = r·t
type Hold struct {
	Per Rate `json:"rate" doc:"arrivals per second"`
}

var (
	_ OpenShape = Hold{}
	_ inverter  = Hold{}
)

// Rate implements OpenShape.
func (h Hold) Rate(_, _ time.Duration) Rate { return h.Per }

// Expected implements OpenShape.
func (h Hold) Expected(t, _ time.Duration) float64 { return float64(h.Per) * seconds(t) }

// Invert solves r·t = k.
func (h Hold) Invert(k float64, total time.Duration) time.Duration {
	if h.Per == 0 {
		return total
	}
	return offset(k / float64(h.Per))
}

// Validate implements Shape.
func (h Hold) Validate(total time.Duration) error {
	return errors.Join(validTotal(total), validRate("rate", h.Per), somewhere(h.Per))
}

func (h Hold) String() string { return quantity.FormatRate(float64(h.Per)) }
