package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/observe"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// prepareObservers makes sure that all that is to be observed can be.
func (r *runner) prepareObservers(ctx context.Context) error {
	plan := r.plan.Observe
	if plan == nil {
		return nil
	}
	of := observe.Plan{Every: plan.Every}
	for _, name := range plan.Services {
		of.Services = append(
			of.Services,
			observe.Service{Name: name, Targets: r.services.targets[name]},
		)
	}
	for _, s := range plan.Watch {
		found, err := r.services.opener(s.Kind).Open(ctx, s.Name, s.Settings)
		if err != nil {
			return fmt.Errorf("watch %s: %w", s.Name, err)
		}
		of.Services = append(of.Services, observe.Service{Name: s.Name, Targets: found.Targets})
	}
	var err error
	if of.Probes, of.Metrics, err = r.plan.ResolveObserve(r.services.addr); err != nil {
		return err
	}
	r.observers, err = observe.Prepare(ctx, &of, &observe.Env{
		Attack: &r.attack, Protocols: r.plan.Protocols, Hosts: r.services.hosts,
		Refused: r.forbidden.note, Dir: r.plan.Dir, Progress: r.progress,
		Redact: func(own []string) func(string) string { return r.plan.Redactor.With(own).Text },
	})
	return err
}

// observing is the run as observers see it: stop ends with the load, and abort when answers are
// no longer waited for.
func (r *runner) observing(stop, abort context.Context, start time.Time) *observe.Run {
	return &observe.Run{
		Start: start, End: r.attack.Duration(), Stop: stop, Abort: abort,
		Tell: r.recorder.Reading, Event: r.event, Faulted: r.faulted,
	}
}

// afterFault is how long after the end of a fault observers may still report what it did to a
// target: an engine is asked only after it has reported an event.
const afterFault = 2 * time.Second

// faulted says whether a fault has killed or paused a target at any moment of a window.
func (r *runner) faulted(target string, w timeline.Window) bool {
	for _, f := range r.conductor.Faults() {
		kind, ok := chaos.KindByName(f.Kind)
		if !ok || kind.Needs != chaos.CapKill && kind.Needs != chaos.CapPause {
			continue
		}
		d, injected := f.Disturbance()
		if !slices.Contains(f.Targets, target) || !injected {
			continue
		}
		if f.Reverted != nil {
			d.To = *f.Reverted + afterFault
		}
		if d.From < w.To && w.From < d.To {
			return true
		}
	}
	return false
}
