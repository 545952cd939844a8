// Package runner sends the arrivals of a plan when they are due, whatever the target
// does. It knows when; a Client knows what, and how an answer is judged.
//
// One of the workers is the pacer and waits for the next arrival (pacer.go). The dispatcher
// does so while all workers are busy (dispatch.go). Arrivals wait in the queue for a free
// slot (queue.go), and are not sent if too little of their timeout is left (headroom.go).
// Users of closed stages send at their own pace (users.go). Steps of a flow are sent one
// after the other (flow.go). How far the generator itself delayed a response is worked out
// in delay.go.
package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/internal/standstill"
)

// Options are what Run needs beside the plan.
type Options struct {
	Clients attack.Clients // are not closed by Run
	Sink    attack.Sink
	// Start is the instant that offsets count from, with a monotonic reading. It
	// may lie ahead.
	Start time.Time
	// Clock returns the offset of the present from Start; nil: time.Since(Start).
	Clock func() time.Duration
	// Stop, once closed, lets what is in flight end and starts nothing more.
	Stop <-chan struct{}
	// OnStage, if set, is called as each stage begins, with its index, and with
	// the number of stages when the last has ended; one call after the other. It
	// must not block: arrivals wait for it.
	OnStage func(index int)
	// Busy, if set, returns for how long in total this process has used all of the CPU that it may
	// use: by this the runner knows that it lacks CPU. It is called some thousand times a second at
	// most.
	Busy func() time.Duration
	// Standstills, if set, says when this process did not run. The effect on arrivals is in
	// Result.Delay.
	Standstills *standstill.Watch
	// Carries says that connections between other programs run through this process, so that they
	// stand still with it.
	Carries bool
	// Refused, if set, is called with each connection that was not opened as it would
	// have gone to an address that is not allowed; from any goroutine. Whoever sets it
	// should close Stop: what is asked of the user must not be load of errors.
	Refused func(error)
	// Watch, if set, is called with each request that was sent, or that could not be, and
	// what came of it: with an answer if there was one and the protocol shows it. It is
	// called before the result is recorded, from any goroutine, and must be quick: sending
	// waits for it. Nothing of its arguments is valid after it returns.
	Watch func(call *attack.Call, r *attack.Result, answer *expect.Answer)
	// Counters, if set, are kept up to date for others to read.
	Counters *Counters
}

// Counters say how a run stands. They count requests, those of flows among them, and not
// the flows themselves. They are safe for concurrent use.
type Counters struct {
	Planned  atomic.Uint64 // arrivals that came due
	Queued   atomic.Int64  // waiting for a free slot
	InFlight atomic.Int64  // sent and not yet done
	Users    atomic.Int64  // of the closed loop, at work or thinking
}

// RunResult sums an attack up; whole flows are not counted, only their
// requests. Planned = Done + Unsent + Interrupted, always.
type RunResult struct {
	Planned, Done, Unsent, Interrupted uint64
	// End is when the load ended: at the end of the last stage, or when it was
	// stopped. What was in flight may have taken longer.
	End time.Duration
	// Stopped says that the load ended before its last stage did.
	Stopped bool
	// CutOff is the number of flows that were interrupted, at a request or between
	// two.
	CutOff uint64
}

// Complete says that the load ran to its end and that no arrival was interrupted. A stop
// while the last answers were waited for interrupts arrivals too: they are missing like
// those that never came due.
func (r RunResult) Complete() bool { return !r.Stopped && r.Interrupted == 0 && r.CutOff == 0 }

// Run sends the plan's arrivals, each when it is due, whatever the target does,
// and lets the users of closed stages ask at their own pace. An arrival that
// finds MaxInFlight requests in flight waits in the queue, on the clock; when its
// timeout, counted from when it was due, passes there, it is unsent. What came
// due while the generator itself was held up goes out late, as Plan.CatchUp
// says.
//
// Closing Stop ends the load softly: arrivals in the queue are interrupted, requests in
// flight run to their end, and flows end with the request they are at. Ending ctx ends it
// hard: requests in flight are cut off and interrupted too. Either way Run returns once
// every planned arrival has been recorded and every goroutine it started has ended. An
// error says that the plan cannot be run; then nothing was sent.
func Run(ctx context.Context, p *attack.Plan, opt Options) (RunResult, error) {
	a, err := newRun(ctx, p, opt)
	if err != nil {
		return RunResult{}, err
	}
	var background sync.WaitGroup
	background.Go(a.reap)
	background.Go(a.watch)
	a.dispatch()
	a.finish()
	close(a.reaperStop)
	background.Wait()
	a.sleeper.close()
	return RunResult{
		Planned: a.counters.Planned.Load(), Done: a.done.Load(), Unsent: a.unsent.Load(),
		Interrupted: a.interrupted.Load(), End: a.end, Stopped: a.stopped, CutOff: a.cutOff.Load(),
	}, nil
}

// Worker numbers of the goroutines that record: see attack.Sink. Users come after the workers.
const (
	dispatcherSlot = iota
	reaperSlot
	firstWorkerSlot // and up
)

// recorderSlot is what one recording goroutine needs: its number, and a result to fill in,
// so that sending allocates nothing.
type recorderSlot struct {
	number int
	result attack.Result
	// Of the call under way.
	call    attack.Call
	outcome attack.Outcome
	tooLate bool              // there was an answer, and it came after the timeout
	within  time.Duration     // how long a good answer may take; 0: as long as the timeout
	stops   []standstill.Stop // scratch
}

// runner is a run under way. Its goroutines are the dispatcher (Run's own), the reaper,
// the workers, and the users of closed stages: see dispatch.go, queue.go, pacer.go and
// users.go.
type runner struct {
	Options
	ctx      context.Context
	plan     *attack.Plan
	load     *arrivals.Load
	clients  []attack.Client
	actions  []action             // by request
	samples  attack.SampleChooser // nil: all samples are wanted
	details  attack.DetailChooser // nil: all details are
	counters *Counters

	done, unsent, interrupted, cutOff atomic.Uint64

	sleeper        sleeper
	dispatcher     recorderSlot
	reaper         recorderSlot
	dispatcherWake chan struct{} // has room for one; the dispatcher has something to look at
	reaperWake     chan struct{} // has room for one; the queue has a new head
	reaperStop     chan struct{} // ends the reaper
	loadEnded      chan struct{} // closed when the load has ended

	workers       sync.WaitGroup // and users
	mu            sync.Mutex     // guards what follows
	timetable     arrivals.Timetable
	changingStage bool // a goroutine is calling OnStage
	queue         queue
	idle          []*worker // a stack, so that few connections stay warm
	pacer         *worker   // nil: the dispatcher waits
	started       int
	lastStart     time.Duration // when the last worker was started
	maxStarts     int           // workers that may be started at once, as last measured
	startBudget   int           // how many of them are left to start
	cpuSaturated  bool          // the generator's CPU is used up
	closing       bool          // the load has ended: workers that find nothing to do end
	userSlots     int           // of users that were given out
	end           time.Duration
	stopped       bool
}

// action is what the runner needs to send a request.
type action struct {
	client   int // index into attack.clients
	timeout  time.Duration
	class    int // its timeout class in the queue
	headroom *headroom
	unsent   reasons
}

// reasons say why an arrival was not sent.
type reasons struct {
	noSlot        string // its timeout passed in the queue
	noTime        string // given up in the queue before that: see headroom
	noConnection  string // no connection was free, of the few that there may be
	generatorLate string // the generator itself was too late
}

func newRun(ctx context.Context, p *attack.Plan, opt Options) (*runner, error) {
	errs := []error{p.Validate().Err()}
	if len(opt.Clients) == 0 || opt.Sink == nil || opt.Start.IsZero() {
		errs = append(errs, errors.New("expected clients, a sink and a start"))
	}
	a := &runner{
		Options: opt, ctx: ctx, plan: p, counters: opt.Counters,
		dispatcher: recorderSlot{number: dispatcherSlot}, reaper: recorderSlot{number: reaperSlot},
		dispatcherWake: make(
			chan struct{},
			1,
		), reaperWake: make(chan struct{}, 1), reaperStop: make(chan struct{}), loadEnded: make(chan struct{}),
	}
	if a.counters == nil {
		a.counters = new(Counters)
	}
	if a.Clock == nil {
		a.Clock = func() time.Duration { return time.Since(opt.Start) }
	}
	classes := make(map[time.Duration]int)
	place := make(map[string]int) // in a.clients, by protocol
	for i := range p.Requests {
		r := &p.Requests[i]
		timeout := p.TimeoutOf(r)
		n, ok := classes[timeout]
		if !ok {
			n = len(classes)
			classes[timeout] = n
		}
		at, known := place[r.Protocol]
		if !known {
			client := opt.Clients[r.Protocol]
			if client == nil && len(opt.Clients) > 0 {
				errs = append(
					errs,
					fmt.Errorf(
						"request %q: expected a client for protocol %q, found none",
						r.Name,
						r.Protocol,
					),
				)
			}
			at = len(a.clients)
			place[r.Protocol] = at
			a.clients = append(a.clients, client)
		}
		a.actions = append(
			a.actions,
			action{
				client:   at,
				timeout:  timeout,
				class:    n,
				headroom: newHeadroom(timeout),
				unsent: reasons{
					noSlot: fmt.Sprintf("no free slot within %s", timeout),
					noTime: fmt.Sprintf("no free slot in time to be answered within %s", timeout),
					noConnection: fmt.Sprintf(
						"all connections that per_host allows were in use until it was too late "+
							"to be answered within %s",
						timeout,
					),
					generatorLate: fmt.Sprintf(
						"the generator came to it too late to be answered within %s",
						timeout,
					),
				},
			},
		)
	}
	a.queue = make(queue, len(classes))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	a.samples, _ = opt.Sink.(attack.SampleChooser)
	a.details, _ = opt.Sink.(attack.DetailChooser)
	load := p.Load()
	a.load, a.timetable = &load, arrivals.NewTimetable(&load, p.CatchUp == attack.Spread)
	return a, nil
}

// watch ends the load when Stop is closed or the context ends. A goroutine that waits for an
// arrival sees that by itself, but while the generator is behind none waits.
func (a *runner) watch() {
	select {
	case <-a.ctx.Done():
	case <-a.Stop:
	case <-a.loadEnded:
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopEarly()
}

// finish waits for all requests under way once the load has ended. After a stop, arrivals that are
// still in the queue are interrupted first.
func (a *runner) finish() {
	if a.stopped {
		a.interruptQueued()
	}
	ended := make(chan struct{})
	go func() {
		a.workers.Wait()
		close(ended)
	}()
	stop, hard := a.Stop, a.ctx.Done()
	for {
		select {
		case <-ended:
			// Workers empty the queue before they end, and nothing is put into it any
			// more.
			return
		case <-stop: // while the end is waited for
			stop = nil
			a.interruptQueued()
		case <-hard:
			hard = nil
			a.interruptQueued()
		}
	}
}
