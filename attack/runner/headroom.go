package runner

import (
	"sync"
	"sync/atomic"
	"time"
)

// headroom is how much of its timeout an arrival that waited in the queue must have left
// to be sent. Each request of the scenario has its own.
//
// Under lasting overload the next arrival in the queue has always waited for nearly its
// whole timeout. If it is sent, it times out on the wire. It takes the target's time and
// the generator's, it costs a connection, and those behind it become too late as well.
// So no request is answered any more, though most could be. The cure is to send only what
// can still be answered.
//
// How long an answer takes is learned from missed deadlines: arrivals that waited, were
// sent, and timed out. The first one raises the headroom to twice the mean service time.
// Each further one doubles it, but those that were sent before the last raise do not
// count. Without any, it decays. No arrival is held back without that evidence, and none
// that has waited for less than half of its timeout.
//
// A target that stands still for longer than the timeout looks much the same from here,
// but answers as before once it is well again. So if no good answer came since the last
// raise, the headroom doubles only once in a timeout.
//
// It is safe for concurrent use.
type headroom struct {
	timeout time.Duration
	service meanServiceTime

	nonZero atomic.Bool // level is above 0; without it nobody takes the lock
	mu      sync.Mutex
	level   time.Duration // as of the last raise
	raised  time.Duration // when that was, as an offset
	good    int64         // good answers by then
}

const (
	// headroomMaxPart is what the timeout is divided by for the most headroom.
	headroomMaxPart = 2
	// headroomFirstPart is what it is divided by for the first headroom if there was no
	// good answer yet.
	headroomFirstPart = 256
	// headroomFirstMeans is how many times the mean service time the first headroom is
	// otherwise.
	headroomFirstMeans = 2
	// headroomDecay is the time in which a headroom falls to zero.
	headroomDecay = 10 * time.Second
)

func newHeadroom(timeout time.Duration) *headroom { return &headroom{timeout: timeout} }

// at is the headroom at an instant.
func (h *headroom) at(now time.Duration) time.Duration {
	if !h.nonZero.Load() {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.decayed(now)
}

// decayed is at; the caller holds h.mu.
func (h *headroom) decayed(now time.Duration) time.Duration {
	rest := headroomDecay - (now - h.raised)
	if h.level == 0 || rest <= 0 {
		return 0
	}
	return time.Duration(float64(h.level) * min(1, float64(rest)/float64(headroomDecay)))
}

// deadlineMissed notes an arrival that waited in the queue, was sent, and timed out.
func (h *headroom) deadlineMissed(sent, now time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	good := h.service.count()
	if h.level != 0 {
		if sent < h.raised {
			return // it was sent with less headroom than there is now
		}
		if good == h.good && now-h.raised < h.timeout {
			return
		}
	}
	first := max(h.timeout/headroomFirstPart, 1)
	if took, ok := h.service.mean(); ok {
		first = headroomFirstMeans * took
	}
	h.level = min(max(2*h.decayed(now), first), h.timeout/headroomMaxPart)
	h.raised, h.good = now, good
	h.nonZero.Store(h.level > 0)
}

// completed notes a good answer and its service time.
func (h *headroom) completed(took, now time.Duration) { h.service.add(took, now) }

// meanServiceTime is the mean of the service times of the last ten to twenty seconds. After
// a silence it is the mean of those before the silence. The zero value has seen none. It is
// safe for concurrent use, and adds without a lock.
type meanServiceTime struct {
	sum, n atomic.Int64 // of all times, in microseconds
	least  atomic.Int64 // of all times, in nanoseconds; 0: there was none
	begun  atomic.Int64 // when the present stretch of meanWindow began

	mu             sync.Mutex // guards what follows
	before, latest struct{ sum, n int64 }
}

const meanWindow = 10 * time.Second

func (m *meanServiceTime) add(took, now time.Duration) {
	over := func() bool { return now-time.Duration(m.begun.Load()) >= meanWindow }
	if over() {
		m.mu.Lock()
		if over() {
			if n := m.n.Load(); n > m.latest.n {
				m.before = m.latest
				m.latest.sum, m.latest.n = m.sum.Load(), n
			}
			m.begun.Store(int64(now))
		}
		m.mu.Unlock()
	}
	for least := m.least.Load(); least == 0 || int64(took) < least; least = m.least.Load() {
		if m.least.CompareAndSwap(least, max(1, int64(took))) {
			break
		}
	}
	m.sum.Add(took.Microseconds())
	m.n.Add(1)
}

// count is the number of service times so far.
func (m *meanServiceTime) count() int64 { return m.n.Load() }

// quickest is the least service time so far; 0 if there was none.
func (m *meanServiceTime) quickest() time.Duration { return time.Duration(m.least.Load()) }

func (m *meanServiceTime) mean() (took time.Duration, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.n.Load() - m.before.n
	if n == 0 {
		return 0, false
	}
	return time.Duration((m.sum.Load()-m.before.sum)/n) * time.Microsecond, true
}
