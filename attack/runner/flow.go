package runner

import (
	"fmt"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// flowError says what is wrong with the steps of a flow, nil if nothing.
func flowError(p *attack.Plan, f *attack.Flow) error {
	if len(f.Steps) == 0 {
		return fmt.Errorf("flow %q: expected at least one step, found none", f.Name)
	}
	for _, s := range f.Steps {
		if s.Request < 0 || s.Request >= len(p.Requests) {
			return fmt.Errorf("flow %q: expected the index of a request, found %d", f.Name, s.Request)
		}
	}
	return nil
}

// caller is who makes the requests of a flow.
type caller struct {
	flow, step int // the present one
	session    attack.Session
	alone      [1]any // what Session.Kept is if there is one client
}

// newCaller returns the caller of a flow. kept is what clients keep of it; nil for one
// who comes for the first time.
func (a *runner) newCaller(flow int, nth uint64, kept []any) *caller {
	c := &caller{flow: flow}
	c.session.Values = payload.ValuesOf(a.plan.Flows[flow].Data, nth)
	if c.session.Kept = kept; kept == nil {
		if c.session.Kept = c.alone[:]; len(a.clients) > 1 {
			c.session.Kept = make([]any, len(a.clients))
		}
	}
	return c
}

// flow makes the requests of a whole flow, one after the other, and records it
// and each of them. Its response time is the sum of theirs: what its caller
// waited for, and not what it thought about. kept is what clients keep of the caller;
// nil for one who comes for the first time.
func (a *runner) flow(s *seat, w waiting, kept []any) {
	f := &a.plan.Flows[w.Request]
	c := a.newCaller(w.Request, w.Nth, kept)
	whole := attack.Result{Arrival: w.Arrival, End: attack.Done, Acted: w.Acted}
	due, acted := w.Intended, w.Acted
	var took time.Duration
	for k := range f.Steps {
		step := &f.Steps[k]
		c.step = k
		r := a.first(w.Arrival)
		r.Seq, r.Request, r.Intended = w.Seq+1+uint64(k), step.Request, due
		if k > 0 {
			r.Stage = a.stageAt(due)
			a.announce(r)
		}
		a.request(s, waiting{r, acted}, c)
		got := &s.result
		a.ownPart(s, got)
		whole.Delay += got.Delay
		whole.Doubtful = got.Doubtful
		if k == 0 {
			whole.Sent = got.Sent
		}
		took += got.Done - got.Intended
		whole.End, whole.Class, whole.Code, whole.Kind = got.End, got.Class, got.Code, got.Kind
		whole.BytesIn += got.BytesIn
		whole.BytesOut += got.BytesOut
		due = got.Done
		if got.Detail != "" {
			whole.Detail, whole.Secrets = plaintext.Clip(a.plan.Requests[step.Request].Name+": "+got.Detail, timeline.MaxDetail), got.Secrets
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
		// When it is ready is when its caller says so: thinking that takes longer, as
		// the generator has no time, is lateness and not the target's doing.
		due += step.Think
		whole.Thought += step.Think
		acted = max(due, a.Clock())
		whole.Acted = max(whole.Acted, whole.Intended+acted-due) // as late as its latest step
	}
	whole.Done = whole.Intended + took
	s.result = whole
	a.recordWhole(s)
}

// first is the arrival of a flow's first request; of another arrival itself.
func (a *runner) first(r attack.Arrival) attack.Arrival {
	if r.Whole {
		r.Seq, r.Request, r.Whole = r.Seq+1, a.plan.Flows[r.Request].Steps[0].Request, false
	}
	return r
}

// recordWhole records a whole flow.
func (a *runner) recordWhole(s *seat) {
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
