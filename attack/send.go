package attack

import (
	"context"
	"errors"
	"time"
)

// send sends an arrival, and records what came of it.
func (a *attack) send(s *seat, w waiting) {
	a.request(s, w)
	a.record(s)
}

// request sends an arrival's request; what came of it is in s.result.
func (a *attack) request(s *seat, w waiting) {
	r := &s.result
	*r = Result{Arrival: w.Arrival, Outcome: Done, Acted: w.Acted}
	deadline := a.deadline(&w.Arrival)
	switch {
	case a.ctx.Err() != nil:
		a.unsentResult(r, Interrupted)
		return
	case a.Clock() >= deadline:
		a.unsentResult(r, Unsent)
		return
	}
	call, err := a.build(w.Arrival)
	if err != nil {
		r.Sent = a.Clock()
		r.Done = r.Sent
		r.Kind, r.Detail = KindTemplate, clip(err.Error(), maxDetail)
		return
	}
	a.live.InFlight.Add(1)
	reply := a.sendBy(a.Start.Add(deadline), call)
	a.live.InFlight.Add(-1)
	// What is recorded relies on intended ≤ sent ≤ done, whatever an engine says.
	r.Sent = max(reply.Sent.Sub(a.Start), w.Acted)
	r.Done = max(reply.Done.Sub(a.Start), r.Sent)
	r.Connect, r.Handshake = reply.Connect, reply.Handshake
	// One that failed by itself, just as the run was cut off, is an error.
	if reply.Err != nil && a.ctx.Err() != nil && errors.Is(reply.Err, context.Cause(a.ctx)) && r.Done < deadline {
		r.Outcome = Interrupted
		return
	}
	r.Status, r.BytesIn, r.BytesOut = reply.Status, reply.BytesIn, reply.BytesOut
	r.Kind, r.Detail = a.action(&w.Arrival).check.reply(&reply, r.Done-r.Intended)
}

// sendBy has the engine send call, until deadline at most.
func (a *attack) sendBy(deadline time.Time, call *Call) Reply {
	if e, ok := a.Engine.(DeadlineSender); ok {
		return e.SendBy(a.ctx, deadline, call)
	}
	ctx, cancel := context.WithDeadline(a.ctx, deadline)
	defer cancel()
	return a.Engine.Send(ctx, call)
}

// giveUp records an arrival that was never sent.
func (a *attack) giveUp(s *seat, w waiting, o Outcome) {
	s.result = Result{Arrival: w.Arrival, Acted: w.Acted}
	a.unsentResult(&s.result, o)
	a.record(s)
}

// skip records an arrival that the generator was too late for.
func (a *attack) skip(s *seat, w waiting) {
	s.result = Result{Arrival: w.Arrival, Acted: w.Acted}
	a.unsentResult(&s.result, Unsent)
	s.result.Detail = "skipped, as the generator was late by more than its budget"
	a.record(s)
}

// unsentResult makes r that of an arrival that was never sent.
func (a *attack) unsentResult(r *Result, o Outcome) {
	r.Outcome, r.Done = o, a.Clock()
	if o == Unsent {
		action := a.action(&r.Arrival)
		r.Done = r.Intended + action.timeout
		r.Kind, r.Detail = KindUnsent, action.unsent
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

// announce tells of an arrival that came due.
func (a *attack) announce(r Arrival) {
	a.Sink.Planned(r)
	a.live.Planned.Add(1)
}

// action is that of an arrival's request, of a flow that of its first.
func (a *attack) action(r *Arrival) *action {
	if r.Whole {
		return &a.actions[a.plan.Flows[r.Request].Steps[0].Request]
	}
	return &a.actions[r.Request]
}

func (a *attack) deadline(r *Arrival) time.Duration { return r.Intended + a.action(r).timeout }
