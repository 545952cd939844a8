package attack

import (
	"sync"
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
// A target that stands still for longer than the timeout looks the same from
// here, but answers at once when it is well again. So the reserve is no more than
// twice what the slowest good answers took lately.
//
// It is safe for concurrent use.
type reserve struct {
	most    time.Duration
	slowest slowest

	some   atomic.Bool // level is above 0; spares those the lock who are never held back
	mu     sync.Mutex
	level  time.Duration
	raised time.Duration // when, as an offset
}

const (
	reserveMost   = 4   // the reserve is at most this part of the timeout,
	reserveLeast  = 128 // begins with this part of that,
	reserveFades  = 10 * time.Second
	reserveAnswer = 2 // and is at most so many times the slowest good answer
)

func newReserve(timeout time.Duration) *reserve { return &reserve{most: timeout / reserveMost} }

// at is the reserve as it stands now.
func (r *reserve) at(now time.Duration) time.Duration {
	if !r.some.Load() {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now(now)
}

// now is at; r.mu is held.
func (r *reserve) now(now time.Duration) time.Duration {
	rest := reserveFades - (now - r.raised)
	if r.level == 0 || rest <= 0 {
		return 0
	}
	faded := time.Duration(float64(r.level) * min(1, float64(rest)/float64(reserveFades)))
	return min(faded, r.limit())
}

func (r *reserve) limit() time.Duration {
	if took, ok := r.slowest.get(); ok {
		return min(r.most, reserveAnswer*took)
	}
	return r.most
}

// wasted learns of an arrival that had waited, was sent, and timed out.
func (r *reserve) wasted(sent, now time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.level != 0 && sent < r.raised {
		return // it says nothing of the reserve as it is
	}
	r.level = min(max(2*r.now(now), r.most/reserveLeast, 1), r.limit())
	r.raised = now
	r.some.Store(r.level > 0)
}

// answered learns of a good answer, of how long it took since the request was
// sent.
func (r *reserve) answered(took, now time.Duration) { r.slowest.add(took, now) }

// slowest is the longest of the times that came in the last ten seconds or
// twenty; after a silence, the longest before it. The zero value has seen none.
// It is safe for concurrent use, and adding a time that is not the longest only
// reads.
type slowest struct {
	// 1 more than the longest, 0 for none, since begun and in the stretch before.
	latest, before atomic.Int64
	begun          atomic.Int64
	mu             sync.Mutex // held to write
}

const slowestFor = 10 * time.Second

func (s *slowest) add(took, now time.Duration) {
	longer := func() bool { return int64(took) >= s.latest.Load() }
	over := func() bool { return now-time.Duration(s.begun.Load()) >= slowestFor }
	if !longer() && !over() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if over() {
		s.before.Store(s.latest.Load())
		s.latest.Store(0)
		s.begun.Store(int64(now))
	}
	if longer() {
		s.latest.Store(int64(took) + 1)
	}
}

func (s *slowest) get() (took time.Duration, ok bool) {
	longest := max(s.latest.Load(), s.before.Load())
	return time.Duration(longest - 1), longest > 0
}
