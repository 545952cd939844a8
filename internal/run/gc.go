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
// delays requests by 10 ms. By Go's own rule garbage may grow to the size of the live heap, so that
// a program as small as this one collects every few seconds. A run that allocates little gets
// little room for garbage, so that its memory does not grow with its length. A run that allocates
// much gets mostRoom, or what Go's own rule gives if that is more. The cost of a collection grows
// with the live heap, so there is always room for a quarter of that.
const (
	betweenCollections = 20 * time.Second
	leastRoom          = 2 << 20
	leastShare         = 4 // of the live heap, as a divisor
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
			// Setting it stops the world, so small changes are not worth it.
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

// heap is how many bytes were allocated since the program began, and alive, of which GOGC is a
// percentage. Stacks are in alive: it grows much when a run starts thousands of workers.
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

// next is the room after a second in which so many bytes were allocated. More room is given at
// once; less room little by little, so that it does not follow every short lull.
func (r room) next(allocated, alive uint64) room {
	least, most := max(leastRoom, alive/leastShare), max(mostRoom, alive)
	wanted := min(allocated, most) * uint64(betweenCollections/time.Second)
	return room(min(max(wanted, uint64(r)*4/5, least), most))
}

// goLeast is how large Go lets the heap grow at GOGC=100, however little is alive; at another
// percentage it is that share of goLeast.
const goLeast = 4 << 20

// percent is the GOGC that gives this room.
func (r room) percent(alive uint64) int {
	return int(uint64(r) * 100 / max(alive, goLeast))
}
