package runner

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// caller makes the requests of a flow.
type caller struct {
	flow, step int // the present one
	session    attack.Session
	single     [1]any // what Session.Kept is if there is one client
}

// newCaller returns the caller of a flow. kept is what clients keep of it; nil for a new
// caller.
func (a *runner) newCaller(flow int, nth uint64, kept []any) *caller {
	c := &caller{flow: flow}
	c.session.Values = payload.ValuesOf(a.plan.Flows[flow].Data, nth)
	if c.session.Kept = kept; kept == nil {
		if c.session.Kept = c.single[:]; len(a.clients) > 1 {
			c.session.Kept = make([]any, len(a.clients))
		}
	}
	return c
}

// runFlow sends the requests of a flow, one after the other, and records each request and the flow
// itself. The flow's response time is the sum of the requests' response times, without think time.
// kept is what clients keep of the caller; nil for a new caller.
func (a *runner) runFlow(s *recorderSlot, w waiting, kept []any) {
	f := &a.plan.Flows[w.Request]
	c := a.newCaller(w.Request, w.Nth, kept)
	whole := attack.Result{Arrival: w.Arrival, End: attack.Done, Dispatched: w.Dispatched}
	due, dispatched := w.Intended, w.Dispatched
	var took time.Duration
	for k := range f.Steps {
		step := &f.Steps[k]
		c.step = k
		r := a.firstStep(w.Arrival)
		r.Seq, r.Request, r.Intended = w.Seq+1+uint64(k), step.Request, due
		if k > 0 {
			r.Stage = a.stageAt(due)
			a.announce(r)
		}
		a.sendRequest(s, waiting{r, dispatched}, c)
		got := &s.result
		a.setOwnDelay(s, got)
		whole.Delay += got.Delay
		whole.Doubtful = got.Doubtful
		if k == 0 {
			whole.Sent = got.Sent
		}
		took += got.Done - got.Intended
		whole.End, whole.Class, whole.Code, whole.Kind = got.End, got.Class, got.Code, got.Kind
		whole.Opened = got.Opened
		whole.BytesIn += got.BytesIn
		whole.BytesOut += got.BytesOut
		due = got.Done
		if got.Detail != "" {
			detail := a.plan.Requests[step.Request].Name + ": " + got.Detail
			whole.Detail, whole.Secrets = plaintext.Clip(detail, timeline.MaxDetail), got.Secrets
		}
		a.record(s)
		if whole.Kind != "" || whole.End != attack.Done {
			break
		}
		if k == len(f.Steps)-1 {
			break
		}
		// A stop ends it here, even if the load itself was over.
		if !a.until(due + step.Think) {
			whole.End = attack.Interrupted
			break
		}
		// If thinking takes longer as the generator has no time, that is schedule delay.
		due += step.Think
		whole.ThinkTime += step.Think
		dispatched = max(due, a.Clock())
		whole.Dispatched = max(
			whole.Dispatched,
			whole.Intended+dispatched-due,
		) // the flow is as late as its latest step
	}
	whole.Done = whole.Intended + took
	s.result = whole
	a.recordFlow(s)
}

// firstStep is the arrival of a flow's first request; another arrival is returned as it is.
func (a *runner) firstStep(r attack.Arrival) attack.Arrival {
	if r.IsFlow {
		r.Seq, r.Request, r.IsFlow = r.Seq+1, a.plan.Flows[r.Request].Steps[0].Request, false
	}
	return r
}

// recordFlow records the result of a flow.
func (a *runner) recordFlow(s *recorderSlot) {
	if s.result.End == attack.Interrupted {
		a.cutOff.Add(1)
	}
	a.Sink.Record(s.number, &s.result)
}

// stageAt is the stage that an instant lies in; what comes after the last
// belongs to it.
func (a *runner) stageAt(t time.Duration) int {
	for i := range a.plan.Stages {
		if t -= a.plan.Stages[i].For; t < 0 {
			return i
		}
	}
	return len(a.plan.Stages) - 1
}
