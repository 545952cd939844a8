package run

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// GOGC is set so that a collection runs about every betweenCollections. On one core a collection
// delays requests by 10 ms. With Go's own rule, as much garbage as is alive, a program as
// small as this one collects every few seconds. A run that allocates little gets little
// room, so that its memory does not grow with its length. One that allocates much gets
// mostRoom, or what Go's own rule gives if that is more. The cost of a collection goes
// with what is alive, so a quarter of that may always gather.
const (
	betweenCollections = 20 * time.Second
	leastRoom          = 2 << 20
	leastShare         = 4 // of what is alive
	mostRoom           = 40 << 20
)

// tuneGC collects garbage now, and makes collections rare until the function that it
// returns is called. If the environment sets GOGC, that stays.
func tuneGC() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	runtime.GC()
	made, alive := heap()
	room := room(mostRoom) // before anything is known
	percent := room.percent(alive)
	before := debug.SetGCPercent(percent)
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			last := made
			made, alive = heap()
			room = room.next(made-last, alive)
			// It stops the world, so not for a trifle.
			if next := room.percent(alive); next < percent*9/10 || next > percent*11/10 {
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

// heap is how much was allocated since the program began, and what the garbage
// collector's rule is a share of, stacks among it: a run that starts thousands of
// workers has far more of it than before. In bytes.
func heap() (allocated, alive uint64) {
	parts := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/gc/scan/globals:bytes"},
	}
	metrics.Read(parts)
	for _, p := range parts[1:] {
		alive += p.Value.Uint64()
	}
	return parts[0].Value.Uint64(), alive
}

// room is how much garbage may gather, in bytes.
type room uint64

// next is the room after a second in which so many bytes were allocated: at once
// what they ask for if it is more than before, and little by little if it is less,
// so that it does not follow every breath.
func (r room) next(allocated, alive uint64) room {
	least, most := max(leastRoom, alive/leastShare), max(mostRoom, alive)
	wanted := min(allocated, most) * uint64(betweenCollections/time.Second)
	return room(min(max(wanted, uint64(r)*4/5, least), most))
}

// goLeast is how large the heap may grow at 100 percent, however little is alive;
// at another percentage, that share of it.
const goLeast = 4 << 20

// percent is the same in percent of what the rule is a share of.
func (r room) percent(alive uint64) int {
	return int(uint64(r) * 100 / max(alive, goLeast))
}
