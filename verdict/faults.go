package verdict

import (
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// doubt says why a rule about a fault cannot be decided, empty if it can.
func (j *Judging) doubt(name string) string {
	known := false
	for i := range j.tl.Faults {
		f := &j.tl.Faults[i]
		if f.Name != name {
			continue
		}
		known = true
		if why := j.unproven(f); why != "" {
			return why
		}
	}
	if !known {
		return fmt.Sprintf("the run has no fault %q", name)
	}
	return ""
}

// unproven says why nothing can be concluded from a fault, empty if it was seen to act.
func (j *Judging) unproven(f *timeline.Fault) string {
	why := ""
	switch {
	case !j.ended && f.Injecting == nil && f.State == timeline.Scheduled:
		why = fmt.Sprintf("the fault %q is still to come", f.Name)
	case f.Injecting == nil:
		why = fmt.Sprintf("the fault %q was never injected", f.Name)
	case !j.ended && f.Effective == nil && inForce(f):
		why = fmt.Sprintf("the fault %q was not yet seen to act", f.Name)
	case f.Effective == nil:
		why = fmt.Sprintf("the fault %q was never seen to act", f.Name)
	case !j.ended && inForce(f):
		return "" // for how long it acts is seen at its end
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

// recoveryDetectors follow the service from each injection of a fault on.
type recoveryDetectors struct {
	tl     *timeline.Timeline
	judged map[string]bool
	idle   timeline.Windows
	asked  timeline.Windows // judged time in which the plan asks for something
	before map[string]*healthBefore
	all    []*recoveryDetector // by tl.Faults
}

func newRecoveryDetectors(tl *timeline.Timeline, c *aggregator) *recoveryDetectors {
	ws := &recoveryDetectors{tl: tl, judged: c.judged, idle: c.idle, before: map[string]*healthBefore{}}
	ws.asked = c.stages(filter{}).Intersect(complement(c.idle))
	for i := range tl.Faults {
		name := tl.Faults[i].Name
		if ws.before[name] == nil {
			ws.before[name] = &healthBefore{name: name, limits: tl.NormalAfter(name), in: beforeAlone(name)}
		}
		ws.all = append(ws.all, &recoveryDetector{before: ws.before[name], idle: c.idle})
	}
	ws.learn()
	return ws
}

// learn takes in what is known of the faults by now.
func (ws *recoveryDetectors) learn() {
	stills := spoiled(ws.tl.Standstills)
	for _, u := range ws.before {
		u.before = forever.To
	}
	for i, w := range ws.all {
		w.fault = &ws.tl.Faults[i]
		var ok bool
		if w.own, ok = w.fault.Disturbance(); !ok {
			continue
		}
		w.before.before = min(w.before.before, w.own.From)
		w.end, w.endedBy, w.others = forever.To, "", nil
		for k := range ws.tl.Faults {
			o, ok := ws.tl.Faults[k].Disturbance()
			if k == i || !ok {
				continue
			}
			w.others = append(w.others, o)
			if o.From >= w.own.To && o.From < w.end {
				w.end, w.endedBy = o.From, ws.tl.Faults[k].Name
			}
		}
		if !w.struck {
			w.struck = true
			w.outages = outages{asked: ws.asked}
			w.atWorst = outages{asked: ws.asked, blameTarget: true}
			w.connect()
		}
		for _, o := range []*outages{&w.outages, &w.atWorst} {
			o.from, o.end, o.nextFault, o.stills = w.own.From, w.end, w.endedBy != "", stills
		}
	}
}

// add takes in the next interval.
func (ws *recoveryDetectors) add(c *aggregator, iv *timeline.Interval, middle time.Duration) {
	if len(ws.all) == 0 {
		return
	}
	ended := health{window: iv.Window} // of arrivals that were open at no cut
	var open []*timeline.Cell
	for i := range iv.Cells {
		switch cell := &iv.Cells[i]; {
		case !ws.judged[cell.Stage] || cell.IsFlow:
		case cell.OpenAt > 0:
			open = append(open, cell)
		default:
			ended.add(cell.Stats)
		}
	}
	for _, u := range ws.before {
		if middle >= u.before {
			continue
		}
		if c.takes(u.in, middle, 0) {
			u.sum.merge(&ended)
		}
		for _, cell := range open {
			if c.takes(u.in, middle, cell.OpenAt) {
				u.sum.add(cell.Stats)
			}
		}
	}
	for _, w := range ws.all {
		if w.fault.Effective == nil || w.fault.Injecting == nil {
			continue
		}
		w.outages.add(iv, middle)
		w.atWorst.add(iv, middle)
		if middle < w.own.To || middle >= w.end {
			continue
		}
		h := health{window: iv.Window}
		if w.others.of(middle, 0) != rule.During {
			if len(open) == 0 {
				h = ended // which is only read
			} else {
				h.merge(&ended)
			}
		}
		for _, cell := range open {
			if w.others.of(middle, cell.OpenAt) != rule.During {
				h.add(cell.Stats)
			}
		}
		w.slice(&h)
	}
}

// report sets the figures of each fault, as they are by now.
func (ws *recoveryDetectors) report(results []FaultResult, j *Judging) {
	for i := range ws.all {
		if ws.all[i].before.limits.Probe != "" {
			continue
		}
		w := ws.all[i].upTo(ws.tl.Duration)
		f := &results[i]
		if w.struck && w.fault.Effective != nil && w.own.From < ws.tl.Duration {
			w.outages.finish()
			w.atWorst.finish()
			w.rest()
			f.outage(w)
		}
		f.recovery(w, j.unproven(w.fault))
	}
}

// outage sets the figures of outages.
func (f *FaultResult) outage(w *recoveryDetector) {
	if w.outages.arrivals == 0 {
		return
	}
	total, blur := w.outages.total, w.outages.blur()
	f.Outage, f.OutageResolution, f.Outages = &total, &blur, w.outages.stretches
	f.OutageOwn, f.OutageUnseen, f.OutageOpen = w.outages.own, w.outages.unseen(), w.outages.open
	if w.atWorst.total > total {
		f.OutageUpTo = &w.atWorst.total
	}
}

// recovery sets the figures of recovery and relapses. unproven is why nothing can be concluded from
// the fault.
func (f *FaultResult) recovery(w *recoveryDetector, unproven string) {
	r, atWorst := w.recovery(false, unproven), w.recovery(true, unproven)
	f.Recovery, f.NotRecovered, f.StillDegraded, f.NextFault = r.took, r.atLeast, r.degraded, w.endedBy
	f.Relapses, f.RelapseTime = uint64(r.count), r.relapsed
	f.RelapseList, f.NotSeen = r.relapses, r.why
	if r.took != nil && (atWorst.took == nil || atWorst.atLeast && !r.atLeast) {
		f.RecoveryOpen = true
	} else if r.took != nil && *atWorst.took > *r.took {
		f.RecoveryUpTo = atWorst.took
	}
}

// impact says for people what a fault did, compared with the time before it in which no other fault
// was in force.
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
	return fmt.Sprintf(
		"errors %s → %s, p95 %s → %s",
		quantity.FormatFraction(*before.ErrorRate),
		errors,
		quantity.FormatDuration(*before.Latency.P95),
		p95,
	)
}

// worstOutage and worstRecovery are how long outage and recovery can have been, if the target is
// blamed for all that the generator may have done.
func worstOutage(f *FaultResult) time.Duration   { return firstOf(f.OutageUpTo, f.Outage) }
func worstRecovery(f *FaultResult) time.Duration { return firstOf(f.RecoveryUpTo, f.Recovery) }

// firstOf is the first that is there.
func firstOf(all ...*time.Duration) time.Duration {
	for _, d := range all {
		if d != nil {
			return *d
		}
	}
	return 0
}

// ofFault puts the results of all injections of a name together: the longest recovery, and
// the sum of outages and relapses. why says that there is nothing to judge by.
func ofFault(all []*View, name string) (v *View, why string) {
	var sum *FaultResult
	unknown := false // how long the recovery of one was
	for _, v := range all {
		f := v.Fault
		if f.Name != name {
			continue
		}
		unknown = unknown || f.Recovery == nil || f.NotRecovered
		if sum == nil {
			first := *f
			sum = &first
			continue
		}
		before := *sum
		if f.Outage != nil {
			total := *f.Outage
			if sum.Outage != nil {
				total += *sum.Outage
			}
			sum.Outage = &total
		}
		sum.OutageOwn += f.OutageOwn
		sum.OutageUnseen += f.OutageUnseen
		sum.OutageOpen = sum.OutageOpen || f.OutageOpen
		if f.OutageUpTo != nil || sum.OutageUpTo != nil {
			most := worstOutage(f) + worstOutage(&before)
			sum.OutageUpTo = &most
		}
		if most := max(worstRecovery(f), worstRecovery(&before)); f.RecoveryUpTo != nil ||
			sum.RecoveryUpTo != nil {
			sum.RecoveryUpTo = &most
		}
		sum.RecoveryOpen = sum.RecoveryOpen || f.RecoveryOpen
		sum.Relapses += f.Relapses
		if f.Recovery != nil && (sum.Recovery == nil || *f.Recovery > *sum.Recovery) {
			sum.Recovery = f.Recovery
		}
		if f.Recovery == nil || f.NotRecovered || f.OutageOpen {
			sum.NextFault = f.NextFault
		}
		if f.NotSeen != "" && sum.NotSeen == "" {
			sum.NotSeen = f.NotSeen
		}
	}
	if sum == nil {
		return nil, fmt.Sprintf("the run has no fault %q", name)
	}
	sum.NotRecovered = unknown
	return &View{Fault: sum}, ""
}
