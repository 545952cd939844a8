package verdict

import (
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// pulse is what arrivals say of how a service is: without errors that the generator may have
// made, and with the response times less what it may have made of them.
type pulse struct {
	window         timeline.Window
	since          timeline.Window // window, and what is before it up to the last slice or the fault's end
	judged, errors uint64
	doubted        uint64                // errors that the generator may have made, in neither
	response       timeline.Distribution // dropped once p95 is read
	p95            time.Duration
	silent         bool // it met a silence
	ended          bool // that was over at its end
}

// add takes in a cell.
func (p *pulse) add(s *timeline.Stats) {
	own := s.Doubtful + s.CountKinds(func(k timeline.ErrorKind) bool { return k.Own })
	own = min(own, s.Errors())
	p.judged += s.Judged() - own
	p.errors += s.Errors() - own
	p.doubted += min(own, s.Doubtful)
	p.response.Merge(s.Net(&s.OK))
	p.response.Merge(s.Net(&s.Err))
}

// merge takes in another one.
func (p *pulse) merge(o *pulse) {
	p.judged += o.judged
	p.errors += o.errors
	p.doubted += o.doubted
	p.response.Merge(&o.response)
}

// usual is how a service was before the faults of one name.
type usual struct {
	name    string
	before  time.Duration // the first of them
	in      stretch       // by what it is told
	limits  timeline.Normal
	sum     pulse
	p95     time.Duration
	settled bool
}

// settle reads what is complete once the first fault began.
func (u *usual) settle() {
	if !u.settled {
		u.settled = true
		u.p95, _ = u.sum.response.Quantile(0.95)
		u.sum.response = timeline.Distribution{}
	}
}

// slowest is the response time up to which an answer is normal.
func (u *usual) slowest() time.Duration {
	u.settle()
	if u.sum.judged == 0 {
		return 0
	}
	return time.Duration(u.limits.P95.Of(float64(u.p95)))
}

// degraded says whether a slice is not normal; worst takes the errors that the generator
// may have made for the target's.
func (u *usual) degraded(p *pulse, worst bool) bool {
	u.settle()
	before := float64(u.sum.errors) / float64(u.sum.judged)
	errors, judged := p.errors, p.judged
	if worst {
		errors, judged = errors+p.doubted, judged+p.doubted
	}
	return p.silent || float64(errors)/float64(judged) > u.limits.Errors.Of(before)+1e-12 ||
		float64(p.p95) > u.limits.P95.Of(float64(u.p95))
}

// watch follows a service from the injection of a fault on.
type watch struct {
	fault   *timeline.Fault
	own     timeline.Window
	end     time.Duration // the next fault's disturbance, or the end of the load
	endedBy string        // that fault; empty: there is none
	usual   *usual
	outages outages // for certain
	worst   outages // if nothing is put down to the generator
	others  phases  // all other faults: what meets them proves nothing of this one
	idle    timeline.Windows

	next   pulse // being gathered
	slices []pulse
	silent []timeline.Window // that may reach into next
}

// slice puts arrivals after the fault into the slice that is being gathered.
func (w *watch) slice(p *pulse) {
	if p.judged+p.doubted == 0 {
		return
	}
	if w.next.judged+w.next.doubted == 0 {
		w.next.window = p.window
	}
	w.next.window.To = p.window.To
	w.next.merge(p)
	if w.next.judged < w.usual.limits.MinArrivals {
		return
	}
	w.next.p95, _ = w.next.response.Quantile(0.95)
	w.next.response = timeline.Distribution{}
	w.next.since = timeline.Window{From: w.own.To, To: w.next.window.To}
	if n := len(w.slices); n > 0 {
		w.next.since.From = w.slices[n-1].window.To
	}
	w.slices = append(w.slices, w.next)
	w.next = pulse{}
	for _, s := range w.silent {
		w.mark(s, len(w.slices)-1)
	}
	w.silent = nil
}

// down takes in an outage: one of a second or more, which is long for how closely its
// arrivals come, makes the slices that it meets abnormal, however few arrivals waited in it.
func (w *watch) down(s timeline.Window) {
	if s.To <= w.own.To || s.Len()-(timeline.Windows{s}).Intersect(w.outages.stills).Len() < outageLength {
		return // it is not long, but for a standstill of ordeal's own
	}
	w.silent = append(w.silent, s)
	for i := len(w.slices) - 1; i >= 0 && w.slices[i].window.To > s.From; i-- {
		w.mark(s, i)
	}
}

func (w *watch) mark(s timeline.Window, i int) {
	p := &w.slices[i]
	if p.since.Intersect(s).Len() > 0 && s.Len() >= 3*p.window.Len()/time.Duration(p.judged) {
		p.silent = true
	}
}

// rest is what is left once all arrivals are in: too few for a slice. It says nothing, but where an outage reaches
// into it that is long for how closely they came: silence needs no arrivals to be seen.
func (w *watch) rest() {
	from := w.own.To
	if n := len(w.slices); n > 0 {
		from = w.slices[n-1].window.To
	}
	arrivals := w.next.judged + w.next.doubted
	for _, s := range w.silent {
		to := max(w.next.window.To, min(s.To, w.end))
		length := (timeline.Windows{s}).Intersect(w.outages.asked).Len()
		if to <= from || length < outageLength || arrivals > 0 && length < 3*(to-from)/time.Duration(arrivals) {
			continue
		}
		window := timeline.Window{From: from, To: to}
		w.slices = append(w.slices, pulse{window: window, since: window, judged: max(1, arrivals), silent: true, ended: !w.outages.open || s.To < w.end})
		w.silent, w.next = nil, pulse{}
		return
	}
}

// recovery is what is known of how a service recovered from a fault.
type recovery struct {
	took     *time.Duration // nil: not known
	atLeast  bool           // took is a lower bound
	degraded bool           // it was seen to be degraded to the last
	relapses []timeline.Window
	count    int // of relapses
	relapsed time.Duration
	why      string // nothing is known
}

// maxRelapses is how many relapses are listed.
const maxRelapses = 10

// recovery is what is known for certain, or at worst, if nothing is put down to the
// generator.
func (w *watch) recovery(atWorst bool) (r recovery) {
	name := w.fault.Name
	limits := w.usual.limits
	switch n := w.usual.sum.judged; {
	case w.fault.Injecting == nil || w.fault.Effective == nil:
		return recovery{why: unproven(w.fault)}
	case w.fault.Reverted == nil:
		return recovery{why: fmt.Sprintf("the fault %q was not reverted during the load", name)}
	case n < limits.MinArrivals:
		return recovery{why: fmt.Sprintf("only %d arrivals before %q, and outside of other faults, to compare with, %d are needed: inject it later",
			n, name, limits.MinArrivals)}
	}
	recovered := -1 // index of the slice from which on it was normal for long enough
	start, normal, worst := 0, time.Duration(0), -1
	inRelapse := false
	for i := range w.slices {
		s := &w.slices[i]
		bad := w.usual.degraded(s, atWorst)
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
			start, normal, worst = i+1, 0, i
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
	case worst >= 0:
		r.took, r.atLeast = took(w.slices[worst].window.To-w.own.To), true
		r.degraded = worst == len(w.slices)-1 && !w.slices[worst].ended
		if r.degraded {
			r.why = fmt.Sprintf("the service was still degraded %s after %q ended", quantity.FormatDuration(*r.took), name)
		} else {
			r.why = fmt.Sprintf("the service was degraded until %s after %q ended, and then normal for %s only, of %s that are needed",
				quantity.FormatDuration(*r.took), name, quantity.FormatDuration(normal), quantity.FormatDuration(limits.Stable))
		}
	default:
		r.why = fmt.Sprintf("too little load between %q and the next fault or the end to see whether the service recovered: "+
			"it was seen to be normal for %s, of %s that are needed, in slices of %d arrivals", name,
			quantity.FormatDuration(normal), quantity.FormatDuration(limits.Stable), limits.MinArrivals)
	}
	return r
}
