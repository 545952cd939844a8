package record

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

const (
	// settled is how many ticks in a row an interval must be seen complete before it is
	// sealed: for a second in which the process runs, as arrivals are planned late where it
	// was late itself.
	settled = 4
	// queued is how many intervals wait in memory for one subscriber. What it misses it reads
	// from the recording.
	queued = 16
)

// Sealed is an interval that no result can change any more.
type Sealed struct {
	timeline.Interval // is shared: read it only
	// Missing is how many arrivals that came due in it were not over when it was sealed. What
	// becomes of them is in the recording alone.
	Missing uint64
}

// waiting are the intervals that were written, in whole or in part, and are not sealed yet,
// sorted by From.
type waiting struct {
	all      []*written
	copies   int
	sealedTo time.Duration // all intervals before are sealed
}

// written is an interval that was written, in whole or in part, and is not sealed yet.
type written struct {
	timeline.Window
	due, accounted uint64             // of all its parts
	parts          int                // in the files
	whole          *timeline.Interval // nil: it must be read from the files
	seen           int                // how many ticks in a row it was complete
}

func (w *waiting) find(from time.Duration) (int, bool) {
	return slices.BinarySearchFunc(w.all, from, func(x *written, from time.Duration) int {
		return cmp.Compare(x.From, from)
	})
}

// complete says whether all arrivals that came due in an interval are over, those of its parts that
// were written before included.
func (w *waiting) complete(iv *interval) bool {
	due, accounted := iv.planned, iv.accounted
	if i, found := w.find(iv.From); found {
		due, accounted = due+w.all[i].due, accounted+w.all[i].accounted
	}
	return due == accounted
}

// wrote notes that a part of an interval was written. It keeps a copy if a subscriber wants it.
func (w *waiting) wrote(iv *interval, sorted *timeline.Interval, wanted bool) {
	if iv.From < w.sealedTo {
		return // it came too late for those who read live
	}
	i, found := w.find(iv.From)
	if !found {
		w.all = slices.Insert(w.all, i, &written{Window: iv.Window})
	}
	x := w.all[i]
	x.due, x.accounted, x.parts, x.seen = x.due+iv.planned, x.accounted+iv.accounted, x.parts+1, 0
	switch {
	case x.whole != nil:
		x.whole = nil
		w.copies--
	case wanted && x.parts == 1 && w.copies < queued:
		w.copies++
		x.whole = &timeline.Interval{Window: sorted.Window, Beats: sorted.Beats}
		for _, c := range sorted.Cells {
			c.Stats = c.Clone()
			x.whole.Cells = append(x.whole.Cells, c)
		}
	}
}

// pop takes out the first one.
func (w *waiting) pop() *written {
	x := w.all[0]
	w.all = slices.Delete(w.all, 0, 1)
	w.sealedTo = x.To
	if x.whole != nil {
		w.copies--
	}
	return x
}

// publish seals the intervals that are complete and stayed so, or have waited long enough, in
// order of time, and tells the subscribers.
func (r *Recorder) publish() {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	now, open := r.now(), forever
	if len(r.open) > 0 {
		open = r.open[0].From
	}
	r.mu.Unlock()
	for _, x := range r.waiting.all {
		if x.due == x.accounted {
			x.seen++
		} else {
			x.seen = 0
		}
	}
	for len(r.waiting.all) > 0 {
		x := r.waiting.all[0]
		if x.From >= open || x.seen < settled && now-x.To <= r.cfg.Grace+slack {
			return
		}
		r.published.add(r.waiting.pop(), r.out.failure())
	}
}

// publishRest seals all that is left, as the load is over. The caller holds writing.
func (r *Recorder) publishRest() {
	for len(r.waiting.all) > 0 {
		r.published.add(r.waiting.pop(), r.out.failure())
	}
	r.published.end(r.out.failure())
}

// published has the subscribers, and how far intervals are sealed.
type published struct {
	mu      sync.Mutex
	to      time.Duration // all intervals before are sealed, and in the files
	ended   bool          // no more will be
	err     error         // why, if it is not the end of the load
	readers []*reader
}

// reader is a subscriber that is being served.
type reader struct {
	queue []queuedInterval // the oldest is dropped if there are too many
	wake  chan struct{}
}

type queuedInterval struct {
	timeline.Window
	sealed *Sealed // nil: it must be read from the files
}

// wanted says whether any subscriber would take a copy.
func (p *published) wanted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.readers) > 0
}

func (p *published) add(x *written, failed error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	if failed != nil {
		p.stop(failed)
		return
	}
	p.to = x.To
	q := queuedInterval{Window: x.Window}
	if x.whole != nil {
		q.sealed = &Sealed{*x.whole, x.due - min(x.due, x.accounted)}
	}
	for _, s := range p.readers {
		if len(s.queue) == queued {
			s.queue = slices.Delete(s.queue, 0, 1)
		}
		s.queue = append(s.queue, q)
		s.tell()
	}
}

func (p *published) end(failed error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.stop(failed)
	}
}

// stop is called with mu held.
func (p *published) stop(err error) {
	p.ended, p.err = true, err
	for _, s := range p.readers {
		s.tell()
	}
}

func (s *reader) tell() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (p *published) join() *reader {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &reader{wake: make(chan struct{}, 1)}
	p.readers = append(p.readers, s)
	return s
}

func (p *published) leave(s *reader) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readers = slices.DeleteFunc(p.readers, func(x *reader) bool { return x == s })
}

// next returns what comes next for a reader that has all intervals before from: an interval, or a
// stretch of the files to read. It returns neither if the reader must wait, or if no more will
// come.
func (p *published) next(s *reader, from time.Duration) (
	got *Sealed, files timeline.Window, ended bool, err error,
) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.queue = slices.DeleteFunc(s.queue, func(q queuedInterval) bool { return q.From < from })
	files = timeline.Window{From: from, To: p.to}
	if len(s.queue) > 0 && s.queue[0].sealed != nil {
		if s.queue[0].From == from {
			return s.queue[0].sealed, timeline.Window{}, false, nil
		}
		files.To = s.queue[0].From
	}
	return nil, files, p.ended && (files.Len() == 0 || p.err != nil), p.err
}

// Subscribe returns the intervals of the run as they are sealed: once all that came due in one
// is over, or has been open for longer than Config.Grace, and the same is so of all before.
// Each comes once, whole, and in order of time, from the beginning of the run on; the last one
// comes when Finish was called. It ends with an error if the recording could not be written, or
// if ctx is done.
//
// A subscriber cannot slow the recorder: it has a queue of its own, and reads from the files of
// the recording what the queue did not hold, as does one that begins late. It can be ranged
// over any number of times.
func (r *Recorder) Subscribe(ctx context.Context) iter.Seq2[Sealed, error] {
	return func(yield func(Sealed, error) bool) {
		p := &r.published
		s := p.join()
		defer p.leave(s)
		files := &tail{dir: r.cfg.Dir, header: r.header}
		defer files.close()
		var at time.Duration
		for {
			got, missed, ended, err := p.next(s, at)
			switch {
			case got != nil:
				at = got.To
				if !yield(*got, nil) {
					return
				}
			case ended:
				if err != nil {
					yield(Sealed{}, err)
				}
				return
			case missed.Len() > 0:
				read, ok, err := files.read(missed)
				if err != nil {
					yield(Sealed{}, err)
					return
				}
				if !ok { // nothing is there, as nothing was due
					at = missed.To
					continue
				}
				at = read.To
				if !yield(read, nil) {
					return
				}
			default:
				select {
				case <-s.wake:
				case <-ctx.Done():
					yield(Sealed{}, context.Cause(ctx))
					return
				}
			}
			if ctx.Err() != nil {
				yield(Sealed{}, context.Cause(ctx))
				return
			}
		}
	}
}
