package run

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// roomForGarbage is how much garbage may gather while load is sent, whatever is
// alive, before it is collected: what a run makes in minutes.
const roomForGarbage = 40 << 20

// quiet collects garbage now, and has it collected seldom until the function it
// returns is called: on one core a collection keeps everybody waiting for 10 ms,
// and with the usual rule a program that is as small as this one collects every few
// seconds. GOGC, if set, is left as it is.
func quiet() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	runtime.GC()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	before := debug.SetGCPercent(gcPercent(live[0].Value.Uint64()))
	return func() { debug.SetGCPercent(before) }
}

// gcPercent is by how much the heap may grow, in percent of what is alive: by
// roomForGarbage, and never less than usual.
func gcPercent(live uint64) int {
	const usual = 100
	return int(max(usual, roomForGarbage*100/max(live, 1<<20)))
}
