// Package observe watches what happens beside the load: what services use, what probes see,
// and figures from outside.
//
// # Observers
//
// An Observer observes one subject. Each kind has a file of its own and a line in Kinds:
//
//   - services.go asks targets what they use (target.Observable).
//   - probes.go sends requests all the time, load or no load, and looks at the answers.
//   - metrics.go reads a figure from a Source, of which each has a file and a line in Sources.
//
// It is prepared before the load, where what cannot be observed at all is found. Then it
// observes on the run's clock until the load is over. It never holds up the load or the
// recorder, and whatever becomes of what it observes, it goes on: what is not known is told as
// missing, with the reason, and never as 0.
package observe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Plan is what is observed in one run, with all that only the run knows put in.
type Plan struct {
	Services []Service
	// Every is how often services are asked.
	Every   time.Duration
	Probes  []Probe
	Metrics []Metric
}

// Service is a service whose targets are watched.
type Service struct {
	Name    string
	Targets []chaos.Target
}

// Env is what a run has for its observers.
type Env struct {
	// Attack is how the load is sent; probes are sent so, on connections of their own.
	Attack    *attack.Plan
	Protocols []attack.Protocol
	Hosts     *allow.Hosts // where metrics may be read from
	Refused   func(error)  // told of a connection that must not be opened
	Dir       string       // of the scenario file; commands run there
	// Redact returns what takes secrets out of a text: those that are known beforehand, and
	// own.
	Redact   func(own []string) func(text string) string
	Progress func(format string, args ...any)
}

// Run is a run under way, as observers see it. Its functions are safe for concurrent use.
type Run struct {
	Start time.Time
	// End is when the load ends: nothing is due from then on.
	End time.Duration
	// Stop ends when nothing more is to be asked, and Abort when what was asked is to be
	// given up.
	Stop, Abort context.Context
	Tell        func(timeline.Reading)
	Event       func(timeline.Event)
	// Faulted says whether a fault has killed or paused a target at any moment of a window.
	Faulted func(target string, w timeline.Window) bool
}

// at is an instant as an offset from the start.
func (r *Run) at(t time.Time) time.Duration { return t.Sub(r.Start) }

// each calls do at each multiple of every, from the start of the load to its end.
func (r *Run) each(every time.Duration, do func(n uint64, due time.Duration)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := uint64(0); ; n++ {
		due := time.Duration(n) * every
		if due >= r.End {
			return
		}
		timer.Reset(time.Until(r.Start.Add(due)))
		select {
		case <-timer.C:
		case <-r.Stop.Done():
			return
		}
		do(n, due)
	}
}

// Observer observes one subject.
type Observer interface {
	// Prepare finds out, before the load, whether the subject can be observed at all.
	Prepare(ctx context.Context) error
	// Observe tells what there is to tell until r stops, and returns when what was asked by
	// then is answered or given up.
	Observe(r *Run)
	// Close gives up what Prepare opened.
	Close() error
}

// finisher is an Observer that has something to do once the load is over and all faults are
// undone.
type finisher interface{ finish(r *Run) }

// warner is an Observer that may have found, in Prepare, what people should know before the
// load.
type warner interface{ warning() string }

// Kind is an entry of the registry of observers.
type Kind struct {
	Name string // the key below observe: in the scenario file
	New  func(*Plan, *Env) []Observer
}

// Kinds lists every kind of observer.
func Kinds() []Kind {
	return []Kind{
		{"services", newServices},
		{"probes", newProbes},
		{"metrics", newMetrics},
	}
}

// Set is all that is observed in one run.
type Set struct{ observers []Observer }

// Prepare prepares all that a plan observes, at the same time. If something cannot be
// observed, the error says what, of all that cannot. What was prepared is given up then.
func Prepare(ctx context.Context, p *Plan, env *Env) (*Set, error) {
	s := &Set{}
	for _, k := range Kinds() {
		s.observers = append(s.observers, k.New(p, env)...)
	}
	errs := make([]error, len(s.observers))
	var wg sync.WaitGroup
	for i, o := range s.observers {
		wg.Go(func() { errs[i] = o.Prepare(ctx) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for _, o := range s.observers {
		if w, ok := o.(warner); ok && w.warning() != "" {
			env.Progress("warning: %s", w.warning())
		}
	}
	return s, nil
}

// Observe observes until r stops. A nil Set observes nothing.
func (s *Set) Observe(r *Run) {
	if s == nil {
		return
	}
	var wg sync.WaitGroup
	for _, o := range s.observers {
		wg.Go(func() { o.Observe(r) })
	}
	wg.Wait()
}

// Finish reads what is read once, after the load is over and all faults are undone.
func (s *Set) Finish(r *Run) {
	if s == nil {
		return
	}
	var wg sync.WaitGroup
	for _, o := range s.observers {
		if f, ok := o.(finisher); ok {
			wg.Go(func() { f.finish(r) })
		}
	}
	wg.Wait()
}

// Close gives up all that was prepared. It may be called twice.
func (s *Set) Close() error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, o := range s.observers {
		errs = append(errs, o.Close())
	}
	return errors.Join(errs...)
}

// cannot says that a subject cannot be observed.
func cannot(s timeline.Subject, err error) error {
	return fmt.Errorf("%s cannot be observed: %w", s, err)
}
