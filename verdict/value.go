package verdict

import (
	"time"

	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// value is a quantity as a rule meets it: a figure, or why there is none.
type value struct {
	n       float64
	missing doubt   // why the figure is not known; none if it is
	shown   bool    // there is a figure all the same, to be shown
	atLeast bool    // the figure is a lower bound
	until   string  // the fault with which looking at what is bounded ended; empty: with the load
	bounds  *bounds // where the target's own figure lies, if the generator may have a part in it
	literal string  // as it stands in the rule, if it is a lone literal
	fixed   bool    // made of literals alone
	reading *reading
	// coarse says that the run did not count at the limit that it is compared with, so that
	// the figure is known as far as the histogram's bucket tells.
	coarse  bool
	samples uint64 // that the figure is of
	note    string // which of several it was read of; empty: there is no choice
	// interval is where the true figure lies at a level of confidence; nil if it has no interval.
	interval func(level float64) (span, bool)
	// shares are what of its figure is a share of few or many arrivals, and vary is
	// what it would be if one of them were another.
	shares []*share
	vary   func(s *share, p float64) float64
}

// reading is where a value came from, if it is a metric as it was read.
type reading struct {
	text   string // as it is written
	metric *Metric
	exact  map[time.Duration]int // how it stands to limits, by exact count
	// counted is the same of what is observed, whose limits are of any unit.
	counted map[float64]int
}

// format prints the value in its unit.
func (v value) format(u rule.Unit) string {
	switch {
	case v.missing.any() && !v.shown:
		return ""
	case v.literal != "":
		return v.literal
	case v.atLeast:
		return "more than " + u.Format(v.n)
	}
	return u.Format(v.n)
}
