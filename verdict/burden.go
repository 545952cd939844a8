package verdict

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// The kinds of errors, as package attack names them, in which the generator can
// have a part.
const (
	kindLocal   = "local"   // its machine had no port, file or memory left: none of the target's doing
	kindSkipped = "skipped" // it was late, and the plan says to skip: none of the target's doing either
	kindLate    = "late"    // it was too late for an answer in time: nor this
	kindTimeout = "timeout" // it may have been slow to send or to read
	kindStalled = "stalled" // it may have been slow to read the rest
	kindUnsent  = "unsent"  // it may have been slow to free a slot
	kindSlow    = "slow"    // a check of the response time
)

const (
	// saturatedShare is the share of the time in which the generator's CPU must be
	// used up before figures are taken to be affected.
	saturatedShare = 0.20
	// shortShare is the share of arrivals that may fail on the generator's own
	// machine before the load counts as not sent; it goes with lateness, which is
	// judged at the 99th percentile.
	shortShare = 0.01
)

// burden is what part the generator itself can have in the figures of a scope
// over which it was not late as a whole. The zero value is none. See docs/design/003.
//
// A busy generator is slow to send, to read and to free slots, so response times
// count too high, and some end as timeouts: that can turn a pass into a failure,
// never a failure into a pass. What failed on the generator's own machine never
// reached the target, and how it would have gone is not known.
type burden struct {
	busy   bool   // its CPU was used up
	late   uint64 // arrivals that it sent, but later than the budget allows
	slow   uint64 // arrivals that may have gone wrong only because it was busy or late
	missed uint64 // arrivals that it was too late to send
	local  uint64 // these, and those that failed on its own machine
	short  bool   // so many of them that the target had less load than was planned
	what   string // happened, and what to do
}

func (b *burden) any() bool { return b.busy || b.late > 0 || b.local > 0 }

// burdenOf looks at what a scope gathered.
func burdenOf(v *View, tl *timeline.Timeline) burden {
	if v.Stats == nil {
		return burden{}
	}
	b := burden{missed: v.Stats.Kinds[kindSkipped] + v.Stats.Kinds[kindLate]}
	b.local = v.Stats.Kinds[kindLocal] + b.missed
	for _, l := range v.Stats.Late.Limits() {
		if l.Limit == tl.LateBudget && tl.LateBudget > 0 {
			b.late = l.Above - min(l.Above, b.missed)
		}
	}
	b.short = float64(b.local) > shortShare*float64(v.Stats.Judged())
	used := v.usage(tl)
	b.busy = used.Time > 0 && float64(used.Full) >= saturatedShare*float64(used.Time)
	for _, kind := range []string{kindTimeout, kindStalled, kindUnsent, kindSlow} {
		b.slow += v.Stats.Kinds[kind]
	}
	if !b.busy {
		b.slow = min(b.slow, b.late)
	}
	switch {
	case b.missed > 0 && b.missed == b.local:
		b.what = fmt.Sprintf("the generator was too late to send %d of %d arrivals, which says nothing of the target: %s", b.missed, v.Stats.Judged(), needsCPU)
	case b.local > 0:
		b.what = localFailures(b.local, v.Stats.Judged(), used)
	case b.busy:
		b.what = fmt.Sprintf("the generator used %s of its CPU (%s) for %s of that time, so this may be its own doing: %s",
			quantity.FormatPercent(used.CPU.Max), coresOf(used), quantity.FormatPercent(float64(used.Full)/float64(used.Time)), needsCPU)
	case b.late > 0:
		what, do := bottleneck(used, tl.LateBudget)
		b.what = fmt.Sprintf("the generator was later than its budget of %s for %d of %d arrivals%s, so this may be its own doing: %s",
			quantity.FormatDuration(tl.LateBudget), b.late, v.Stats.Judged(), what, do)
	}
	return b
}

// usage is what the generator used in the scope.
func (v *View) usage(tl *timeline.Timeline) *timeline.Usage {
	if v.used == nil {
		u := timeline.UsageWithin(tl.Generator, v.windows)
		v.used = &u
	}
	return v.used
}

// bounds are where the target's own figure lies, if n was measured; nil if the
// generator had no part in it.
func (b *burden) bounds(m *Metric, v *View, n float64, text string, limits []time.Duration) *bounds {
	if !b.any() {
		return nil
	}
	s := &bounds{lo: math.Inf(-1), hi: math.Inf(1), why: fmt.Sprintf("%s was %s, but %s", text, m.Unit.Format(n), b.what)}
	stats := v.Stats
	name := m.Name
	if m.Unit == UnitDuration && strings.HasSuffix("."+name, ".mean") {
		name = "mean"
	}
	switch {
	case m.OfFault && !b.busy && !b.short && b.local == b.missed:
		return nil // a hundredth of the arrivals at most, see late: no service is down or back by them
	case m.OfFault: // what is normal was learnt from figures that may be off too
	case m.dist != nil:
		b.ranks(s, m, v, limits)
	case name == "mean":
		if s.lo = 0; b.local == 0 && !b.hides(m) || b.local == b.missed && m.Name == "mean" {
			s.hi = n // those that it missed are in it, with their whole timeout
		}
		if latest, ok := stats.Late.Max(); ok && b.local == 0 && !b.busy {
			s.lo = max(0, n-float64(b.late)*float64(latest)/float64(stats.Judged()))
		}
	case name == "stddev":
		s.lo = 0
	case name == "count", name == "planned", name == "bytes_in", name == "bytes_out":
		return nil // facts about the load, not about the target
	case name == "done":
		if s.lo, s.hi = max(n-float64(b.local), 0), n; b.busy {
			s.hi = math.Inf(1) // in a closed stage, users who are answered sooner ask more
		}
		if b.short {
			s.lo = 0
		}
	case (name == "rps" || name == "throughput") && v.Seconds > 0:
		// What failed locally is in neither, and might have been answered; what was late,
		// in time.
		answers := stats.Answered
		if name == "throughput" {
			answers = stats.AnsweredOK
		}
		s.lo, s.hi = n, float64(answers+b.local+b.late)/v.Seconds
		if b.busy {
			s.hi = math.Inf(1)
		}
		if b.short {
			s.lo = 0
		}
	case name == "unsent":
		mine := stats.Kinds[kindSkipped] + stats.Kinds[kindLate] + min(b.slow, stats.Kinds[kindUnsent])
		s.lo = n - float64(mine)
		if !b.short {
			s.hi = n
		}
	case name == "errors":
		if s.lo = float64(b.errors(stats)); !b.short {
			s.hi = n
		}
	case name == "error_rate":
		if s.lo, s.hi = float64(b.errors(stats))/float64(stats.Judged()), 1; !b.short {
			s.hi = n
		}
	case name == "availability":
		if s.lo, s.hi = 0, float64(stats.Judged()-b.errors(stats))/float64(stats.Judged()); !b.short {
			s.lo = n
		}
	}
	return s
}

// errors is how many errors are the target's for certain.
func (b *burden) errors(s *timeline.Stats) uint64 {
	all, mine := s.Errors(), b.local+b.slow
	return all - min(all, mine)
}

// hides says whether good answers can be missing from a distribution, as the
// generator made errors of them.
func (b *burden) hides(m *Metric) bool { return strings.HasPrefix(m.Name, "ok.") && b.slow > 0 }

// ranks sets the bounds of a quantile. Were the arrivals that failed locally in the
// distribution with times of which nothing is known, its rank would move up or
// down by their number at most, whether or not they are in it now. Those that it was
// late for are in it, and took less time if anything; so are those that it missed, with
// their whole timeout, in the response times.
func (b *burden) ranks(s *bounds, m *Metric, v *View, limits []time.Duration) {
	d := m.dist(v)
	all := d.Count()
	rank := timeline.Rank(m.quantile, all)
	if s.lo = 0; rank > b.local+b.late && !b.busy {
		q := float64(rank-b.local-b.late) / float64(all)
		lo, _ := d.Quantile(q)
		s.lo, s.exactLo = float64(lo), exactAt(d, q, limits)
	}
	above := b.local
	if d == v.Response() {
		above -= b.missed
	}
	if b.hides(m) {
		above += b.slow
	}
	if all > 0 && rank+above <= all && !b.short && !(b.busy && b.hides(m)) {
		q := float64(rank+above) / float64(all)
		hi, _ := d.Quantile(q)
		s.hi, s.exactHi = float64(hi), exactAt(d, q, limits)
	}
}

// exactAt is how the q-quantile stands to limits, by exact count.
func exactAt(d *timeline.Distribution, q float64, limits []time.Duration) map[time.Duration]int {
	out := map[time.Duration]int{}
	for _, l := range limits {
		if c, ok := d.CompareQuantile(q, l); ok {
			out[l] = c
		}
	}
	return out
}

// notSent says that too much of the load failed on the generator's own machine,
// empty if it did not.
func notSent(v *View, tl *timeline.Timeline) string {
	if b := burdenOf(v, tl); b.short {
		return b.what
	}
	return ""
}

// late says that the generator was, and what it ran short of; empty if it was
// not. Under a hundred arrivals the 99th percentile is the greatest.
func late(v *View, tl *timeline.Timeline) string {
	budget := tl.LateBudget
	p99, ok := v.Stats.Late.Quantile(0.99)
	if !ok || budget <= 0 || p99 <= budget {
		return ""
	}
	what, do := bottleneck(v.usage(tl), budget)
	return fmt.Sprintf("the generator was %s late at p99, budget %s%s: %s",
		quantity.FormatDuration(p99), quantity.FormatDuration(budget), what, do)
}
