package attack

import (
	"sync/atomic"
	"time"
)

// precise is the last stretch of a wait, which the operating system measures:
// Go's own timers wake up to 1.1 ms late on Linux while all goroutines are
// parked, as the poller waits in whole milliseconds. Measured at 2,000/s and
// 5,000/s on two cores: 0.03 ms late in the median in place of 0.4.
const precise = 1500 * time.Microsecond

// shortest keeps a leader at tens of thousands of arrivals per second from
// falling asleep and waking for each of them: it takes what came due meanwhile
// in one go.
const shortest = 20 * time.Microsecond

// sleeper waits short times precisely, asleep in the kernel. The thread that
// sleeps keeps one of the Go runtime's processors for up to 10 ms: there must be
// another. It is safe for concurrent use.
type sleeper struct {
	off atomic.Bool
}

// sleep waits for d, more or less.
func (s *sleeper) sleep(d time.Duration, clock func() time.Duration) {
	if s.off.Load() {
		time.Sleep(d)
		return
	}
	before := clock()
	if !sleepThread(max(d, shortest)) || clock()-before < d/2 {
		// No such call on this system, or a clock that does not run with the
		// system's, as in a test under a fake one: Go's timers follow it.
		s.off.Store(true)
	}
}
