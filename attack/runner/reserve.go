package runner

import (
	"sync"
	"sync/atomic"
	"time"
)

// reserve is how much of its timeout an arrival that had to wait must have left
// to be sent. Each request has its own.
//
// Under lasting overload the arrival that is next has always waited for just
// about its timeout. Sent all the same, it times out on the wire: it takes the
// target's time and the generator's, costs a connection, and keeps those behind
// it waiting until they are hopeless too. So nothing is answered any more, though
// most of what is sent could be. The cure is to send only what can still be
// answered. How long that takes is learned from what was sent in vain: the first
// such arrival raises the reserve to twice what good answers took in the mean, each
// further one doubles it, once for as long as those last that were sent before, and
// it fades when there are none. Nothing is held back without that evidence, and
// nothing ever that has waited for less than half of its timeout.
//
// A target that stands still for longer than the timeout looks much the same from
// here, but answers as usual when it is well again. So where not one good answer
// came meanwhile the reserve doubles only once in a timeout.
//
// It is safe for concurrent use.
type reserve struct {
	timeout time.Duration
	usual   usual

	some   atomic.Bool // level is above 0; spares those the lock who are never held back
	mu     sync.Mutex
	level  time.Duration
	raised time.Duration // when, as an offset
	good   int64         // good answers by then
}

const (
	reserveMost  = 2   // the reserve is at most this part of the timeout,
	reserveLeast = 256 // begins with this part of it, if there was no good answer,
	reserveFirst = 2   // or else with so many times what they took
	reserveFades = 10 * time.Second
)

func newReserve(timeout time.Duration) *reserve { return &reserve{timeout: timeout} }

// at is the reserve as it stands now.
func (r *reserve) at(now time.Duration) time.Duration {
	if !r.some.Load() {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faded(now)
}

// faded is at; r.mu is held.
func (r *reserve) faded(now time.Duration) time.Duration {
	rest := reserveFades - (now - r.raised)
	if r.level == 0 || rest <= 0 {
		return 0
	}
	return time.Duration(float64(r.level) * min(1, float64(rest)/float64(reserveFades)))
}

// wasted learns of an arrival that had waited, was sent, and timed out.
func (r *reserve) wasted(sent, now time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	good := r.usual.count()
	if r.level != 0 {
		if sent < r.raised {
			return // it says nothing of the reserve as it is
		}
		if good == r.good && now-r.raised < r.timeout {
			return
		}
	}
	first := max(r.timeout/reserveLeast, 1)
	if took, ok := r.usual.mean(); ok {
		first = reserveFirst * took
	}
	r.level = min(max(2*r.faded(now), first), r.timeout/reserveMost)
	r.raised, r.good = now, good
	r.some.Store(r.level > 0)
}

// answered learns of a good answer, of how long it took since the request was
// sent.
func (r *reserve) answered(took, now time.Duration) { r.usual.add(took, now) }

// usual is the mean of the times that came in the last ten seconds or twenty;
// after a silence, of those before it. The zero value has seen none. It is safe for
// concurrent use, and adds without a lock.
type usual struct {
	sum, n atomic.Int64 // of all, in microseconds
	least  atomic.Int64 // of all, in nanoseconds; 0: there was none
	begun  atomic.Int64 // when this stretch did

	mu             sync.Mutex // guards what follows
	before, latest struct{ sum, n int64 }
}

const usualFor = 10 * time.Second

func (u *usual) add(took, now time.Duration) {
	over := func() bool { return now-time.Duration(u.begun.Load()) >= usualFor }
	if over() {
		u.mu.Lock()
		if over() {
			if n := u.n.Load(); n > u.latest.n {
				u.before = u.latest
				u.latest.sum, u.latest.n = u.sum.Load(), n
			}
			u.begun.Store(int64(now))
		}
		u.mu.Unlock()
	}
	for least := u.least.Load(); least == 0 || int64(took) < least; least = u.least.Load() {
		if u.least.CompareAndSwap(least, max(1, int64(took))) {
			break
		}
	}
	u.sum.Add(took.Microseconds())
	u.n.Add(1)
}

// count is how many there were.
func (u *usual) count() int64 { return u.n.Load() }

// quickest is the least of all; 0 if there was none.
func (u *usual) quickest() time.Duration { return time.Duration(u.least.Load()) }

func (u *usual) mean() (took time.Duration, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.n.Load() - u.before.n
	if n == 0 {
		return 0, false
	}
	return time.Duration((u.sum.Load()-u.before.sum)/n) * time.Microsecond, true
}
