package timeline

import (
	"cmp"
	"slices"
	"time"
)

// Window is the half-open stretch [From, To) of run time.
type Window struct {
	From time.Duration `json:"from"`
	To   time.Duration `json:"to"`
}

// Len is the window's length; it is never negative.
func (w Window) Len() time.Duration { return max(0, w.To-w.From) }

// Contains says whether t lies in the window.
func (w Window) Contains(t time.Duration) bool { return w.From <= t && t < w.To }

// Covers says whether the whole of v lies in the window.
func (w Window) Covers(v Window) bool { return w.From <= v.From && v.To <= w.To }

// Intersect returns what w and v share; it may be empty.
func (w Window) Intersect(v Window) Window {
	x := Window{max(w.From, v.From), min(w.To, v.To)}
	if x.To < x.From {
		x.To = x.From
	}
	return x
}

// Windows is a set of stretches of run time, sorted and disjoint. The zero
// value is the empty set.
type Windows []Window

// NewWindows returns the union of ws; empty ones are dropped and overlapping
// or touching ones joined.
func NewWindows(ws ...Window) Windows {
	ws = slices.DeleteFunc(slices.Clone(ws), func(w Window) bool { return w.Len() == 0 })
	slices.SortFunc(ws, func(a, b Window) int { return cmp.Compare(a.From, b.From) })
	var out Windows
	for _, w := range ws {
		if n := len(out); n > 0 && w.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, w.To)
			continue
		}
		out = append(out, w)
	}
	return out
}

// Len is the total length.
func (ws Windows) Len() time.Duration {
	var d time.Duration
	for _, w := range ws {
		d += w.Len()
	}
	return d
}

// Contains says whether t lies in any of the windows.
func (ws Windows) Contains(t time.Duration) bool {
	return slices.ContainsFunc(ws, func(w Window) bool { return w.Contains(t) })
}

// Covers says whether the whole of v lies in one of the windows.
func (ws Windows) Covers(v Window) bool {
	return slices.ContainsFunc(ws, func(w Window) bool { return w.Covers(v) })
}

// Intersect returns the stretches that are in both sets.
func (ws Windows) Intersect(vs Windows) Windows {
	var out []Window
	for _, w := range ws {
		for _, v := range vs {
			out = append(out, w.Intersect(v))
		}
	}
	return NewWindows(out...)
}
