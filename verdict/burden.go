package verdict

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/standstill"
	"github.com/seed-1574e9de/ordeal/timeline"
)

const (
	// saturatedShare is the share of the time in which the generator's CPU must be
	// used up before figures are taken to be affected.
	saturatedShare = 0.20
	// shortShare is the share of arrivals that may fail on the generator's own
	// machine before the load counts as not sent.
	shortShare = 0.01
)

// burden is what part the generator itself can have in the figures of a scope. The zero
// value is none. See docs/design/003 and 005.
//
// A busy generator is slow to send, to read and to free slots, so response times
// count too high, and some end as timeouts: that can turn a pass into a failure,
// never a failure into a pass. Where single arrivals were held up it is known by how
// much. What failed on the generator's own machine never reached the target, and how it
// would have gone is not known.
type burden struct {
	busy    bool          // its CPU was used up
	delayed uint64        // arrivals that it held up
	late    time.Duration // how late it acted at most
	slow    uint64        // errors that it may have made by being busy, or late
	unsent  uint64        // those of them that were unsent
	missed  uint64        // arrivals that it was too late to send
	local   uint64        // these, and those that failed on its own machine
	short   bool          // so many of them that the target had less load than was planned
	still   time.Duration // for how long it did not run
	near    bool          // it did not run in the scope, or was not done with catching up when that began
	closed  bool          // users sent the load, and were held up themselves
	what    string        // happened
	do      string        // what to do about it
}

func (b *burden) any() bool { return b.busy || b.delayed > 0 || b.local > 0 || b.near }

// burdenOf looks at what a scope gathered.
func burdenOf(v *View, tl *timeline.Timeline) burden {
	if v.Stats == nil {
		return burden{}
	}
	s := v.Stats
	b := burden{
		missed:  s.CountKinds(func(k timeline.ErrorKind) bool { return k.TooLate }),
		delayed: s.Delayed, slow: s.Doubtful, unsent: s.DoubtfulUnsent,
		still: tl.Standstills.Intersect(v.windows).Len(), near: caughtUpIn(tl.Standstills, v.windows), closed: closedIn(tl, v.windows),
	}
	b.late, _ = s.Late.Max()
	b.local = s.CountKinds(func(k timeline.ErrorKind) bool { return k.Own })
	b.short = float64(b.local) > shortShare*float64(s.Judged())
	used := v.usage(tl)
	b.busy = used.Time > 0 && float64(used.Full) >= saturatedShare*float64(used.Time)
	if b.busy {
		b.unsent = s.Kinds[timeline.KindUnsent]
		ofTime := s.CountKinds(func(k timeline.ErrorKind) bool { return k.OfTime })
		b.slow = max(ofTime, s.Doubtful)
	}
	switch {
	case b.missed > 0 && b.missed == b.local && b.delayed > b.missed:
		b.what, b.do = heldUp(&b, v, tl)
		b.what += fmt.Sprintf(", and came too late to send %d of them", b.missed)
	case b.missed > 0 && b.missed == b.local:
		b.what = fmt.Sprintf("the generator was too late to send %d of %d arrivals, which says nothing of the target", b.missed, s.Judged())
		b.do = needsCPU
	case b.local > 0:
		b.what, b.do = localFailures(b.local, s.Judged(), used)
	case b.busy:
		b.what = fmt.Sprintf("the generator used %s of its CPU (%s) for %s of that time, so this may be its own doing",
			quantity.FormatPercent(used.CPU.Max), coresOf(used), quantity.FormatPercent(float64(used.Full)/float64(used.Time)))
		b.do = needsCPU
	case b.delayed > 0 || b.near:
		b.what, b.do = heldUp(&b, v, tl)
	}
	return b
}

// caughtUpIn says whether the generator stood still, or caught up after that, in ws.
func caughtUpIn(stills, ws timeline.Windows) bool {
	for _, s := range stills {
		shadow := timeline.Window{From: s.From, To: standstill.Stop(s).CaughtUp()}
		for _, w := range ws {
			if w.Intersect(shadow).Len() > 0 {
				return true
			}
		}
	}
	return false
}

// closedIn says whether users sent load in ws, each of whom waits for an answer.
func closedIn(tl *timeline.Timeline, ws timeline.Windows) bool {
	for _, s := range tl.Stages {
		for _, w := range ws {
			if s.Closed && w.Intersect(s.Window).Len() > 0 {
				return true
			}
		}
	}
	return false
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
	s := &bounds{lo: math.Inf(-1), hi: math.Inf(1)}
	stats := v.Stats
	name := m.Name
	for _, of := range []string{"mean", "stddev"} {
		if m.Unit == UnitDuration && strings.HasSuffix("."+name, "."+of) {
			name = of
		}
	}
	switch {
	case m.OfFault && !b.busy && !b.short && b.local == b.missed:
		if !b.ofFault(s, m, v, n) {
			return nil
		}
	case m.Name == "outage" && m.OfFault && !b.short: // at most as long as it seemed
		s.lo, s.hi = 0, max(n, float64(worstOutage(v.Fault)))
	case m.OfFault: // what is normal was learnt from figures that may be off too
	case m.dist != nil:
		b.ranks(s, m, v, limits)
	case name == "mean":
		if s.lo = 0; b.local == 0 && !b.hides(m) || b.local == b.missed && m.Name == "mean" {
			s.hi = n // those that it missed are in it, with their whole timeout
		}
		if b.local == 0 && !b.busy && !b.hides(m) && !m.OfPhase {
			net, _ := v.net(m.of(v)).Mean()
			s.lo = min(n, float64(net))
		}
	case name == "stddev":
		if s.lo = 0; b.local == 0 && !b.busy && !b.hides(m) && !m.OfPhase {
			off := deviation(m.of(v), v.net(m.of(v)))
			s.lo, s.hi = max(0, n-off), n+off
		}
	case name == "count", name == "planned", name == "bytes_in", name == "bytes_out":
		return nil // facts about the load, not about the target
	case name == "done":
		s.lo, s.hi = max(n-float64(b.local), 0), b.more(n, v)
		if b.short {
			s.lo = 0
		}
	case (name == "rps" || name == "throughput") && v.Seconds > 0:
		b.rate(s, n, name, v)
	case name == "unsent":
		s.lo = n - float64(b.missed+min(b.unsent, stats.Kinds[timeline.KindUnsent]))
		if !b.short {
			s.hi = n
		}
	case name == "errors":
		if s.lo = float64(b.errors(stats)); !b.short {
			s.hi = max(n, math.Ceil(b.more(n, v)))
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
	if s.lo == n && s.hi == n && s.sameAs(m, limits) {
		return nil
	}
	s.why = doubtf(ReasonGenerator, "%s was %s, but could be %s, as %s: %s", text, m.Unit.Format(n), s.text(m.Unit), b.what, b.do)
	return s
}

// ofFault bounds a fault's figure. It is told by what is certain, see health; at worst, what
// the generator may have made is the target's doing. False if that is the same.
func (b *burden) ofFault(s *bounds, m *Metric, v *View, n float64) bool {
	f := v.Fault
	switch {
	case f == nil:
		return false
	case m.Name == "outage" && (f.OutageOwn > 0 || f.OutageUpTo != nil):
		s.lo, s.hi = max(0, n-float64(f.OutageOwn)), max(n, float64(worstOutage(f)))
	case m.Name == "recovery" && f.RecoveryOpen:
		s.lo = n
	case m.Name == "recovery" && f.RecoveryUpTo != nil && !f.NotRecovered:
		s.lo, s.hi = n, float64(worstRecovery(f))
	case m.Name == "relapses" && (f.RecoveryOpen || f.RecoveryUpTo != nil):
		s.lo = 0
	default:
		return false
	}
	return true
}

// more is what a number of requests could be at most, had users of a closed stage not
// been held up themselves: they would have asked for more in that time.
func (b *burden) more(n float64, v *View) float64 {
	switch {
	case !b.closed && !b.busy:
		return n
	case b.busy:
		return math.Inf(1) // users who are answered sooner ask more
	}
	whole := time.Duration(v.Seconds * float64(time.Second))
	return n * float64(whole) / float64(max(whole-b.still, time.Millisecond))
}

// rate bounds a rate of answers. What failed locally is not in it, and might have been
// answered; what was late, within the scope. What was held up before the scope, and is
// answered in it, might not be: a scope has no more answers of its own than arrivals.
func (b *burden) rate(s *bounds, n float64, name string, v *View) {
	stats := v.Stats
	answers, most := stats.Answered, stats.Planned
	if name == "throughput" {
		answers = stats.AnsweredOK
		most -= min(most, b.errors(stats))
	}
	could := b.local + b.delayed + b.slow
	s.lo, s.hi = n, float64(max(answers, min(answers+could, most)))/v.Seconds
	s.hi = max(n, b.more(s.hi, v))
	if b.near && !b.closed {
		s.lo = min(n, float64(stats.Planned)/v.Seconds)
	}
	if b.short {
		s.lo = 0
	}
}

// deviation is by how much a standard deviation may be off, if each value of d may be
// smaller, as net has them: no more than the root of the mean square of what they may be
// smaller by, which is at most their mean times the greatest.
func deviation(d, net *timeline.Distribution) float64 {
	mean, _ := d.Mean()
	least, _ := net.Mean()
	greatest, _ := d.Max()
	return math.Sqrt(float64(max(0, mean-least)) * float64(greatest))
}

// errors is how many errors are the target's for certain.
func (b *burden) errors(s *timeline.Stats) uint64 {
	all, mine := s.Errors(), b.local+b.slow
	return all - min(all, mine)
}

// hides says whether good answers can be missing from a distribution, as the
// generator made errors of them.
func (b *burden) hides(m *Metric) bool { return strings.HasPrefix(m.Name, "ok.") && b.slow > 0 }

// ranks sets the bounds of a quantile. Those that were held up are in it, and took less
// time if anything: the least they can have taken is known of each. Were the arrivals that
// failed locally, or good answers that became errors, in the distribution with times of
// which nothing is known, its rank would move up or down by their number at most, whether or
// not they are in it now. Those that the generator missed are in it with their whole
// timeout, in the response times.
func (b *burden) ranks(s *bounds, m *Metric, v *View, limits []time.Duration) {
	d := m.dist(v)
	net := v.net(d)
	all := d.Count()
	rank := timeline.Rank(m.quantile, all)
	unknown := b.local
	if b.hides(m) {
		unknown += b.slow
	}
	if m.OfPhase {
		unknown += b.delayed // how much of it was opening a connection is not known
	}
	if s.lo = 0; rank > unknown && !b.busy {
		q := float64(rank-unknown) / float64(all)
		lo, _ := net.Quantile(q)
		s.lo, s.exactLo = float64(lo), exactAt(net, q, limits)
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

// sameAs says whether the bounds stand to all limits alike.
func (s *bounds) sameAs(m *Metric, limits []time.Duration) bool {
	if m.dist == nil {
		return true
	}
	for _, l := range limits {
		if s.exactLo[l] != s.exactHi[l] {
			return false
		}
	}
	return true
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
		return b.what + ": " + b.do
	}
	return ""
}
