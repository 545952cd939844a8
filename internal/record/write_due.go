package record

import (
	"slices"
	"time"
)

// openUpTo opens the intervals that ended before now, so that empty ones are written
// too. The caller holds mu.
func (r *Recorder) openUpTo(now time.Duration) {
	for {
		w := r.bounds.around(r.openedUpTo)
		if w.To > now {
			return
		}
		r.intervalOf(w.From)
		r.openedUpTo = w.To
	}
}

func (r *Recorder) writeEvery() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-t.C:
			r.writeDue()
			r.publish()
		case <-r.wake:
			r.writeDue()
		}
	}
}

// writeDue writes the intervals that have ended and are complete, or have waited
// long enough, or must make room.
func (r *Recorder) writeDue() {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.sortInAll(r.now)
	r.mu.Lock()
	now := r.now()
	if len(r.cfg.Stages) > 0 {
		r.openUpTo(min(now, r.planEnd))
	} else {
		r.openUpTo(now)
	}
	excess := r.pool.inUse() - r.maxInUse
	due := r.detach(func(iv *interval) bool {
		if iv.To > now {
			return false
		}
		if r.waiting.complete(iv) || now-iv.To > r.cfg.Grace+slack {
			return true
		}
		if excess <= 0 {
			return false
		}
		excess -= iv.histograms()
		return true
	})
	r.mu.Unlock()
	r.write(due)
	r.samples.write()
}

// detach takes the intervals that ready picks, oldest first, out of the open
// ones. The caller holds mu.
func (r *Recorder) detach(ready func(*interval) bool) []*interval {
	var due []*interval
	r.open = slices.DeleteFunc(r.open, func(iv *interval) bool {
		if !ready(iv) {
			return false
		}
		due = append(due, iv)
		return true
	})
	return due
}

// write writes intervals and takes their memory back. The caller holds writing.
func (r *Recorder) write(due []*interval) {
	for _, iv := range due {
		sorted := iv.sorted(r.cellIndex)
		r.out.interval(sorted, iv.planned)
		r.waiting.wrote(iv, &sorted, r.published.wanted())
		r.pool.takeBackInterval(iv)
	}
}

// histograms is how many full histograms the interval has in use.
func (iv *interval) histograms() int {
	n := 0
	for c := range iv.all {
		for _, d := range c.Distributions() {
			if d.Lent() {
				n++
			}
		}
	}
	return n
}
