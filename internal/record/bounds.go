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
	cuts []time.Duration // sorted, without repetitions
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
