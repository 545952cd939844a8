package run

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// roomForGarbage is how much garbage may gather while load is sent, whatever is
	// alive, before it is collected: what a run makes in minutes.
	roomForGarbage = 40 << 20
	// usualPercent is Go's own rule, and the least: as much garbage as is alive.
	usualPercent = 100
)

// quiet collects garbage now, and has it collected seldom until the function it
// returns is called: on one core a collection keeps everybody waiting for 10 ms,
// and with the usual rule a program that is as small as this one collects every few
// seconds. GOGC, if set, is left as it is.
func quiet() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	runtime.GC()
	percent := gcPercent(scanned())
	before := debug.SetGCPercent(percent)
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		// The rule is a share of what is alive, stacks among it, and a run that starts
		// thousands of workers has far more of it than before.
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			// It stops the world, so not for a trifle.
			if next := gcPercent(scanned()); next < percent*9/10 || next > percent*11/10 {
				percent = next
				debug.SetGCPercent(percent)
			}
		}
	})
	return func() {
		close(stop)
		watching.Wait()
		debug.SetGCPercent(before)
	}
}

// scanned is what the rule is a share of, in bytes.
func scanned() uint64 {
	parts := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(parts)
	var sum uint64
	for _, p := range parts {
		sum += p.Value.Uint64()
	}
	return sum
}

// gcPercent is by how much the heap may grow, in percent of what is scanned: by
// roomForGarbage, and never less than usual.
func gcPercent(scanned uint64) int {
	return int(max(usualPercent, roomForGarbage*100/max(scanned, 1<<20)))
}
