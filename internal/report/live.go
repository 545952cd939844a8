package report

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// LiveState is what is shown of a run while it runs. "Now" is the last second or so; the caller
// that fills the state decides.
type LiveState struct {
	// Phase is what goes on while no load is sent, such as "starting services"
	// or "undoing faults"; empty while load is sent.
	Phase          string
	Elapsed, Total time.Duration // of the load
	Stage          string
	StageRate      float64 // now, arrivals per second; 0 if the stage is closed
	Replayed       int     // arrivals of the stage, if it replays recorded ones
	Closed         bool    // users send the load, each when its last answer has come
	Users          int     // now, of a closed stage
	// Last is the last full second; nil before there is one.
	Last          *LiveSecond
	P50, P95, P99 *time.Duration
	Errors        uint64  // so far
	ErrorRate     float64 // now, 0..1
	InFlight      int
	Queued        int         // due, and waiting for a free slot
	Faults        []LiveFault // all of the run, those to come and those past included
	Rules         []LiveRule  // of the run, as they stand; none as long as nothing is known
	Notes         []string    // shown for as long as they are in the state; their text may change
}

// LiveSecond is one second of the load: the requests that came due in it, and the answers that came
// in it.
type LiveSecond struct {
	Stage    string  // at its beginning
	Due      float64 // arrivals, of a stage with a rate
	Closed   bool
	Users    int     // of a closed stage, at its beginning
	Answered float64 // answers, whatever they say
}

// LiveFault is a fault as it stands at the moment of a LiveState.
type LiveFault struct {
	Name    string
	State   timeline.FaultState
	Targets []string
	Planned time.Duration  // when it is to begin
	Since   time.Duration  // when its State began
	Until   *time.Duration // when it is to be reverted; nil if that is not known
}

// LiveRule is how a rule stands so far. Its outcome is known only at the end of the run.
type LiveRule struct {
	Rule     string
	Outcome  verdict.Outcome
	Observed string // empty: nothing yet
}

// fails says whether the rule would not hold if the run ended now.
func (r *LiveRule) fails() bool { return r.Outcome == verdict.Fail || r.Outcome == verdict.Warn }

// standing is the rule's outcome so far in a word.
func (r *LiveRule) standing() string {
	switch {
	case r.fails():
		return "fails"
	case r.Outcome == verdict.Pass:
		return "holds"
	}
	return "open"
}

// asked is what the load should have been, after the rate of answers.
func (s *LiveSecond) asked() string {
	if s.Closed {
		return "by " + users(s.Users)
	}
	return "of " + rate(s.Due)
}

func users(n int) string {
	if n == 1 {
		return "1 user"
	}
	return quantity.FormatWhole(uint64(max(n, 0))) + " users"
}

// active says whether the fault may be in force.
func (f *LiveFault) active() bool {
	return f.State == timeline.Injecting || f.State == timeline.Effective ||
		f.State == timeline.Reverting
}

// next returns the fault that is due next, nil if there is none.
func (s *LiveState) next() *LiveFault {
	var next *LiveFault
	for i := range s.Faults {
		f := &s.Faults[i]
		if f.State == timeline.Scheduled && f.Planned >= s.Elapsed &&
			(next == nil || f.Planned < next.Planned) {
			next = f
		}
	}
	return next
}

const (
	pollEvery = 250 * time.Millisecond
	lineEvery = 5 * time.Second
)

// screen is what the live status is written to: a terminal, or plain lines.
type screen interface {
	show(s LiveState)
	print(line string) // above the status
	close()
}

// LiveStatus shows how a run stands while it runs: in a terminal as a block that is redrawn, and
// elsewhere as a line every five seconds and at each change of stage. Changes of fault states are
// printed in both.
//
// Start and Stop are called once each, Start first; Event is safe for concurrent
// use and at any time, and never waits for the terminal. After Stop has returned
// nothing more is written.
type LiveStatus struct {
	out      io.Writer
	terminal bool
	palette  palette
	poll     func() LiveState

	wake chan struct{} // an event is there
	done chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	stopped bool
	events  []string // not yet printed
	dropped int

	seen []LiveFault // as they were last printed; only the goroutine of Start uses it
}

// maxEvents is how many lines can wait for a terminal that takes none, for instance after
// Ctrl-S.
const maxEvents = 1000

// NewLiveStatus returns a live status that writes to w. isTerminal says that w is a
// terminal that can move its cursor; color that w may be coloured. poll is
// called from one goroutine at a time, about four times a second.
func NewLiveStatus(w io.Writer, isTerminal bool, color bool, poll func() LiveState) *LiveStatus {
	return &LiveStatus{
		out: w, terminal: isTerminal, palette: newPalette(color), poll: poll,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// Start begins to show.
func (l *LiveStatus) Start() {
	l.wg.Go(func() {
		var s screen
		if l.terminal {
			s = newBlock(l.out, l.palette)
		} else {
			s = newPlainLines(l.out)
		}
		defer s.close()
		tick := time.NewTicker(pollEvery)
		defer tick.Stop()
		for {
			l.update(s)
			select {
			case <-tick.C:
			case <-l.wake:
			case <-l.done:
				l.update(s) // the last changes must not be lost
				return
			}
		}
	})
}

// Event prints a line above the status, without the control characters in it.
// After Stop it does nothing.
func (l *LiveStatus) Event(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.stopped:
		return
	case len(l.events) == maxEvents:
		l.dropped++
		return
	}
	l.events = append(l.events, plain(line))
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Stop shows the last changes, takes the block away and waits until all is
// written.
func (l *LiveStatus) Stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	close(l.done)
	l.wg.Wait()
}

func (l *LiveStatus) update(screen screen) {
	l.mu.Lock()
	events, dropped := l.events, l.dropped
	l.events, l.dropped = nil, 0
	l.mu.Unlock()
	for _, e := range events {
		screen.print(e)
	}
	if dropped > 0 {
		screen.print(
			fmt.Sprintf("%d lines were left out, as the terminal did not take them", dropped),
		)
	}
	s := l.poll()
	for i, f := range s.Faults {
		before := timeline.Scheduled
		if i < len(l.seen) {
			before = l.seen[i].State
		}
		if f.State != before && f.State != "" {
			screen.print(l.faultLine(&f))
		}
	}
	l.seen = slices.Clone(s.Faults)
	screen.show(s)
}

func (l *LiveStatus) faultLine(f *LiveFault) string {
	return fmt.Sprintf("%s  fault %s %s on %s", l.palette.dim(clockTenths(f.Since)), plain(f.Name),
		l.palette.fault(f.State)(string(f.State)), plain(targets(f.Targets)))
}

func (p *palette) fault(s timeline.FaultState) style {
	switch s {
	case timeline.Failed:
		return p.bad
	case timeline.Reverted:
		return p.good
	}
	return p.warn
}

// WidthOf is the width in cells of the terminal that w is, 80 if it is none.
func WidthOf(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// clock prints a time of the run as m:ss, or h:mm:ss from an hour on.
func clock(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// clockTenths rounds as the tables do, so that one moment reads alike in both.
func clockTenths(d time.Duration) string {
	d = max(d, 0).Round(100 * time.Millisecond)
	return fmt.Sprintf("%s.%d", clock(d), d%time.Second/(100*time.Millisecond))
}

// countdown prints the time until an instant in whole seconds, rounded up.
func countdown(d time.Duration) string {
	return quantity.FormatDuration((max(d, 0) + time.Second - 1).Truncate(time.Second))
}
