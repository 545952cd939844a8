package record

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

const (
	// batch is how many results a shard gathers before they are sorted in: few
	// enough that the worker whose result is the last is held up for some 20 µs.
	batch = 256
	// maxBacklog times batch planned arrivals are buffered while the lock is busy. Then
	// Planned blocks.
	maxBacklog = 8
	// maxShards are enough: at 200,000 results a second each shard's lock is held for a hundredth
	// of the time.
	maxShards = 8
	// tick is how often complete intervals are looked for and written.
	tick = 250 * time.Millisecond
	// slack is how much longer than Config.Grace an interval waits for results.
	slack = time.Second
	// maxHistograms is how many full histograms, of 180 KB each, are in use before
	// intervals that still wait for results are written in parts.
	maxHistograms = 512

	forever = time.Duration(math.MaxInt64)
)

// ErrUnbalanced says that arrivals were lost or counted twice: planned is not
// done + unsent + interrupted. The recording cannot carry a verdict.
var ErrUnbalanced = errors.New("the recorded outcomes do not add up to the planned arrivals")

var errFinished = errors.New("the recorder is finished")

// Config is what a Recorder needs to know.
type Config struct {
	Dir   string // run directory; it exists, and holds no timeline yet
	Name  string // of the scenario
	Seed  uint64 // of the run, from which samples are drawn
	Clock func() time.Duration
	Start time.Time

	Stages   []timeline.Stage // by attack.Arrival.Stage; intervals are cut where they end
	Requests []string         // by attack.Arrival.Request
	Flows    []string         // by attack.Arrival.Request of whole flows
	Limits   []time.Duration  // counted exactly in every distribution but lateness
	// Subjects, which can be observed, are kept in the timeline.
	Subjects []timeline.Declared
	// Grace is the longest timeout: how long after its end an interval can still
	// get results. Later ones are not lost, but cost another part of it.
	Grace time.Duration
	// Redactor replaces the secrets that are known beforehand; nil: there are none. The secrets of
	// a result come with it, as attack.Result.Secrets.
	Redactor *secret.Redactor
	// Shards is the number of buffers that workers share; 0 means GOMAXPROCS,
	// at most 8.
	Shards int
	// LateBudget is kept in the timeline, and counted exactly in the lateness.
	LateBudget time.Duration
	// Seconds says that Recorder.Seconds will be asked.
	Seconds bool
	// Normal and NormalOf are kept in the timeline.
	Normal   timeline.Normal
	NormalOf map[string]timeline.Normal
}

func (c *Config) validate() error {
	switch {
	case c.Dir == "":
		return errors.New("record: expected a run directory, found none")
	case c.Clock == nil:
		return errors.New("record: expected a clock, found none")
	case c.Grace < 0:
		return fmt.Errorf("record: expected a grace of at least 0, found %s", c.Grace)
	}
	return nil
}

// Recorder is an attack.Sink that keeps everything in the run directory. Its
// methods are safe for concurrent use, in any order; but nothing may be planned
// or recorded once Finish was called.
type Recorder struct {
	cfg       Config
	cellIndex *cellIndex
	pool      *pool
	out       *writer
	samples   *samples
	details   details
	shards    []shard
	plan      planBuffer

	mu         sync.Mutex // taken after a shard's or the plan's
	bounds     bounds
	lastNow    time.Duration // the latest instant read from the clock under mu
	openedUpTo time.Duration // all intervals before this instant were opened, also empty ones
	planEnd    time.Duration // of the last stage
	open       []*interval   // sorted by From
	// Results of arrivals that are not due, or not over, by the clock: they were given up.
	future     *buffer
	cuts       []timeline.Window // when ordeal itself cut connections
	oldCuts    []timeline.Window // when it cut, as they were used, those opened before
	live       live
	seconds    *seconds   // nil: nobody asks
	flows      Totals     // of whole flows, which are in no other totals
	writing    sync.Mutex // held while intervals are written; taken before mu
	stopped    *timeline.Stop
	hypothesis *timeline.Hypothesis
	finished   bool    // guarded by writing
	waiting    waiting // intervals that are written and not sealed; guarded by writing

	published published
	header    header

	maxInUse int // histograms in use; with more, intervals are written in parts

	wake chan struct{} // asks for intervals to be written before the next tick
	stop chan struct{}
	wg   sync.WaitGroup
}

var _ attack.Sink = (*Recorder)(nil)

// shard is the buffer of some of the workers. The padding keeps two shards'
// locks off one cache line.
type shard struct {
	mu    sync.Mutex
	buf   *buffer
	spare *buffer // empty; nil while a worker sorts it in
	_     [96]byte
}

// planBuffer holds arrivals that were planned and not yet sorted in.
type planBuffer struct {
	mu   sync.Mutex
	buf  []planned
	full int // length at which to sort in what is due
}

type planned struct {
	intended time.Duration
	cell     int32
	isFlow   bool
}

// New starts a recorder that writes into c.Dir. It is ended by Finish.
func New(c Config) (*Recorder, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Shards <= 0 {
		c.Shards = min(runtime.GOMAXPROCS(0), maxShards)
	}
	out, err := create(&c)
	if err != nil {
		return nil, err
	}
	l := &cellIndex{c.Stages, c.Requests, c.Flows}
	r := &Recorder{
		cfg: c, cellIndex: l, out: out, samples: newSamples(&c),
		maxInUse: maxHistograms, wake: make(chan struct{}, 1), stop: make(chan struct{}),
		pool:   &pool{limits: c.Limits, late: []time.Duration{c.LateBudget}},
		shards: make([]shard, c.Shards),
		plan:   planBuffer{full: batch},
		future: &buffer{}, header: c.header(),
		live: live{kinds: make(map[string]*kindSeen)},
	}
	for i := range r.shards {
		r.shards[i].buf, r.shards[i].spare = newBuffer(), newBuffer()
	}
	if c.Seconds {
		r.seconds = newSeconds(c.Limits)
	}
	for _, s := range c.Stages {
		r.bounds.cut(s.Window.From)
		r.bounds.cut(s.Window.To)
		r.planEnd = max(r.planEnd, s.Window.To)
	}
	r.wg.Go(r.writeEvery)
	return r, nil
}

// Planned counts an arrival as planned, in the interval of its intended time,
// once this has come. It may be called ahead of time, and arrivals may come in any
// order; what is ahead is kept in memory.
func (r *Recorder) Planned(a attack.Arrival) {
	p := &r.plan
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf = append(p.buf, planned{a.Intended, r.cellIndex.cell(&a), a.IsFlow})
	if len(p.buf) < p.full {
		return
	}
	// The caller has an arrival to send: it does not wait for a worker that sorts results in.
	if !r.mu.TryLock() {
		if len(p.buf) < maxBacklog*p.full {
			return
		}
		r.mu.Lock()
	}
	r.sortInPlanned(r.now())
	r.mu.Unlock()
}

// Record counts what came of an arrival. It does not keep res, but its sample.
func (r *Recorder) Record(worker int, res *attack.Result) {
	if res.Sample != nil {
		r.samples.add(res)
	}
	cell := r.cellIndex.cell(&res.Arrival)
	s := &r.shards[uint(worker)%uint(len(r.shards))]
	s.mu.Lock()
	s.buf.put(res, cell)
	if len(s.buf.entries) < batch {
		s.mu.Unlock()
		return
	}
	// The others go on with another buffer, while this worker sorts in.
	full := s.buf
	if s.buf = s.spare; s.buf == nil {
		s.buf = newBuffer()
	}
	s.spare = nil
	s.mu.Unlock()
	r.mu.Lock()
	r.sortInResults(full, r.now())
	r.mu.Unlock()
	s.mu.Lock()
	s.spare = full
	s.mu.Unlock()
}

// Mark cuts the present interval at this instant, which it returns: an arrival
// that is due before it belongs to the one side, any other to the other side.
func (r *Recorder) Mark() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.samples.cut(now)
	r.bounds.mark(now)
	r.cutAt(now)
	return now
}

// cutAt must not be called with an instant before lastNow.
func (r *Recorder) cutAt(at time.Duration) {
	r.bounds.cut(at)
	for _, iv := range r.open {
		if iv.Contains(at) && iv.From < at {
			iv.To = at
		}
	}
}

// Event keeps an event.
func (r *Recorder) Event(e timeline.Event) { r.out.event(e) }

// Hypothesis keeps what was found before the first fault. It comes before Finish.
func (r *Recorder) Hypothesis(found timeline.Hypothesis) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hypothesis = &found
}

// Stopped notes why ordeal itself ended the load. It comes before Finish.
func (r *Recorder) Stopped(why timeline.Stop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = &why
}

// now reads the clock under mu; it never goes back.
func (r *Recorder) now() time.Duration {
	r.lastNow = max(r.lastNow, r.cfg.Clock())
	return r.lastNow
}

// sortInPlanned puts what was planned and is due before now into its interval.
// The caller holds plan.mu and mu.
func (r *Recorder) sortInPlanned(now time.Duration) {
	p := &r.plan
	ahead := 0
	var iv *interval // of the one before
	for i := range p.buf {
		a := &p.buf[i]
		if a.intended >= now {
			p.buf[ahead] = *a
			ahead++
			continue
		}
		if iv == nil || !iv.Contains(a.intended) {
			iv = r.intervalOf(a.intended)
		}
		// It is counted in its cell once it is over, when it may be known to belong to another one.
		iv.planned++
		if a.isFlow {
			r.flows.Planned++
		} else {
			r.live.planned(a.intended)
		}
		if r.seconds != nil {
			r.seconds.due(a.intended, a.cell)
		}
	}
	p.buf = p.buf[:ahead]
	p.full = max(batch, 2*ahead)
}

// sortInResults puts the results in b into their intervals, and empties it. The
// caller holds mu, and b is its own or it holds its shard's lock.
func (r *Recorder) sortInResults(b *buffer, now time.Duration) {
	for i := range b.entries {
		// Whether it was open at a cut is known once it is over.
		e := &b.entries[i]
		if x := b.extraOf(e); e.intended < now && e.ended(x) < now {
			r.sortIn(e, x, now)
		} else {
			r.future.move(b, i)
		}
	}
	b.reset()
	// A burst of late answers can touch every interval that waits. The last two
	// are in use or have only just ended: to write them early gains nothing.
	if len(r.open) > 2 && r.pool.inUse() > r.maxInUse {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

func (r *Recorder) sortIn(e *entry, x *extra, now time.Duration) {
	iv := r.intervalOf(e.intended)
	iv.accounted++
	ended := e.ended(x)
	c := r.cellAt(iv, e.cell, r.bounds.openAt(e.intended, ended))
	c.Planned++
	c.Last = max(c.Last, ended)
	cut := r.cut(e, x)
	if r.seconds != nil {
		r.seconds.over(r.pool, e, x, cut)
	}
	if cut {
		r.pool.addCut(c, e)
		if e.isFlow {
			r.flows.count(e.outcome)
		} else {
			r.live.totals.count(e.outcome)
		}
		return
	}
	r.pool.add(c, e, x)
	r.answered(iv, e, x, now)
	if e.isFlow {
		r.flows.count(e.outcome)
		return
	}
	r.beat(iv, e, x)
	r.live.result(e, x)
}

// answered counts an answer in the interval in which it came, if that was within its stage. The
// answer of a whole flow is that of the step that ended it, all think time before it included. iv
// is the interval of the intended time. No answer comes later than now, and no interval up to now
// is cut any more.
func (r *Recorder) answered(iv *interval, e *entry, x *extra, now time.Duration) {
	if !e.answered() {
		return
	}
	came := e.done + x.thinkTime
	if stage := r.cellIndex.stage(e.cell); stage != nil && came >= stage.Window.To {
		return
	}
	if at := min(came, now-1); !iv.Contains(max(at, 0)) {
		iv = r.intervalOf(at)
	}
	c := r.cell(iv, e.cell)
	c.Answered++
	if x.kind == "" {
		c.AnsweredOK++
	}
}

// sortInAll empties all buffers of arrivals that are due before now. Results go first, so that no
// arrival has a result and is not yet planned.
func (r *Recorder) sortInAll(now func() time.Duration) {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		r.mu.Lock()
		r.sortInResults(s.buf, now())
		r.mu.Unlock()
		s.mu.Unlock()
	}
	r.plan.mu.Lock()
	defer r.plan.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	until := now()
	if early := r.future; len(early.entries) > 0 {
		r.future = &buffer{}
		r.sortInResults(early, until)
	}
	r.sortInPlanned(until)
}

// intervalOf returns the open interval that t lies in, a new one if it is not
// open. The caller holds mu.
func (r *Recorder) intervalOf(t time.Duration) *interval {
	if n := len(r.open); n > 0 && r.open[n-1].Contains(t) {
		return r.open[n-1]
	}
	i, found := slices.BinarySearchFunc(r.open, max(t, 0), func(iv *interval, t time.Duration) int {
		switch {
		case iv.To <= t:
			return -1
		case iv.From > t:
			return 1
		}
		return 0
	})
	if found {
		return r.open[i]
	}
	iv := r.pool.interval(r.bounds.around(t))
	r.open = slices.Insert(r.open, i, iv)
	return iv
}

func (r *Recorder) cell(iv *interval, number int32) *cell {
	c := iv.cells[number]
	if c == nil {
		c = r.pool.cell()
		iv.cells[number] = c
	}
	return c
}

// cellAt is the cell of arrivals whose last cut while they were open was at; 0: they were open at
// no cut.
func (r *Recorder) cellAt(iv *interval, number int32, at time.Duration) *cell {
	if at == 0 {
		return r.cell(iv, number)
	}
	k := openCell{number, at}
	c := iv.open[k]
	if c == nil {
		c = r.pool.cell()
		if iv.open == nil {
			iv.open = make(map[openCell]*cell)
		}
		iv.open[k] = c
	}
	return c
}

// Finish writes all that is left, closes the files and returns the timeline, or
// an error that says why the recording is not whole; after a failed write the
// directory holds what Load reads as a recording that was cut off. With
// ErrUnbalanced the timeline is returned too.
//
// end is the end of the load: the plan's, or the instant of an interruption. The caller should take
// the instant of a Mark for an interruption: otherwise arrivals that came due after end are counted
// in the interval that end lies in.
func (r *Recorder) Finish(
	end time.Duration,
	interrupted bool,
	faults []timeline.Fault,
) (*timeline.Timeline, error) {
	r.writing.Lock()
	if r.finished {
		r.writing.Unlock()
		return nil, errFinished
	}
	r.finished = true
	r.writing.Unlock()
	close(r.stop)
	r.wg.Wait()

	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	if end >= r.lastNow {
		r.cutAt(end)
	}
	r.mu.Unlock()
	r.sortInAll(func() time.Duration { return forever })

	r.mu.Lock()
	r.openUpTo(end)
	all := r.detach(func(*interval) bool { return true })
	totals, flows := r.live.totals, r.flows
	last := endLine{
		Duration: end, Interrupted: interrupted, Faults: faults,
		Stopped: r.stopped, Hypothesis: r.hypothesis,
	}
	r.mu.Unlock()
	r.write(all)
	r.publishRest()

	unbalanced := errors.Join(totals.check("requests"), flows.check("flows"))
	if unbalanced != nil {
		r.out.event(
			timeline.Event{
				At:     end,
				Type:   "generator",
				State:  "unbalanced",
				Detail: unbalanced.Error(),
			},
		)
	}
	if err := r.out.end(last); err != nil {
		return nil, errors.Join(err, r.samples.close(faults))
	}
	r.pool.forget() // what follows, and judges, takes as much memory again
	t, err := Load(r.cfg.Dir)
	if err != nil {
		return nil, errors.Join(err, r.samples.close(faults))
	}
	return t, errors.Join(unbalanced, r.samples.close(faults))
}
