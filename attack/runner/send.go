package runner

import (
	"context"
	"errors"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// send sends an arrival, and records what came of it. kept is what clients keep of who
// makes it, if it is a flow; nil for somebody new.
func (a *runner) send(s *seat, w waiting, kept []any) {
	if w.Whole {
		a.flow(s, w, kept)
		return
	}
	a.request(s, w, nil)
	a.ownPart(s, &s.result)
	a.record(s)
}

// tooLate is the detail of an answer that was complete only after its timeout. A
// client ends a call when a timer wakes it, and a machine that is busy wakes it late:
// what came until then is no answer, as its caller has left.
const tooLate = "the answer was complete only after the timeout"

// request sends one request; what came of it is in s.result. c is who makes it,
// if it is a step of a flow.
func (a *runner) request(s *seat, w waiting, c *caller) {
	r := &s.result
	*r = attack.Result{Arrival: w.Arrival, End: attack.Done, Acted: w.Acted}
	s.tooLate = false
	deadline := a.deadline(&w.Arrival)
	switch now := a.Clock(); {
	case a.ctx.Err() != nil:
		a.never(r, attack.Interrupted)
		return
	case now >= a.hopeless(&w.Arrival, now):
		a.never(r, attack.Unsent)
		return
	}
	action := &a.actions[r.Request]
	s.call = attack.Call{Arrival: w.Arrival, Due: a.Start.Add(w.Intended), By: wire.Deadlines{Done: a.Start.Add(deadline)}, Step: -1}
	if a.plan.Connections.PerHost > 0 {
		s.call.By.Send = a.lastToSend(w.Arrival)
	}
	if c != nil {
		s.call.Flow, s.call.Step, s.call.Session = c.flow, c.step, &c.session
		s.call.Kept = &c.session.Kept[action.client]
	}
	o := &s.outcome
	*o = attack.Outcome{}
	a.live.InFlight.Add(1)
	a.clients[action.client].Call(a.ctx, &s.call, o)
	a.live.InFlight.Add(-1)
	defer o.Release()
	if o.Err == wire.ErrNoConnection {
		a.never(r, attack.Unsent)
		if r.Kind == timeline.KindUnsent {
			r.Detail = action.unsent.busy
		}
		return
	}
	// What is recorded relies on intended ≤ sent ≤ done, whatever a client says.
	r.Sent = max(o.Sent.Sub(a.Start), w.Acted)
	r.Done = max(o.Done.Sub(a.Start), r.Sent)
	r.Phases, r.Counts = o.Phases, o.Counts
	// One that failed by itself, just as the run was cut off, is an error.
	if o.Err != nil && a.ctx.Err() != nil && errors.Is(o.Err, context.Cause(a.ctx)) && r.Done < deadline {
		r.End = attack.Interrupted
		return
	}
	r.BytesIn, r.BytesOut = o.BytesIn, o.BytesOut
	r.Class, r.Code, r.Kind = o.Class, o.Code, o.Kind
	if s.tooLate = o.Class != attack.Failed && r.Done > deadline; s.tooLate {
		r.Class, r.Code = attack.Failed, 0
		r.Kind, r.Detail = timeline.KindTimeout, tooLate
	}
	s.within = o.Within
	switch {
	case r.Kind == "":
		action.reserve.answered(r.Done-r.Sent, r.Done)
	case (r.Kind == timeline.KindTimeout || r.Kind == timeline.KindStalled) && r.Sent-r.Intended > action.timeout/2:
		action.reserve.wasted(r.Sent, r.Done)
	}
	if r.Kind != "" && timeline.KindNamed(r.Kind).Lost && !o.Opened.IsZero() {
		r.Opened = o.Opened.Sub(a.Start)
	}
	if r.Kind != "" && !s.tooLate && o.Exchange != nil {
		if detail, sample := a.wanted(r); detail || sample {
			o.Exchange.Explain(r, sample)
		}
	}
	if r.Kind == timeline.KindNotAllowed && a.Refused != nil {
		a.Refused(o.Err)
	}
}

// wanted says whether anybody wants to know more of an error than its kind, and
// whether its answer is to be kept.
func (a *runner) wanted(r *attack.Result) (detail, sample bool) {
	if timeline.KindNamed(r.Kind).Answered {
		sample = a.samples == nil || a.samples.WantsSample(r)
	}
	return sample || a.details == nil || a.details.WantsDetail(r), sample
}

// giveUp records an arrival that was never sent, of a flow its first request
// too.
func (a *runner) giveUp(s *seat, w waiting, o attack.End) { a.notSent(s, w, o, timeline.KindUnsent) }

// skip records an arrival that the generator was too late for.
func (a *runner) skip(s *seat, w waiting) {
	a.notSent(s, w, attack.Unsent, timeline.KindSkipped)
}

func (a *runner) notSent(s *seat, w waiting, o attack.End, kind string) {
	record := func(r attack.Arrival) {
		s.result = attack.Result{Arrival: r, Acted: w.Acted}
		a.never(&s.result, o)
		if kind == timeline.KindSkipped {
			s.result.Kind, s.result.Detail = kind, "the generator was late by more than its budget"
		}
		a.ownPart(s, &s.result)
	}
	if w.Whole {
		record(w.Arrival)
		a.recordWhole(s)
	}
	record(a.first(w.Arrival))
	a.record(s)
}

// never makes r the result of an arrival that was not sent.
func (a *runner) never(r *attack.Result, o attack.End) {
	r.End, r.Done = o, a.Clock()
	if o == attack.Unsent {
		action := a.action(&r.Arrival)
		why := &action.unsent
		r.Kind = timeline.KindUnsent
		switch deadline := r.Intended + action.timeout; {
		case r.Acted-r.Intended > action.timeout/2:
			r.Kind, r.Detail = timeline.KindLate, why.late
		case r.Done < deadline:
			r.Detail = why.soon
		default:
			r.Detail = why.full
		}
		// Whoever waited for it would have waited for that long.
		r.GivenUp = r.Done
		r.Done = r.Intended + action.timeout
	}
}

func (a *runner) record(s *seat) {
	switch s.result.End {
	case attack.Done:
		a.done.Add(1)
	case attack.Unsent:
		a.unsent.Add(1)
	case attack.Interrupted:
		a.interrupted.Add(1)
	}
	a.Sink.Record(s.number, &s.result)
}

// announce tells of an arrival that came due, of a flow of its first request too.
func (a *runner) announce(r attack.Arrival) {
	a.Sink.Planned(r)
	if r.Whole {
		a.Sink.Planned(a.first(r))
	}
	a.live.Planned.Add(1)
}

// action is that of an arrival's request, of a flow that of its first.
func (a *runner) action(r *attack.Arrival) *action {
	if r.Whole {
		return &a.actions[a.plan.Flows[r.Request].Steps[0].Request]
	}
	return &a.actions[r.Request]
}

// hopeless is when it is too late to send an arrival.
func (a *runner) hopeless(r *attack.Arrival, now time.Duration) time.Duration {
	action := a.action(r)
	return r.Intended + action.timeout - action.reserve.at(now)
}

// lastToSend tells until when an arrival may be sent, as it is known when asked.
func (a *runner) lastToSend(r attack.Arrival) func() time.Time {
	return func() time.Time { return a.Start.Add(a.hopeless(&r, a.Clock())) }
}

func (a *runner) deadline(r *attack.Arrival) time.Duration { return r.Intended + a.action(r).timeout }
