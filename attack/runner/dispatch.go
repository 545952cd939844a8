package runner

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
)

// wakeDispatcher makes the dispatcher look for something to do.
func (a *runner) wakeDispatcher() {
	select {
	case a.dispatcherWake <- struct{}{}:
	default: // it is awake already, or will be
	}
}

// dispatch waits for arrivals whenever no worker is the pacer, until the load has ended.
// With all slots busy it puts arrivals in the queue as they come due. A worker that comes
// back becomes the pacer again.
func (a *runner) dispatch() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.closing {
		switch {
		case a.pacer != nil:
			a.mu.Unlock()
			<-a.dispatcherWake
			a.mu.Lock()
		case len(a.idle) > 0:
			a.handOver()
		case a.started < a.plan.MaxInFlight:
			if a.handOver(); a.pacer == nil && !a.measureCPU() {
				a.stopEarly()
			}
		default:
			w, skipped, ok := a.takeDue()
			switch {
			case !ok:
				a.pace()
			case skipped:
				a.mu.Unlock()
				a.skip(&a.dispatcher, w)
				a.mu.Lock()
			case w.Dispatched >= a.latestUsefulSend(&w.Arrival, w.Dispatched):
				// The dispatcher itself was held up.
				a.mu.Unlock()
				a.giveUp(&a.dispatcher, w, attack.Unsent)
				a.mu.Lock()
			default:
				a.enqueue(w)
			}
		}
	}
}

// takeDue takes the next arrival if it is due. skipped: the generator is too late for
// it, and the plan says catch_up: skip. a.mu is held.
func (a *runner) takeDue() (w waiting, skipped, ok bool) {
	now := a.Clock()
	w.Arrival, ok = a.timetable.Take(now)
	if !ok {
		return w, false, false
	}
	w.Dispatched = now
	a.announce(w.Arrival)
	return w, a.plan.CatchUp == attack.Skip && now-w.Intended > a.plan.LateBudget, true
}

// stopEarly ends the load before its last stage has; a.mu is held.
func (a *runner) stopEarly() {
	if !a.closing {
		a.stopped, a.end = true, a.Clock()
		a.endLoad()
	}
}

// endLoad ends the load, and with it all idle workers; a.mu is held.
func (a *runner) endLoad() {
	a.closing = true
	close(a.loadEnded)
	for _, w := range a.idle {
		w.wake <- struct{}{}
	}
	a.idle = nil
	a.wakeDispatcher()
}

// until waits for the instant t; false if the run is to end instead.
func (a *runner) until(t time.Duration) bool { return a.waitUntil(t, a.Stop) }

// waitUntil waits for the instant t; false once stop is closed or the run's context ends.
func (a *runner) waitUntil(t time.Duration, stop <-chan struct{}) bool {
	for a.ctx.Err() == nil {
		select {
		case <-stop:
			return false
		default:
		}
		rest := t - a.Clock()
		if rest <= 0 {
			return true
		}
		if coarse := rest - osTimed; coarse > 0 {
			timer := time.NewTimer(coarse)
			select {
			case <-timer.C:
			case <-a.ctx.Done():
			case <-stop:
			}
			timer.Stop()
			continue
		}
		a.sleeper.sleep(rest, a.Clock)
	}
	return false
}
