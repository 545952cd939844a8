package record

import (
	"maps"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// seconds gathers what Recorder.Seconds returns. Its memory grows with the seconds since that was
// last called, and with the arrivals that are open, by second and cell; not with the run. It is
// guarded by the recorder's mu.
type seconds struct {
	limits []time.Duration
	next   int64                          // the first second that was not returned yet
	cells  map[secondCell]*timeline.Stats // what came due and what was over, from next on
	open   map[secondCell]*int64          // arrivals by the second in which they came due
	// The latest entries of both, by cell: most arrivals are of the same few.
	lastCells [lastSeconds]latest[timeline.Stats]
	lastOpen  [lastSeconds]latest[int64]
}

// lastSeconds is how many entries are found without a look into a map; a power of two.
const lastSeconds = 64

// latest is the entry of a map that was asked for last.
type latest[T any] struct {
	key   secondCell
	entry *T // nil: there is none
}

// secondCell is a cell in a second, both by their numbers.
type secondCell struct {
	second int64
	cell   int32
}

func newSeconds(limits []time.Duration) *seconds {
	return &seconds{
		limits: limits, cells: map[secondCell]*timeline.Stats{}, open: map[secondCell]*int64{},
	}
}

func secondOf(t time.Duration) int64 { return int64(max(t, 0) / time.Second) }

// at is what is gathered of a cell in the second of an instant: in the next one, if that second
// was returned already.
func (s *seconds) at(t time.Duration, cell int32) *timeline.Stats {
	k := secondCell{max(secondOf(t), s.next), cell}
	last := &s.lastCells[uint32(cell)%lastSeconds]
	if last.entry != nil && last.key == k {
		return last.entry
	}
	c := s.cells[k]
	if c == nil {
		c = timeline.NewStats(s.limits)
		s.cells[k] = c
	}
	*last = latest[timeline.Stats]{k, c}
	return c
}

// due counts an arrival that came due.
func (s *seconds) due(intended time.Duration, cell int32) {
	s.at(intended, cell).Planned++
	s.opened(intended, cell, 1)
}

// opened adds n arrivals to those that are open. A result can come before its arrival.
func (s *seconds) opened(intended time.Duration, cell int32, n int64) {
	k := secondCell{secondOf(intended), cell}
	last := &s.lastOpen[uint32(cell)%lastSeconds]
	if last.entry == nil || last.key != k {
		open := s.open[k]
		if open == nil {
			open = new(int64)
			s.open[k] = open
		}
		*last = latest[int64]{k, open}
	}
	*last.entry += n
}

// over counts an arrival that is over; cut says that ordeal itself cut its connection.
func (s *seconds) over(p *pool, e *entry, x *extra, cut bool) {
	s.opened(e.intended, e.cell, -1)
	if cut || e.outcome == attack.Interrupted {
		return
	}
	failed := x.kind != ""
	if failed && (x.doubtful || timeline.KindNamed(x.kind).Own) {
		return
	}
	c := s.at(e.ended(x), e.cell)
	if e.outcome == attack.Unsent {
		c.Unsent++
	} else {
		c.Done++
	}
	if e.answered() {
		c.Answered++
	}
	took := max(0, e.done-e.intended-x.delay)
	if !failed {
		if e.answered() {
			c.AnsweredOK++
		}
		p.record(&c.OK, took)
		return
	}
	if e.outcome != attack.Unsent {
		c.Failed++
	}
	p.record(&c.Err, took)
}

// take returns the seconds that were over by now and not returned yet, at most History of them.
func (s *seconds) take(p *pool, l *cellIndex, now time.Duration) []timeline.Second {
	to := secondOf(now)
	from := s.next
	if from >= to {
		return nil
	}
	from = max(from, to-History)
	s.next = to
	clear(s.lastCells[:])
	clear(s.lastOpen[:])
	out := make([]timeline.Second, to-from)
	at := make([]map[int32]*timeline.SecondCell, len(out))
	for i := range out {
		begin := time.Duration(from+int64(i)) * time.Second
		out[i].Window = timeline.Window{From: begin, To: begin + time.Second}
		at[i] = map[int32]*timeline.SecondCell{}
	}
	cell := func(i int64, number int32) *timeline.SecondCell {
		c := at[i][number]
		if c == nil {
			c = &timeline.SecondCell{Key: l.key(int(number)), Stats: &timeline.Stats{}}
			at[i][number] = c
		}
		return c
	}
	for k, c := range s.cells {
		if k.second >= to {
			continue
		}
		if k.second >= from {
			cell(k.second-from, k.cell).Stats = packed(c)
		}
		giveBack(p, c)
		delete(s.cells, k)
	}
	for _, k := range slices.SortedFunc(maps.Keys(s.open), secondCell.compare) {
		n := *s.open[k]
		if n == 0 {
			delete(s.open, k)
		}
		for second := max(k.second, from); second < to && n > 0; second++ {
			c := cell(second-from, k.cell)
			c.Open = append(c.Open, timeline.OpenArrivals{
				Due: time.Duration(k.second) * time.Second, N: uint64(n),
			})
		}
	}
	for i := range out {
		for _, c := range at[i] {
			out[i].Cells = append(out[i].Cells, *c)
		}
		slices.SortFunc(out[i].Cells, func(a, b timeline.SecondCell) int {
			return a.Key.Compare(b.Key)
		})
	}
	return out
}

func (k secondCell) compare(o secondCell) int {
	if k.second != o.second {
		return int(k.second - o.second)
	}
	return int(k.cell - o.cell)
}

// packed is a copy that takes little memory.
func packed(c *timeline.Stats) *timeline.Stats {
	out := &timeline.Stats{
		Planned: c.Planned, Done: c.Done, Failed: c.Failed, Unsent: c.Unsent,
		Answered: c.Answered, AnsweredOK: c.AnsweredOK,
	}
	out.OK.Merge(&c.OK)
	out.Err.Merge(&c.Err)
	return out
}

// giveBack gives the histograms back that c was lent.
func giveBack(p *pool, c *timeline.Stats) {
	for _, d := range []*timeline.Distribution{&c.OK, &c.Err} {
		if h := d.Reset(); h != nil {
			p.takeBack(h)
		}
	}
}

// Seconds returns the seconds of the run that were over and not returned by an earlier call, in
// order. A recorder that is told to gather them (Config.Seconds) has them; each is whole but for
// results that are recorded later than some microseconds after they came: these count in the
// second that follows. A caller that is late by more than History seconds misses the oldest.
func (r *Recorder) Seconds() []timeline.Second {
	if r.seconds == nil {
		return nil
	}
	r.sortInAll(r.now)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seconds.take(r.pool, r.cellIndex, r.lastNow)
}
