package runner

import (
	"context"
	"errors"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// send sends an arrival and records its result. kept is what clients keep of the caller if
// it is a flow; nil for a new caller.
func (a *runner) send(s *recorderSlot, w waiting, kept []any) {
	if w.IsFlow {
		a.runFlow(s, w, kept)
		return
	}
	a.sendRequest(s, w, nil)
	a.setOwnDelay(s, &s.result)
	a.record(s)
}

// tooLate is the detail of an answer that was complete only after its timeout. A
// client ends a call when a timer wakes it, and a machine that is busy wakes it late:
// what came until then is no answer, as its caller has left.
const tooLate = "the answer was complete only after the timeout"

// sendRequest sends one request; its result is in s.result. c is the caller if it is a step
// of a flow.
func (a *runner) sendRequest(s *recorderSlot, w waiting, c *caller) {
	r := &s.result
	*r = attack.Result{Arrival: w.Arrival, End: attack.Done, Dispatched: w.Dispatched}
	s.tooLate = false
	deadline := a.deadline(&w.Arrival)
	switch now := a.Clock(); {
	case a.ctx.Err() != nil:
		a.setNotSent(r, attack.Interrupted)
		return
	case now >= a.latestUsefulSend(&w.Arrival, now):
		a.setNotSent(r, attack.Unsent)
		return
	}
	action := &a.actions[r.Request]
	s.call = attack.Call{
		Arrival: w.Arrival,
		Due:     a.Start.Add(w.Intended),
		By:      wire.Deadlines{Done: a.Start.Add(deadline)},
		Step:    -1,
	}
	if a.plan.Connections.PerHost > 0 {
		s.call.By.Send = a.sendDeadline(w.Arrival)
	}
	if c != nil {
		s.call.Flow, s.call.Step, s.call.Session = c.flow, c.step, &c.session
		s.call.Kept = &c.session.Kept[action.client]
	}
	o := &s.outcome
	*o = attack.Outcome{}
	a.counters.InFlight.Add(1)
	a.clients[action.client].Call(a.ctx, &s.call, o)
	a.counters.InFlight.Add(-1)
	defer o.Release()
	if o.Err == wire.ErrNoConnection {
		a.setNotSent(r, attack.Unsent)
		if r.Kind == timeline.KindUnsent {
			r.Detail = action.unsent.noConnection
		}
		return
	}
	// What is recorded relies on intended ≤ sent ≤ done, whatever a client says.
	r.Sent = max(o.Sent.Sub(a.Start), w.Dispatched)
	r.Done = max(o.Done.Sub(a.Start), r.Sent)
	r.Phases, r.Counts = o.Phases, o.Counts
	// A request that failed by itself, just as the run was cut off, is an error.
	if o.Err != nil && a.ctx.Err() != nil && errors.Is(o.Err, context.Cause(a.ctx)) &&
		r.Done < deadline {
		r.End = attack.Interrupted
		a.watchCall(s)
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
		action.headroom.completed(r.Done-r.Sent, r.Done)
	case (r.Kind == timeline.KindTimeout || r.Kind == timeline.KindStalled) && r.Sent-r.Intended > action.timeout/2:
		action.headroom.deadlineMissed(r.Sent, r.Done)
	}
	if r.Kind != "" && timeline.KindNamed(r.Kind).Lost && !o.Opened.IsZero() {
		r.Opened = o.Opened.Sub(a.Start)
	}
	if r.Kind != "" && !s.tooLate {
		a.explain(r, o)
	}
	if r.Kind == timeline.KindNotAllowed && a.Refused != nil {
		a.Refused(o.Err)
	}
	a.watchCall(s)
}

// explain sets the Detail of an error, and its Sample, as far as the sink wants them.
func (a *runner) explain(r *attack.Result, o *attack.Outcome) {
	switch detail, sample := a.wanted(r); {
	case !detail && !sample:
	case o.Exchange != nil:
		o.Exchange.Explain(r, sample)
	case o.Err != nil:
		r.Detail = wire.Detail(r.Kind, o.Err)
	}
}

// watchCall shows a call to whoever watches.
func (a *runner) watchCall(s *recorderSlot) {
	if a.Watch == nil {
		return
	}
	var answer *expect.Answer
	if x, ok := s.outcome.Exchange.(attack.Answered); ok {
		answer = x.Answer()
	}
	a.Watch(&s.call, &s.result, answer)
}

// wanted says whether the sink wants the detail of an error, and whether it keeps the answer as a
// sample.
func (a *runner) wanted(r *attack.Result) (detail, sample bool) {
	if timeline.KindNamed(r.Kind).Answered {
		sample = a.samples == nil || a.samples.WantsSample(r)
	}
	return sample || a.details == nil || a.details.WantsDetail(r), sample
}

// giveUp records an arrival that was never sent. Of a flow it records the first request
// too.
func (a *runner) giveUp(s *recorderSlot, w waiting, o attack.End) {
	a.notSent(s, w, o, timeline.KindUnsent)
}

// skip records an arrival that the generator did not send as it was too late for it.
func (a *runner) skip(s *recorderSlot, w waiting) {
	a.notSent(s, w, attack.Unsent, timeline.KindSkipped)
}

func (a *runner) notSent(s *recorderSlot, w waiting, o attack.End, kind string) {
	record := func(r attack.Arrival) {
		s.result = attack.Result{Arrival: r, Dispatched: w.Dispatched}
		a.setNotSent(&s.result, o)
		if kind == timeline.KindSkipped {
			s.result.Kind, s.result.Detail = kind, "the generator was late by more than its budget"
		}
		a.setOwnDelay(s, &s.result)
	}
	if w.IsFlow {
		record(w.Arrival)
		a.recordFlow(s)
	}
	record(a.firstStep(w.Arrival))
	a.record(s)
}

// setNotSent makes r the result of an arrival that was not sent.
func (a *runner) setNotSent(r *attack.Result, o attack.End) {
	r.End, r.Done = o, a.Clock()
	if o == attack.Unsent {
		action := a.action(&r.Arrival)
		why := &action.unsent
		r.Kind = timeline.KindUnsent
		switch deadline := r.Intended + action.timeout; {
		case r.Dispatched-r.Intended > action.timeout/2:
			r.Kind, r.Detail = timeline.KindLate, why.generatorLate
		case r.Done < deadline:
			r.Detail = why.noTime
		default:
			r.Detail = why.noSlot
		}
		// A caller would have waited until then.
		r.GivenUp = r.Done
		r.Done = r.Intended + action.timeout
	}
}

func (a *runner) record(s *recorderSlot) {
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

// announce tells the sink of an arrival that came due. Of a flow it announces the first
// request too.
func (a *runner) announce(r attack.Arrival) {
	a.Sink.Planned(r)
	if r.IsFlow {
		a.Sink.Planned(a.firstStep(r))
	}
	a.counters.Planned.Add(1)
}

// action is the action of an arrival's request; of a flow that of its first request.
func (a *runner) action(r *attack.Arrival) *action {
	if r.IsFlow {
		return &a.actions[a.plan.Flows[r.Request].Steps[0].Request]
	}
	return &a.actions[r.Request]
}

// latestUsefulSend is when it becomes too late to send an arrival: its timeout less the
// headroom.
func (a *runner) latestUsefulSend(r *attack.Arrival, now time.Duration) time.Duration {
	action := a.action(r)
	return r.Intended + action.timeout - action.headroom.at(now)
}

// sendDeadline returns a function that tells the latest useful send of an arrival. It is
// asked again while the arrival waits for a connection, as the headroom changes.
func (a *runner) sendDeadline(r attack.Arrival) func() time.Time {
	return func() time.Time { return a.Start.Add(a.latestUsefulSend(&r, a.Clock())) }
}

func (a *runner) deadline(r *attack.Arrival) time.Duration {
	return r.Intended + a.action(r).timeout
}
