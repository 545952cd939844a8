package runner

import (
	"sync"
	"time"
)

// osTimed is the last stretch of a wait, which the operating system measures:
// Go's own timers wake up to 1.1 ms late on Linux while all goroutines are
// parked, as the poller waits in whole milliseconds. Measured at 2,000/s and
// 5,000/s on two cores: 0.03 ms late in the median in place of 0.4.
const osTimed = 1500 * time.Microsecond

// minSleep is the shortest sleep. It keeps a pacer at tens of thousands of arrivals a second
// from waking for each of them.
const minSleep = 20 * time.Microsecond

// sleeper waits short times precisely, by alarms of the operating system. The
// zero value is ready; it is safe for concurrent use, and close gives its alarms
// back.
type sleeper struct {
	mu       sync.Mutex
	goTimers bool // use Go's timers only
	idle     []*alarm
}

// sleep waits for d, more or less.
func (s *sleeper) sleep(d time.Duration, clock func() time.Duration) {
	a := s.take()
	if a == nil {
		time.Sleep(d)
		return
	}
	before := clock()
	err := a.wait(max(d, minSleep))
	// A clock that does not run with the system's is that of a test under a fake
	// one: Go's timers follow it.
	s.put(a, err != nil || clock()-before < d/2)
}

// take returns an alarm; nil if there is none on this system.
func (s *sleeper) take() *alarm {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.goTimers {
		return nil
	}
	if n := len(s.idle); n > 0 {
		a := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return a
	}
	a, err := newAlarm()
	if err != nil {
		s.goTimers = true
		return nil
	}
	return a
}

func (s *sleeper) put(a *alarm, useless bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goTimers = s.goTimers || useless
	if s.goTimers {
		a.close()
		return
	}
	s.idle = append(s.idle, a)
}

// close ends the use of alarms; none may be waited for any more.
func (s *sleeper) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goTimers = true
	for _, a := range s.idle {
		a.close()
	}
	s.idle = nil
}
