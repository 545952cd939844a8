package runner

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

// Leader and followers. Of the workers one holds the lead: it waits until the
// next arrival is due, passes the lead on, and sends. So the goroutine that
// waited is the one that sends, and nobody has to be woken between the instant
// an arrival is due and its first byte. A worker that comes back takes what is
// due already, whoever leads: under load no worker ever waits for its turn.
//
// With all slots busy the keeper leads. It has no slot and sends nothing: it
// puts arrivals in line as they come due, until a worker comes back and takes
// the lead over.

// worker is a goroutine with a slot.
type worker struct {
	seat
	wake chan struct{} // room for one: waking never waits
}

const (
	// A generator that is behind by more than arrivals.CatchingUp starts further workers with
	// care. If it lacks time, each new connection takes more of it, and the workers
	// that it has will soon be back. But if the target stands still, its doing must
	// not become the generator's lateness. Which of the two it is shows when the keeper
	// looks away for a moment. If the CPU was used up meanwhile, more workers are of
	// no use, and the more there are the longer it waits before each. If it was not,
	// but the keeper is woken later than spare, others take the generator's time:
	// it waits for growth before each. Otherwise its workers wait for the target, and
	// it may start some, twice as many each time, up to maxBurst.
	look       = 200 * time.Microsecond
	usedUp     = 0.9
	reluctance = time.Millisecond // for each worker that there is
	growth     = 500 * time.Microsecond
	spare      = 150 * time.Microsecond
	maxBurst   = 64
)

// work sends whatever is due next, until nothing is left.
func (a *runner) work(me *worker) {
	for {
		w, ok := a.next(me)
		if !ok {
			return
		}
		a.send(&me.seat, w, nil)
	}
}

// next waits for the worker's next arrival; false if there will be none.
func (a *runner) next(me *worker) (waiting, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		if w, ok := a.firstInLine(); ok {
			a.resign(me)
			return w, true
		}
		if a.closing {
			return waiting{}, false
		}
		if w, skipped, ok := a.take(); ok {
			a.resign(me)
			if skipped {
				a.mu.Unlock()
				a.skip(&me.seat, w)
				a.mu.Lock()
				continue
			}
			return w, true
		}
		if a.crossing && a.leader == me {
			a.leader = nil // the keeper was quicker to begin a stage, and leads on
		}
		if a.leader == me || a.leader == nil && !a.crossing {
			a.leader = me
			a.lead()
			continue
		}
		a.idle = append(a.idle, me)
		a.mu.Unlock()
		<-me.wake
		a.mu.Lock()
	}
}

// resign passes the lead on if me has it; a.mu is held.
func (a *runner) resign(me *worker) {
	if a.leader == me {
		a.pass()
	}
}

// pass gives the lead to a worker that is idle or new, or else to the keeper;
// a.mu is held.
func (a *runner) pass() {
	switch n := len(a.idle); {
	case n > 0:
		a.leader = a.idle[n-1]
		a.idle = a.idle[:n-1]
		a.leader.wake <- struct{}{}
	case a.started < a.plan.MaxInFlight && a.mayGrow():
		a.leader = &worker{seat: seat{number: firstWorker + a.started}, wake: make(chan struct{}, 1)}
		a.started++
		me := a.leader
		a.workers.Go(func() { a.work(me) })
	default:
		a.leader = nil
		a.summon()
	}
}

// mayGrow says whether another worker may be started; a.mu is held.
func (a *runner) mayGrow() bool {
	now := a.Clock()
	pause := growth
	if a.choked {
		pause = time.Duration(a.started) * reluctance
	}
	switch {
	case a.timetable.Behind(now) <= arrivals.CatchingUp:
	case a.granted > 0:
		a.granted--
	case now-a.grown < pause:
		return false
	}
	a.grown = now
	return true
}

// probe finds out whether the generator has time to spare; false if the run is to
// end. a.mu is held, but not meanwhile.
func (a *runner) probe() bool {
	a.mu.Unlock()
	from, used := a.Clock(), a.used()
	ok := a.until(from + look)
	took := a.Clock() - from
	used = a.used() - used
	a.mu.Lock()
	a.choked = float64(used) > usedUp*float64(took)
	if a.burst = min(2*a.burst+1, maxBurst); a.choked || took-look > spare {
		a.burst = 0
	}
	a.granted = a.burst
	return ok
}

// used is how much of its CPU time the generator has used so far, see
// Options.Busy.
func (a *runner) used() time.Duration {
	if a.Busy == nil {
		return 0
	}
	return a.Busy()
}

// summon makes the keeper look.
func (a *runner) summon() {
	select {
	case a.called <- struct{}{}:
	default: // it will look anyway
	}
}

// keep leads for as long as no worker does, until the load has ended.
func (a *runner) keep() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.closing {
		switch {
		case a.leader != nil:
			a.mu.Unlock()
			<-a.called
			a.mu.Lock()
		case len(a.idle) > 0:
			a.pass()
		case a.started < a.plan.MaxInFlight:
			if a.pass(); a.leader == nil && !a.probe() {
				a.halt()
			}
		default:
			w, skipped, ok := a.take()
			switch {
			case !ok:
				a.lead()
			case skipped:
				a.mu.Unlock()
				a.skip(&a.keeper, w)
				a.mu.Lock()
			case w.Acted >= a.hopeless(&w.Arrival, w.Acted): // it was held up for so long
				a.mu.Unlock()
				a.giveUp(&a.keeper, w, attack.Unsent)
				a.mu.Lock()
			default:
				a.queue(w)
			}
		}
	}
}

// take takes the next arrival if it is due; a.mu is held.
func (a *runner) take() (w waiting, skipped, ok bool) {
	now := a.Clock()
	w.Arrival, ok = a.timetable.Take(now)
	if !ok {
		return w, false, false
	}
	w.Acted = now
	a.announce(w.Arrival)
	return w, a.plan.CatchUp == attack.Skip && now-w.Intended > a.plan.LateBudget, true
}

// lead waits for what comes next, and begins a stage if it is that. a.mu is
// held, but not meanwhile.
func (a *runner) lead() {
	at, boundary := a.timetable.Upcoming()
	a.mu.Unlock()
	ok := a.until(at)
	a.mu.Lock()
	switch {
	case a.closing || a.crossing:
		return // another was quicker
	case !ok:
		a.halt()
		return
	case !boundary:
		return
	}
	if present, still := a.timetable.Upcoming(); !still || present != at {
		return // another has told of it
	}
	a.crossing = true
	stage := a.timetable.Stage
	a.mu.Unlock()
	if a.OnStage != nil {
		a.OnStage(stage)
	}
	a.mu.Lock()
	a.crossing = false
	if a.closing {
		return // it was stopped meanwhile
	}
	if !a.timetable.Cross() {
		a.end = at
		a.close()
		return
	}
	if stage < len(a.plan.Stages) {
		a.admit(stage, at)
	}
}

// halt ends the load before its time; a.mu is held.
func (a *runner) halt() {
	if !a.closing {
		a.stopped, a.end = true, a.Clock()
		a.close()
	}
}

// close ends the load: who is idle ends; a.mu is held.
func (a *runner) close() {
	a.closing = true
	close(a.over)
	for _, w := range a.idle {
		w.wake <- struct{}{}
	}
	a.idle = nil
	a.summon()
}

// until waits until t is due; false if the run is to end instead.
func (a *runner) until(t time.Duration) bool { return a.rest(t, a.Stop) }

// rest waits until t is due; false once stop or the run's context ends.
func (a *runner) rest(t time.Duration, stop <-chan struct{}) bool {
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
		if coarse := rest - precise; coarse > 0 {
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
