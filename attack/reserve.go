package attack

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
// A target that stands still for longer than the timeout looks the same from
// here, but answers as usual when it is well again. So the reserve is no more than
// four times that mean.
//
// It is safe for concurrent use.
type reserve struct {
	most  time.Duration
	usual usual

	some   atomic.Bool // level is above 0; spares those the lock who are never held back
	mu     sync.Mutex
	level  time.Duration
	raised time.Duration // when, as an offset
}

const (
	reserveMost  = 2   // the reserve is at most this part of the timeout,
	reserveLeast = 128 // begins with this part of that, if there was no good answer,
	reserveFirst = 2   // or else so many times what they took,
	reserveLast  = 4   // and ends with so many times that
	reserveFades = 10 * time.Second
)

func newReserve(timeout time.Duration) *reserve { return &reserve{most: timeout / reserveMost} }

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
	if r.level != 0 && sent < r.raised {
		return // it says nothing of the reserve as it is
	}
	first, most := max(r.most/reserveLeast, 1), r.most
	if took, ok := r.usual.mean(); ok {
		first, most = reserveFirst*took, min(most, reserveLast*took)
	}
	r.level, r.raised = min(max(2*r.faded(now), first), most), now
	r.some.Store(r.level > 0)
}

// answered learns of a good answer, of how long it took since the request was
// sent.
func (r *reserve) answered(took, now time.Duration) { r.usual.add(took, now) }

// usual is the mean of the times that came in the last ten seconds or twenty;
// after a silence, of those before it. The zero value has seen none. It is safe for
// concurrent use, and adds without a lock, so that one that comes as a stretch ends
// may be lost.
type usual struct {
	sum, n        atomic.Int64 // since begun
	begun         atomic.Int64
	mu            sync.Mutex // guards what follows
	before, times int64      // the same of the stretch before
}

const usualFor = 10 * time.Second

func (u *usual) add(took, now time.Duration) {
	over := func() bool { return now-time.Duration(u.begun.Load()) >= usualFor }
	if over() {
		u.mu.Lock()
		if over() && u.n.Load() > 0 {
			u.before, u.times = u.sum.Swap(0), u.n.Swap(0)
		}
		u.begun.Store(int64(now))
		u.mu.Unlock()
	}
	u.sum.Add(int64(took))
	u.n.Add(1)
}

func (u *usual) mean() (took time.Duration, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.n.Load() + u.times
	if n == 0 {
		return 0, false
	}
	return time.Duration((u.sum.Load() + u.before) / n), true
}
