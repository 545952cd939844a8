// Package run carries a plan out: it owns the goroutine tree, the one clock,
// and the order in which everything is started, stopped and undone.
package run

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	loadrunner "github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/baseline"
	"github.com/seed-1574e9de/ordeal/internal/generator"
	"github.com/seed-1574e9de/ordeal/internal/ledger"
	"github.com/seed-1574e9de/ordeal/internal/observe"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/setup"
	"github.com/seed-1574e9de/ordeal/internal/standstill"
	"github.com/seed-1574e9de/ordeal/internal/state"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Deadlines of what must be done at the end of every run, however it went.
const (
	injectTimeout   = 30 * time.Second
	revertTimeout   = 30 * time.Second
	teardownTimeout = 60 * time.Second
)

// Options are the settings of a run that do not belong to its scenario.
type Options struct {
	Version string // of ordeal, for the record
	Out     string // run directory; empty: runs/<time>-<name>
	Replace bool   // of an earlier run in Out, which is removed
	Share   bool   // of targets that another run is at
	// Baselines has the accepted runs. AcceptIf says when this one becomes one of them: "pass" or
	// never, if it is empty.
	Baselines baseline.Folder
	AcceptIf  string
	Stdout    io.Writer
	Stderr    io.Writer
	Terminal  bool // Stdout can be redrawn
	Color     bool
	// Reported is given the report, once the outputs are written; may be nil.
	Reported func(*report.Run)
	// Interrupts delivers the number of each interruption, from 1, so that the user is told what it
	// does; it may be nil.
	Interrupts <-chan int
}

// Run carries plan out. When soft ends, the load stops, open requests may still
// finish, and faults are undone; when hard ends, open requests are given up
// too. Neither cuts an undo short. The error says what went wrong, if the code
// alone does not.
func Run(soft, hard context.Context, plan *scenario.Plan, opt Options) (ExitCode, error) {
	// Before the run directory, as --replace removes an earlier run from it.
	folder, err := openState()
	if err != nil {
		return ExitBroken, fmt.Errorf("nothing was started: %w", err)
	}
	made := missingDirs(cmp.Or(opt.Out, runsDir))
	dir, err := newRunDir(opt.Out, plan.Name, opt.Replace, time.Now())
	if err != nil {
		return ExitUsage, err
	}
	r := &runner{plan: plan, opt: opt, dir: dir, id: newID(), folder: folder}
	if err := r.writePlan(); err != nil {
		// Nothing was done: no folder says that there was a run.
		os.Remove(filepath.Join(dir, planFile))
		os.Remove(filepath.Join(dir, factsFile))
		if opt.Out == "" {
			os.Remove(dir)
		}
		for _, d := range made {
			os.Remove(d)
		}
		return ExitBroken, fmt.Errorf("nothing was started: %w", err)
	}
	held, err := hold(dir)
	if err != nil {
		return ExitBroken, fmt.Errorf("nothing was started: %w", err)
	}
	defer held.Close()
	return r.run(soft, hard)
}

// openState makes sure that the state folder can be used: a fault that is not written down there
// could not be undone after a crash.
func openState() (*state.Folder, error) {
	folder, err := state.Open()
	if err != nil {
		return nil, err
	}
	return folder, folder.Writable()
}

const planFile = "plan.json"

// newID is the id of a run, unique on its machine.
func newID() string {
	b := make([]byte, 4)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// runner is one run under way.
type runner struct {
	plan *scenario.Plan
	opt  Options
	dir  string
	id   string

	facts facts

	folder    *state.Folder
	claim     *state.Claim
	services  *services
	journal   *journal
	attack    attack.Plan
	reads     attack.Plan // of what reads ledgers back
	conductor *chaos.Conductor
	observers *observe.Set
	setup     *setup.Steps // nil: none; so is teardown
	teardown  *setup.Steps
	due       []string // the steps of the teardown, as heal tells them if it is never done
	recorder  *record.Recorder
	load      loadrunner.Counters
	// The latest window of the generator; nil before the first.
	self      atomic.Pointer[timeline.UsageWindow]
	phase     atomic.Int32
	start     time.Time // of the load; set before phase leaves starting
	left      bool      // not all that was started could be removed
	begun     bool      // the setup, so that the teardown is due
	truncated bool      // the recording could not be written to its end
	settled   bool      // the servers were asked which engine is to send

	forbidden forbidden
	stopped   stopped

	accounts []ledger.Account // of the ledgers, once they were read back

	mu   sync.Mutex
	live *report.LiveStatus // nil but while load is sent
}

// tellInterrupts prints what each interruption does until done is closed, above the live status
// while there is one.
func (r *runner) tellInterrupts(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case n := <-r.opt.Interrupts:
			r.mu.Lock()
			live := r.live
			r.mu.Unlock()
			line := r.now().interruptMessage(n, len(r.plan.Chaos) > 0)
			if live != nil {
				live.Event(line)
				continue
			}
			fmt.Fprintln(r.opt.Stderr, "ordeal: "+line)
		}
	}
}

// now is where the run stands.
func (r *runner) now() phase {
	p := phase(r.phase.Load())
	if p == sending && time.Since(r.start) >= r.attack.Duration() {
		return draining
	}
	return p
}

func (r *runner) setLive(l *report.LiveStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live = l
}

func (r *runner) progress(format string, args ...any) {
	fmt.Fprintln(r.opt.Stdout, r.plan.Redact(fmt.Sprintf(format, args...)))
}

// run prepares, sends the load, and takes everything down again, whatever
// happened in between.
func (r *runner) run(soft, hard context.Context) (ExitCode, error) {
	defer r.relayInterrupts()()
	var tl *timeline.Timeline
	err := r.prepare(soft)
	if err == nil {
		tl, err = r.drive(soft, hard)
	}
	if tl == nil && soft.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // the interruption, not a failure
	}
	return r.conclude(tl, soft.Err() != nil, r.redact(r.takeDown(hard, err)))
}

// relayInterrupts begins to tell what interruptions do; stop ends that.
func (r *runner) relayInterrupts() (stop func()) {
	var relaying sync.WaitGroup
	done := make(chan struct{})
	relaying.Go(func() { r.tellInterrupts(done) })
	return func() {
		close(done)
		relaying.Wait()
	}
}

// takeDown gives up what was prepared and started. It returns err, and all that went wrong.
func (r *runner) takeDown(hard context.Context, err error) error {
	err = errors.Join(err, r.observers.Close(), r.tearDown(hard), r.setup.Close(), r.teardown.Close())
	// Not soft or hard: what was started is stopped even if the run was
	// interrupted twice.
	undo, cancel := context.WithTimeout(context.WithoutCancel(hard), teardownTimeout)
	defer cancel()
	clean := true
	if r.services != nil {
		if stopErr := r.services.stop(undo); stopErr != nil {
			clean, r.left = false, true
			err = errors.Join(
				err,
				fmt.Errorf(
					"not all that was started could be removed: %w; ordeal heal tries again",
					stopErr,
				),
			)
		}
	}
	err = errors.Join(err, r.journal.problems())
	if r.claim != nil {
		err = errors.Join(err, r.claim.Release(clean))
	}
	return err
}

// Each returns the errors that were joined one by one, so that each can be printed on its own.
func Each(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() { // it has a text of its own
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, Each(e)...)
	}
	return out
}

// redact keeps secrets out of an error's text.
func (r *runner) redact(err error) error {
	if err == nil {
		return nil
	}
	if all := Each(err); len(all) > 1 {
		for i := range all {
			all[i] = r.redact(all[i])
		}
		return errors.Join(all...)
	}
	if clean := r.plan.Redact(err.Error()); clean != err.Error() {
		return errors.New(clean)
	}
	return err
}

// writePlan writes the plan and the first facts into the run directory.
func (r *runner) writePlan() error {
	b, err := r.plan.JSON()
	if err != nil {
		return err
	}
	err = writeFile(r.dir, planFile, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil {
		return err
	}
	host := thisHost()
	sum := sha256.Sum256(b)
	r.facts = facts{
		Schema: factsSchema, Run: r.id, Version: r.opt.Version, Machine: host.Name, Host: host,
		Source: report.Source{
			File: r.plan.File, SHA256: r.plan.FileSHA256, PlanSHA256: hex.EncodeToString(sum[:]),
		},
	}
	return r.facts.write(r.dir)
}

// prepare heals what earlier runs left, starts the services, and makes sure
// that the load can reach its target and that every fault can be injected.
func (r *runner) prepare(ctx context.Context) error {
	for _, line := range generator.PreflightWarnings(generator.ReadLimits(), &r.plan.Attack, len(r.plan.Services)) {
		r.progress("warning: %s", line)
	}
	undos, err := chaos.OpenJournal(r.folder.Journal())
	if err != nil {
		return err
	}
	r.journal = &journal{FileJournal: undos}
	me, err := owner.Current()
	if err != nil {
		return err
	}
	r.healOthers(ctx)
	if r.claim, err = r.folder.Claim(r.id, me); err != nil {
		return err
	}
	hosts, err := r.plan.Hosts()
	if err != nil {
		return err
	}
	r.services = &services{
		hosts: hosts, refused: r.forbidden.note, logs: filepath.Join(r.dir, logsDir), id: r.id, owner: me, claim: r.claim,
		plan: r.plan, progress: r.progress, redact: r.plan.Redactor.Writer,
	}
	if err := r.services.start(ctx, r.plan.StartOrder()); err != nil {
		return err
	}
	if r.attack, err = r.plan.Resolve(r.services.addr); err != nil {
		return err
	}
	if len(r.plan.Ledger) > 0 {
		if r.reads, err = r.plan.ResolveLedgers(r.services.addr); err != nil {
			return err
		}
	}
	if err := r.take(ctx, me); err != nil {
		return err
	}
	asked, err := r.targetReady(ctx)
	if err != nil {
		return err
	}
	if r.attack.Engine == httpx.AutoEngine {
		r.attack.Engine, r.attack.EngineWhy = httpx.SettleEngine(asked)
		r.settled = true
	}
	if err := r.prepareChaos(ctx, me); err != nil {
		return err
	}
	if err := r.prepareSetup(); err != nil {
		return err
	}
	if err := r.prepareObservers(ctx); err != nil {
		return err
	}
	return r.setUp(ctx)
}

// carries says whether connections through a service are carried by this process.
func carries(s scenario.Service) bool {
	_, ok := s.Settings.(target.Carrier)
	return ok
}

// drive sends the load and injects the faults, and returns what was recorded.
func (r *runner) drive(soft, hard context.Context) (*timeline.Timeline, error) {
	clients, wrong := protocols.Compile(r.plan.Protocols, &r.attack)
	if wrong != nil {
		return nil, wrong.Err()
	}
	defer clients.Close()
	readers, err := r.ledgerClients()
	if err != nil {
		return nil, err
	}
	defer readers.Close()

	// A connection that must not be opened ends the load, as an interruption does.
	user := soft // an abort is no reason not to read back what was written before
	soft, stop := context.WithCancel(soft)
	defer stop()
	r.forbidden.then(stop)
	hard, giveUp := context.WithCancel(hard)
	defer giveUp()
	r.stopped.then(soft, stop, giveUp)
	defer r.stopped.over()

	defer tuneGC()()
	start := time.Now()
	clock := func() time.Duration { return time.Since(start) }
	windows := r.attack.Windows()
	recording := r.recording(clock, start, windows)
	book, err := r.openLedgers()
	if err != nil {
		return nil, err
	}
	if r.recorder, err = record.New(recording); err != nil {
		return nil, writeError("the recording", err)
	}
	rules := r.newLiveRules(&recording, r.plan.Rules)
	before := r.newHypothesis(&recording)
	alarms := r.newAlarmWatch(windows)
	if r.settled {
		r.recorder.Event(
			timeline.Event{Type: "engine", Name: r.attack.Engine, Detail: r.attack.EngineWhy},
		)
	}
	r.conductor.Bind(clock, r.recorder.Mark, r.event)
	r.conductor.BindCutting(r.recorder.Cutting, func() (done func()) {
		clients.Renew() // first, so that no connection is older than the cut and still in use
		return r.recorder.CuttingOld()
	}, clients.Renew)
	if before != nil {
		r.conductor.BindGate(before.admit)
	}
	live := report.NewLiveStatus(
		r.opt.Stdout,
		r.opt.Terminal,
		r.opt.Color,
		r.liveState(clock, windows, rules, alarms),
	)
	r.setLive(live)
	r.start = start
	r.phase.Store(int32(sending))
	live.Start()

	// Faults that are still in force when the load is over are undone then: without load their
	// effect could not be seen.
	chaosCtx, endChaos := context.WithTimeout(soft, time.Until(start.Add(r.attack.Duration())))
	defer endChaos()
	var (
		wg     sync.WaitGroup
		faults []timeline.Fault
	)
	wg.Go(func() { faults = r.conductor.Run(chaosCtx) })
	observing := r.observing(chaosCtx, hard, start)
	wg.Go(func() { r.observers.Observe(observing) })
	wg.Go(func() { r.setup.Refresh(r.refreshing(chaosCtx, hard, start)) })
	watching, endWatch := context.WithCancel(context.Background())
	defer endWatch()
	// An interruption cuts the interval that it falls into, so that answers that come while the run
	// drains do not count as answered in time.
	cut := r.attack.Duration()
	wg.Go(func() {
		select {
		case <-soft.Done():
			cut = min(cut, r.recorder.Mark())
		case <-watching.Done():
		}
	})
	self := generator.NewMeter(clock())
	defer self.Close()
	wg.Go(func() {
		self.Run(watching, clock, func(s timeline.UsageWindow) {
			r.recorder.Usage(s)
			rules.usage(s)
			if before != nil {
				before.rules.usage(s)
			}
			r.self.Store(&s)
		})
	})
	still := standstill.New(clock, func(s standstill.Stop) {
		w := timeline.Window{From: s.From, To: s.To}
		alarms.stoodStill(w)
		r.recorder.Standstill(w)
		rules.standstill(w)
		if before != nil {
			before.rules.standstill(w)
		}
	})
	wg.Go(func() { still.Run(watching) })
	if len(r.plan.Abort) > 0 {
		// Not once the load is over, nor while it ends.
		alarmed, endAlarms := context.WithCancel(soft)
		defer context.AfterFunc(watching, endAlarms)()
		wg.Go(func() { r.watchAlarms(alarmed, clock, alarms, live) })
	}
	if before != nil {
		wg.Go(func() { r.judgeHypothesis(soft, before, clock, live) })
	}
	if len(r.plan.Rules) > 0 {
		wg.Go(func() { rules.judge(watching, r.recorder) })
	}
	for _, exits := range r.services.exits {
		wg.Go(func() { r.watch(watching, clock, exits, live) })
	}
	onStage := func(i int) {
		if i < len(windows) {
			r.recorder.Event(
				timeline.Event{
					At:   windows[i].Window.From,
					Type: "stage",
					Name: windows[i].Name,
				},
			)
		}
	}
	var result loadrunner.RunResult
	if len(r.attack.Requests) == 0 {
		result = waitOut(start, windows, soft.Done(), onStage)
	} else {
		result, err = loadrunner.Run(hard, &r.attack, loadrunner.Options{
			Clients: clients, Clock: clock, Start: start, Sink: r.recorder, Stop: soft.Done(),
			Counters: &r.load, Busy: generator.Busy(), Refused: r.forbidden.note,
			Standstills: still, Carries: slices.ContainsFunc(r.plan.Services, carries),
			OnStage: onStage, Watch: watchOf(book),
		})
	}
	// A run that was interrupted before its last answer ends with exit code 130, even if all
	// answers came in the end: that is what the user asked for.
	interrupted := !result.Complete() || soft.Err() != nil
	r.phase.Store(int32(ending))
	endChaos()
	endWatch()
	wg.Wait()
	r.observers.Finish(observing)
	r.setLive(nil)
	live.Stop()
	if book != nil {
		r.phase.Store(int32(readingBack))
		err = errors.Join(err, r.readBack(user, book, readers, clock, faults))
		interrupted = interrupted || user.Err() != nil
	}
	r.phase.Store(int32(finishing))
	for i := range faults {
		faults[i].Error = r.plan.Redact(faults[i].Error)
		for j, e := range faults[i].Evidence {
			faults[i].Evidence[j] = r.plan.Redact(e)
		}
		for j, n := range faults[i].Notes {
			faults[i].Notes[j] = r.plan.Redact(n)
		}
	}

	end := r.attack.Duration()
	if interrupted { // by the user or by ordeal itself
		end = min(cut, result.End)
	}
	why := r.stopped.why()
	if why != nil {
		r.recorder.Stopped(*why)
		interrupted = false // by nobody but ordeal itself
	}
	tl, finishErr := r.recorder.Finish(end, interrupted, faults)
	if tl == nil {
		finishErr = writeError("the recording", finishErr)
		tl = r.salvage(start, windows)
		tl.Interrupted, tl.Stopped, tl.Faults = interrupted, why, faults
	}
	return tl, errors.Join(err, finishErr, r.forbidden.error())
}

// salvage returns the readable part of a recording that could not be written to its end, so that
// the load that was sent is reported on.
func (r *runner) salvage(start time.Time, windows []timeline.Stage) *timeline.Timeline {
	tl, err := record.Load(r.dir)
	if err != nil {
		tl = emptyTimeline(r.plan.Name, start)
		tl.Stages = windows
	}
	r.truncated = true
	return tl
}

// emptyTimeline is of a run of which nothing was recorded.
func emptyTimeline(name string, start time.Time) *timeline.Timeline {
	return &timeline.Timeline{
		Name:      name,
		Start:     start,
		Intervals: func(func(timeline.Interval, error) bool) {},
	}
}

// event writes an event of the conductor to the timeline. The live status reads the states of
// faults by itself.
func (r *runner) event(e timeline.Event) {
	e.Detail = r.plan.Redact(e.Detail)
	r.recorder.Event(e)
}

// watch reports processes that end by themselves: what follows is not the effect of any fault.
func (r *runner) watch(
	ctx context.Context,
	clock func() time.Duration,
	exits <-chan target.Exit,
	live *report.LiveStatus,
) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-exits:
			r.event(
				timeline.Event{
					At:     clock(),
					Type:   "service",
					Name:   e.Name,
					State:  "exited",
					Detail: e.String(),
				},
			)
			live.Event(r.plan.Redact("service " + e.String()))
		}
	}
}

func (r *runner) limits() []time.Duration {
	var out []time.Duration
	for _, rule := range slices.Concat(r.plan.Rules, r.plan.Hypothesis) {
		out = append(out, rule.Rule.Limits()...)
	}
	for _, a := range r.plan.Abort {
		out = append(out, a.Rule.Limits()...)
	}
	return out
}
