package runner

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
)

// waiting is an arrival on which the generator acted and which was not yet
// sent.
type waiting struct {
	attack.Arrival
	Acted time.Duration
}

// line is what waits for a free slot, first come first served. It has a lane for
// each timeout in use: within a lane the first to come is the first to time
// out, so that both ends of its wait are found at its head.
type line []lane

// push puts w at the end of a lane; true if it is the lane's first.
func (l line) push(lane int, w waiting) (first bool) {
	first = l[lane].n == 0
	l[lane].push(w)
	return first
}

// pop takes what has waited longest.
func (l line) pop() (waiting, bool) {
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

// lane is a queue in a ring that grows and stays: a line that was long once is
// likely to be so again.
type lane struct {
	ring []waiting
	head int
	n    int
}

// first is the head of the lane, nil if there is none.
func (l *lane) first() *waiting {
	if l.n == 0 {
		return nil
	}
	return &l.ring[l.head]
}

func (l *lane) push(w waiting) {
	if l.n == len(l.ring) {
		grown := make([]waiting, max(64, 2*l.n))
		copied := copy(grown, l.ring[l.head:])
		copy(grown[copied:], l.ring[:l.head])
		l.ring, l.head = grown, 0
	}
	l.ring[(l.head+l.n)%len(l.ring)] = w
	l.n++
}

func (l *lane) pop() waiting {
	w := l.ring[l.head]
	l.head = (l.head + 1) % len(l.ring)
	l.n--
	return w
}

// queue puts an arrival in line; a.mu is held.
func (a *runner) queue(w waiting) {
	a.live.Queued.Add(1)
	if a.line.push(a.action(&w.Arrival).lane, w) {
		select {
		case a.kick <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// firstInLine takes what has waited longest; a.mu is held.
func (a *runner) firstInLine() (waiting, bool) {
	w, ok := a.line.pop()
	if ok {
		a.live.Queued.Add(-1)
	}
	return w, ok
}

// reap gives up what times out in line, when it does.
func (a *runner) reap() {
	for {
		var alarm <-chan time.Time
		a.mu.Lock()
		if at, ok := a.nextDeadline(); ok {
			alarm = time.After(at - a.Clock())
		}
		a.mu.Unlock()
		select {
		case <-alarm:
		case <-a.kick:
		case <-a.quit:
			return
		}
		for {
			w, ok := a.expired()
			if !ok {
				break
			}
			a.giveUp(&a.reaper, w, attack.Unsent)
		}
	}
}

// nextDeadline is when the first in line is to be given up; a.mu is held.
func (a *runner) nextDeadline() (at time.Duration, ok bool) {
	now := a.Clock()
	for i := range a.line {
		if w := a.line[i].first(); w != nil {
			if d := a.hopeless(&w.Arrival, now); !ok || d < at {
				at, ok = d, true
			}
		}
	}
	return at, ok
}

// expired takes one out of the line that is hopeless.
func (a *runner) expired() (waiting, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Clock()
	for i := range a.line {
		if w := a.line[i].first(); w != nil && a.hopeless(&w.Arrival, now) <= now {
			a.live.Queued.Add(-1)
			return a.line[i].pop(), true
		}
	}
	return waiting{}, false
}

// clear interrupts all that is in line.
func (a *runner) clear() {
	for {
		a.mu.Lock()
		w, ok := a.firstInLine()
		a.mu.Unlock()
		if !ok {
			return
		}
		outcome := attack.Interrupted
		if a.Clock() >= a.deadline(&w.Arrival) {
			outcome = attack.Unsent
		}
		a.giveUp(&a.keeper, w, outcome)
	}
}
