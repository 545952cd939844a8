// Package standstill notices when this process did not run: it was stopped by a
// signal, its machine was paused, or others had all of the CPU.
//
// A Watch wakes up every few milliseconds. Where it wakes up much later than it
// should, nothing else of the process ran meanwhile either: no request was sent, no
// answer was read, and no connection that the process carries for others went on.
// That time is the process's own doing, whatever was measured in it.
package standstill

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// beat is how often a Watch wakes up. 200 times a second cost about 0.2 % of a core.
	beat = 5 * time.Millisecond
	// Least is the shortest gap between two beats that counts as a standstill. Go's
	// scheduler alone makes gaps of up to 10 ms on a core that is in use.
	Least = 15 * time.Millisecond
	// Long is the length from which on a standstill makes so many requests due at once
	// that a healthy target may refuse some of them, and from which on callers that wait
	// for the process give up.
	Long = 500 * time.Millisecond

	// What piled up during a standstill is worked off beside the work that goes on.
	// A target at half of what it can do needs as long for it as the standstill was,
	// one at four fifths four times as long.
	workedOff     = 1
	workedOffLong = 4

	// remembered is how many standstills a Watch keeps for Touching.
	remembered = 256
)

// Stop is one standstill, in offsets from the start of the run. It began up to 5 ms
// later than From.
type Stop struct {
	From time.Duration `json:"from"`
	To   time.Duration `json:"to"`
}

// Len is how long it was.
func (s Stop) Len() time.Duration { return s.To - s.From }

// CaughtUp is when the work that piled up during the standstill counts as done.
func (s Stop) CaughtUp() time.Duration {
	if s.Len() >= Long {
		return s.To + workedOffLong*s.Len()
	}
	return s.To + workedOff*s.Len()
}

// Watch notices standstills while Run runs. Its methods are safe for concurrent use;
// a nil Watch has seen none.
type Watch struct {
	clock func() time.Duration
	tell  func(Stop)

	last   atomic.Int64 // when it was awake for the last time; below 0: it does not run
	recent atomic.Int64 // the latest CaughtUp of all standstills

	mu    sync.RWMutex
	stops []Stop // the last of them, in order
}

// New returns a Watch that goes by clock, and tells of each standstill once it is
// over; tell may be nil.
func New(clock func() time.Duration, tell func(Stop)) *Watch {
	w := &Watch{clock: clock, tell: tell}
	w.last.Store(-1)
	w.recent.Store(-1)
	return w
}

// Run watches until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	t := time.NewTicker(beat)
	defer t.Stop()
	w.awake(w.clock())
	defer w.last.Store(-1)
	for {
		select {
		case <-ctx.Done():
			w.awake(w.clock())
			return
		case <-t.C:
			w.awake(w.clock())
		}
	}
}

// awake is a beat.
func (w *Watch) awake(now time.Duration) {
	last := time.Duration(w.last.Load())
	if last >= 0 && now-last >= Least {
		s := Stop{last, now}
		w.mu.Lock()
		if len(w.stops) == remembered {
			w.stops = append(w.stops[:0], w.stops[remembered/2:]...)
		}
		w.stops = append(w.stops, s)
		w.mu.Unlock()
		w.recent.Store(max(w.recent.Load(), int64(s.CaughtUp())))
		if w.tell != nil {
			w.tell(s)
		}
	}
	w.last.Store(int64(now))
}

// Touching adds to buf, in order, the standstills that a stretch of time has to do
// with: those that had begun when it ended, and were not caught up with when it began.
// One that the Watch itself has not woken up from yet is among them, up to the end of
// the stretch: whoever asks may have been woken up first.
func (w *Watch) Touching(from, to time.Duration, buf []Stop) []Stop {
	if w == nil {
		return buf
	}
	last := time.Duration(w.last.Load())
	pending := last >= 0 && to-last >= Least
	if !pending && int64(from) >= w.recent.Load() {
		return buf
	}
	w.mu.RLock()
	for _, s := range w.stops {
		if s.From < to && s.CaughtUp() > from {
			buf = append(buf, s)
		}
	}
	w.mu.RUnlock()
	if n := len(buf); pending && (n == 0 || buf[n-1].To <= last) {
		buf = append(buf, Stop{last, to})
	}
	return buf
}
