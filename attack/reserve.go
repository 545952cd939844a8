package attack

import (
	"sync/atomic"
	"time"
)

// reserve is how much of its timeout an arrival that had to wait must have left
// to be sent.
//
// Under lasting overload the arrival that is next has always waited for just
// about its timeout. Sent all the same, it times out on the wire: it takes the
// target's time and the generator's, costs a connection, and keeps those behind
// it waiting until they are hopeless too. So nothing is answered any more, though
// most of what is sent could be. The cure is to send only what can still be
// answered. How long that takes is learned from what was sent in vain: each such
// arrival doubles the reserve, once for as long as those last that were sent
// before, and it fades when there are none. Nothing is held back without that
// evidence, and nothing ever that has waited for less than three quarters of its
// timeout.
//
// It is safe for concurrent use.
type reserve struct {
	most   time.Duration
	level  atomic.Int64
	raised atomic.Int64 // when, as an offset
}

const (
	reserveMost  = 4   // the reserve is at most this part of the timeout,
	reserveLeast = 128 // and begins with this part of that
	reserveFades = 10 * time.Second
)

func newReserve(timeout time.Duration) *reserve { return &reserve{most: timeout / reserveMost} }

// at is the reserve as it stands now.
func (r *reserve) at(now time.Duration) time.Duration {
	level := r.level.Load()
	if level == 0 {
		return 0
	}
	rest := reserveFades - (now - time.Duration(r.raised.Load()))
	if rest <= 0 {
		return 0
	}
	return time.Duration(float64(level) * min(1, float64(rest)/float64(reserveFades)))
}

// wasted learns of an arrival that had waited, was sent, and timed out.
func (r *reserve) wasted(sent, now time.Duration) {
	raised := r.raised.Load()
	if r.level.Load() != 0 && int64(sent) < raised {
		return // it says nothing of the reserve as it is
	}
	level := min(max(2*r.at(now), r.most/reserveLeast, 1), r.most)
	if r.raised.CompareAndSwap(raised, int64(now)) {
		r.level.Store(int64(level))
	}
}
