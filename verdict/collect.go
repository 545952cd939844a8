package verdict

import (
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// filter says which cells of an interval belong to a scope; empty fields are
// no condition, an empty stage means the judged stages. Whole flows belong only
// to the scope that names theirs.
type filter struct{ stage, request, flow string }

func (f filter) accepts(k timeline.Key, judged map[string]bool) bool {
	switch {
	case k.Whole != (f.flow != ""):
		return false
	case k.Whole && f.flow != k.Request:
		return false
	case f.request != "" && f.request != k.Request:
		return false
	}
	if f.stage != "" {
		return f.stage == k.Stage
	}
	return judged[k.Stage]
}

// tracker gathers what a scope covers, and tells it to all who asked when its
// stretch of time is over: once, or for each slice.
type tracker struct {
	stretch
	within  timeline.Windows // the time it asks for, that of its phases
	windows timeline.Windows // what of it lies in its stages, as far as the run came
	every   time.Duration
	slices  []timeline.Window // if every is not 0
	tell    []func(slice timeline.Window, v *View)

	at    int // the slice the sweep is in, -1 if it covers the present not
	stats *timeline.Stats
	later map[int]*timeline.Stats // of slices to come: arrivals that were due before them
	// waiting says that arrivals were open in its stretch, whether or not any came due in it.
	waiting bool
}

// collection gathers any number of scopes in one sweep over the intervals.
//
// Cells are summed by stage and request for as long as the same scopes cover
// the time, and only then given to the scopes: histograms are merged once an
// interval and cell, however many scopes there are, and memory grows with
// scopes and not with time.
type collection struct {
	tl     *timeline.Timeline
	judged map[string]bool
	groups []*group
	sums   map[timeline.Key]*timeline.Stats
	phases map[string]phases
	idle   timeline.Windows // where the plan asks for nothing
	now    []int            // the slice that each tracker is in next; scratch
	// watch sees each interval with its cells.
	watch func(iv *timeline.Interval, middle time.Duration)
}

// group is the trackers of one filter.
type group struct {
	filter   filter
	trackers []*tracker
	last     time.Duration // when the last of its arrivals so far was over
}

func newCollection(tl *timeline.Timeline) *collection {
	c := &collection{tl: tl, judged: map[string]bool{}, sums: map[timeline.Key]*timeline.Stats{}, phases: map[string]phases{}}
	var idle []timeline.Window
	for _, s := range tl.Stages {
		c.judged[s.Name] = s.Judged
		if s.Idle {
			idle = append(idle, s.Window)
		}
	}
	c.idle = timeline.NewWindows(idle...)
	for i := range tl.Faults {
		c.phases[tl.Faults[i].Name] = phasesOf(tl, tl.Faults[i].Name)
	}
	return c
}

// stages is the time of the stages that a filter accepts, as far as the run came.
func (c *collection) stages(f filter) timeline.Windows {
	var ws []timeline.Window
	for _, s := range c.tl.Stages {
		if f.stage == s.Name || f.stage == "" && s.Judged {
			ws = append(ws, s.Window.Intersect(timeline.Window{To: c.tl.Duration}))
		}
	}
	return timeline.NewWindows(ws...)
}

// forever is a window that holds every instant of every run.
var forever = timeline.Window{To: math.MaxInt64}

// middle is the instant by which an interval is assigned to windows. Intervals
// are cut where windows begin and end, but the cut may be some microseconds
// off, which the middle of the interval does not feel.
func middle(iv timeline.Window, end time.Duration) time.Duration {
	to := min(iv.To, end)
	if to <= iv.From {
		return min(iv.From, end-1)
	}
	return iv.From + (to-iv.From)/2
}

// time is the time of a stretch.
func (c *collection) time(of stretch) timeline.Windows {
	within := of.within
	for _, p := range of.phases {
		known, ok := c.phases[p.fault]
		if !ok {
			known = phases{end: c.tl.Duration}
		}
		within = within.Intersect(known.time(p.kind))
	}
	return within
}

// takes says whether a stretch has the arrivals that were due at an instant, as far as
// intervals tell it, and open last at a cut.
func (c *collection) takes(of stretch, due, openAt time.Duration) bool {
	for _, p := range of.phases {
		is := c.phases[p.fault].of(due, openAt)
		if is != p.kind && (p.kind != phaseOutside || is == phaseDuring) {
			return false
		}
	}
	return of.within.Contains(due)
}

// track has the cells that f accepts gathered over a stretch, and told in slices
// of length every, or at once if it is 0.
func (c *collection) track(f filter, of stretch, every time.Duration, tell func(timeline.Window, *View)) {
	i := slices.IndexFunc(c.groups, func(g *group) bool { return g.filter == f })
	if i < 0 {
		i = len(c.groups)
		c.groups = append(c.groups, &group{filter: f})
	}
	g := c.groups[i]
	for _, t := range g.trackers {
		if t.every == every && t.stretch.equal(of) {
			t.tell = append(t.tell, tell)
			return
		}
	}
	within := c.time(of)
	t := &tracker{stretch: of, within: within, windows: within.Intersect(c.stages(f)), every: every, at: -1}
	t.tell = append(t.tell, tell)
	if every > 0 {
		t.slices = cutSlices(t.windows, every)
	}
	g.trackers = append(g.trackers, t)
}

// cutSlices cuts each window at multiples of length, counted from the second in
// which the window begins, as intervals begin with the second. A rest shorter
// than length belongs to the slice before it.
func cutSlices(ws timeline.Windows, length time.Duration) []timeline.Window {
	var out []timeline.Window
	for _, w := range ws {
		from := w.From
		for at := w.From.Truncate(time.Second) + length; at+length <= w.To; at += length {
			out = append(out, timeline.Window{From: from, To: at})
			from = at
		}
		out = append(out, timeline.Window{From: from, To: w.To})
	}
	return out
}

// sweep reads the intervals once.
func (c *collection) sweep() error {
	for iv, err := range c.tl.Intervals {
		if err != nil {
			return err
		}
		at := middle(iv.Window, c.tl.Duration)
		c.move(iv.Window, at)
		for _, cell := range iv.Cells {
			for _, g := range c.groups {
				if g.filter.accepts(cell.Key, c.judged) {
					g.last = max(g.last, cell.Last)
				}
			}
			if cell.OpenAt > 0 {
				c.open(&cell, at)
				continue
			}
			sum := c.sums[cell.Key]
			if sum == nil {
				sum = &timeline.Stats{}
				c.sums[cell.Key] = sum
			}
			sum.Merge(cell.Stats)
		}
		if c.watch != nil {
			c.watch(&iv, at)
		}
	}
	c.flush()
	for t := range c.trackers() {
		if t.every == 0 || t.at >= 0 {
			t.finish()
		}
		for _, at := range slices.Sorted(maps.Keys(t.later)) {
			t.at = at
			t.finish()
		}
	}
	return nil
}

// open gives a cell of what was open at a cut to the scopes that have it. There are few
// of them, so each goes to its scopes at once.
func (c *collection) open(cell *timeline.Cell, due time.Duration) {
	for _, g := range c.groups {
		if !g.filter.accepts(cell.Key, c.judged) {
			continue
		}
		for _, t := range g.trackers {
			if !c.takes(t.stretch, due, cell.OpenAt) {
				continue
			}
			into := &t.stats
			if t.every > 0 {
				i := t.sliceOf(due)
				if i < 0 {
					continue
				}
				if i != t.at {
					if t.later == nil {
						t.later = map[int]*timeline.Stats{}
					}
					if t.later[i] == nil {
						t.later[i] = &timeline.Stats{}
					}
					t.later[i].Merge(cell.Stats)
					continue
				}
			}
			if *into == nil {
				*into = &timeline.Stats{}
			}
			(*into).Merge(cell.Stats)
		}
	}
}

// sliceOf is the slice of an arrival that its stretch has: that of its due time, or, if this
// was before the time of its phase, the first one that follows; -1 if there is none.
func (t *tracker) sliceOf(due time.Duration) int {
	for i, s := range t.slices {
		if due < s.To {
			return i
		}
	}
	return len(t.slices) - 1
}

func (c *collection) trackers() iter.Seq[*tracker] {
	return func(yield func(*tracker) bool) {
		for _, g := range c.groups {
			for _, t := range g.trackers {
				if !yield(t) {
					return
				}
			}
		}
	}
}

// move takes the sweep on to an interval.
func (c *collection) move(iv timeline.Window, middle time.Duration) {
	changed := false
	c.now = c.now[:0]
	asked := !c.idle.Contains(middle)
	for t := range c.trackers() {
		at := t.place(iv, middle)
		c.now = append(c.now, at)
		changed = changed || at != t.at
	}
	defer func() {
		for _, g := range c.groups {
			for _, t := range g.trackers {
				t.waiting = t.waiting || asked && t.at >= 0 && g.last > 0 && g.last >= iv.From
			}
		}
	}()
	if !changed {
		return
	}
	c.flush()
	i := 0
	for t := range c.trackers() {
		if t.every > 0 && t.at >= 0 && t.at != c.now[i] {
			t.finish()
		}
		t.at = c.now[i]
		i++
	}
}

// flush gives the sums to the scopes that covered them.
func (c *collection) flush() {
	keys := slices.SortedFunc(maps.Keys(c.sums), timeline.Key.Compare)
	for _, g := range c.groups {
		if !slices.ContainsFunc(g.trackers, func(t *tracker) bool { return t.at >= 0 }) {
			continue
		}
		var sum timeline.Stats
		for _, k := range keys {
			if g.filter.accepts(k, c.judged) {
				sum.Merge(c.sums[k])
			}
		}
		for _, t := range g.trackers {
			if t.at < 0 {
				continue
			}
			if t.stats == nil {
				t.stats = &timeline.Stats{}
			}
			t.stats.Merge(&sum)
		}
	}
	clear(c.sums)
}

// place returns the slice that an interval belongs to, -1 if none.
func (t *tracker) place(iv timeline.Window, middle time.Duration) int {
	switch {
	case !t.within.Contains(middle):
		return -1
	case t.every == 0:
		return 0
	}
	i, _ := slices.BinarySearchFunc(t.slices, iv.From, func(s timeline.Window, at time.Duration) int {
		if s.To <= at {
			return -1
		}
		return 1
	})
	if i < len(t.slices) && t.slices[i].Intersect(iv).Len() > 0 {
		return i
	}
	return -1
}

// finish tells the tracker's current stretch.
func (t *tracker) finish() {
	if t.stats == nil {
		t.stats = &timeline.Stats{}
	}
	if later := t.later[t.at]; later != nil {
		t.stats.Merge(later)
		delete(t.later, t.at)
	}
	v := &View{Stats: t.stats, Seconds: t.windows.Len().Seconds(), windows: t.windows, waiting: t.waiting}
	var slice timeline.Window
	if t.every > 0 {
		slice = t.slices[t.at]
		v.Seconds, v.windows = slice.Len().Seconds(), timeline.Windows{slice}
	}
	for _, tell := range t.tell {
		tell(slice, v)
	}
	t.stats, t.waiting = nil, false
}
