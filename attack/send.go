package attack

import (
	"context"
	"errors"
	"time"
)

// send sends an arrival, and records what came of it. jar holds the cookies of
// who makes it, if it is a flow; nil for somebody new.
func (a *attack) send(s *seat, w waiting, jar *cookies) {
	if w.Whole {
		a.flow(s, w, jar)
		return
	}
	a.request(s, w, nil)
	a.ownPart(s, &s.result)
	a.record(s)
}

// request sends one request; what came of it is in s.result. c is who makes it,
// if it is a step of a flow.
func (a *attack) request(s *seat, w waiting, c *caller) {
	r := &s.result
	*r = Result{Arrival: w.Arrival, Outcome: Done, Acted: w.Acted}
	deadline := a.deadline(&w.Arrival)
	switch now := a.Clock(); {
	case a.ctx.Err() != nil:
		a.never(r, Interrupted)
		return
	case now >= a.hopeless(&w.Arrival, now):
		a.never(r, Unsent)
		return
	}
	call, err := a.call(w.Arrival, c)
	if err != nil {
		r.Sent = a.Clock()
		r.Done = r.Sent
		r.Kind, r.Detail, r.Secrets = KindTemplate, clip(err.Error(), maxDetail), a.secrets(&w.Arrival, nil, c, nil)
		return
	}
	a.live.InFlight.Add(1)
	by := Deadlines{Done: a.Start.Add(deadline)}
	if a.plan.Connections.PerHost > 0 {
		by.Send = a.lastToSend(w.Arrival)
	}
	reply := a.sendBy(by, call)
	a.live.InFlight.Add(-1)
	if reply.Err == errNoConnection {
		call.release()
		a.never(r, Unsent)
		if r.Kind == KindUnsent {
			r.Detail = a.actions[r.Request].unsent.busy
		}
		return
	}
	// What is recorded relies on intended ≤ sent ≤ done, whatever an engine says.
	r.Sent = max(reply.Sent.Sub(a.Start), w.Acted)
	r.Done = max(reply.Done.Sub(a.Start), r.Sent)
	r.Phases = reply.Phases
	// One that failed by itself, just as the run was cut off, is an error.
	if reply.Err != nil && a.ctx.Err() != nil && errors.Is(reply.Err, context.Cause(a.ctx)) && r.Done < deadline {
		r.Outcome = Interrupted
		call.release()
		return
	}
	if reply.Err == nil && r.Done > deadline {
		reply.tooLate()
	}
	r.Status, r.BytesIn, r.BytesOut = reply.Status, reply.BytesIn, reply.BytesOut
	action := &a.actions[r.Request]
	r.Kind, r.Detail = action.check.reply(&reply, r.Done-r.Intended)
	switch {
	case r.Kind == "":
		action.reserve.answered(r.Done-r.Sent, r.Done)
	case (r.Kind == KindTimeout || r.Kind == KindStalled) && r.Sent-r.Intended > action.timeout/2:
		action.reserve.wasted(r.Sent, r.Done)
	}
	if c != nil {
		if !reply.keptCookies {
			c.cookies.keep(originOf(call), reply.cookieLines())
		}
		if r.Kind == "" {
			r.Kind, r.Detail = c.learn(&reply)
		}
	}
	if (r.Kind == KindReset || r.Kind == KindEOF) && !reply.Opened.IsZero() {
		r.Opened = reply.Opened.Sub(a.Start)
	}
	if r.Kind != "" {
		a.explain(r, call, c, &reply)
	}
	if r.Kind == KindNotAllowed && a.Refused != nil {
		a.Refused(reply.Err)
	}
	call.release()
}

// explain keeps the answer if it is to be a sample, and what is secret of all that is
// told of it.
func (a *attack) explain(r *Result, call *Call, c *caller, reply *Reply) {
	sample := a.wantsSample(r)
	if !sample && !quotes(r.Kind) {
		return
	}
	if reply.Err == nil {
		_ = reply.unpack() // what cannot be unpacked is shown as it came
	}
	r.Secrets = a.secrets(&r.Arrival, call, c, reply)
	if sample {
		r.Sample = newSample(call, reply)
	}
}

// call makes the call of an arrival.
func (a *attack) call(r Arrival, c *caller) (*Call, error) {
	if c == nil {
		return a.build.Build(r)
	}
	return a.build.BuildWith(r, &c.given)
}

// sendBy has the engine send call.
func (a *attack) sendBy(by Deadlines, call *Call) Reply {
	if e, ok := a.Engine.(DeadlineSender); ok {
		return e.SendBy(a.ctx, by, call)
	}
	ctx, cancel := context.WithDeadline(a.ctx, by.Done)
	defer cancel()
	if by.Send != nil {
		ctx = withSendBy(ctx, by.Send)
	}
	return a.Engine.Send(ctx, call)
}

// giveUp records an arrival that was never sent, of a flow its first request
// too.
func (a *attack) giveUp(s *seat, w waiting, o Outcome) { a.notSent(s, w, o, KindUnsent) }

// skip records an arrival that the generator was too late for.
func (a *attack) skip(s *seat, w waiting) {
	a.notSent(s, w, Unsent, KindSkipped)
}

func (a *attack) notSent(s *seat, w waiting, o Outcome, kind string) {
	record := func(r Arrival) {
		s.result = Result{Arrival: r, Acted: w.Acted}
		a.never(&s.result, o)
		if kind == KindSkipped {
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
func (a *attack) never(r *Result, o Outcome) {
	r.Outcome, r.Done = o, a.Clock()
	if o == Unsent {
		action := a.action(&r.Arrival)
		why := &action.unsent
		r.Kind = KindUnsent
		switch deadline := r.Intended + action.timeout; {
		case r.Acted-r.Intended > action.timeout/2:
			r.Kind, r.Detail = KindLate, why.late
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

func (a *attack) record(s *seat) {
	switch s.result.Outcome {
	case Done:
		a.done.Add(1)
	case Unsent:
		a.unsent.Add(1)
	case Interrupted:
		a.interrupted.Add(1)
	}
	a.Sink.Record(s.number, &s.result)
}

// announce tells of an arrival that came due, of a flow of its first request too.
func (a *attack) announce(r Arrival) {
	a.Sink.Planned(r)
	if r.Whole {
		a.Sink.Planned(a.first(r))
	}
	a.live.Planned.Add(1)
}

// action is that of an arrival's request, of a flow that of its first.
func (a *attack) action(r *Arrival) *action {
	if r.Whole {
		return &a.actions[a.flows[r.Request].steps[0].Request]
	}
	return &a.actions[r.Request]
}

// hopeless is when it is too late to send an arrival.
func (a *attack) hopeless(r *Arrival, now time.Duration) time.Duration {
	action := a.action(r)
	return r.Intended + action.timeout - action.reserve.at(now)
}

// lastToSend tells until when an arrival may be sent, as it is known when asked.
func (a *attack) lastToSend(r Arrival) func() time.Time {
	return func() time.Time { return a.Start.Add(a.hopeless(&r, a.Clock())) }
}

func (a *attack) deadline(r *Arrival) time.Duration { return r.Intended + a.action(r).timeout }
