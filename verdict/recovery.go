package verdict

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// health is how well a service did for some arrivals. Errors that the generator may have made are
// left out, and response times are less what the generator may have added.
type health struct {
	window timeline.Window
	// window, and what is before it, from the last slice or the fault's end on.
	since          timeline.Window
	judged, errors uint64
	doubted        uint64                // errors that the generator may have made; not in judged
	response       timeline.Distribution // dropped once p95 is read
	p95            time.Duration
	silent         bool // an outage makes it abnormal, however few arrivals waited
	ended          bool // that outage was over at its end
}

// add takes in a cell.
func (h *health) add(s *timeline.Stats) {
	own := s.Doubtful + s.CountKinds(func(k timeline.ErrorKind) bool { return k.Own })
	own = min(own, s.Errors())
	h.judged += s.Judged() - own
	h.errors += s.Errors() - own
	h.doubted += min(own, s.Doubtful)
	h.response.Merge(s.Net(&s.OK))
	h.response.Merge(s.Net(&s.Err))
}

// merge adds o.
func (h *health) merge(o *health) {
	h.judged += o.judged
	h.errors += o.errors
	h.doubted += o.doubted
	h.response.Merge(&o.response)
}

// healthBefore is how well a service did before the faults of one name.
type healthBefore struct {
	name    string
	before  time.Duration // when the first of these faults began
	in      stretch       // the time that is looked at
	limits  timeline.Normal
	sum     health
	p95     time.Duration
	settled bool
}

// settle reads the p95, which is complete once the first fault began.
func (u *healthBefore) settle() {
	if !u.settled {
		u.settled = true
		u.p95, _ = u.sum.response.Quantile(0.95)
		u.sum.response = timeline.Distribution{}
	}
}

// slowest is the response time up to which an answer is normal.
func (u *healthBefore) slowest() time.Duration {
	u.settle()
	if u.sum.judged == 0 {
		return 0
	}
	return time.Duration(u.limits.P95.Of(float64(u.p95)))
}

// degraded says whether a slice is not normal; at worst, with the errors that the generator
// may have made taken for the target's.
func (u *healthBefore) degraded(h *health, atWorst bool) bool {
	u.settle()
	before := float64(u.sum.errors) / float64(u.sum.judged)
	errors, judged := h.errors, h.judged
	if atWorst {
		errors, judged = errors+h.doubted, judged+h.doubted
	}
	return h.silent || float64(errors)/float64(judged) > u.limits.Errors.Of(before)+1e-12 ||
		float64(h.p95) > u.limits.P95.Of(float64(u.p95))
}

// recoveryDetector follows a service from the injection of one fault on.
type recoveryDetector struct {
	fault   *timeline.Fault
	struck  bool // its disturbance began
	own     timeline.Window
	end     time.Duration // the next fault's disturbance, as far as it is known
	endedBy string        // the name of that fault; empty: there is none
	before  *healthBefore
	outages outages // those that are certain
	// Outages if the target is blamed for all that the generator may have done.
	atWorst outages
	others  phases // all other faults: arrivals that meet them say nothing of this one
	idle    timeline.Windows

	gathering health // the present slice
	slices    []health
	silent    []timeline.Window // outages that may reach into the present slice
}

// connect makes the parts of the detector know each other.
func (w *recoveryDetector) connect() {
	w.outages.normal, w.atWorst.normal = w.before.slowest, w.before.slowest
	w.outages.found = w.down
}

// upTo is a copy of the detector that can be finished at an instant, while w goes on.
func (w *recoveryDetector) upTo(end time.Duration) *recoveryDetector {
	c := *w
	u := *w.before
	u.sum.response = u.sum.response.Clone()
	c.before = &u
	if c.end >= end {
		c.end, c.endedBy = end, ""
	}
	c.gathering.response = c.gathering.response.Clone()
	c.slices, c.silent = slices.Clone(w.slices), slices.Clone(w.silent)
	c.outages, c.atWorst = w.outages.clone(), w.atWorst.clone()
	for _, o := range []*outages{&c.outages, &c.atWorst} {
		o.end, o.nextFault = c.end, c.endedBy != ""
	}
	c.connect()
	return &c
}

// slice puts arrivals after the fault into the slice that is being gathered.
func (w *recoveryDetector) slice(h *health) {
	if h.judged+h.doubted == 0 {
		return
	}
	if w.gathering.judged+w.gathering.doubted == 0 {
		w.gathering.window = h.window
	}
	w.gathering.window.To = h.window.To
	w.gathering.merge(h)
	if w.gathering.judged < w.before.limits.MinArrivals {
		return
	}
	w.gathering.p95, _ = w.gathering.response.Quantile(0.95)
	w.gathering.response = timeline.Distribution{}
	w.gathering.since = timeline.Window{From: w.own.To, To: w.gathering.window.To}
	if n := len(w.slices); n > 0 {
		w.gathering.since.From = w.slices[n-1].window.To
	}
	w.slices = append(w.slices, w.gathering)
	w.gathering = health{}
	for _, s := range w.silent {
		w.mark(s, len(w.slices)-1)
	}
	w.silent = nil
}

// down takes in an outage. One of a second or more, if that is long for how closely arrivals come,
// makes the slices that it meets abnormal, however few arrivals waited in it.
func (w *recoveryDetector) down(s timeline.Window) {
	if s.To <= w.own.To ||
		s.Len()-(timeline.Windows{s}).Intersect(w.outages.stills).Len() < outageLength {
		return // without a standstill of ordeal's own it is not long
	}
	w.silent = append(w.silent, s)
	for i := len(w.slices) - 1; i >= 0 && w.slices[i].window.To > s.From; i-- {
		w.mark(s, i)
	}
}

func (w *recoveryDetector) mark(s timeline.Window, i int) {
	h := &w.slices[i]
	if h.since.Intersect(s).Len() > 0 && s.Len() >= 3*h.window.Len()/time.Duration(h.judged) {
		h.silent = true
	}
}

// rest looks at the arrivals that are left at the end, which are too few for a slice. They say
// nothing, unless an outage reaches into their time that is long for how closely they came: it
// takes no arrivals to see that a service is silent.
func (w *recoveryDetector) rest() {
	from := w.own.To
	if n := len(w.slices); n > 0 {
		from = w.slices[n-1].window.To
	}
	arrivals := w.gathering.judged + w.gathering.doubted
	for _, s := range w.silent {
		to := max(w.gathering.window.To, min(s.To, w.end))
		length := (timeline.Windows{s}).Intersect(w.outages.asked).Len()
		if to <= from || length < outageLength ||
			arrivals > 0 && length < 3*(to-from)/time.Duration(arrivals) {
			continue
		}
		window := timeline.Window{From: from, To: to}
		w.slices = append(
			w.slices,
			health{
				window: window,
				since:  window,
				judged: max(1, arrivals),
				silent: true,
				ended:  !w.outages.open || s.To < w.end,
			},
		)
		w.silent, w.gathering = nil, health{}
		return
	}
}

// recovery is what is known of how a service recovered from a fault.
type recovery struct {
	took     *time.Duration // nil: not known
	atLeast  bool           // took is a lower bound
	degraded bool           // the service was still degraded when the time ended
	relapses []timeline.Window
	count    int           // of relapses
	relapsed time.Duration // length of all relapses
	why      string        // why nothing, or only a lower bound, is known
}

// maxRelapses is how many relapses are listed.
const maxRelapses = 10

// recovery is what is certain or, atWorst, what is possible if the target is blamed for all that
// the generator may have done. unproven is why the fault proves nothing.
func (w *recoveryDetector) recovery(atWorst bool, unproven string) (r recovery) {
	name := w.fault.Name
	limits := w.before.limits
	switch n := w.before.sum.judged; {
	case w.fault.Injecting == nil || w.fault.Effective == nil:
		return recovery{why: unproven}
	case w.fault.Reverted == nil:
		return recovery{why: fmt.Sprintf("the fault %q was not reverted during the load", name)}
	case n < limits.MinArrivals:
		return recovery{
			why: fmt.Sprintf(
				"arrivals before %q, and outside of other faults, to compare with: only %d, and "+
					"%d are needed; inject it later",
				name,
				n,
				limits.MinArrivals,
			),
		}
	}
	recovered := -1 // index of the slice from which on it was normal for long enough
	start, normal, lastBad := 0, time.Duration(0), -1
	inRelapse := false
	for i := range w.slices {
		s := &w.slices[i]
		bad := w.before.degraded(s, atWorst)
		switch {
		case bad && recovered >= 0:
			if !inRelapse {
				r.count++
				if len(r.relapses) < maxRelapses {
					r.relapses = append(r.relapses, s.window)
				}
			} else if r.count <= maxRelapses {
				r.relapses[len(r.relapses)-1].To = s.window.To
			}
			r.relapsed += s.window.Len()
			inRelapse = true
		case bad:
			start, normal, lastBad = i+1, 0, i
		case recovered >= 0:
			inRelapse = false
		default:
			from := s.window.From
			if i == 0 {
				from = min(from, w.own.To)
			}
			if i == start {
				normal = 0
			}
			span := timeline.Window{From: from, To: s.window.To}
			normal += span.Len() - timeline.Windows{span}.Intersect(w.idle).Len()
			if normal >= limits.Stable {
				recovered = start
			}
		}
	}
	took := func(d time.Duration) *time.Duration { return &d }
	switch {
	case recovered == 0:
		r.took = took(0)
	case recovered > 0:
		r.took = took(max(0, w.slices[recovered].window.From-w.own.To))
	case lastBad >= 0:
		r.took, r.atLeast = took(w.slices[lastBad].window.To-w.own.To), true
		r.degraded = lastBad == len(w.slices)-1 && !w.slices[lastBad].ended
		if r.degraded {
			r.why = fmt.Sprintf(
				"the service was still degraded %s after %q ended",
				quantity.FormatDuration(*r.took),
				name,
			)
		} else {
			r.why = fmt.Sprintf("the service was degraded until %s after %q ended, and then "+
				"normal for %s only, of %s that are needed",
				quantity.FormatDuration(*r.took), name, quantity.FormatDuration(normal), quantity.FormatDuration(limits.Stable))
		}
	default:
		r.why = fmt.Sprintf(
			"too little load between %q and the next fault or the end to see whether the service recovered: "+
				"it was seen to be normal for %s, of %s that are needed, in slices of %d arrivals",
			name,
			quantity.FormatDuration(normal),
			quantity.FormatDuration(limits.Stable),
			limits.MinArrivals,
		)
	}
	return r
}
