package attack

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// RunOptions are what Run needs beside the plan.
type RunOptions struct {
	Engine Engine // is not closed by Run
	Sink   Sink
	// Start is the instant that offsets count from, with a monotonic reading. It
	// may lie ahead.
	Start time.Time
	// Clock returns the offset of the present from Start; nil: time.Since(Start).
	Clock func() time.Duration
	// Stop, once closed, lets what is in flight end and starts nothing more.
	Stop <-chan struct{}
	// Build makes an arrival's call; nil: NewBuilder of the plan. It must be safe
	// for concurrent use.
	Build func(Arrival) (*Call, error)
	// OnStage, if set, is called as each stage begins, with its index, and with
	// the number of stages when the last has ended; always from one goroutine. It
	// must not block: arrivals wait for it.
	OnStage func(index int)
	// Live, if set, is kept up to date for others to read.
	Live *Live
}

// Live says how an attack stands. It is safe for concurrent use.
type Live struct {
	Planned  atomic.Uint64 // arrivals that came due
	Queued   atomic.Int64  // waiting for a free slot
	InFlight atomic.Int64  // sent and not yet done
}

// RunResult sums an attack up. Planned = Done + Unsent + Interrupted, always.
type RunResult struct {
	Planned, Done, Unsent, Interrupted uint64
	// End is when the load ended: at the end of the last stage, or when it was
	// stopped. What was in flight may have taken longer.
	End time.Duration
	// Stopped says that the load ended before its last stage did.
	Stopped bool
}

// Whole says that the load ran to its end and that every arrival has an outcome
// of its own. It does not if a stop came only while the last answers were
// waited for: what was given up then is missing like what never came due.
func (r RunResult) Whole() bool { return !r.Stopped && r.Interrupted == 0 }

// Run sends the plan's arrivals, each when it is due, whatever the target does.
// An arrival that finds MaxInFlight requests in flight waits in line, on the
// clock; when its timeout, counted from when it was due, passes there, it is
// unsent. If the pacer itself was held up, what came due meanwhile goes out at
// once, late.
//
// Closing Stop ends the load softly: arrivals in line are interrupted, requests
// in flight run to their end. Ending ctx ends it hard: those are cut off and
// interrupted too. Either way Run returns once every planned arrival has been
// recorded and every goroutine it started has ended, and without an error: one
// only says that the plan cannot be run, and then nothing was sent.
func Run(ctx context.Context, p *Plan, opt RunOptions) (RunResult, error) {
	a, err := newAttack(ctx, p, opt)
	if err != nil {
		return RunResult{}, err
	}
	var reaper sync.WaitGroup
	reaper.Go(a.reap)
	end, stopped := a.pace()
	a.finish(stopped)
	close(a.quit)
	reaper.Wait()
	return RunResult{
		Planned: a.live.Planned.Load(), Done: a.done.Load(), Unsent: a.unsent.Load(), Interrupted: a.interrupted.Load(),
		End: end, Stopped: stopped,
	}, nil
}

// Numbers of the goroutines that record, see Sink.
const (
	byPacer = iota
	byReaper
	byWorkers // and up
)

// attack is a run under way. Three kinds of goroutines share it: the pacer
// (Run's own) announces arrivals and hands them over, the reaper gives up those
// whose timeout passes in line, and the workers send.
type attack struct {
	RunOptions
	ctx      context.Context
	plan     *Plan
	checks   []*check
	timeouts []time.Duration // by request
	lane     []int           // by request: its lane in the line
	live     *Live

	done, unsent, interrupted atomic.Uint64

	sleeper sleeper
	kick    chan struct{} // the reaper has something new to look at
	quit    chan struct{} // ends the reaper

	workers sync.WaitGroup
	mu      sync.Mutex // guards what follows
	line    line
	idle    []*worker // the last to become idle is the next to be used, so that few connections stay warm
	started int
	closing bool // workers that find nothing to do end
}

type worker struct {
	number int
	work   chan waiting // room for one: handing over never waits
}

func newAttack(ctx context.Context, p *Plan, opt RunOptions) (*attack, error) {
	var errs []error
	if opt.Engine == nil || opt.Sink == nil || opt.Start.IsZero() {
		errs = append(errs, errors.New("expected an engine, a sink and a start"))
	}
	if p.MaxInFlight < 1 {
		errs = append(errs, fmt.Errorf("max_in_flight: expected at least 1, found %d", p.MaxInFlight))
	}
	if p.Arrivals != Uniform && p.Arrivals != Poisson {
		errs = append(errs, fmt.Errorf("arrivals: expected %s or %s, found %q", Uniform, Poisson, p.Arrivals))
	}
	if len(p.Requests) == 0 {
		errs = append(errs, errors.New("requests: expected at least one, found none"))
	}
	for _, s := range p.Stages {
		if s.Shape == nil {
			errs = append(errs, fmt.Errorf("stage %q: expected a shape, found none", s.Name))
		} else if err := s.Shape.Validate(s.For); err != nil {
			errs = append(errs, fmt.Errorf("stage %q: %w", s.Name, err))
		}
	}
	a := &attack{
		RunOptions: opt, ctx: ctx, plan: p, live: opt.Live,
		kick: make(chan struct{}, 1), quit: make(chan struct{}),
	}
	if a.live == nil {
		a.live = new(Live)
	}
	if a.Clock == nil {
		a.Clock = func() time.Duration { return time.Since(opt.Start) }
	}
	if a.Build == nil && len(p.Requests) > 0 {
		build, err := NewBuilder(p)
		errs = append(errs, err)
		a.Build = build
	}
	lanes := make(map[time.Duration]int)
	for i := range p.Requests {
		r := &p.Requests[i]
		c, err := newCheck(r.Expect)
		if err != nil {
			errs = append(errs, fmt.Errorf("request %q: expect: %w", r.Name, err))
		}
		timeout := r.Timeout
		if timeout == 0 {
			timeout = p.Timeout
		}
		if timeout <= 0 {
			errs = append(errs, fmt.Errorf("request %q: timeout: expected above 0, found %s", r.Name, timeout))
		}
		n, ok := lanes[timeout]
		if !ok {
			n = len(lanes)
			lanes[timeout] = n
		}
		a.checks = append(a.checks, c)
		a.timeouts = append(a.timeouts, timeout)
		a.lane = append(a.lane, n)
	}
	a.line = make(line, len(lanes))
	return a, errors.Join(errs...)
}

// pace walks the schedule and returns when the load ended, and whether that was
// before its time.
func (a *attack) pace() (end time.Duration, stopped bool) {
	defer a.sleeper.close()
	stage, begin := 0, time.Duration(0) // the next stage to enter
	enter := func(i int) bool {
		for ; stage <= i; stage++ {
			if !a.until(begin) {
				return false
			}
			if a.OnStage != nil {
				a.OnStage(stage)
			}
			if stage < len(a.plan.Stages) {
				begin += a.plan.Stages[stage].For
			}
		}
		return true
	}
	for arrival := range a.plan.Schedule() {
		if !enter(arrival.Stage) || !a.until(arrival.Intended) {
			return a.Clock(), true
		}
		a.Sink.Planned(arrival)
		a.live.Planned.Add(1)
		a.offer(waiting{arrival, a.Clock()})
	}
	if !enter(len(a.plan.Stages)) {
		return a.Clock(), true
	}
	return begin, false
}

// until waits until t is due; false if the load is to end instead.
func (a *attack) until(t time.Duration) bool {
	for {
		select {
		case <-a.ctx.Done():
			return false
		case <-a.Stop:
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
			case <-a.Stop:
			}
			timer.Stop()
			continue
		}
		a.sleeper.sleep(rest, a.Clock)
	}
}

// offer hands an arrival to a worker, an idle one or a new one; with
// MaxInFlight of them at work it goes in line.
func (a *attack) offer(w waiting) {
	if w.Acted >= a.deadline(&w.Arrival) {
		a.giveUp(byPacer, w, Unsent) // the pacer was held up for longer than the timeout
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch n := len(a.idle); {
	case n > 0:
		free := a.idle[n-1]
		a.idle = a.idle[:n-1]
		free.work <- w
	case a.started < a.plan.MaxInFlight:
		fresh := &worker{number: byWorkers + a.started, work: make(chan waiting, 1)}
		a.started++
		fresh.work <- w
		a.workers.Go(func() { a.work(fresh) })
	default:
		a.live.Queued.Add(1)
		if a.line.push(a.lane[w.Request], w) {
			select {
			case a.kick <- struct{}{}:
			default: // it will look anyway
			}
		}
	}
}

// work sends what it is handed, and then what is first in line, until there is
// nothing left and the attack is closing.
func (a *attack) work(me *worker) {
	for w := range me.work {
		for ok := true; ok; w, ok = a.nextInLine(me) {
			a.send(me.number, w)
		}
	}
}

// nextInLine takes what is first in line, or else makes the worker idle.
func (a *attack) nextInLine(me *worker) (waiting, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w, ok := a.line.pop(); ok {
		a.live.Queued.Add(-1)
		return w, true
	}
	if a.closing {
		close(me.work)
	} else {
		a.idle = append(a.idle, me)
	}
	return waiting{}, false
}

func (a *attack) send(number int, w waiting) {
	deadline := a.deadline(&w.Arrival)
	switch {
	case a.ctx.Err() != nil:
		a.giveUp(number, w, Interrupted)
		return
	case a.Clock() >= deadline:
		a.giveUp(number, w, Unsent)
		return
	}
	r := Result{Arrival: w.Arrival, Outcome: Done, Acted: w.Acted}
	call, err := a.Build(w.Arrival)
	if err != nil {
		r.Sent = a.Clock()
		r.Done = r.Sent
		r.Kind, r.Detail = KindTemplate, clip(err.Error(), maxDetail)
		a.record(number, &r)
		return
	}
	a.live.InFlight.Add(1)
	reply := a.sendBy(a.Start.Add(deadline), call)
	a.live.InFlight.Add(-1)
	// What is recorded relies on intended ≤ sent ≤ done, whatever an engine says.
	r.Sent = max(reply.Sent.Sub(a.Start), w.Acted)
	r.Done = max(reply.Done.Sub(a.Start), r.Sent)
	// One that failed by itself, just as the run was cut off, is an error.
	if a.ctx.Err() != nil && errors.Is(reply.Err, context.Cause(a.ctx)) && r.Done < deadline {
		r.Outcome = Interrupted
		a.record(number, &r)
		return
	}
	r.Status, r.BytesIn, r.BytesOut = reply.Status, reply.BytesIn, reply.BytesOut
	r.Kind, r.Detail = a.checks[w.Request].reply(&reply, r.Done-r.Intended)
	a.record(number, &r)
}

// sendBy has the engine send call, until deadline at most.
func (a *attack) sendBy(deadline time.Time, call *Call) Reply {
	if e, ok := a.Engine.(DeadlineSender); ok {
		return e.SendBy(a.ctx, deadline, call)
	}
	ctx, cancel := context.WithDeadline(a.ctx, deadline)
	defer cancel()
	return a.Engine.Send(ctx, call)
}

// reap gives up what times out in line, when it does.
func (a *attack) reap() {
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
			a.giveUp(byReaper, w, Unsent)
		}
	}
}

// nextDeadline is the earliest in line; a.mu is held.
func (a *attack) nextDeadline() (at time.Duration, ok bool) {
	for i := range a.line {
		if w := a.line[i].first(); w != nil {
			if d := a.deadline(&w.Arrival); !ok || d < at {
				at, ok = d, true
			}
		}
	}
	return at, ok
}

// expired takes one whose timeout has passed out of the line.
func (a *attack) expired() (waiting, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Clock()
	for i := range a.line {
		if w := a.line[i].first(); w != nil && a.deadline(&w.Arrival) <= now {
			a.live.Queued.Add(-1)
			return a.line[i].pop(), true
		}
	}
	return waiting{}, false
}

// finish waits for all that is under way. After a stop, what is still in line is
// interrupted first.
func (a *attack) finish(stopped bool) {
	if stopped {
		a.clear()
	}
	a.mu.Lock()
	a.closing = true
	for _, w := range a.idle {
		close(w.work)
	}
	a.idle = nil
	a.mu.Unlock()

	ended := make(chan struct{})
	go func() {
		a.workers.Wait()
		close(ended)
	}()
	stop, hard := a.Stop, a.ctx.Done()
	for {
		select {
		case <-ended:
			// Workers take what is in line before they end, and none is started
			// with anything in line, so the line is empty now.
			return
		case <-stop: // while the end is waited for
			stop = nil
			a.clear()
		case <-hard:
			hard = nil
			a.clear()
		}
	}
}

// clear interrupts all that is in line.
func (a *attack) clear() {
	for {
		a.mu.Lock()
		w, ok := a.line.pop()
		if ok {
			a.live.Queued.Add(-1)
		}
		a.mu.Unlock()
		if !ok {
			return
		}
		outcome := Interrupted
		if a.Clock() >= a.deadline(&w.Arrival) {
			outcome = Unsent
		}
		a.giveUp(byPacer, w, outcome)
	}
}

// giveUp records an arrival that was never sent.
func (a *attack) giveUp(number int, w waiting, o Outcome) {
	r := Result{Arrival: w.Arrival, Outcome: o, Acted: w.Acted, Done: a.Clock()}
	if o == Unsent {
		timeout := a.timeouts[w.Request]
		r.Done = w.Intended + timeout
		r.Kind, r.Detail = KindUnsent, fmt.Sprintf("no free slot within %s", timeout)
	}
	a.record(number, &r)
}

func (a *attack) record(number int, r *Result) {
	switch r.Outcome {
	case Done:
		a.done.Add(1)
	case Unsent:
		a.unsent.Add(1)
	case Interrupted:
		a.interrupted.Add(1)
	}
	a.Sink.Record(number, r)
}

func (a *attack) deadline(r *Arrival) time.Duration { return r.Intended + a.timeouts[r.Request] }
