package run

import (
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// liveState returns a function that returns how the run stands.
func (r *runner) liveState(
	clock func() time.Duration,
	windows []timeline.Stage,
	rules *liveRules,
	alarms *alarmWatch,
) func() report.LiveState {
	total := r.attack.Duration()
	return func() report.LiveState {
		now := clock()
		rec := r.recorder.Snapshot()
		s := report.LiveState{
			Elapsed: min(now, total), Total: total, Errors: rec.Totals.Errors,
			InFlight: int(
				r.load.InFlight.Load(),
			), Queued: int(r.load.Queued.Load()), Faults: r.liveFaults(),
			Rules: rules.state(),
		}
		if rec.Last.Done+rec.Last.Unsent > 0 {
			last := rec.Last
			s.P50, s.P95, s.P99 = &last.P50, &last.P95, &last.P99
			s.ErrorRate, _ = last.ErrorRate()
		}
		if len(rec.Recent) > 0 {
			s.Last = r.liveSecond(&rec.Last, windows)
		}
		for i, w := range windows {
			if w.Window.Contains(now) {
				s.Stage = w.Name
				switch shape := r.attack.Stages[i].Shape.(type) {
				case arrivals.OpenShape:
					s.StageRate = float64(shape.Rate(now-w.Window.From, w.Window.Len()))
					if arrivals.Replays(shape) {
						s.Replayed = int(shape.Expected(w.Window.Len(), w.Window.Len()))
					}
				case arrivals.ClosedShape:
					s.Closed, s.Users = true, shape.Users(now-w.Window.From, w.Window.Len())
				}
			}
		}
		if now >= total && len(r.attack.Requests) > 0 {
			s.Phase = "waiting for open requests"
		}
		for _, f := range s.Faults {
			if s.Phase != "" && f.State == timeline.Reverting {
				s.Phase = "undoing faults"
			}
		}
		if last := r.self.Load(); last != nil {
			s.Notes = report.GeneratorNotes(last)
		}
		for _, n := range alarms.noted() {
			s.Notes = append(s.Notes, r.plan.Redact(n))
		}
		for _, k := range rec.Kinds {
			note := fmt.Sprintf("%d × %s", k.Count, k.Kind)
			if k.Detail != "" {
				note += ": " + k.Detail
			}
			s.Notes = append(s.Notes, note)
		}
		if rec.Err != nil {
			s.Notes = append(s.Notes, "recording failed: "+rec.Err.Error())
		}
		return s
	}
}

// liveSecond is the last full second, with the stage that it began in.
func (r *runner) liveSecond(last *record.Second, windows []timeline.Stage) *report.LiveSecond {
	s := &report.LiveSecond{Due: float64(last.Planned), Answered: float64(last.Answered)}
	for i, w := range windows {
		if !w.Window.Contains(last.From) {
			continue
		}
		s.Stage = w.Name
		if shape, ok := r.attack.Stages[i].Shape.(arrivals.ClosedShape); ok {
			s.Closed, s.Users = true, shape.Users(last.From-w.Window.From, w.Window.Len())
		}
	}
	return s
}

// examples has the text of one error for each of the most frequent kinds.
func (r *runner) examples() map[string]string {
	out := make(map[string]string)
	for _, k := range r.recorder.Snapshot().Kinds {
		out[k.Kind] = k.Detail
	}
	return out
}

// liveFaults is where each fault stands.
func (r *runner) liveFaults() []report.LiveFault {
	var out []report.LiveFault
	for i, f := range r.conductor.Faults() {
		l := report.LiveFault{
			Name:    f.Name,
			State:   f.State,
			Targets: f.Targets,
			Planned: f.Planned,
			Since:   f.Since,
		}
		if hold := r.plan.Chaos[i].Hold; hold > 0 && f.Effective != nil {
			until := *f.Effective + hold
			l.Until = &until
		}
		out = append(out, l)
	}
	return out
}
