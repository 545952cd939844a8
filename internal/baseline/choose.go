package baseline

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Wanted is what a run is held against.
type Wanted struct {
	Kind
	Name     string // of its scenario
	ID       string // its own, which it is not held against
	Baseline bool   // the run that is kept as normal is asked for
	History  int    // so many accepted ones are
}

// memoryShare is by what part the memory of two machines of one class may differ: kernels keep
// some of it for themselves.
const memoryShare = 0.05

// misfit says why a run cannot be compared with one that is wanted; empty: it can.
func (w *Wanted) misfit(r *Run) string {
	mine, its := w.Machine, r.Machine
	switch {
	case r.Load != w.Load:
		return "it had another load"
	case r.Faults != w.Faults:
		return "it had other faults"
	case !mine.Same(its):
		return fmt.Sprintf("it ran on another class of machine, %s, and not on %s", its, mine)
	case r.Unhealthy != "":
		return "its generator was not well: " + r.Unhealthy
	}
	return ""
}

// Same says whether two machines are of one class.
func (m Machine) Same(o Machine) bool {
	return m.Arch == o.Arch && math.Abs(m.Cores-o.Cores) <= 0.01 &&
		math.Abs(float64(m.Memory)-float64(o.Memory)) <= memoryShare*float64(m.Memory)
}

func (m Machine) String() string {
	return fmt.Sprintf("%s cores of %s, %s of memory",
		quantity.FormatCount(m.Cores), m.Arch, quantity.FormatBytes(float64(m.Memory)))
}

// Choose finds among accepted runs, the latest first, those that a run is held against. Of the same
// scenario are those of its name or its load. used are the runs that were chosen.
func Choose(all []*Run, w *Wanted) (e *verdict.Earlier, used []*Run) {
	e = &verdict.Earlier{}
	var same, fit []*Run
	misfits := map[string]int{}
	for _, r := range all {
		if r.ID == w.ID || r.Name != w.Name && r.Load != w.Load {
			continue
		}
		same = append(same, r)
		if why := w.misfit(r); why != "" {
			misfits[why]++
			continue
		}
		fit = append(fit, r)
	}
	damaged := map[*Run]bool{}
	take := func(r *Run) *verdict.Past {
		p, err := r.Past()
		if err != nil {
			if !damaged[r] {
				misfits[err.Error()]++
			}
			damaged[r] = true
			return nil
		}
		if !slices.Contains(used, r) {
			used = append(used, r)
		}
		return p
	}
	const accept = "ordeal baseline accept RUNDIR keeps one"
	pinned := slices.IndexFunc(same, func(r *Run) bool { return r.Pinned })
	switch {
	case !w.Baseline:
	case len(same) == 0:
		e.Lacking = fmt.Sprintf("no run of %q was accepted; %s", w.Name, accept)
	case pinned >= 0 && w.misfit(same[pinned]) != "":
		e.Lacking = fmt.Sprintf("the pinned run %s does not fit: %s",
			same[pinned].ID, w.misfit(same[pinned]))
	case pinned >= 0:
		e.Baseline = take(same[pinned])
	case len(fit) == 0:
		e.Lacking = fmt.Sprintf("the accepted run %s does not fit: %s; %s that does",
			same[0].ID, w.misfit(same[0]), accept)
	default:
		e.Baseline = take(fit[0])
	}
	if w.Baseline && e.Baseline == nil && e.Lacking == "" {
		e.Lacking = "the accepted run is damaged"
	}
	for _, r := range fit[:min(len(fit), w.History)] {
		if p := take(r); p != nil {
			e.Accepted = append(e.Accepted, p)
		}
	}
	e.TooFew = fmt.Sprintf("%s, of each night that went well", accept)
	if len(misfits) > 0 {
		var whys []string
		for why, n := range misfits {
			whys = append(whys, fmt.Sprintf("%d do not fit, as %s", n, why))
		}
		slices.Sort(whys)
		e.TooFew = strings.Join(whys, "; ")
	}
	return e, used
}
