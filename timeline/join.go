package timeline

import (
	"iter"
	"slices"
	"time"
)

// gap is put between runs that are joined, so that nothing of the one is in a second of the next.
const gap = time.Second

// Join is the timeline of several runs of one plan as if each had followed the one before. It has
// the stages and the faults of all of them, under their names: a stage is several stretches of time
// then, and a fault has as many injections as runs.
func Join(runs []*Timeline) *Timeline {
	first := runs[0]
	joined := *first
	joined.Stages, joined.Faults, joined.Generator = nil, nil, nil
	joined.Standstills = nil
	offsets := make([]time.Duration, len(runs))
	var standstills []Window
	var at time.Duration
	for i, r := range runs {
		offsets[i] = at
		length := r.Duration
		for _, s := range r.Stages {
			length = max(length, s.Window.To)
			s.Window = s.Window.shifted(at)
			joined.Stages = append(joined.Stages, s)
		}
		for _, f := range r.Faults {
			joined.Faults = append(joined.Faults, f.shifted(at))
		}
		for _, u := range r.Generator {
			u.Window = u.Window.shifted(at)
			joined.Generator = append(joined.Generator, u)
		}
		for _, w := range r.Standstills {
			standstills = append(standstills, w.shifted(at))
		}
		joined.Interrupted = joined.Interrupted || r.Interrupted
		if joined.Stopped == nil {
			joined.Stopped = r.Stopped
		}
		joined.Duration = at + r.Duration
		at += (length + gap).Truncate(time.Second)
		if i < len(runs)-1 { // nobody asks for anything between two runs
			joined.Stages = append(joined.Stages, Stage{
				Name: "between runs", Window: Window{From: offsets[i] + length, To: at}, Idle: true,
			})
		}
	}
	joined.Standstills = NewWindows(standstills...)
	joined.Intervals = func(yield func(Interval, error) bool) {
		for i, r := range runs {
			for iv, err := range r.Intervals {
				if !yield(iv.shifted(offsets[i]), err) {
					return
				}
			}
		}
	}
	joined.Readings = joinReadings(runs, offsets)
	return &joined
}

func joinReadings(runs []*Timeline, offsets []time.Duration) iter.Seq2[Reading, error] {
	if !slices.ContainsFunc(runs, func(r *Timeline) bool { return r.Readings != nil }) {
		return nil
	}
	return func(yield func(Reading, error) bool) {
		for i, r := range runs {
			if r.Readings == nil {
				continue
			}
			for x, err := range r.Readings {
				x.Window = x.Window.shifted(offsets[i])
				if !yield(x, err) {
					return
				}
			}
		}
	}
}

func (w Window) shifted(by time.Duration) Window { return Window{w.From + by, w.To + by} }

func (f Fault) shifted(by time.Duration) Fault {
	f.Planned += by
	for _, at := range []**time.Duration{
		&f.Injecting, &f.Effective, &f.Reverting, &f.Reverted, &f.Began, &f.Ceased,
	} {
		if *at != nil {
			later := **at + by
			*at = &later
		}
	}
	return f
}

func (iv Interval) shifted(by time.Duration) Interval {
	iv.Window = iv.Window.shifted(by)
	iv.Cells = slices.Clone(iv.Cells)
	for i := range iv.Cells {
		c := &iv.Cells[i]
		if c.OpenAt > 0 {
			c.OpenAt += by
		}
		stats := *c.Stats
		stats.Last += by
		c.Stats = &stats
	}
	iv.Beats = slices.Clone(iv.Beats)
	for i := range iv.Beats {
		b := &iv.Beats[i]
		b.Due, b.Last = b.Due+by, b.Last+by
		for _, at := range []*time.Duration{&b.Failed, &b.Came, &b.DoubtedTo} {
			if *at > 0 {
				*at += by
			}
		}
	}
	return iv
}
