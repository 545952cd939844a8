package attack_test

import (
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

// A ramp from nothing: the arrivals come closer and closer, the same ones each
// time.
func ExamplePlan_Schedule() {
	p := &attack.Plan{
		Seed:     42,
		Arrivals: arrivals.Uniform,
		Stages:   []attack.Stage{{Name: "ramp", For: 2 * time.Second, Shape: arrivals.Ramp{From: 0, To: 4}}},
		Requests: []attack.Request{{Name: "browse", Weight: 1}},
	}
	for a := range p.Schedule() {
		fmt.Println(a.Seq, a.Intended.Round(time.Millisecond))
	}
	// Output:
	// 0 0s
	// 1 1s
	// 2 1.414s
	// 3 1.732s
}
