package chaos_test

import (
	"fmt"

	"github.com/seed-1574e9de/ordeal/chaos"
)

func ExampleCanHit() {
	_, ok := chaos.CanHit("kill", "process")
	fmt.Println(ok)
	hint, ok := chaos.CanHit("pause", "link")
	fmt.Println(ok, hint)
	// Output:
	// true
	// false a link cannot be paused: name the service behind it, or bend the link with latency
}

func ExampleLatency_Validate() {
	for _, e := range (&chaos.Latency{Delay: 1e6, Jitter: 2e6}).Validate() {
		fmt.Printf("at %s: %s\n", e.Path, e)
	}
	// Output: at jitter: jitter: expected one of at most the delay, which is 1ms, found 2ms: answers cannot come before they were given
}
