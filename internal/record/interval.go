package record

import (
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// interval is one part of one interval, not yet written.
type interval struct {
	timeline.Window
	cells     map[int32]*cell // by cellIndex; only those in which there is something
	open      map[openCell]*cell
	beats     []timeline.Beat // by slot of the second; empty where there was nothing yet
	planned   uint64
	accounted uint64 // done, unsent or interrupted
}

// openCell names a cell of what was open at a cut.
type openCell struct {
	number int32
	at     time.Duration
}

// beatsPerSlice is the number of beats of a whole slice.
const beatsPerSlice = int(slice / timeline.BeatLength)

// all ranges over the cells that there are.
func (iv *interval) all(yield func(*cell) bool) {
	for _, c := range iv.cells {
		if !yield(c) {
			return
		}
	}
	for _, c := range iv.open {
		if !yield(c) {
			return
		}
	}
}

// cell is a timeline.Stats that is being recorded. Equal statuses and kinds come
// in runs, which are counted here before they go into the maps.
type cell struct {
	timeline.Stats
	code    int32
	answers uint64 // of code, not yet in Statuses
	kind    string
	errors  uint64 // of kind, not yet in Kinds
}

// settle brings the maps up to date.
func (c *cell) settle() {
	if c.answers > 0 {
		c.Statuses[int(c.code)] += c.answers
		c.answers = 0
	}
	if c.errors > 0 {
		kind := c.kind
		if _, known := c.Kinds[kind]; !known && len(c.Kinds) >= maxKinds {
			kind = crowded(kind)
		}
		c.Kinds[kind] += c.errors
		c.kind, c.errors = "", 0
	}
}

// pool lends histograms and cells, so that intervals cost no allocation once the first intervals
// were written. It is safe for concurrent use.
type pool struct {
	limits []time.Duration
	late   []time.Duration

	mu    sync.Mutex
	hists []*hdrhistogram.Histogram
	cells []*cell
	rows  []map[int32]*cell // of intervals
	beats [][]timeline.Beat
	used  int // histograms in use
	made  int // histograms ever allocated
}

func (p *pool) hist() *hdrhistogram.Histogram {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used++
	if n := len(p.hists); n > 0 {
		h := p.hists[n-1]
		p.hists = p.hists[:n-1]
		return h
	}
	p.made++
	return timeline.NewHistogram()
}

func (p *pool) takeBack(h *hdrhistogram.Histogram) {
	h.Reset()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	p.hists = append(p.hists, h)
}

// forget leaves all memory that was taken back to the garbage collector.
func (p *pool) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hists, p.cells, p.rows, p.beats = nil, nil, nil, nil
}

func (p *pool) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

func (p *pool) cell() *cell {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.cells); n > 0 {
		c := p.cells[n-1]
		p.cells = p.cells[:n-1]
		return c
	}
	c := &cell{Stats: *timeline.NewStats(p.limits)}
	c.Late = timeline.NewDistribution(p.late)
	c.Kinds = make(map[string]uint64)
	c.Statuses = make(map[int]uint64)
	return c
}

func (p *pool) interval(w timeline.Window) *interval {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.rows); n > 0 {
		row, beats := p.rows[n-1], p.beats[n-1]
		p.rows, p.beats = p.rows[:n-1], p.beats[:n-1]
		return &interval{Window: w, cells: row, beats: beats}
	}
	return &interval{
		Window: w,
		cells:  make(map[int32]*cell),
		beats:  make([]timeline.Beat, beatsPerSlice),
	}
}

// takeBackInterval makes all of iv's memory available again.
func (p *pool) takeBackInterval(iv *interval) {
	for c := range iv.all {
		for _, d := range c.Distributions() {
			if h := d.Reset(); h != nil {
				p.takeBack(h)
			}
		}
		clear(c.Kinds)
		clear(c.Statuses)
		*c = cell{Stats: timeline.Stats{Kinds: c.Kinds, Statuses: c.Statuses, Times: c.Times}}
		p.mu.Lock()
		p.cells = append(p.cells, c)
		p.mu.Unlock()
	}
	clear(iv.cells)
	clear(iv.beats)
	p.mu.Lock()
	p.rows, p.beats = append(p.rows, iv.cells), append(p.beats, iv.beats)
	p.mu.Unlock()
	iv.cells, iv.open, iv.beats = nil, nil, nil
}

func (p *pool) record(d *timeline.Distribution, v time.Duration) {
	if d.Wants() {
		d.Lend(p.hist())
	}
	d.Record(v)
}

// recordBoth records v in d, and v less own in net; own is the part of v that the generator itself
// may have made. net stays empty until the first arrival was delayed, and then begins as a copy of
// d.
func (p *pool) recordBoth(d, net *timeline.Distribution, v, own time.Duration) {
	if own > 0 && net.Count() == 0 {
		if d.Lent() {
			net.Lend(p.hist())
		}
		net.StartFrom(d)
	}
	p.record(d, v)
	if net.Count() > 0 || own > 0 {
		p.record(net, max(0, v-own))
	}
}

// addCut counts an arrival that ordeal itself cut off.
func (p *pool) addCut(c *cell, e *entry) {
	c.Done++
	c.Cut++
	c.BytesIn += uint64(max(e.bytesIn, 0))
	c.BytesOut += uint64(max(e.bytesOut, 0))
}

// add counts one result in the cell c. Response times of good answers go to OK, those of errors and
// unsent arrivals to Err. Only arrivals that were sent have a service time and a lag. All have a
// lateness but interrupted ones, which are in no distribution.
func (p *pool) add(c *cell, e *entry, x *extra) {
	switch e.outcome {
	case attack.Interrupted:
		c.Interrupted++
		return
	case attack.Unsent:
		c.Unsent++
	default:
		c.Done++
		if x.kind != "" {
			c.Failed++
		}
		c.BytesIn += uint64(max(e.bytesIn, 0))
		c.BytesOut += uint64(max(e.bytesOut, 0))
		if e.code != 0 {
			if e.code != c.code {
				c.settle()
				c.code = e.code
			}
			c.answers++
		}
		// A call that failed before anything was sent has no sent time.
		if e.sent >= e.intended {
			late := min(max(e.dispatched-e.intended, 0), x.delay)
			p.recordBoth(&c.Service, &c.ServiceNet, e.done-e.sent, x.delay-late)
			p.recordBoth(&c.Lag, &c.LagNet, e.sent-e.intended, x.delay)
		}
		c.Counted.Add(&x.counts)
		for i, took := range x.phases {
			if took > 0 {
				p.record(&c.Phases[i], took)
			}
		}
	}
	p.record(&c.Late, e.dispatched-e.intended)
	if x.delay > 0 {
		c.Delayed++
	}
	if x.kind == "" {
		p.recordBoth(&c.OK, &c.OKNet, e.done-e.intended, x.delay)
		return
	}
	if x.doubtful {
		c.Doubtful++
		if e.outcome == attack.Unsent {
			c.DoubtfulUnsent++
		}
	}
	if x.kind != c.kind {
		c.settle()
		c.kind = x.kind
	}
	c.errors++
	p.recordBoth(&c.Err, &c.ErrNet, e.done-e.intended, x.delay)
}

// sorted returns the interval with the names of its cells, in their order.
func (iv *interval) sorted(l *cellIndex) timeline.Interval {
	out := timeline.Interval{Window: iv.Window}
	for i, c := range iv.cells {
		c.settle()
		out.Cells = append(out.Cells, timeline.Cell{Key: l.key(int(i)), Stats: &c.Stats})
	}
	for k, c := range iv.open {
		c.settle()
		out.Cells = append(
			out.Cells,
			timeline.Cell{Key: l.key(int(k.number)), OpenAt: k.at, Stats: &c.Stats},
		)
	}
	slices.SortFunc(out.Cells, timeline.Cell.Compare)
	for _, b := range iv.beats {
		if b.Known()+b.Doubted > 0 {
			out.Beats = append(out.Beats, b)
		}
	}
	return out
}
