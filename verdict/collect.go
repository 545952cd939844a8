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
	within  timeline.Windows // the time it asks for
	windows timeline.Windows // what of it lies in its stages, as far as the run came
	every   time.Duration
	slices  []timeline.Window // if every is not 0
	tell    []func(slice timeline.Window, v *View)

	at    int // the slice the sweep is in, -1 if it covers the present not
	stats *timeline.Stats
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
	now    []int // the slice that each tracker is in next; scratch
	// watch sees each interval with its cells.
	watch func(iv *timeline.Interval, middle time.Duration)
}

// group is the trackers of one filter.
type group struct {
	filter   filter
	trackers []*tracker
}

func newCollection(tl *timeline.Timeline) *collection {
	c := &collection{tl: tl, judged: map[string]bool{}, sums: map[timeline.Key]*timeline.Stats{}}
	for _, s := range tl.Stages {
		c.judged[s.Name] = s.Judged
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

// track has the cells that f accepts gathered over within, and told in slices
// of length every, or at once if it is 0.
func (c *collection) track(f filter, within timeline.Windows, every time.Duration, tell func(timeline.Window, *View)) {
	i := slices.IndexFunc(c.groups, func(g *group) bool { return g.filter == f })
	if i < 0 {
		i = len(c.groups)
		c.groups = append(c.groups, &group{filter: f})
	}
	g := c.groups[i]
	for _, t := range g.trackers {
		if t.every == every && slices.Equal(t.within, within) {
			t.tell = append(t.tell, tell)
			return
		}
	}
	t := &tracker{within: within, windows: within.Intersect(c.stages(f)), every: every, at: -1}
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
	}
	return nil
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
	for t := range c.trackers() {
		at := t.place(iv, middle)
		c.now = append(c.now, at)
		changed = changed || at != t.at
	}
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
	v := &View{Stats: t.stats, Seconds: t.windows.Len().Seconds(), windows: t.windows}
	var slice timeline.Window
	if t.every > 0 {
		slice = t.slices[t.at]
		v.Seconds, v.windows = slice.Len().Seconds(), timeline.Windows{slice}
	}
	for _, tell := range t.tell {
		tell(slice, v)
	}
	t.stats = nil
}
