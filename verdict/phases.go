package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// phase is what a rule asks of a fault: what was before it, during it or after it, or
// outside of it, which is before or after.
type phase struct{ kind, fault string }

// phaseOutside is what was before a fault or after it.
const phaseOutside = "outside"

// phases tell for the disturbances of some faults where an arrival belongs. Every
// arrival is in exactly one of before, during and after.
type phases []timeline.Window // the disturbances, sorted by From

// phasesOf are the phases of faults, by the name that a stretch asks for them by: all injections
// of one name together, each one alone, and all but those of one name.
func phasesOf(faults []timeline.Fault) map[string]phases {
	all := make(map[string]phases)
	for i := range faults {
		w, ok := faults[i].Disturbance()
		if !ok {
			continue
		}
		name := faults[i].Name
		all[name] = append(all[name], w)
		all[injectionOf(name, i)] = phases{w}
		for j := range faults {
			if others := othersThan(faults[j].Name); faults[j].Name != name &&
				!slices.Contains(all[others], w) {
				all[others] = append(all[others], w)
			}
		}
	}
	for _, p := range all {
		slices.SortFunc(p, func(a, b timeline.Window) int { return cmp.Compare(a.From, b.From) })
	}
	return all
}

// No fault has such names.
func injectionOf(name string, i int) string { return fmt.Sprintf("%s\x00%d", name, i) }
func othersThan(name string) string         { return name + "\x00others" }

// of is the phase of arrivals that were due at an instant, as far as intervals tell it, and
// were open last at the cut openAt, 0 if at none.
func (p phases) of(due, openAt time.Duration) string {
	for _, w := range p {
		if due < w.To && (due >= w.From || openAt >= w.From) {
			return rule.During
		}
	}
	if len(p) == 0 || due < p[0].From {
		return rule.Before
	}
	return rule.After
}

// time is the time of a phase, by which answers are counted.
func (p phases) time(kind string) timeline.Windows {
	during := timeline.NewWindows(p...)
	before := forever
	if len(p) > 0 {
		before.To = p[0].From
	}
	switch kind {
	case rule.Before:
		return timeline.NewWindows(before)
	case rule.During:
		return during
	case rule.After:
		return complement(during).Intersect(timeline.Windows{{From: before.To, To: forever.To}})
	default:
		return complement(during)
	}
}

// complement is all time that is not in ws.
func complement(ws timeline.Windows) timeline.Windows {
	var out []timeline.Window
	var at time.Duration
	for _, w := range ws {
		out = append(out, timeline.Window{From: at, To: w.From})
		at = w.To
	}
	return timeline.NewWindows(append(out, timeline.Window{From: at, To: forever.To})...)
}

// stretch is which arrivals of the run a scope asks for: those due within some time,
// and of some phases of faults.
type stretch struct {
	within timeline.Windows
	phases []phase
}

// whole is all of a run.
var whole = stretch{within: timeline.Windows{forever}}

// stretchOf is the stretch of a rule's scope.
func stretchOf(s rule.Scope) stretch {
	out := whole
	for _, w := range s.Windows {
		out.within = out.within.Intersect(timeline.Windows{w})
	}
	for _, p := range s.Phases {
		out = out.in(p.Kind, p.Fault)
	}
	return out
}

func (s stretch) in(kind, fault string) stretch {
	s.phases = append(slices.Clone(s.phases), phase{kind, fault})
	return s
}

func (s stretch) equal(o stretch) bool {
	return slices.Equal(s.within, o.within) && slices.Equal(s.phases, o.phases)
}

// beforeAlone is what was over before the faults of one name, and met no other fault.
func beforeAlone(name string) stretch {
	return whole.in(rule.Before, name).in(phaseOutside, othersThan(name))
}

// injection is the stretch of one injection alone: what met its disturbance.
func injection(name string, i int) stretch { return whole.in(rule.During, injectionOf(name, i)) }
