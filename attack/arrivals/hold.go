package arrivals

import (
	"time"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
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
func (h Hold) Validate(total time.Duration) fielderr.List {
	var m mistakes
	m.total(total)
	m.rate("rate", h.Per)
	m.somewhere(fielderr.Field("rate"), h.Per)
	return m.List
}

func (h Hold) String() string { return quantity.FormatRate(float64(h.Per)) }
