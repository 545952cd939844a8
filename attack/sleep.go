package attack

import (
	"runtime"
	"time"
)

// precise is the last stretch of a wait, which the operating system measures:
// Go's own timers wake up to 1.1 ms late on Linux while all goroutines are
// parked, as the poller waits in whole milliseconds. Measured at 2,000/s and
// 5,000/s on two cores: 0.03 ms late in the median in place of 0.4.
const precise = 1500 * time.Microsecond

// shortest keeps a pacer at tens of thousands of arrivals per second from
// falling asleep and waking for each of them: it takes what came due meanwhile
// in one go.
const shortest = 20 * time.Microsecond

// sleeper waits short times precisely. It is used by one goroutine, which it
// keeps on one thread from the first use to close.
type sleeper struct {
	pinned bool
	off    bool
}

// sleep waits for d, more or less.
func (s *sleeper) sleep(d time.Duration, clock func() time.Duration) {
	if s.off {
		time.Sleep(d)
		return
	}
	if !s.pinned {
		if runtime.GOMAXPROCS(0) == 1 {
			// A thread asleep in the kernel holds the only processor until the
			// runtime takes it away, which can last 10 ms: measured at 5,000/s, 38 ms
			// late at the 99th percentile in place of 1.8.
			s.off = true
			time.Sleep(d)
			return
		}
		runtime.LockOSThread()
		s.pinned = true
		sharpen()
	}
	before := clock()
	if !sleepThread(max(d, shortest)) || clock()-before < d/2 {
		// No such call on this system, or a clock that does not run with the
		// system's, as in a test under a fake one: Go's timers follow it.
		s.close()
		s.off = true
	}
}

func (s *sleeper) close() {
	if s.pinned {
		blunt()
		runtime.UnlockOSThread()
		s.pinned = false
	}
}
