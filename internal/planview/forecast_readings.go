package planview

import (
	"iter"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// madeUpReadings are those of a run of the plan in which each observer is answered in time, and in
// no order; nil if there are none, or too many.
func madeUpReadings(p *scenario.Plan, end time.Duration) iter.Seq2[timeline.Reading, error] {
	every := map[timeline.Subject]time.Duration{}
	if p.Observe == nil {
		return nil
	}
	for _, name := range p.Observe.Services {
		every[timeline.Subject{Kind: timeline.ServiceSubject, Name: name}] = p.Observe.Every
	}
	for i := range p.Observe.Watch {
		every[timeline.Subject{Kind: timeline.ServiceSubject, Name: p.Observe.Watch[i].Name}] =
			p.Observe.Every
	}
	for _, x := range p.Observe.Probes {
		every[timeline.Subject{Kind: timeline.ProbeSubject, Name: x.Name}] = x.Every
	}
	for _, x := range p.Observe.Metrics {
		every[timeline.Subject{Kind: timeline.MetricSubject, Name: x.Name}] = x.Every
	}
	var all time.Duration
	for _, d := range every {
		if d > 0 {
			all += end / d
		}
	}
	if len(every) == 0 || all > forecastMost {
		return nil
	}
	return func(yield func(timeline.Reading, error) bool) {
		for subject, d := range every {
			r := timeline.Reading{Subject: subject, Every: d}
			for i, row := range timeline.Figures() {
				if row.Kind == subject.Kind && !row.Derived() {
					r.Values.Set(timeline.Figure(i), 0)
				}
			}
			for {
				if !yield(r, nil) {
					return
				}
				r.From, r.To = r.From+d, r.To+d
				if d <= 0 || r.From >= end {
					break
				}
			}
		}
	}
}
