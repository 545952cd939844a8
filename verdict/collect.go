package verdict

import (
	"math"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// filter says which cells of an interval belong to a scope; empty fields are
// no condition, an empty stage means the judged stages.
type filter struct{ stage, request string }

func (f filter) accepts(k timeline.Key, judged map[string]bool) bool {
	if f.request != "" && f.request != k.Request {
		return false
	}
	if f.stage != "" {
		return f.stage == k.Stage
	}
	return judged[k.Stage]
}

// tracker gathers what a scope covers. It is told the result when its stretch
// of time is over: once, or for each slice.
type tracker struct {
	filter  filter
	within  timeline.Windows // the time it asks for
	windows timeline.Windows // what of it lies in its stages, as far as the run came
	slices  []timeline.Window
	tell    func(slice timeline.Window, v *View)

	at    int // the slice the sweep is in, -1 if it covers the present not
	stats *timeline.Stats
}

// collection gathers any number of scopes in one sweep over the intervals.
//
// Scopes of one filter share a sum while the set of them that covers the time
// stays the same: histograms are merged once an interval and filter, however
// many scopes there are, and memory grows with scopes but not with time.
type collection struct {
	tl     *timeline.Timeline
	judged map[string]bool
	groups []*group
	// watch sees each interval with its cells.
	watch func(iv *timeline.Interval, middle time.Duration)
}

type group struct {
	filter   filter
	trackers []*tracker
	sum      *timeline.Stats // since the set of covering scopes changed; nil if none covers
	now      []int           // the slice each tracker is in; scratch
}

func newCollection(tl *timeline.Timeline) *collection {
	c := &collection{tl: tl, judged: map[string]bool{}}
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
	t := &tracker{filter: f, within: within, windows: within.Intersect(c.stages(f)), at: -1, tell: tell}
	if every > 0 {
		t.slices = cutSlices(t.windows, every)
	}
	i := slices.IndexFunc(c.groups, func(g *group) bool { return g.filter == f })
	if i < 0 {
		i = len(c.groups)
		c.groups = append(c.groups, &group{filter: f})
	}
	g := c.groups[i]
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
		for _, g := range c.groups {
			g.add(&iv, middle(iv.Window, c.tl.Duration), c.judged)
		}
		if c.watch != nil {
			c.watch(&iv, middle(iv.Window, c.tl.Duration))
		}
	}
	for _, g := range c.groups {
		g.end()
	}
	return nil
}

func (g *group) add(iv *timeline.Interval, middle time.Duration, judged map[string]bool) {
	changed, covered := g.sum == nil, false
	g.now = g.now[:0]
	for _, t := range g.trackers {
		at := t.place(iv.Window, middle)
		g.now = append(g.now, at)
		changed = changed || at != t.at
		covered = covered || at >= 0
	}
	if changed {
		g.flush()
		for i, t := range g.trackers {
			if t.slices != nil && t.at >= 0 && t.at != g.now[i] {
				t.finish()
			}
			t.at = g.now[i]
		}
		if covered {
			g.sum = &timeline.Stats{}
		}
	}
	if !covered {
		return
	}
	for _, cell := range iv.Cells {
		if g.filter.accepts(cell.Key, judged) {
			g.sum.Merge(cell.Stats)
		}
	}
}

// place returns the slice that an interval belongs to, -1 if none.
func (t *tracker) place(iv timeline.Window, middle time.Duration) int {
	switch {
	case !t.within.Contains(middle):
		return -1
	case t.slices == nil:
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

// flush gives the sum to the scopes that covered it.
func (g *group) flush() {
	if g.sum == nil {
		return
	}
	for _, t := range g.trackers {
		if t.at < 0 {
			continue
		}
		if t.stats == nil {
			t.stats = &timeline.Stats{}
		}
		t.stats.Merge(g.sum)
	}
	g.sum = nil
}

// finish tells the tracker's current stretch.
func (t *tracker) finish() {
	if t.stats == nil {
		t.stats = &timeline.Stats{}
	}
	v := &View{Stats: t.stats, Seconds: t.windows.Len().Seconds()}
	var slice timeline.Window
	if t.slices != nil {
		slice = t.slices[t.at]
		v.Seconds = slice.Len().Seconds()
	}
	t.tell(slice, v)
	t.stats = nil
}

func (g *group) end() {
	g.flush()
	for _, t := range g.trackers {
		if t.slices == nil || t.at >= 0 {
			t.finish()
		}
	}
}
