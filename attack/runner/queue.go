package runner

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
)

// waiting is an arrival that was dispatched and is not sent yet.
type waiting struct {
	attack.Arrival
	Dispatched time.Duration
}

// queue holds the arrivals that wait for a free slot, first come first served. It has a
// ring for each timeout in use. Within a ring the arrival that came first is also the one
// that times out first: so the next to send and the next to give up are both at its head.
type queue []timeoutClass

// push puts w at the end of its timeout class; true if it is the only one there.
func (l queue) push(class int, w waiting) (first bool) {
	first = l[class].n == 0
	l[class].push(w)
	return first
}

// pop takes the arrival that has waited longest.
func (l queue) pop() (waiting, bool) {
	best := -1
	for i := range l {
		if w := l[i].first(); w != nil && (best < 0 || w.Seq < l[best].first().Seq) {
			best = i
		}
	}
	if best < 0 {
		return waiting{}, false
	}
	return l[best].pop(), true
}

// timeoutClass is the part of the queue with one timeout: a ring that never shrinks, as a
// queue that was long once is likely to be so again.
type timeoutClass struct {
	ring []waiting
	head int
	n    int
}

// first is the arrival at the head; nil if there is none.
func (l *timeoutClass) first() *waiting {
	if l.n == 0 {
		return nil
	}
	return &l.ring[l.head]
}

func (l *timeoutClass) push(w waiting) {
	if l.n == len(l.ring) {
		grown := make([]waiting, max(64, 2*l.n))
		copied := copy(grown, l.ring[l.head:])
		copy(grown[copied:], l.ring[:l.head])
		l.ring, l.head = grown, 0
	}
	l.ring[(l.head+l.n)%len(l.ring)] = w
	l.n++
}

func (l *timeoutClass) pop() waiting {
	w := l.ring[l.head]
	l.head = (l.head + 1) % len(l.ring)
	l.n--
	return w
}

// enqueue puts an arrival in the queue; a.mu is held.
func (a *runner) enqueue(w waiting) {
	a.counters.Queued.Add(1)
	if a.queue.push(a.action(&w.Arrival).class, w) {
		select {
		case a.reaperWake <- struct{}{}:
		default: // it is awake already, or will be
		}
	}
}

// dequeue takes the arrival that has waited longest; a.mu is held.
func (a *runner) dequeue() (waiting, bool) {
	w, ok := a.queue.pop()
	if ok {
		a.counters.Queued.Add(-1)
	}
	return w, ok
}

// reap gives up arrivals in the queue once they are too late to be answered.
func (a *runner) reap() {
	for {
		var alarm <-chan time.Time
		a.mu.Lock()
		if at, ok := a.nextExpiry(); ok {
			alarm = time.After(at - a.Clock())
		}
		a.mu.Unlock()
		select {
		case <-alarm:
		case <-a.reaperWake:
		case <-a.reaperStop:
			return
		}
		for {
			w, ok := a.takeExpired()
			if !ok {
				break
			}
			a.giveUp(&a.reaper, w, attack.Unsent)
		}
	}
}

// nextExpiry is when the next arrival in the queue is to be given up; a.mu is held.
func (a *runner) nextExpiry() (at time.Duration, ok bool) {
	now := a.Clock()
	for i := range a.queue {
		if w := a.queue[i].first(); w != nil {
			if d := a.latestUsefulSend(&w.Arrival, now); !ok || d < at {
				at, ok = d, true
			}
		}
	}
	return at, ok
}

// takeExpired takes an arrival out of the queue that is too late to be answered.
func (a *runner) takeExpired() (waiting, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Clock()
	for i := range a.queue {
		if w := a.queue[i].first(); w != nil && a.latestUsefulSend(&w.Arrival, now) <= now {
			a.counters.Queued.Add(-1)
			return a.queue[i].pop(), true
		}
	}
	return waiting{}, false
}

// interruptQueued takes all arrivals out of the queue. They count as interrupted, or as
// unsent if their timeout has passed.
func (a *runner) interruptQueued() {
	for {
		a.mu.Lock()
		w, ok := a.dequeue()
		a.mu.Unlock()
		if !ok {
			return
		}
		outcome := attack.Interrupted
		if a.Clock() >= a.deadline(&w.Arrival) {
			outcome = attack.Unsent
		}
		a.giveUp(&a.dispatcher, w, outcome)
	}
}
