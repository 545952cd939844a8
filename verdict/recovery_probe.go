package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// probeRecoveries follow, of each fault whose recovery and outage are asked of a probe, what that
// probe found from when the fault struck on.
type probeRecoveries struct {
	tl  *timeline.Timeline
	all []*probeRecovery // by tl.Faults; nil: the load is asked
	// held are readings that one that was due before them may still follow, by probe, in order of
	// when they were due.
	held map[string][]timeline.Reading
}

// probeRecovery is what a probe found around one injection.
type probeRecovery struct {
	limits timeline.Normal
	// sure leaves out what is missing, and worst takes it for failures.
	sure, worst probeTrack
	every       time.Duration
}

// probeTrack follows a service by the answers to a probe. Its zero value has heard of none.
type probeTrack struct {
	heard bool
	last  time.Duration // when the last answer was due

	// Of the outage.
	down       bool
	first      time.Duration // when the probe was due that failed first
	lastBad    time.Duration // when one was due that failed last
	unknown    time.Duration // before first, of which nothing is known
	total      time.Duration
	missed     time.Duration // sum of unknown over all outages
	stretches  uint64
	resolution time.Duration // at the edges of outages
	gap        time.Duration // the longest time between two answers

	// Of what came after the disturbance.
	after     bool // there was an answer
	failed    bool // one of them failed
	failing   bool // the last one did
	badUntil  time.Duration
	normal    bool
	since     time.Duration // normal is, from then on
	stable    time.Duration // for how long it is
	recovered *time.Duration
	relapses  []timeline.Window // the first of them
	relapse   timeline.Window   // the last one
	count     int
	relapsed  time.Duration // length of all
}

func newProbeRecoveries(tl *timeline.Timeline) *probeRecoveries {
	p := &probeRecoveries{tl: tl, held: map[string][]timeline.Reading{}}
	for i := range tl.Faults {
		var one *probeRecovery
		if limits := tl.NormalAfter(tl.Faults[i].Name); limits.Probe != "" {
			one = &probeRecovery{limits: limits}
			p.held[limits.Probe] = nil
		}
		p.all = append(p.all, one)
	}
	return p
}

// latest is how many times Every after it was due a probe is told of at the latest: it waits for
// no longer.
const latest = 10

// add takes in a reading, of which it is known what disturbances it met.
func (p *probeRecoveries) add(r *timeline.Reading) {
	held, asked := p.held[r.Name]
	if !asked || r.Kind != timeline.ProbeSubject {
		return
	}
	at, _ := slices.BinarySearchFunc(held, r.From, func(h timeline.Reading, from time.Duration) int {
		return cmp.Compare(h.From, from)
	})
	held = slices.Insert(held, at, *r)
	n := 0
	for ; n < len(held) && held[n].From+latest*held[n].Every < r.To; n++ {
		for i, one := range p.all {
			if one != nil && one.limits.Probe == r.Name {
				one.add(&held[n], p.tl, i)
			}
		}
	}
	p.held[r.Name] = slices.Delete(held, 0, n)
}

// spell is the time of a fault: from when it struck until the next one did, with the end of its own
// disturbance; false if it never struck.
func spell(
	tl *timeline.Timeline, i int,
) (own timeline.Window, end time.Duration, next string, ok bool) {
	if own, ok = tl.Faults[i].Disturbance(); !ok || tl.Faults[i].Effective == nil {
		return own, 0, "", false
	}
	end = forever.To
	for k := range tl.Faults {
		o, struck := tl.Faults[k].Disturbance()
		if k != i && struck && o.From >= own.To && o.From < end {
			end, next = o.From, tl.Faults[k].Name
		}
	}
	return own, end, next, true
}

func (p *probeRecovery) add(r *timeline.Reading, tl *timeline.Timeline, i int) {
	own, end, _, ok := spell(tl, i)
	if !ok || r.To < own.From || r.From >= end {
		return
	}
	p.every = r.Every
	failures, known := r.Values.Get(timeline.Failures)
	if known {
		p.sure.add(r, failures > 0, own, p.limits.Stable)
	}
	p.worst.add(r, !known || failures > 0, own, p.limits.Stable)
}

// add takes in the next answer.
func (t *probeTrack) add(
	r *timeline.Reading, bad bool, own timeline.Window, stable time.Duration,
) {
	due := max(r.From, own.From)
	before := own.From // from when on nothing is known
	if t.heard {
		before = t.last
	}
	t.gap = max(t.gap, due-before)
	t.heard, t.last = true, due
	switch {
	case bad && !t.down:
		t.down, t.first, t.unknown = true, due, due-before
		t.lastBad = due
	case bad:
		t.lastBad = due
	case t.down:
		t.up(r.To)
	}
	if r.From >= own.To {
		t.afterwards(r, bad, own.To, stable)
	}
}

// up says that the service was up at an instant.
func (t *probeTrack) up(at time.Duration) {
	t.down = false
	t.total += at - t.first
	t.missed += t.unknown
	t.stretches++
	t.resolution = max(t.resolution, t.unknown, at-t.lastBad)
}

// afterwards takes in an answer after the disturbance ended.
func (t *probeTrack) afterwards(
	r *timeline.Reading, bad bool, ended, stable time.Duration,
) {
	wasFailing := t.failing
	t.after, t.failing = true, bad
	switch {
	case bad && t.recovered != nil:
		if !wasFailing {
			t.count++
			t.relapse = timeline.Window{From: r.From, To: r.From}
			if len(t.relapses) < maxRelapses {
				t.relapses = append(t.relapses, t.relapse)
			}
		}
		t.relapseUntil(r.To)
	case bad:
		t.failed, t.normal, t.stable, t.badUntil = true, false, 0, r.To
	case t.recovered != nil:
		if wasFailing {
			t.relapseUntil(r.To)
		}
	case !t.normal:
		t.normal, t.since = true, r.To
		if !t.failed {
			t.since = ended
		}
		fallthrough
	default:
		if t.stable = r.To - t.since; t.stable >= stable {
			took := t.since - ended
			t.recovered = &took
		}
	}
}

// relapseUntil extends the relapse that is under way.
func (t *probeTrack) relapseUntil(at time.Duration) {
	if at <= t.relapse.To {
		return
	}
	t.relapsed += at - t.relapse.To
	t.relapse.To = at
	if t.count <= maxRelapses {
		t.relapses[t.count-1] = t.relapse
	}
}

// report sets what is known by now of the faults that a probe is asked about. It changes nothing
// else.
func (p *probeRecoveries) report(results []FaultResult, j *Judging) {
	for i, one := range p.all {
		if one == nil {
			continue
		}
		c := *one
		c.sure.relapses = slices.Clone(c.sure.relapses)
		c.worst.relapses = slices.Clone(c.worst.relapses)
		held := p.held[one.limits.Probe]
		for k := range held {
			c.add(&held[k], p.tl, i)
		}
		c.report(&results[i], p.tl, i, j.unproven(&p.tl.Faults[i]))
	}
}

// report sets the figures of a fault.
func (p *probeRecovery) report(
	f *FaultResult, tl *timeline.Timeline, i int, unproven string,
) {
	own, end, next, struck := spell(tl, i)
	probe := timeline.Subject{Kind: timeline.ProbeSubject, Name: p.limits.Probe}
	f.AskedOf, f.NextFault = probe.String(), next
	if p.every > 0 {
		f.AskedEvery = &p.every
	}
	end = min(end, tl.Duration)
	if struck && own.From < tl.Duration {
		p.sure.finish(end)
		p.worst.finish(end)
	}
	if t := &p.sure; t.heard {
		blur := t.resolution
		if t.stretches == 0 {
			blur = t.gap
			f.OutageUnseen = t.gap
		} else {
			f.OutageUnseen = t.missed
		}
		f.Outage, f.OutageResolution, f.Outages = &t.total, &blur, t.stretches
		f.OutageOpen = t.down
		if p.worst.total > t.total {
			f.OutageUpTo = &p.worst.total
		}
	}
	took, least, why := p.sure.recovery(tl, i, own, p.limits, unproven)
	worst, worstLeast, _ := p.worst.recovery(tl, i, own, p.limits, unproven)
	f.Recovery, f.NotRecovered, f.NotSeen = took, least, why
	f.StillDegraded = least && p.sure.failing
	f.Relapses, f.RelapseTime = uint64(p.sure.count), p.sure.relapsed
	f.RelapseList = p.sure.relapses
	switch {
	case took == nil:
	case worst == nil || worstLeast && !least:
		f.RecoveryOpen = true
	case *worst > *took:
		f.RecoveryUpTo = worst
	}
}

// finish ends the time: an outage that is open then lasted until then.
func (t *probeTrack) finish(end time.Duration) {
	if t.heard {
		t.gap = max(t.gap, end-t.last)
	}
	if t.down {
		t.up(max(end, t.first))
		t.down = true
	}
}

// recovery is how long it took until the service was normal, nil if that is not known; least says
// that it is a lower bound, and why what is missing.
func (t *probeTrack) recovery(
	tl *timeline.Timeline, i int, own timeline.Window, limits timeline.Normal, unproven string,
) (took *time.Duration, least bool, why string) {
	fault := &tl.Faults[i]
	probe := timeline.Subject{Kind: timeline.ProbeSubject, Name: limits.Probe}
	switch {
	case fault.Injecting == nil || fault.Effective == nil:
		return nil, false, unproven
	case fault.Reverted == nil:
		return nil, false, fmt.Sprintf("the fault %q was not reverted during the load", fault.Name)
	case t.recovered != nil:
		return t.recovered, false, ""
	case !t.after:
		return nil, false, fmt.Sprintf("there was no answer to %s after %q ended", probe, fault.Name)
	case !t.failed:
		return nil, false, fmt.Sprintf("%s succeeded for %s after %q ended, of %s that are needed",
			probe, quantity.FormatDuration(t.stable), fault.Name, quantity.FormatDuration(limits.Stable))
	}
	d := t.badUntil - own.To
	if t.failing {
		return &d, true, fmt.Sprintf("%s still failed %s after %q ended",
			probe, quantity.FormatDuration(d), fault.Name)
	}
	return &d, true, fmt.Sprintf("%s failed until %s after %q ended, and then succeeded for %s only, "+
		"of %s that are needed", probe, quantity.FormatDuration(d), fault.Name,
		quantity.FormatDuration(t.stable), quantity.FormatDuration(limits.Stable))
}
