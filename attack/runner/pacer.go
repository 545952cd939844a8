package runner

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

// Dispatching without a hand-over. One worker is the pacer: it waits until the next
// arrival is due, makes another worker the pacer, and sends. So the goroutine that waited
// is the one that sends, and none has to be woken between the instant an arrival is due
// and its first byte. A worker that comes back first takes what is due already, whoever is
// the pacer: under load no worker ever waits for its turn.
//
// With all slots busy no worker is free to be the pacer. Then the dispatcher waits: see
// dispatch.go.

// worker is a goroutine with a slot.
type worker struct {
	recorderSlot
	wake chan struct{} // has room for one, so that waking never blocks
}

const (
	// probeInterval is how long the dispatcher sleeps to measure its CPU.
	probeInterval = 200 * time.Microsecond
	// saturatedShare is the share of that time from which on the CPU counts as used up.
	saturatedShare = 0.9
	// startPausePerWorker, times the number of workers, passes between two starts while
	// the CPU is used up.
	startPausePerWorker = time.Millisecond
	// startPause passes between two starts otherwise.
	startPause = 500 * time.Microsecond
	// lateWake is by how much the dispatcher may wake too late before other programs
	// count as taking the generator's time.
	lateWake = 150 * time.Microsecond
	// maxStartsEver is the most workers that may be started without a pause.
	maxStartsEver = 64
)

// work sends whatever is due next, until nothing is left.
func (a *runner) work(me *worker) {
	for {
		w, ok := a.next(me)
		if !ok {
			return
		}
		a.send(&me.recorderSlot, w, nil)
	}
}

// next waits for the worker's next arrival: the longest in the queue, or else the next
// that is due. It returns false if there will be none.
func (a *runner) next(me *worker) (waiting, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		if w, ok := a.dequeue(); ok {
			a.release(me)
			return w, true
		}
		if a.closing {
			return waiting{}, false
		}
		if w, skipped, ok := a.takeDue(); ok {
			a.release(me)
			if skipped {
				a.mu.Unlock()
				a.skip(&me.recorderSlot, w)
				a.mu.Lock()
				continue
			}
			return w, true
		}
		if a.changingStage && a.pacer == me {
			a.pacer = nil // the dispatcher began the stage first, and goes on waiting
		}
		if a.pacer == me || a.pacer == nil && !a.changingStage {
			a.pacer = me
			a.pace()
			continue
		}
		a.idle = append(a.idle, me)
		a.mu.Unlock()
		<-me.wake
		a.mu.Lock()
	}
}

// release makes somebody else the pacer if me is; a.mu is held.
func (a *runner) release(me *worker) {
	if a.pacer == me {
		a.handOver()
	}
}

// handOver makes an idle or a new worker the pacer. Without either the dispatcher waits
// for arrivals. a.mu is held.
func (a *runner) handOver() {
	switch n := len(a.idle); {
	case n > 0:
		a.pacer = a.idle[n-1]
		a.idle = a.idle[:n-1]
		a.pacer.wake <- struct{}{}
	case a.started < a.plan.MaxInFlight && a.mayStartWorker():
		slot := recorderSlot{number: firstWorkerSlot + a.started}
		a.pacer = &worker{recorderSlot: slot, wake: make(chan struct{}, 1)}
		a.started++
		me := a.pacer
		a.workers.Go(func() { a.work(me) })
	default:
		a.pacer = nil
		a.wakeDispatcher()
	}
}

// mayStartWorker says whether another worker may be started, and notes that it was.
// a.mu is held.
//
// A generator that is behind by more than arrivals.CatchingUp starts workers with care.
// There are two causes. If the generator lacks time, each new connection takes more of
// it, and the workers that it has will soon be back. If the target stands still, the
// generator must not become late by it. measureCPU tells them apart:
//   - The CPU is used up: startPausePerWorker passes before each start, times the workers.
//   - Other programs take the generator's time: startPause passes before each start.
//   - Neither: workers wait for the target, and startBudget workers may start at once.
func (a *runner) mayStartWorker() bool {
	now := a.Clock()
	pause := startPause
	if a.cpuSaturated {
		pause = time.Duration(a.started) * startPausePerWorker
	}
	switch {
	case a.timetable.Behind(now) <= arrivals.CatchingUp:
	case a.startBudget > 0:
		a.startBudget--
	case now-a.lastStart < pause:
		return false
	}
	a.lastStart = now
	return true
}

// measureCPU sleeps for probeInterval, and sets cpuSaturated and startBudget by the CPU
// time that the generator used meanwhile and by how late it woke. The budget doubles
// each time that there is time to spare, up to maxStartsEver. It returns false if the
// run is to end. a.mu is held, but not during the sleep.
func (a *runner) measureCPU() bool {
	a.mu.Unlock()
	from, used := a.Clock(), a.cpuUsed()
	ok := a.until(from + probeInterval)
	took := a.Clock() - from
	used = a.cpuUsed() - used
	a.mu.Lock()
	a.cpuSaturated = float64(used) > saturatedShare*float64(took)
	a.maxStarts = min(2*a.maxStarts+1, maxStartsEver)
	if a.cpuSaturated || took-probeInterval > lateWake {
		a.maxStarts = 0
	}
	a.startBudget = a.maxStarts
	return ok
}

// cpuUsed is how much of its CPU time the generator has used so far: see Options.Busy.
func (a *runner) cpuUsed() time.Duration {
	if a.Busy == nil {
		return 0
	}
	return a.Busy()
}

// pace waits until the next arrival is due or the next stage begins. It begins the
// stage if that comes first. a.mu is held, but not during the wait.
func (a *runner) pace() {
	at, boundary := a.timetable.Upcoming()
	a.mu.Unlock()
	ok := a.until(at)
	a.mu.Lock()
	switch {
	case a.closing || a.changingStage:
		return // another goroutine begins the stage
	case !ok:
		a.stopEarly()
		return
	case !boundary:
		return
	}
	if present, still := a.timetable.Upcoming(); !still || present != at {
		return // another goroutine has begun the stage
	}
	a.changingStage = true
	stage := a.timetable.Stage
	a.mu.Unlock()
	if a.OnStage != nil {
		a.OnStage(stage)
	}
	a.mu.Lock()
	a.changingStage = false
	if a.closing {
		return // the run was stopped meanwhile
	}
	if !a.timetable.NextStage() {
		a.end = at
		a.endLoad()
		return
	}
	if stage < len(a.plan.Stages) {
		a.admitUsers(stage, at)
	}
}
