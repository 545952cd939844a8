package verdict

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// What recovery means; see docs/design/001-architecture.md and the metric's Doc.
const (
	normalErrors  = 0.01                  // above the error rate of before
	normalFactor  = 2                     // times the p95 of before
	normalMargin  = 10 * time.Millisecond // on top of it
	normalInARow  = 3                     // slices
	slicedSamples = 20                    // arrivals in a slice, at least: 1/(1−0.95), what a p95 needs
)

// phases are the windows of one name's injections. They are disjoint: what lies
// between two injections is after the first and not before the second.
type phases struct{ before, during, after timeline.Windows }

func (p phases) of(kind string) timeline.Windows {
	switch kind {
	case "before":
		return p.before
	case "during":
		return p.during
	}
	return p.after
}

// phasesOf returns the windows of all records of a name. before ends with the
// first injection.
func phasesOf(tl *timeline.Timeline, name string) phases {
	var p phases
	var during, after []timeline.Window
	before := timeline.Window{To: tl.Duration}
	for i := range tl.Faults {
		f := &tl.Faults[i]
		if f.Name != name {
			continue
		}
		w, ok := f.Disturbance()
		if !ok {
			continue
		}
		before = before.Intersect(timeline.Window{To: w.From})
		during = append(during, w.Intersect(timeline.Window{To: tl.Duration}))
		after = append(after, timeline.Window{From: w.To, To: max(w.To, tl.Duration)})
	}
	p.before = timeline.NewWindows(before)
	p.during = timeline.NewWindows(during...)
	p.after = timeline.NewWindows(after...).Intersect(complement(p.during, tl.Duration))
	return p
}

// complement is what of [0, end) is not in ws.
func complement(ws timeline.Windows, end time.Duration) timeline.Windows {
	var out []timeline.Window
	var at time.Duration
	for _, w := range ws {
		out = append(out, timeline.Window{From: at, To: w.From})
		at = w.To
	}
	return timeline.NewWindows(append(out, timeline.Window{From: at, To: end})...)
}

// doubt says why a rule that rests on a fault cannot be decided, empty if it can.
func doubt(tl *timeline.Timeline, name string) string {
	known := false
	for i := range tl.Faults {
		f := &tl.Faults[i]
		if f.Name != name {
			continue
		}
		known = true
		if why := unproven(f); why != "" {
			return why
		}
	}
	if !known {
		return fmt.Sprintf("the run has no fault %q", name)
	}
	return ""
}

// unproven says why a fault proves nothing, empty if it was seen to act.
func unproven(f *timeline.Fault) string {
	why := ""
	switch {
	case f.Injecting == nil:
		why = fmt.Sprintf("the fault %q was never injected", f.Name)
	case f.Effective == nil:
		why = fmt.Sprintf("the fault %q was never seen to act", f.Name)
	case !f.Verified:
		why = fmt.Sprintf("the fault %q was not seen to act for as long as it was meant to", f.Name)
	default:
		return ""
	}
	if f.Error != "" {
		why += ": " + f.Error
	}
	return why
}

// watch follows a service from the injection of a fault on.
type watch struct {
	fault   *timeline.Fault
	end     time.Duration    // the next fault's injection, or the end of the load
	endedBy string           // that fault; empty: there is none
	others  timeline.Windows // other faults in force: what happens then proves nothing of this one
	judged  map[string]bool

	outage time.Duration
	next   pulse // being gathered
	pulses []pulse
}

// pulse is one slice of the time after a fault.
type pulse struct {
	window         timeline.Window
	judged, errors uint64
	response       timeline.Distribution // dropped once p95 is read
	p95            time.Duration
}

func newWatch(tl *timeline.Timeline, i int, judged map[string]bool) *watch {
	f := &tl.Faults[i]
	w := &watch{fault: f, end: tl.Duration, judged: judged}
	var others []timeline.Window
	for j := range tl.Faults {
		o := &tl.Faults[j]
		if i == j || o.Injecting == nil {
			continue
		}
		w0, _ := o.Disturbance()
		others = append(others, w0.Intersect(timeline.Window{To: tl.Duration}))
		if f.Reverted != nil && *o.Injecting >= *f.Reverted && *o.Injecting < w.end {
			w.end, w.endedBy = *o.Injecting, o.Name
		}
	}
	w.others = timeline.NewWindows(others...)
	return w
}

// counts says whether a cell says how the service is.
func (w *watch) counts(k timeline.Key) bool { return w.judged[k.Stage] && !k.Whole }

func (w *watch) add(iv *timeline.Interval, middle time.Duration) {
	f := w.fault
	if f.Injecting == nil || middle < *f.Injecting || middle >= w.end {
		return
	}
	after := f.Reverted != nil && middle >= *f.Reverted
	var judged, errors uint64
	for _, c := range iv.Cells {
		if w.counts(c.Key) {
			judged += c.Judged()
			errors += c.Errors()
		}
	}
	if judged == 0 {
		return
	}
	if 2*errors >= judged {
		w.outage += iv.Len()
	}
	if !after || w.others.Contains(middle) {
		return
	}
	p := &w.next
	if p.judged == 0 {
		p.window = iv.Window
	}
	p.window.To = iv.To
	p.judged += judged
	p.errors += errors
	for _, c := range iv.Cells {
		if w.counts(c.Key) {
			p.response.Merge(&c.OK)
			p.response.Merge(&c.Err)
		}
	}
	if p.judged >= slicedSamples {
		p.p95, _ = p.response.Quantile(0.95)
		p.response = timeline.Distribution{}
		w.pulses = append(w.pulses, *p)
		w.next = pulse{}
	}
}

// recovery says how long the service took to be normal for good. If it was
// still degraded, that is the least it can have taken. A rest of arrivals too
// few for a slice says nothing.
func (w *watch) recovery(before *View) (took *time.Duration, notRecovered bool, why string) {
	if w.fault.Reverted == nil {
		return nil, false, fmt.Sprintf("the fault %q was not reverted during the load", w.fault.Name)
	}
	if n := before.Stats.Judged(); n < slicedSamples {
		return nil, false, fmt.Sprintf("only %d arrivals before %q, and outside of other faults, to compare with, %d are needed: inject it later", n, w.fault.Name, slicedSamples)
	}
	p95, _ := before.Response().Quantile(0.95)
	errors := float64(before.Stats.Errors()) / float64(before.Stats.Judged())
	degraded := func(p pulse) bool {
		return float64(p.errors)/float64(p.judged) > errors+normalErrors+1e-12 || p.p95 > normalFactor*p95+normalMargin
	}
	last := -1
	for i, p := range w.pulses {
		if degraded(p) {
			last = i
		}
	}
	tail := w.pulses[last+1:]
	var d time.Duration
	switch {
	case len(tail) >= normalInARow && last >= 0:
		d = max(0, tail[0].window.From-*w.fault.Reverted)
	case len(tail) >= normalInARow:
	case last >= 0:
		d = w.pulses[last].window.To - *w.fault.Reverted
		return &d, true, fmt.Sprintf("the service was still degraded %s after %q was reverted", quantity.FormatDuration(d), w.fault.Name)
	default:
		return nil, false, fmt.Sprintf("too little load between %q and the next fault or the end to see whether the service recovered: enough for %d of the %d slices of %d arrivals that are needed",
			w.fault.Name, len(tail), normalInARow, slicedSamples)
	}
	return &d, false, ""
}

// impact prints what a fault did, for people: against the time before it in
// which no other fault was in force.
func impact(f *FaultResult, before Measure) string {
	switch {
	case f.Injecting == nil:
		return "never injected"
	case before.ErrorRate == nil && f.During.ErrorRate == nil:
		return "no load before or during"
	case f.During.ErrorRate == nil:
		return "no load during"
	}
	errors, p95 := quantity.FormatFraction(*f.During.ErrorRate), ""
	if f.During.Latency.P95 != nil {
		p95 = quantity.FormatDuration(*f.During.Latency.P95)
	}
	if before.ErrorRate == nil {
		none := "no load before"
		if f.Before.ErrorRate != nil {
			none += " but under other faults"
		}
		return fmt.Sprintf("errors %s, p95 %s (%s)", errors, p95, none)
	}
	return fmt.Sprintf("errors %s → %s, p95 %s → %s", quantity.FormatFraction(*before.ErrorRate), errors,
		quantity.FormatDuration(*before.Latency.P95), p95)
}

// ofFault puts the views of all records of a name together.
func ofFault(all []*View, name string) (v *View, why string) {
	var worst *View
	outage := time.Duration(0)
	for _, v := range all {
		if v.Fault.Name != name {
			continue
		}
		outage += v.outage
		switch {
		case worst == nil || v.Fault.Recovery == nil:
			worst = v
		case worst.Fault.Recovery == nil:
		case *v.Fault.Recovery > *worst.Fault.Recovery || v.Fault.NotRecovered && !worst.Fault.NotRecovered && *v.Fault.Recovery == *worst.Fault.Recovery:
			worst = v
		}
	}
	if worst == nil {
		return nil, fmt.Sprintf("the run has no fault %q", name)
	}
	out := *worst
	result := *worst.Fault
	out.Fault, out.outage = &result, outage
	// One that had not recovered may have taken longer than the worst.
	if at := slices.IndexFunc(all, func(v *View) bool { return v.Fault.Name == name && v.Fault.NotRecovered }); at >= 0 && !result.NotRecovered {
		result.NotRecovered, result.NextFault = true, all[at].Fault.NextFault
	}
	return &out, ""
}
