package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// ScheduledFault is a fault with the targets that were drawn for it.
type ScheduledFault struct {
	Plan    FaultPlan
	Targets []Target
}

// Config is what a conductor needs before the run's clock starts.
type Config struct {
	Run     string      // id of the run, for the journal
	Owner   owner.Owner // this process, for the journal
	Journal Journal

	// InjectTimeout is how long after its time a fault may take to show effect
	// in all its targets; 0 means 15s. A Slow fault may take what it needs.
	InjectTimeout time.Duration
	// RevertTimeout is how long all tries to undo a fault may take together; 0
	// means 60s. A Slow fault may take what it needs, and half of this for tries
	// that fail.
	RevertTimeout time.Duration
}

// Conductor injects and reverts the faults of one run, each at its time.
type Conductor struct {
	cfg   Config
	clock func() time.Duration
	mark  func() time.Duration
	event func(timeline.Event)
	// cutting is called when a target may cut any connections, cuttingOld when it may cut those
	// that are open by then; nil: there is nobody to tell.
	cutting, cuttingOld func() (done func())
	// renew makes the load go on with new connections.
	renew func()
	// gate says whether faults may begin; nil: they may.
	gate func(context.Context) bool

	mu     sync.Mutex
	faults []*runningFault // the slice itself never changes
}

// runningFault is one fault on its way. Its record is guarded by the conductor's
// mutex; injections belong to the goroutine that runs it.
type runningFault struct {
	ScheduledFault
	index      int
	record     timeline.Fault
	since      time.Duration // when its record came to its state
	mechanisms []string
	caveats    []string
	injections []*injection
	after      []*runningFault // must be undone before this one begins
	done       chan struct{}   // closed when it is undone, or never will be
}

// injection is a fault on one of its targets.
type injection struct {
	target    Target
	id        string
	fault     Fault
	state     State
	journaled bool // so there may be something to undo
	proof     Proof
	err       error

	began, ceased *time.Duration // when its disturbance did, if its target says so
}

// NewConductor returns a conductor for the faults of one run.
func NewConductor(cfg Config, faults []ScheduledFault) *Conductor {
	if cfg.InjectTimeout == 0 {
		cfg.InjectTimeout = 15 * time.Second
	}
	if cfg.RevertTimeout == 0 {
		cfg.RevertTimeout = time.Minute
	}
	c := &Conductor{cfg: cfg}
	for i, p := range faults {
		f := &runningFault{
			ScheduledFault: p,
			index:          i,
			done:           make(chan struct{}),
			record: timeline.Fault{
				Name: p.Plan.Name, Kind: p.Plan.Kind, Service: strings.Join(p.Plan.Services, ", "),
				Planned: p.Plan.At, State: timeline.Scheduled,
			},
		}
		for _, t := range p.Targets {
			f.record.Targets = append(f.record.Targets, t.Name())
		}
		c.faults = append(c.faults, f)
	}
	for _, f := range c.faults {
		for _, first := range c.faults {
			if first != f && over(first.ScheduledFault, f.ScheduledFault) &&
				len(contested(first.ScheduledFault, f.ScheduledFault)) > 0 {
				f.after = append(f.after, first)
			}
		}
	}
	return c
}

// Preflight binds and prepares every fault on every target, and returns all errors, so that what
// cannot work is found before any load is sent. It changes nothing.
func (c *Conductor) Preflight(ctx context.Context) error {
	errs := []error{overlaps(c.faults)}
	for _, f := range c.faults {
		c.bind(f, f.Plan.Hold)
		each(f.injections, func(h *injection) {
			if h.err == nil {
				h.state, h.err = h.fault.Prepare(ctx)
			}
		})
		if err := f.err(); err != nil {
			errs = append(errs, fmt.Errorf("fault %s: %w", f.Plan.Name, err))
		}
	}
	return errors.Join(errs...)
}

// Warnings returns what people should know before the faults are injected, each
// with the fault's name.
func (c *Conductor) Warnings(ctx context.Context) []string {
	var out []string
	for _, f := range c.faults {
		for _, t := range f.Targets {
			w, ok := t.(Warner)
			if !ok {
				continue
			}
			kind, _ := KindByName(f.Plan.Kind)
			for _, text := range w.Warnings(ctx, kind.Needs, f.Plan.Spec) {
				out = append(out, fmt.Sprintf("fault %s: %s", f.Plan.Name, text))
			}
		}
	}
	return out
}

// Bind hands the conductor the run's clock; it must be called before Run. mark
// ends the recorder's interval and returns the instant: it is called where a
// disturbance begins and ceases, and where a fault was seen to be reverted. event is told of each
// step. All are called from several goroutines.
func (c *Conductor) Bind(clock, mark func() time.Duration, event func(timeline.Event)) {
	c.clock, c.mark, c.event = clock, mark, event
}

// BindCutting hands over what the conductor calls around a fault that may cut connections. cutting
// is called before any connections may be cut, cuttingOld before those may be cut that are open at
// that moment; done is called when that is over. renew makes the load go on with new connections,
// also before cuttingOld. BindCutting must be called before Run. What it hands over is called from
// several goroutines.
func (c *Conductor) BindCutting(cutting, cuttingOld func() (done func()), renew func()) {
	c.cutting, c.cuttingOld, c.renew = cutting, cuttingOld, renew
}

// BindGate has gate asked before each fault: it waits until it is known whether faults may begin,
// or until its context ends. If they may not they stay scheduled. BindGate must be called before
// Run; gate is called from several goroutines.
func (c *Conductor) BindGate(gate func(context.Context) bool) { c.gate = gate }

// Run injects and reverts each fault at its time and returns when all are done,
// with one record for each, in the order of the plan.
//
// When ctx ends, faults in force are reverted at once, those being injected are
// given up and reverted, and those that did not begin stay scheduled. No undo is
// skipped: it takes RevertTimeout at the most.
func (c *Conductor) Run(ctx context.Context) []timeline.Fault {
	var wg sync.WaitGroup
	for _, f := range c.faults {
		wg.Go(func() { c.one(ctx, f) })
	}
	wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]timeline.Fault, len(c.faults))
	for i, f := range c.faults {
		out[i] = f.record
	}
	return out
}

// one takes one fault through its life. The fault begins at its time, or later if earlier faults
// still hold its targets: these last for their time from when they took effect, and undoing takes
// time too.
func (c *Conductor) one(ctx context.Context, f *runningFault) {
	defer close(f.done)
	if !c.until(ctx, f.Plan.At) || !f.free(ctx) || c.gate != nil && !c.gate(ctx) {
		return
	}
	c.enter(
		f,
		timeline.Injecting,
		c.mark(),
		func(r *timeline.Fault, at *time.Duration) { r.Injecting = at },
	)
	err := c.inject(ctx, f)
	if err == nil {
		c.enter(
			f,
			timeline.Effective,
			c.clock(),
			func(r *timeline.Fault, at *time.Duration) { r.Effective = at },
		)
		c.hold(ctx, f)
	} else {
		if ctx.Err() != nil {
			err = fmt.Errorf("the run ended while it was being injected: %w", err)
		}
		now := c.clock()
		c.update(f, func(*timeline.Fault) { f.since = now })
		c.tell(f, timeline.Failed, now, text(err))
	}
	c.revert(ctx, f, err)
}

// until waits for an instant of the run; false if ctx ended first.
func (c *Conductor) until(ctx context.Context, at time.Duration) bool {
	for {
		if ctx.Err() != nil {
			return false
		}
		left := at - c.clock()
		if left <= 0 {
			return true
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// free waits for the faults before on the same targets; false if ctx ended first.
func (f *runningFault) free(ctx context.Context) bool {
	for _, first := range f.after {
		select {
		case <-first.done:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// inject breaks all targets together. It first writes each undo down; only if all were written is
// any target touched.
func (c *Conductor) inject(ctx context.Context, f *runningFault) error {
	c.bind(f, lasting(ctx, f.Plan.Hold))
	preparing, prepared := timeout(ctx, c.cfg.InjectTimeout)
	defer prepared()
	each(f.injections, func(h *injection) {
		if h.err == nil {
			h.state, h.err = h.fault.Prepare(preparing)
		}
		if h.err == nil {
			h.err = c.write(ctx, f, h)
		}
	})
	if err := f.err(); err != nil {
		return err
	}
	inject, _ := f.times()
	ctx, cancel := timeout(ctx, max(c.cfg.InjectTimeout, inject))
	defer cancel()
	each(f.injections, func(h *injection) {
		if h.err = ctx.Err(); h.err == nil {
			h.proof, h.err = h.fault.Inject(
				c.withListeners(ctx, c.stamp(&h.began), func() {}),
				h.state,
			)
		}
	})
	if began := f.instants(func(h *injection) *time.Duration { return h.began }); len(began) > 0 {
		c.update(f, func(r *timeline.Fault) { r.Began = &began[0] })
	}
	c.note(f)
	return f.err()
}

func timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("it took longer than %s", roundTime(d)))
}

// times is how long the slowest target needs.
func (f *runningFault) times() (inject, revert time.Duration) {
	for _, h := range f.injections {
		i, r := times(h.fault, h.state)
		inject, revert = max(inject, i), max(revert, r)
	}
	return inject, revert
}

func times(f Fault, s State) (inject, revert time.Duration) {
	if slow, ok := f.(Slow); ok && len(s) > 0 {
		return slow.Times(s)
	}
	return 0, 0
}

// lasting is how long a fault is meant to last: if the plan does not say, until
// the run ends.
func lasting(ctx context.Context, hold time.Duration) time.Duration {
	if hold > 0 {
		return hold
	}
	if end, ok := ctx.Deadline(); ok {
		return max(0, time.Until(end))
	}
	return 24 * time.Hour
}

// bind binds the fault anew to each of its targets.
func (c *Conductor) bind(f *runningFault, hold time.Duration) {
	f.injections = nil
	for i, t := range f.Targets {
		h := &injection{target: t, id: c.id(f, i)}
		h.fault, h.err = f.Plan.Spec.Bind(t, h.id, hold)
		f.injections = append(f.injections, h)
	}
}

// id is the id of a fault on one target: its numbers make it unique, its words readable. It can be
// a file name.
func (c *Conductor) id(f *runningFault, target int) string {
	s := fmt.Sprintf("%s-%d-%d-%s", c.cfg.Run, f.index, target, f.Plan.Name)
	s = strings.TrimLeft(strings.Map(func(r rune) rune {
		if idRune(r) {
			return r
		}
		return '-'
	}, s), ".-")
	return s[:min(len(s), 100)]
}

// write puts the undo into the journal.
func (c *Conductor) write(ctx context.Context, f *runningFault, h *injection) error {
	spec, err := json.Marshal(f.Plan.Spec)
	if err != nil {
		return fmt.Errorf("writing the undo down: %w", err)
	}
	var before json.RawMessage
	if w, ok := h.target.(Witness); ok {
		if before, err = w.Look(ctx); err != nil {
			return fmt.Errorf("writing the undo down: %w", err)
		}
	}
	kind, _ := KindByName(f.Plan.Kind)
	// Even if Add fails the entry may be there: it is removed with the rest.
	h.journaled = true
	return c.cfg.Journal.Add(Entry{
		ID: h.id, Run: c.cfg.Run, Owner: c.cfg.Owner, Fault: f.Plan.Name, Kind: f.Plan.Kind, Spec: spec,
		Target: h.target.Ref(), State: h.state, Before: before, Remedy: remedy(kind, h.target), Created: time.Now().UTC(),
	})
}

// hold waits until the fault has lasted as long as it was meant to.
func (c *Conductor) hold(ctx context.Context, f *runningFault) {
	if f.Plan.Hold == 0 {
		<-ctx.Done()
		return
	}
	c.mu.Lock()
	from := *f.record.Effective
	c.mu.Unlock()
	if c.until(ctx, from+f.Plan.Hold) {
		return
	}
	// A fault that is planned to last to the very end of the run loses the moment that it took to
	// take effect. That is no caveat, unless it is as much as half of the fault's time.
	if now := c.clock(); now < f.Plan.At+f.Plan.Hold || now-from < f.Plan.Hold/2 {
		f.caveats = append(
			f.caveats,
			fmt.Sprintf(
				"the run ended when it had lasted %s of %s",
				roundTime(now-from),
				roundTime(f.Plan.Hold),
			),
		)
	}
}

// revert undoes the fault on all targets together, come what may, and completes
// the record; failed is why the fault did not take effect.
func (c *Conductor) revert(ctx context.Context, f *runningFault, failed error) {
	limit := c.cfg.RevertTimeout
	if _, needs := f.times(); needs > 0 {
		limit = max(limit, needs+limit/2)
	}
	ctx, cancel := timeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	c.enter(
		f,
		timeline.Reverting,
		c.clock(),
		func(r *timeline.Fault, at *time.Duration) { r.Reverting = at },
	)
	each(f.injections, func(h *injection) {
		h.proof, h.err = Proof{}, nil
		if !h.journaled {
			return
		}
		h.proof, h.err = untilReverted(
			c.withListeners(ctx, func() {}, c.stamp(&h.ceased)),
			h.fault,
			h.state,
			func(err error) {
				c.tell(f, timeline.Reverting, c.clock(), fmt.Sprintf("%v; trying again", err))
			},
		)
		if errors.Is(h.err, ErrGone) {
			h.proof, h.err = Proof{Caveat: "it was removed while the fault was in force"}, nil
		}
	})
	c.note(f)
	if ceased := f.instants(func(h *injection) *time.Duration { return h.ceased }); len(
		ceased,
	) > 0 {
		c.update(f, func(r *timeline.Fault) { r.Ceased = &ceased[len(ceased)-1] })
	}
	if failed != nil {
		f.caveats = nil // about how long it lasted, which it did not
	}
	stuck, byHand := f.err(), ""
	if stuck != nil {
		byHand = f.remedies(ctx)
	}
	problem := text(failed, stuck, c.forget(f), strings.Join(f.caveats, "; "))
	state, at := timeline.Reverted, c.clock()
	if stuck == nil {
		at = c.mark()
	}
	if failed != nil || stuck != nil {
		state = timeline.Failed
	}
	c.update(f, func(r *timeline.Fault) {
		r.State, r.Error, f.since = state, problem, at
		r.Verified = r.Effective != nil && len(f.caveats) == 0 && stuck == nil
		if stuck == nil {
			r.Reverted = &at
			return
		}
		r.Dirty, r.Remedy = true, byHand
	})
	if stuck == nil {
		state = timeline.Reverted // of a fault that failed too, this is news
	}
	c.tell(f, state, at, problem)
}

// forget removes the undos that were done from the journal.
func (c *Conductor) forget(f *runningFault) error {
	var errs []error
	for _, h := range f.injections {
		if h.journaled && h.err == nil {
			errs = append(errs, c.cfg.Journal.Remove(h.id))
		}
	}
	return errors.Join(errs...)
}

// remedies says what people do about the targets whose undo failed.
func (f *runningFault) remedies(ctx context.Context) string {
	kind, _ := KindByName(f.Plan.Kind)
	var out []string
	for _, h := range f.injections {
		if h.err != nil {
			out = append(out, remedyNow(ctx, kind, h.target, remedy(kind, h.target)))
		}
	}
	return advise(out)
}

// note puts caveats, evidence and notes of the injections into the record.
func (c *Conductor) note(f *runningFault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range f.injections {
		if h.proof.Caveat != "" {
			f.caveats = append(f.caveats, h.target.Name()+": "+h.proof.Caveat)
		}
		if h.proof.Evidence != "" {
			f.record.Evidence = append(f.record.Evidence, h.target.Name()+": "+h.proof.Evidence)
		}
		if h.proof.Note != "" {
			f.record.Notes = append(f.record.Notes, h.proof.Note)
		}
		if m := h.proof.Mechanism; m != "" && !slices.Contains(f.mechanisms, m) {
			f.mechanisms = append(f.mechanisms, m)
			slices.Sort(f.mechanisms)
			f.record.Mechanism = strings.Join(f.mechanisms, ", ")
		}
	}
}

// enter records that a fault has come to a state.
func (c *Conductor) enter(
	f *runningFault,
	s timeline.FaultState,
	at time.Duration,
	set func(*timeline.Fault, *time.Duration),
) {
	var detail string
	c.update(f, func(r *timeline.Fault) {
		r.State, f.since = s, at
		set(r, &at)
		if s == timeline.Effective {
			detail = strings.Join(r.Evidence, "; ")
		}
	})
	c.tell(f, s, at, detail)
}

// stamp returns a function that a target calls when its disturbance begins or ceases.
func (c *Conductor) stamp(at **time.Duration) func() {
	return func() {
		now := c.mark()
		*at = &now
	}
}

// instants are when the disturbance began, or ceased, in each target that was hit,
// sorted; none, for not known, unless all of them say so.
func (f *runningFault) instants(of func(*injection) *time.Duration) []time.Duration {
	var all []time.Duration
	for _, h := range f.injections {
		if !h.journaled {
			continue
		}
		at := of(h)
		if at == nil {
			return nil
		}
		all = append(all, *at)
	}
	slices.Sort(all)
	return all
}

func (c *Conductor) update(f *runningFault, change func(*timeline.Fault)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&f.record)
}

func (c *Conductor) tell(f *runningFault, s timeline.FaultState, at time.Duration, detail string) {
	c.event(timeline.Event{
		At: at, Type: "fault", Name: f.Plan.Name, State: string(s), Target: strings.Join(f.record.Targets, ", "), Detail: detail,
	})
}

// err joins what went wrong on the targets; each error names its own.
func (f *runningFault) err() error {
	var errs []error
	for _, h := range f.injections {
		errs = append(errs, h.err)
	}
	return errors.Join(errs...)
}

// each does something to all targets at the same time.
func each(injections []*injection, do func(*injection)) {
	var wg sync.WaitGroup
	for _, h := range injections {
		wg.Go(func() { do(h) })
	}
	wg.Wait()
}

var oneLine = strings.NewReplacer(":\n", ": ", "\n", "; ")

// text puts errors and words on one line.
func text(parts ...any) string {
	var out []string
	for _, p := range parts {
		if p == nil || p == "" {
			continue
		}
		out = append(out, oneLine.Replace(fmt.Sprint(p)))
	}
	return strings.Join(out, "; ")
}

// roundTime keeps three digits or so of a duration that people read.
func roundTime(d time.Duration) string { return quantity.FormatDuration(d) }
