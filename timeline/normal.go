package timeline

import "time"

// Limit is an upper bound that goes with what was measured before a fault: Factor
// times that, and Plus.
type Limit struct {
	Factor float64 `json:"factor"`
	Plus   float64 `json:"plus"`
}

// Of is the bound where before was measured before.
func (l Limit) Of(before float64) float64 { return l.Factor*before + l.Plus }

// Normal says when a service counts as normal again after a fault.
type Normal struct {
	Errors Limit `json:"errors"` // of the error rate, in 0..1
	P95    Limit `json:"p95"`    // of the response time, in nanoseconds
	// Stable is how long it must be normal to have recovered. What comes later is a
	// relapse.
	Stable time.Duration `json:"stable"`
	// MinArrivals is how many arrivals a stretch of time needs before it says whether
	// the service is normal; and how many are needed before the fault to compare with.
	MinArrivals uint64 `json:"min_arrivals"`
	// Probe is who is asked whether the service is normal, in place of the load: each answer that
	// is as expected is normal, and only Stable counts. Empty: the load is.
	Probe string `json:"probe,omitempty"`
}

// DefaultNormal is what counts as normal where a scenario does not say.
func DefaultNormal() Normal {
	return Normal{
		Errors: Limit{1, 0.01}, P95: Limit{2, float64(10 * time.Millisecond)},
		Stable: 5 * time.Second, MinArrivals: 20, // 1/(1−0.95), what a p95 needs
	}
}

// NormalAfter is what counts as normal after the fault of this name.
func (t *Timeline) NormalAfter(fault string) Normal {
	n, ok := t.NormalOf[fault]
	if !ok {
		n = t.Normal
	}
	if n == (Normal{}) {
		n = DefaultNormal()
	}
	return n
}
