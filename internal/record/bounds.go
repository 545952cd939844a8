package record

import (
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// slice is the greatest length of an interval.
const slice = time.Second

// bounds tells which interval an instant lies in: whole seconds bound them, and
// cuts between these.
type bounds struct {
	cuts  []time.Duration // sorted, without repetitions
	marks []time.Duration // the cuts at which open arrivals are counted apart; sorted
}

// mark makes a cut at which open arrivals are counted apart.
func (b *bounds) mark(at time.Duration) {
	b.cut(at)
	if i, found := slices.BinarySearch(b.marks, at); !found {
		b.marks = slices.Insert(b.marks, i, at)
	}
}

// openAt is the last mark in (from, to]: the last one at which an arrival was open that was due at
// from and over at to. It is 0 if there is none.
func (b *bounds) openAt(from, to time.Duration) time.Duration {
	n := len(b.marks)
	if n == 0 || b.marks[n-1] <= from {
		return 0
	}
	i, found := slices.BinarySearch(b.marks, to)
	if found {
		i++
	}
	if i == 0 || b.marks[i-1] <= from {
		return 0
	}
	return b.marks[i-1]
}

func (b *bounds) cut(at time.Duration) {
	i, found := slices.BinarySearch(b.cuts, at)
	if !found {
		b.cuts = slices.Insert(b.cuts, i, at)
	}
}

// around returns the window that t lies in; an instant before the start is
// taken to be the start.
func (b *bounds) around(t time.Duration) timeline.Window {
	t = max(t, 0)
	w := timeline.Window{From: t.Truncate(slice)}
	w.To = w.From + slice
	i, found := slices.BinarySearch(b.cuts, t)
	if found {
		i++
	}
	if i > 0 {
		w.From = max(w.From, b.cuts[i-1])
	}
	if i < len(b.cuts) {
		w.To = min(w.To, b.cuts[i])
	}
	return w
}
