package scenario

import (
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
)

// The load is judged up to a whole second, so long before the first fault that it is over by then.
func TestHypothesisUntil(t *testing.T) {
	for _, tt := range []struct {
		at   []time.Duration
		want time.Duration
	}{
		{[]time.Duration{10 * time.Second}, 8 * time.Second},
		{[]time.Duration{30 * time.Second, 10500 * time.Millisecond}, 8 * time.Second},
		{[]time.Duration{10999 * time.Millisecond}, 8 * time.Second},
		{[]time.Duration{3 * time.Second}, time.Second},
	} {
		var faults []chaos.FaultPlan
		for _, at := range tt.at {
			faults = append(faults, chaos.FaultPlan{At: at})
		}
		if got := HypothesisUntil(faults); got != tt.want {
			t.Errorf("faults at %v: judged up to %s, want %s", tt.at, got, tt.want)
		}
	}
}
