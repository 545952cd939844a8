package verdict

import (
	"fmt"
	"math"
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

// bias is what part the generator itself can have in the figures of a scope. The zero
// value is none. See docs/design/003 and 005.
//
// A busy generator is slow to send, to read and to free slots, so that response times are too high
// and some end as timeouts. That can turn a pass into a failure, and never a failure into a pass.
// For single arrivals that were held up it is known by how much. An arrival that failed on the
// generator's own machine never reached the target: how it would have gone is not known.
type bias struct {
	busy    bool          // its CPU was used up
	delayed uint64        // arrivals that it held up
	late    time.Duration // how late it acted at most
	slow    uint64        // errors that it may have made by being busy, or late
	unsent  uint64        // the part of slow that was unsent
	missed  uint64        // arrivals that it was too late to send
	local   uint64        // missed, and arrivals that failed on its own machine
	short   bool          // local is so much that the target had less load than was planned
	still   time.Duration // for how long it did not run
	// The generator stood still shortly before the scope, and had not caught up when it began.
	near   bool
	closed bool   // users sent load, and were held up with the generator
	what   string // what happened, for people
	do     string // what they can do about it
}

func (b *bias) any() bool { return b.busy || b.delayed > 0 || b.local > 0 || b.near }

// biasOf is the bias in the figures of a scope.
func biasOf(v *View, tl *timeline.Timeline) bias {
	if v.Stats == nil {
		return bias{}
	}
	s := v.Stats
	b := bias{
		missed:  s.CountKinds(func(k timeline.ErrorKind) bool { return k.TooLate }),
		delayed: s.Delayed, slow: s.Doubtful, unsent: s.DoubtfulUnsent,
		still: tl.Standstills.Intersect(v.windows).Len(),
		near:  caughtUpIn(tl.Standstills, v.windows), closed: closedIn(tl, v.windows),
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
		b.what = fmt.Sprintf(
			"the generator was too late to send %d of %d arrivals, which says nothing of the target",
			b.missed,
			s.Judged(),
		)
		b.do = needsCPU
	case b.local > 0:
		b.what, b.do = localFailures(b.local, s.Judged(), used)
	case b.busy:
		b.what = fmt.Sprintf(
			"the generator used %s of its CPU (%s) for %s of that time, so this may be its own doing",
			quantity.FormatPercent(used.CPU.Max),
			coresOf(used),
			quantity.FormatPercent(float64(used.Full)/float64(used.Time)),
		)
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

// measured is a figure as it was measured, of which the generator may have had a part.
type measured struct {
	*Metric
	v      *View
	n      float64
	limits []time.Duration
}

// biased narrows bounds, which begin as minus and plus infinity, to the values between which the
// target's own figure lies. It is asked only where the generator had a part in the figures of the
// scope. It returns false if the target's own figure is the one that was measured.
type biased func(b *bias, f measured, s *bounds) bool

// bounds are between which values the target's own figure lies; nil if the generator had no part in
// it. If a metric has no biased, the figure could be anything.
func (b *bias) bounds(f measured, text string) *bounds {
	if !b.any() {
		return nil
	}
	s := &bounds{lo: math.Inf(-1), hi: math.Inf(1)}
	if f.biased != nil && !f.biased(b, f, s) || s.lo == f.n && s.hi == f.n && s.sameAs(f) {
		return nil
	}
	s.why = doubtf(
		ReasonGenerator,
		"%s was %s, but could be %s, as %s: %s",
		text,
		f.Unit.Format(f.n),
		s.text(f.Unit),
		b.what,
		b.do,
	)
	return s
}

// missingAnswers are the bounds of a figure of a fault that a probe was asked for, of which
// answers are missing; nil if that cannot have moved it. The generator of the load has no part in
// it.
func missingAnswers(f measured, text string) *bounds {
	s := &bounds{lo: math.Inf(-1), hi: math.Inf(1)}
	if f.biased == nil || !f.biased(&bias{}, f, s) {
		return nil
	}
	s.why = doubtf(ReasonSource,
		"%s was %s, but could be %s, as readings of %s are missing that may have been failures",
		text, f.Unit.Format(f.n), s.text(f.Unit), f.v.Fault.AskedOf)
	return s
}

// ofLoad is of metrics that are facts about the load, such as lag, and not about the target.
func ofLoad(*bias, measured, *bounds) bool { return false }

func biasedMean(b *bias, f measured, s *bounds) bool {
	if s.lo = 0; b.local == 0 && !b.hides(f) || b.local == b.missed && f.ofArrivals {
		s.hi = f.n // arrivals that it missed are in the mean, with their whole timeout
	}
	if b.local == 0 && !b.busy && !b.hides(f) && !f.OfCall {
		net, _ := f.v.net(f.of(f.v)).Mean()
		s.lo = min(f.n, float64(net))
	}
	return true
}

func biasedStdDev(b *bias, f measured, s *bounds) bool {
	if s.lo = 0; b.local == 0 && !b.busy && !b.hides(f) && !f.OfCall {
		off := deviation(f.of(f.v), f.v.net(f.of(f.v)))
		s.lo, s.hi = max(0, f.n-off), f.n+off
	}
	return true
}

func biasedDone(b *bias, f measured, s *bounds) bool {
	s.lo, s.hi = max(f.n-float64(b.local), 0), b.more(f.n, f.v)
	if b.short {
		s.lo = 0
	}
	return true
}

func biasedUnsent(b *bias, f measured, s *bounds) bool {
	s.lo = f.n - float64(b.missed+min(b.unsent, f.v.Stats.Kinds[timeline.KindUnsent]))
	if !b.short {
		s.hi = f.n
	}
	return true
}

func biasedErrors(b *bias, f measured, s *bounds) bool {
	if s.lo = float64(b.errors(f.v.Stats)); !b.short {
		s.hi = max(f.n, math.Ceil(b.more(f.n, f.v)))
	}
	return true
}

func biasedErrorRate(b *bias, f measured, s *bounds) bool {
	if s.lo, s.hi = float64(b.errors(f.v.Stats))/float64(f.v.Stats.Judged()), 1; !b.short {
		s.hi = f.n
	}
	return true
}

func biasedAvailability(b *bias, f measured, s *bounds) bool {
	all := f.v.Stats.Judged()
	if s.lo, s.hi = 0, float64(all-b.errors(f.v.Stats))/float64(all); !b.short {
		s.lo = f.n
	}
	return true
}

// unsure says that figures of faults may be off in any way: the figures from before the fault, from
// which it was learnt what is normal, may be off too.
func (b *bias) unsure() bool { return b.busy || b.short || b.local != b.missed }

// Figures of faults are taken from what is certain, see health. At worst, what the generator may
// have done is the target's doing.

func biasedOutage(b *bias, f measured, s *bounds) bool {
	switch fault := f.v.Fault; {
	case b.unsure() && b.short:
	case b.unsure(): // at most as long as it seemed
		s.lo, s.hi = 0, max(f.n, float64(worstOutage(fault)))
	case fault == nil || fault.OutageOwn == 0 && fault.OutageUpTo == nil:
		return false
	default:
		s.lo, s.hi = max(0, f.n-float64(fault.OutageOwn)), max(f.n, float64(worstOutage(fault)))
	}
	return true
}

func biasedRecovery(b *bias, f measured, s *bounds) bool {
	switch fault := f.v.Fault; {
	case b.unsure():
	case fault != nil && fault.RecoveryOpen:
		s.lo = f.n
	case fault != nil && fault.RecoveryUpTo != nil && !fault.NotRecovered:
		s.lo, s.hi = f.n, float64(worstRecovery(fault))
	default:
		return false
	}
	return true
}

func biasedRelapses(b *bias, f measured, s *bounds) bool {
	switch fault := f.v.Fault; {
	case b.unsure():
	case fault != nil && (fault.RecoveryOpen || fault.RecoveryUpTo != nil):
		s.lo = 0
	default:
		return false
	}
	return true
}

// more is what a number of requests could be at most: users of a closed stage that were held up
// with the generator would have sent more.
func (b *bias) more(n float64, v *View) float64 {
	switch {
	case !b.closed && !b.busy:
		return n
	case b.busy:
		return math.Inf(1) // users who are answered sooner ask more
	}
	whole := time.Duration(v.Seconds * float64(time.Second))
	return n * float64(whole) / float64(max(whole-b.still, time.Millisecond))
}

// biasedRPS and biasedThroughput bound a rate of answers. Arrivals that failed locally are not in
// the rate, and might have been answered. Arrivals that were late might have been answered within
// the scope. Arrivals that were held up before the scope and answered in it might have been
// answered before: a scope has at most as many answers of its own as arrivals.
func biasedRPS(b *bias, f measured, s *bounds) bool {
	return b.rate(f, s, f.v.Stats.Answered, f.v.Stats.Planned)
}

func biasedThroughput(b *bias, f measured, s *bounds) bool {
	most := f.v.Stats.Planned
	return b.rate(f, s, f.v.Stats.AnsweredOK, most-min(most, b.errors(f.v.Stats)))
}

func (b *bias) rate(f measured, s *bounds, answers, most uint64) bool {
	if f.v.Seconds <= 0 {
		return true
	}
	could := b.local + b.delayed + b.slow
	s.lo, s.hi = f.n, float64(max(answers, min(answers+could, most)))/f.v.Seconds
	s.hi = max(f.n, b.more(s.hi, f.v))
	if b.near && !b.closed {
		s.lo = min(f.n, float64(f.v.Stats.Planned)/f.v.Seconds)
	}
	if b.short {
		s.lo = 0
	}
	return true
}

// deviation is by how much a standard deviation may be off if each value of d may be as small as in
// net. That is at most the root of the mean square of the differences, and their mean square is at
// most their mean times the greatest.
func deviation(d, net *timeline.Distribution) float64 {
	mean, _ := d.Mean()
	least, _ := net.Mean()
	greatest, _ := d.Max()
	return math.Sqrt(float64(max(0, mean-least)) * float64(greatest))
}

// errors is how many errors are the target's for certain.
func (b *bias) errors(s *timeline.Stats) uint64 {
	all, mine := s.Errors(), b.local+b.slow
	return all - min(all, mine)
}

// hides says whether good answers can be missing from a distribution because the generator made
// errors of them.
func (b *bias) hides(f measured) bool { return f.ofGood && b.slow > 0 }

// biasedRank sets the bounds of a quantile.
//
// Arrivals that were held up are in the distribution, and took less time if anything: of each the
// least time that it can have taken is known. Arrivals that failed locally, and good answers that
// became errors, could have taken any time. If they were put in with any times, the rank would move
// up or down by their number at most, whether or not they are in the distribution now. Arrivals
// that the generator missed are in the response times, with their whole timeout.
func biasedRank(b *bias, f measured, s *bounds) bool {
	d := f.dist(f.v)
	net := f.v.net(d)
	all := d.Count()
	rank := timeline.Rank(f.quantile, all)
	unknown := b.local
	if b.hides(f) {
		unknown += b.slow
	}
	if f.OfCall {
		unknown += b.delayed // which part of the delay was the phase is not known
	}
	if s.lo = 0; rank > unknown && !b.busy {
		q := float64(rank-unknown) / float64(all)
		lo, _ := net.Quantile(q)
		s.lo, s.exactLo = float64(lo), exactAt(net, q, f.limits)
	}
	above := b.local
	if f.ofArrivals {
		above -= b.missed
	}
	if b.hides(f) {
		above += b.slow
	}
	if all > 0 && rank+above <= all && !b.short && !(b.busy && b.hides(f)) {
		q := float64(rank+above) / float64(all)
		hi, _ := d.Quantile(q)
		s.hi, s.exactHi = float64(hi), exactAt(d, q, f.limits)
	}
	return true
}

// sameAs says whether lo and hi lie on the same side of each limit.
func (s *bounds) sameAs(f measured) bool {
	if f.dist == nil {
		return true
	}
	for _, l := range f.limits {
		if s.exactLo[l] != s.exactHi[l] {
			return false
		}
	}
	return true
}

// exactAt is how the q-quantile compares with each limit, by exact count.
func exactAt(d *timeline.Distribution, q float64, limits []time.Duration) map[time.Duration]int {
	out := map[time.Duration]int{}
	for _, l := range limits {
		if c, ok := d.CompareQuantile(q, l); ok {
			out[l] = c
		}
	}
	return out
}

// notSent says why too much of the load was not sent: it failed on the generator's own machine. It
// is empty if little of it did.
func notSent(v *View, tl *timeline.Timeline) string {
	if b := biasOf(v, tl); b.short {
		return b.what + ": " + b.do
	}
	return ""
}
