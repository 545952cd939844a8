package record

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Kinds of error that a cell, and the live view, tell apart; what comes after
// them is counted as otherKind, so that an engine that puts addresses into its
// kinds costs no memory without end.
const (
	maxKinds   = 64
	otherKind  = "other"
	unsentKind = "unsent"
)

// cellID stands for a timeline.Key while recording.
type cellID struct{ stage, request int }

// interval is one part of one interval, not yet written.
type interval struct {
	timeline.Window
	cells     map[cellID]*timeline.Stats
	planned   uint64
	accounted uint64 // done, unsent or interrupted
}

func (iv *interval) complete() bool { return iv.accounted == iv.planned }

// pool lends histograms and cells, so that an interval costs no allocation once
// the first ones were written. It is safe for concurrent use.
type pool struct {
	limits []time.Duration
	late   []time.Duration

	mu    sync.Mutex
	hists []*hdrhistogram.Histogram
	cells []*timeline.Stats
	lent  int // histograms in use
	made  int // histograms ever allocated
}

func (p *pool) hist() *hdrhistogram.Histogram {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lent++
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
	p.lent--
	p.hists = append(p.hists, h)
}

func (p *pool) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lent
}

func (p *pool) cell() *timeline.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.cells); n > 0 {
		c := p.cells[n-1]
		p.cells = p.cells[:n-1]
		return c
	}
	c := timeline.NewStats(p.limits)
	c.Late = timeline.NewDistribution(p.late)
	c.Kinds = make(map[string]uint64)
	c.Statuses = make(map[int]uint64)
	return c
}

// takeBackInterval makes all of iv's memory available again.
func (p *pool) takeBackInterval(iv *interval) {
	for _, c := range iv.cells {
		for _, d := range c.Distributions() {
			if h := d.Reset(); h != nil {
				p.takeBack(h)
			}
		}
		clear(c.Kinds)
		clear(c.Statuses)
		*c = timeline.Stats{
			Kinds: c.Kinds, Statuses: c.Statuses,
			OK: c.OK, Err: c.Err, Service: c.Service, Lag: c.Lag, Late: c.Late,
		}
		p.mu.Lock()
		p.cells = append(p.cells, c)
		p.mu.Unlock()
	}
	clear(iv.cells)
}

func (p *pool) record(d *timeline.Distribution, v time.Duration) {
	if d.Count() == 0 {
		p.lend(d)
	}
	d.Record(v)
}

func (p *pool) lend(d *timeline.Distribution) { d.Lend(p.hist()) }

// add counts one result into the cell c. Response times of good answers go to
// OK, those of errors and unsent arrivals to Err; service time and lag are had
// by what was sent; lateness by all but interrupted arrivals, which are in no
// distribution.
func (p *pool) add(c *timeline.Stats, r *attack.Result) {
	switch r.Outcome {
	case attack.Interrupted:
		c.Interrupted++
		return
	case attack.Unsent:
		c.Unsent++
	default:
		c.Done++
		if r.Kind != "" {
			c.Failed++
		}
		c.BytesIn += uint64(max(r.BytesIn, 0))
		c.BytesOut += uint64(max(r.BytesOut, 0))
		if r.Status != 0 {
			c.Statuses[r.Status]++
		}
		// A call that failed before anything was sent has no sent time.
		if r.Sent >= r.Intended {
			p.record(&c.Service, r.Done-r.Sent)
			p.record(&c.Lag, r.Sent-r.Intended)
		}
	}
	p.record(&c.Late, r.Acted-r.Intended)
	if kind := errorKind(r); kind != "" {
		if _, known := c.Kinds[kind]; !known && len(c.Kinds) >= maxKinds {
			kind = otherKind
		}
		c.Kinds[kind]++
		p.record(&c.Err, r.Done-r.Intended)
		return
	}
	p.record(&c.OK, r.Done-r.Intended)
}

// errorKind is the kind of error that r is; empty if it is none.
func errorKind(r *attack.Result) string {
	if r.Outcome == attack.Unsent && r.Kind == "" {
		return unsentKind
	}
	return r.Kind
}

// sorted returns the interval with the names of its cells, in their order.
func (iv *interval) sorted(stages []timeline.Stage, requests []string) timeline.Interval {
	out := timeline.Interval{Window: iv.Window}
	for id, stats := range iv.cells {
		key := timeline.Key{Stage: "#" + strconv.Itoa(id.stage), Request: "#" + strconv.Itoa(id.request)}
		if id.stage >= 0 && id.stage < len(stages) {
			key.Stage = stages[id.stage].Name
		}
		if id.request >= 0 && id.request < len(requests) {
			key.Request = requests[id.request]
		}
		out.Cells = append(out.Cells, timeline.Cell{Key: key, Stats: stats})
	}
	slices.SortFunc(out.Cells, func(a, b timeline.Cell) int { return compareKeys(a.Key, b.Key) })
	return out
}

func compareKeys(a, b timeline.Key) int {
	return cmp.Or(cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Request, b.Request))
}
