package chaos_test

import (
	"fmt"

	"github.com/seed-1574e9de/ordeal/chaos"
)

func ExampleSuffers() {
	pause, _ := chaos.KindByName("pause")
	not := map[chaos.Capability]string{chaos.CapPause: "pause the service behind it"}
	fmt.Println(chaos.Suffers(pause, not, nil, "a proxy"))
	// Output: pause the service behind it false
}

func ExampleLatency_Validate() {
	for _, e := range (&chaos.Latency{Delay: 1e6, Jitter: 2e6}).Validate() {
		fmt.Printf("at %s: %s\n", e.Path, e)
	}
	// Output: at jitter: jitter: expected one of at most the delay, which is 1ms, found 2ms: answers cannot come before they were given
}
