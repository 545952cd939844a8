package verdict

import (
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// maxGaps is how many gaps a coverage tells apart. With more, all after it is a gap.
const maxGaps = 4096

// coverage is when a source that is due regularly was heard of: by a reading, or by one that
// says why there is none. The zero value has heard nothing.
type coverage struct {
	every time.Duration // the longest that it said; 0: it has no regular order
	heard timeline.Windows
}

// add takes in a reading. Sources are late on a busy machine, and one that is late by less than
// two periods leaves no gap.
func (c *coverage) add(r *timeline.Reading) {
	if r.Every <= 0 {
		return
	}
	c.every = max(c.every, r.Every)
	w := timeline.Window{From: r.From - r.Every, To: r.From + 2*r.Every}
	if n := len(c.heard); n > 0 && c.heard[n-1].From <= w.From && w.From <= c.heard[n-1].To {
		c.heard[n-1].To = max(c.heard[n-1].To, w.To)
		return
	}
	if len(c.heard) < maxGaps {
		c.heard = timeline.NewWindows(append(c.heard, w)...)
	}
}

// gaps are the stretches of ws in which it should have been heard of and was not.
func (c *coverage) gaps(ws timeline.Windows) timeline.Windows {
	if c.every == 0 {
		return nil
	}
	var out timeline.Windows
	for _, w := range ws {
		at := w.From
		for _, h := range c.heard {
			if h.To <= at {
				continue
			}
			if h.From >= w.To {
				break
			}
			if h.From > at {
				out = append(out, timeline.Window{From: at, To: h.From})
			}
			at = h.To
		}
		if at < w.To {
			out = append(out, timeline.Window{From: at, To: w.To})
		}
	}
	return out
}
