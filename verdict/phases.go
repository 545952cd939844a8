package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// phase is what a rule asks of a fault: what was before it, during it or after it, or
// outside of it, which is before or after.
type phase struct{ kind, fault string }

const (
	phaseBefore  = "before"
	phaseDuring  = "during"
	phaseAfter   = "after"
	phaseOutside = "outside"
)

// phases tell for the disturbances of all injections of one name where an arrival belongs. Every
// arrival is in exactly one of before, during and after.
type phases struct {
	disturbances []timeline.Window // sorted by From
	end          time.Duration     // of the load
}

func phasesOf(tl *timeline.Timeline, name string) phases {
	p := phases{end: tl.Duration}
	for i := range tl.Faults {
		if w, ok := tl.Faults[i].Disturbance(); ok && tl.Faults[i].Name == name {
			p.disturbances = append(p.disturbances, w)
		}
	}
	slices.SortFunc(p.disturbances, func(a, b timeline.Window) int { return cmp.Compare(a.From, b.From) })
	return p
}

// of is the phase of arrivals that were due at an instant, as far as intervals tell it, and
// were open last at the cut openAt, 0 if at none.
func (p phases) of(due, openAt time.Duration) string {
	for _, w := range p.disturbances {
		if due < w.To && (due >= w.From || openAt >= w.From) {
			return phaseDuring
		}
	}
	if len(p.disturbances) == 0 || due < p.disturbances[0].From {
		return phaseBefore
	}
	return phaseAfter
}

// time is the time of a phase, by which answers are counted.
func (p phases) time(kind string) timeline.Windows {
	load := timeline.Window{To: p.end}
	during := make([]timeline.Window, 0, len(p.disturbances))
	before := load
	for _, w := range p.disturbances {
		during = append(during, w.Intersect(load))
		before = before.Intersect(timeline.Window{To: w.From})
	}
	switch all := timeline.NewWindows(during...); kind {
	case phaseBefore:
		return timeline.NewWindows(before)
	case phaseDuring:
		return all
	case phaseAfter:
		return complement(all, p.end).Intersect(timeline.NewWindows(timeline.Window{From: before.To, To: p.end}))
	default:
		return complement(all, p.end)
	}
}

// complement is what of [0, end) is not in ws.
func complement(ws timeline.Windows, end time.Duration) timeline.Windows {
	var out []timeline.Window
	var at time.Duration
	for _, w := range ws {
		out = append(out, timeline.Window{From: at, To: w.From})
		at = w.To
	}
	return timeline.NewWindows(append(out, timeline.Window{From: at, To: end})...)
}

// stretch is which arrivals of the run a scope asks for: those due within some time,
// and of some phases of faults.
type stretch struct {
	within timeline.Windows
	phases []phase
}

// whole is all of a run.
var whole = stretch{within: timeline.Windows{forever}}

func (s stretch) in(kind, fault string) stretch {
	s.phases = append(slices.Clone(s.phases), phase{kind, fault})
	return s
}

func (s stretch) equal(o stretch) bool {
	return slices.Equal(s.within, o.within) && slices.Equal(s.phases, o.phases)
}

// beforeAlone is what was over before the faults of one name, and met no other fault.
func (c *collection) beforeAlone(name string) stretch {
	others := name + "\x00others" // no fault has such a name
	if _, known := c.phases[others]; !known {
		p := phases{end: c.tl.Duration}
		for i := range c.tl.Faults {
			if w, ok := c.tl.Faults[i].Disturbance(); ok && c.tl.Faults[i].Name != name {
				p.disturbances = append(p.disturbances, w)
			}
		}
		slices.SortFunc(p.disturbances, func(a, b timeline.Window) int { return int(a.From - b.From) })
		c.phases[others] = p
	}
	return whole.in(phaseBefore, name).in(phaseOutside, others)
}

// injection is the stretch of one injection alone: what met its disturbance.
func (c *collection) injection(i int) stretch {
	name := fmt.Sprintf("%s\x00%d", c.tl.Faults[i].Name, i) // no fault has such a name
	p := phases{end: c.tl.Duration}
	if w, ok := c.tl.Faults[i].Disturbance(); ok {
		p.disturbances = []timeline.Window{w}
	}
	c.phases[name] = p
	return whole.in(phaseDuring, name)
}
