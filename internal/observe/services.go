package observe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// service asks the targets of a service what they use.
type service struct {
	Service
	every   time.Duration
	env     *Env
	watches []target.Watch // by target
}

func newServices(p *Plan, env *Env) []Observer {
	var out []Observer
	for _, s := range p.Services {
		out = append(out, &service{Service: s, every: p.Every, env: env})
	}
	return out
}

func (s *service) subject() timeline.Subject {
	return timeline.Subject{Kind: timeline.ServiceSubject, Name: s.Name}
}

// Prepare implements Observer.
func (s *service) Prepare(ctx context.Context) error {
	s.watches = make([]target.Watch, len(s.Targets))
	errs := make([]error, len(s.Targets))
	var wg sync.WaitGroup
	for i, t := range s.Targets {
		o, ok := t.(target.Observable)
		if !ok {
			errs[i] = fmt.Errorf("nothing tells what %s uses", t.Name())
			continue
		}
		wg.Go(func() { s.watches[i], errs[i] = o.Observe(ctx) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return cannot(s.subject(), err)
	}
	return nil
}

// Observe implements Observer.
func (s *service) Observe(r *Run) {
	var wg sync.WaitGroup
	for i, watch := range s.watches {
		w := &serviceWatcher{of: s, run: r, target: s.Targets[i].Name()}
		wg.Go(func() { watch(r.Stop, s.every, w) })
	}
	wg.Wait()
}

// Close implements Observer.
func (s *service) Close() error { return nil }

// serviceWatcher tells the run of one target.
type serviceWatcher struct {
	of     *service
	run    *Run
	target string
}

var _ target.Watcher = (*serviceWatcher)(nil)

// Used implements target.Watcher.
func (w *serviceWatcher) Used(u target.Use) {
	reading := timeline.Reading{
		Window:  timeline.Window{From: w.run.at(u.From), To: w.run.at(u.To)},
		Subject: w.of.subject(), Every: w.of.every, Values: u.Values, Missing: u.Missing,
	}
	if len(w.of.Targets) > 1 {
		reading.Target = w.target
	}
	restarts, _ := u.Values.Get(timeline.Restarts)
	if (restarts > 0 || u.Idle) && w.run.Faulted(w.target, reading.Window) {
		// What a fault did is told of the fault: nothing is missing of what it has stopped.
		if restarts > 0 {
			reading.Values.Set(timeline.Restarts, 0)
			reading.Detail = "a fault had it started again"
		}
		if u.Idle {
			reading.Detail, reading.Missing = u.Missing+", by a fault", ""
		}
	}
	w.run.Tell(reading)
}

// Happened implements target.Watcher.
func (w *serviceWatcher) Happened(at time.Time, state, detail string) {
	e := timeline.Event{
		At: w.run.at(at), Type: "service", Name: w.of.Name, State: state,
		Detail: w.of.env.Redact(nil)(detail),
	}
	if w.target != w.of.Name {
		e.Target = w.target
	}
	w.run.Event(e)
}
