package scenario

import (
	"slices"

	"github.com/seed-1574e9de/ordeal/internal/observe"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// declared lists what can be observed beside the load, by kind and in the order of the file; o is
// the plan of what is, nil if nothing is.
func declared(f *scenarioFile, o *Observe) []timeline.Declared {
	var out []timeline.Declared
	add := func(kind timeline.SubjectKind, name string, unit timeline.Unit) {
		s := timeline.Subject{Kind: kind, Name: name}
		known := func(d timeline.Declared) bool { return d.Subject == s }
		if name != "" && !slices.ContainsFunc(out, known) {
			out = append(out, timeline.Declared{Subject: s, Unit: unit})
		}
	}
	for _, services := range []*servicesFile{&f.Services, &f.Observe.Watch.servicesFile} {
		for i := range services.list {
			add(timeline.ServiceSubject, services.list[i].name, "")
		}
	}
	for i := range f.Observe.Probes {
		add(timeline.ProbeSubject, f.Observe.Probes[i].Name, "")
	}
	for i := range f.Observe.Metrics {
		unit, _ := observe.ParseUnit(f.Observe.Metrics[i].Unit) // else a mistake of its own
		add(timeline.MetricSubject, f.Observe.Metrics[i].Name, unit.Unit)
	}
	for i := range f.Ledger {
		add(timeline.LedgerSubject, f.Ledger[i].Name, "")
	}
	for i := range out {
		name, watched := out[i].Name, func(s Service) bool { return s.Name == out[i].Name }
		out[i].Watched = o != nil && out[i].Kind == timeline.ServiceSubject &&
			(slices.Contains(o.Services, name) || slices.ContainsFunc(o.Watch, watched))
	}
	return out
}
