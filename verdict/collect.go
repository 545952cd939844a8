package verdict

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// filter says which cells of an interval belong to a scope. An empty field is no condition; an
// empty stage means the judged stages. A whole flow belongs only to the scope that names it.
type filter struct{ stage, request, flow string }

func (f filter) accepts(k timeline.Key, judged map[string]bool) bool {
	switch {
	case k.IsFlow != (f.flow != ""):
		return false
	case k.IsFlow && f.flow != k.Request:
		return false
	case f.request != "" && f.request != k.Request:
		return false
	}
	if f.stage != "" {
		return f.stage == k.Stage
	}
	return judged[k.Stage]
}

// tracker gathers what one scope covers, over all of its stretch of time or slice by slice. The
// windows of faults become known while it gathers.
type tracker struct {
	stretch
	filter  filter
	within  timeline.Windows // the time of its phases, as far as faults are known
	windows timeline.Windows // the part of within that lies in its stages
	steady  timeline.Window  // in which next does not change; only without every
	every   time.Duration
	emit    []func(gathered)
	// sampled says that it is kept by blocks of time, too, with the times of these families.
	sampled  bool
	families []*family

	at     place         // of the interval that was added last
	next   place         // of the one that is being added
	pieces []*sliceStats // with every: the last slices; otherwise one at most
	// later has arrivals that were due before the first slice of their phase, by that slice: it is
	// still to come.
	later map[place]*timeline.Stats
}

// gathered is what a tracker gathered over its stretch, or over a slice of it. One that is not
// final is gathered again, with what came later.
type gathered struct {
	slice timeline.Window // of a tracker with every
	view  *View
	final bool
}

// place is a slice of a tracker: its number within a window of time. The zero value is no slice.
// The last slice of a window can be shorter than the others; it has a number of its own until it
// is known to belong to the slice before it.
type place struct {
	in     bool
	window time.Duration // its beginning
	slice  int
}

// sliceStats is what was gathered of one slice.
type sliceStats struct {
	place
	stats timeline.Stats
	// blocks are there if the tracker is sampled.
	blocks *blocks
	// waiting says that arrivals were open in it, whether or not any came due in it.
	waiting bool
}

// aggregator gathers any number of scopes in one pass over the intervals.
//
// It sums cells by stage and request for as long as the same scopes cover the time, and only then
// gives the sums to the scopes. So a histogram is merged once for each interval and cell, however
// many scopes there are, and memory grows with scopes and not with time.
type aggregator struct {
	tl      *timeline.Timeline // of which the stages, the faults and the end are read
	judged  map[string]bool
	groups  []*group
	named   map[filter]*group
	planned map[string]timeline.Windows // see plannedTime
	of      map[timeline.Key][]*group   // that accept the cells of a key; by those that came
	all     []*tracker                  // of all groups
	sums    map[timeline.Key]cellSum
	phases  map[string]phases
	idle    timeline.Windows // where the plan asks for nothing
}

// cellSum sums cells of one key. What came first is not copied: it stays the interval's own,
// and is only read.
type cellSum struct {
	*timeline.Stats
	own bool
}

// group is the trackers of one filter.
type group struct {
	filter   filter
	trackers []*tracker
	last     time.Duration     // when the last of its arrivals so far was over
	families []*family         // of its sampled trackers
	sampled  bool              // some are
	sliced   bool              // some have every
	due      []*timeline.Stats // what is being flushed
	kept     timeline.Stats    // what trackers without every are to be given; see give
	keeps    bool              // there is some
	sum      blockSum          // what is not in their blocks yet
}

func newAggregator(tl *timeline.Timeline) *aggregator {
	c := &aggregator{
		tl: tl, judged: map[string]bool{}, sums: map[timeline.Key]cellSum{},
		named: map[filter]*group{}, of: map[timeline.Key][]*group{},
		planned: plannedTime(tl.Stages),
	}
	var idle []timeline.Window
	for _, s := range tl.Stages {
		c.judged[s.Name] = s.Judged
		if s.Idle {
			idle = append(idle, s.Window)
		}
	}
	c.idle = timeline.NewWindows(idle...)
	c.learnFaults()
	return c
}

// learnFaults takes in what is known of the faults by now.
func (c *aggregator) learnFaults() {
	c.phases = phasesOf(c.tl.Faults)
	for _, t := range c.all {
		c.locate(t)
	}
}

// locate finds the time of a tracker, the time after the present end of the run included.
func (c *aggregator) locate(t *tracker) {
	t.within = c.time(t.stretch)
	t.windows = t.within.Intersect(c.stages(t.filter))
	t.steady = timeline.Window{}
}

// stages is the time of the stages that a filter accepts, as it was planned.
func (c *aggregator) stages(f filter) timeline.Windows { return c.planned[f.stage] }

// plannedTime is the time of stages by name, and of all that are judged without a name.
func plannedTime(stages []timeline.Stage) map[string]timeline.Windows {
	all := map[string][]timeline.Window{}
	for _, s := range stages {
		all[s.Name] = append(all[s.Name], s.Window)
		if s.Judged && s.Name != "" {
			all[""] = append(all[""], s.Window)
		}
	}
	out := map[string]timeline.Windows{}
	for name, ws := range all {
		out[name] = timeline.NewWindows(ws...)
	}
	return out
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

// time is the time of a stretch, as far as faults are known.
func (c *aggregator) time(of stretch) timeline.Windows {
	within := of.within
	for _, p := range of.phases {
		within = within.Intersect(c.phases[p.fault].time(p.kind))
	}
	return within
}

// takes says whether a stretch has the arrivals that were due in an interval around due and whose
// last cut while they were open was at openAt.
func (c *aggregator) takes(of stretch, due, openAt time.Duration) bool {
	for _, p := range of.phases {
		is := c.phases[p.fault].of(due, openAt)
		if is != p.kind && (p.kind != phaseOutside || is == rule.During) {
			return false
		}
	}
	return of.within.Contains(due)
}

// subscribe gathers the cells that f accepts over a stretch, and emits them in slices of length
// every, or as one if every is 0.
func (c *aggregator) subscribe(
	f filter, of stretch, every time.Duration, tell func(gathered),
) *tracker {
	g := c.named[f]
	if g == nil {
		g = &group{filter: f}
		c.named[f], c.groups = g, append(c.groups, g)
		clear(c.of)
	}
	g.sliced = g.sliced || every > 0
	for _, t := range g.trackers {
		if t.every == every && t.stretch.equal(of) {
			t.emit = append(t.emit, tell)
			return t
		}
	}
	t := &tracker{stretch: of, filter: f, every: every, emit: []func(gathered){tell}}
	c.locate(t)
	g.trackers, c.all = append(g.trackers, t), append(c.all, t)
	return t
}

// sample has what a tracker gathers kept by blocks of time, with the times of a family if it is
// not nil. It comes before the first interval.
func (c *aggregator) sample(t *tracker, of *family) {
	t.sampled = true
	g := c.named[t.filter]
	g.sampled = true
	if of != nil && !slices.ContainsFunc(g.families, of.is) {
		g.families = append(g.families, of)
	}
	for _, t := range g.trackers {
		t.families = g.families
	}
}

// accepting are the groups that accept the cells of a key.
func (c *aggregator) accepting(k timeline.Key) []*group {
	found, known := c.of[k]
	if known {
		return found
	}
	for _, stage := range []string{"", k.Stage} {
		for _, request := range []string{"", k.Request} {
			f := filter{stage: stage, request: request}
			if k.IsFlow {
				f.flow = k.Request
			}
			g := c.named[f]
			if g != nil && f.accepts(k, c.judged) && !slices.Contains(found, g) {
				found = append(found, g)
			}
		}
	}
	c.of[k] = found
	return found
}

// add takes in the next interval. The caller has learnt all that can be known of faults up to the
// end of the interval, and up to the end of the last arrival in it.
func (c *aggregator) add(iv *timeline.Interval, middle time.Duration) {
	c.move(iv.Window, middle)
	for i := range iv.Cells {
		cell := &iv.Cells[i]
		accepting := c.accepting(cell.Key)
		for _, g := range accepting {
			g.last = max(g.last, cell.Last)
		}
		if cell.OpenAt > 0 {
			c.open(accepting, cell, middle)
			continue
		}
		if len(accepting) == 0 {
			continue
		}
		for _, g := range accepting {
			if g.sampled {
				g.sum.add(cell.Stats, g.families)
			}
		}
		sum, found := c.sums[cell.Key]
		switch {
		case !found:
			c.sums[cell.Key] = cellSum{Stats: cell.Stats}
			continue
		case !sum.own:
			sum = cellSum{sum.Clone(), true}
			c.sums[cell.Key] = sum
		}
		sum.Merge(cell.Stats)
	}
	for _, g := range c.groups {
		if g.elapse(iv.Len()) {
			g.flush()
		}
	}
}

// elapse says that the cells of an interval of this length were added; it returns whether a block
// of the group is full.
func (g *group) elapse(d time.Duration) (full bool) {
	if !g.sampled {
		return false
	}
	for _, t := range g.trackers {
		if t.sampled && t.at.in && t.piece(t.at).blocks.elapse(d) {
			full = true
		}
	}
	return full
}

// flush gives what was gathered to the blocks of the scopes that covered it.
func (g *group) flush() {
	if !g.sampled {
		return
	}
	sum := g.sum.take()
	for _, t := range g.trackers {
		if t.sampled && t.at.in {
			t.piece(t.at).blocks.current().merge(&sum)
		}
	}
}

// open gives a cell of arrivals that were open at a cut to its scopes. There are few such cells, so
// they are not summed first.
func (c *aggregator) open(accepting []*group, cell *timeline.Cell, due time.Duration) {
	for _, g := range accepting {
		for _, t := range g.trackers {
			if !c.takes(t.stretch, due, cell.OpenAt) {
				continue
			}
			at := place{in: true}
			if t.every > 0 {
				at = t.sliceOf(due)
			}
			switch {
			case !at.in:
			case at == t.at || t.every == 0:
				p := t.piece(at)
				p.stats.Merge(cell.Stats)
				p.sample(cell.Stats)
			default:
				if t.later == nil {
					t.later = map[place]*timeline.Stats{}
				}
				if t.later[at] == nil {
					t.later[at] = &timeline.Stats{}
				}
				t.later[at].Merge(cell.Stats)
			}
		}
	}
}

// piece returns the sliceStats of a place, a new one if the pass has just come there.
func (t *tracker) piece(at place) *sliceStats {
	if n := len(t.pieces); n > 0 && t.pieces[n-1].place == at {
		return t.pieces[n-1]
	}
	p := t.newPiece(at)
	if later := t.later[at]; later != nil {
		p.stats.Merge(later)
		p.sample(later)
		delete(t.later, at)
	}
	t.pieces = append(t.pieces, p)
	return p
}

func (t *tracker) newPiece(at place) *sliceStats {
	p := &sliceStats{place: at}
	if t.sampled {
		p.blocks = &blocks{families: t.families}
	}
	return p
}

// sample adds to the blocks what did not come with its interval.
func (p *sliceStats) sample(s *timeline.Stats) {
	if p.blocks == nil {
		return
	}
	var sum blockSum
	sum.add(s, p.blocks.families)
	add := sum.take()
	p.blocks.current().merge(&add)
}

// sliceOf is the slice that an arrival of the stretch belongs to: that of its due time, or, if it
// was due before the time of its phase, the first slice after that; the zero place if none follows.
func (t *tracker) sliceOf(due time.Duration) place {
	for _, w := range t.windows {
		if due < w.To {
			return place{true, w.From, sliceNumber(w, t.every, due)}
		}
	}
	return place{}
}

func (c *aggregator) trackers() iter.Seq[*tracker] {
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

// move takes the pass on to an interval.
func (c *aggregator) move(iv timeline.Window, middle time.Duration) {
	changed, all := false, false // all: also of some without every
	asked := !c.idle.Contains(middle)
	for _, t := range c.all {
		if t.steady.Contains(middle) {
			continue
		}
		t.next = t.place(iv, middle, c.tl.Duration)
		changed = changed || t.next != t.at
		if t.every == 0 {
			all = all || t.next != t.at
			t.steady = around(t.within, middle)
		}
	}
	if changed {
		c.flush(all)
		for t := range c.trackers() {
			t.at = t.next
			if t.every > 0 {
				t.emitFinal(min(iv.From, c.tl.Duration))
			}
		}
	}
	for _, g := range c.groups {
		waiting := asked && g.last > 0 && g.last >= iv.From
		if !waiting && !g.sliced {
			continue
		}
		for _, t := range g.trackers {
			if t.at.in && (waiting || t.every > 0) { // of a slice it counts that it was there
				p := t.piece(t.at)
				p.waiting = p.waiting || waiting
			}
		}
	}
}

// around is the longest stretch around an instant of which all or nothing is in windows.
func around(windows timeline.Windows, at time.Duration) timeline.Window {
	out := timeline.Window{From: math.MinInt64, To: forever.To}
	for _, w := range windows {
		switch {
		case w.Contains(at):
			return w
		case at < w.From:
			out.To = w.From
			return out
		}
		out.From = w.To
	}
	return out
}

// flush gives the sums to the scopes that covered them; see give.
func (c *aggregator) flush(all bool) {
	for _, g := range c.groups {
		g.flush()
	}
	for _, k := range slices.SortedFunc(maps.Keys(c.sums), timeline.Key.Compare) {
		for _, g := range c.accepting(k) {
			g.due = append(g.due, c.sums[k].Stats)
		}
	}
	for _, g := range c.groups {
		g.give(all)
	}
	clear(c.sums)
}

// give gives what is due to the trackers that cover it. Those without every have large sums, to
// which little is added at a time where others have slices: they are given it only if all are, and
// it is kept for them until then.
func (g *group) give(all bool) {
	if len(g.due) == 0 && !(all && g.keeps) {
		return
	}
	var sliced, others []*sliceStats
	for _, t := range g.trackers {
		switch {
		case !t.at.in:
		case t.every > 0:
			sliced = append(sliced, t.piece(t.at))
		default:
			others = append(others, t.piece(t.at))
		}
	}
	keep := len(others) > 0 && (g.keeps || !all)
	merges := len(sliced) + len(others)
	if keep {
		merges = len(sliced) + 1
	}
	if merges > 1 && len(g.due) > 1 { // each is merged once
		var sum timeline.Stats
		for _, s := range g.due {
			sum.Merge(s)
		}
		g.due = append(g.due[:0], &sum)
	}
	for _, p := range sliced {
		p.merge(g.due)
	}
	if keep {
		for _, s := range g.due {
			g.kept.Merge(s)
		}
		g.keeps, g.due = true, append(g.due[:0], &g.kept)
	}
	if all {
		for _, p := range others {
			p.merge(g.due)
		}
		g.kept, g.keeps = timeline.Stats{}, false
	}
	clear(g.due)
	g.due = g.due[:0]
}

func (p *sliceStats) merge(all []*timeline.Stats) {
	for _, s := range all {
		p.stats.Merge(s)
	}
}

// place returns where an interval belongs, before the end of the load.
func (t *tracker) place(iv timeline.Window, middle, end time.Duration) place {
	switch {
	case !t.within.Contains(middle):
		return place{}
	case t.every == 0:
		return place{in: true}
	}
	for _, w := range t.windows {
		if w.To = min(w.To, end); iv.From < w.To && iv.To > w.From {
			return place{true, w.From, sliceNumber(w, t.every, iv.From)}
		}
	}
	return place{}
}

// emitFinal emits the slices to which nothing can be added once the pass is at from.
func (t *tracker) emitFinal(from time.Duration) {
	for len(t.pieces) > 0 {
		w, first := t.window(t.pieces[0].place), t.pieces[0].slice
		if from < w.To &&
			from < cutSlice(timeline.Window{From: w.From, To: forever.To}, t.every, first+1).To {
			return // what follows may be too short to be a slice of its own
		}
		t.pieces = t.emitSlice(w, t.pieces, true)
	}
}

// emitSlice emits the first slice of pieces, with all pieces that belong to it, and returns the
// other pieces. w is the window that the slice is in.
func (t *tracker) emitSlice(w timeline.Window, pieces []*sliceStats, final bool) []*sliceStats {
	slice := cutSlice(w, t.every, pieces[0].slice)
	n := 1
	for n < len(pieces) && pieces[n].window == w.From && cutSlice(w, t.every, pieces[n].slice) == slice {
		n++
	}
	sum, waiting, sampled := pieces[0].stats, pieces[0].waiting, pieces[0].blocks
	if n > 1 {
		sum = timeline.Stats{}
		for i, p := range pieces[:n] {
			sum.Merge(&p.stats)
			waiting = waiting || p.waiting
			if i > 0 && sampled != nil {
				sampled = sampled.and(p.blocks)
			}
		}
	}
	v := &View{
		Stats: &sum, Seconds: slice.Len().Seconds(), windows: timeline.Windows{slice}, waiting: waiting,
		blocks: sampled,
	}
	for _, tell := range t.emit {
		tell(gathered{slice, v, final})
	}
	return pieces[n:]
}

// window is the window of a place.
func (t *tracker) window(p place) timeline.Window {
	for _, w := range t.windows {
		if w.From == p.window {
			return w
		}
	}
	return timeline.Window{From: p.window, To: p.window}
}

// sliceNumber is the number of the slice that an instant of a window lies in. Windows are cut at
// multiples of length, counted from the second in which the window begins, as intervals begin
// with the second.
func sliceNumber(w timeline.Window, length, at time.Duration) int {
	return int((max(at, w.From) - w.From.Truncate(time.Second)) / length)
}

// cutSlice is the slice of this number. A rest shorter than length belongs to the slice before
// it, and so does its number.
func cutSlice(w timeline.Window, length time.Duration, number int) timeline.Window {
	base := w.From.Truncate(time.Second)
	last := max(int((w.To-base)/length), 1) - 1
	number = min(number, last)
	out := timeline.Window{
		From: max(w.From, base+time.Duration(number)*length),
		To:   base + time.Duration(number+1)*length,
	}
	if number == last {
		out.To = w.To
	}
	return out
}

// emitAll emits what was gathered by now and can still change.
func (c *aggregator) emitAll() {
	c.flush(true)
	load := timeline.Window{To: c.tl.Duration}
	for t := range c.trackers() {
		if t.every > 0 {
			t.emitRest(load)
			continue
		}
		v := &View{Stats: &timeline.Stats{}, windows: t.windows.Intersect(timeline.Windows{load})}
		if len(t.pieces) > 0 {
			v.Stats, v.waiting = &t.pieces[0].stats, t.pieces[0].waiting
			v.blocks = t.pieces[0].blocks
		}
		v.Seconds = v.windows.Len().Seconds()
		for _, tell := range t.emit {
			tell(gathered{view: v})
		}
	}
}

// emitRest emits the slices that are not final, as they are if the load ends here.
func (t *tracker) emitRest(load timeline.Window) {
	rest := slices.Clone(t.pieces)
	for at, later := range t.later {
		p := t.newPiece(at)
		p.stats = *later
		p.sample(later)
		rest = append(rest, p)
	}
	slices.SortFunc(rest, func(a, b *sliceStats) int {
		return cmp.Or(cmp.Compare(a.window, b.window), cmp.Compare(a.slice, b.slice))
	})
	for len(rest) > 0 {
		w := t.window(rest[0].place).Intersect(load)
		if w.Len() == 0 { // it is to come
			return
		}
		rest = t.emitSlice(w, rest, false)
	}
}
