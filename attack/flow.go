package attack

import (
	"fmt"
	"maps"
	"time"
)

// flow is a Flow, compiled.
type flow struct {
	*Flow
	steps []step
}

type step struct {
	Step
	name     string
	captures []*capture
}

func newFlows(p *Plan) ([]flow, error) {
	flows := make([]flow, len(p.Flows))
	for i := range p.Flows {
		f := &p.Flows[i]
		flows[i].Flow = f
		if len(f.Steps) == 0 {
			return nil, fmt.Errorf("flow %q: expected at least one step, found none", f.Name)
		}
		for _, s := range f.Steps {
			if s.Request < 0 || s.Request >= len(p.Requests) {
				return nil, fmt.Errorf("flow %q: expected the index of a request, found %d", f.Name, s.Request)
			}
			st := step{Step: s, name: p.Requests[s.Request].Name}
			for _, c := range s.Captures {
				compiled, err := newCapture(c)
				if err != nil {
					return nil, fmt.Errorf("request %q: capture %s: %w", st.name, c.Name, err)
				}
				st.captures = append(st.captures, compiled)
			}
			flows[i].steps = append(flows[i].steps, st)
		}
	}
	return flows, nil
}

// caller is who makes the requests of a flow: what it was told to keep.
type caller struct {
	step *step // the present one
	given
}

// flow makes the requests of a whole flow, one after the other, and records it
// and each of them. Its response time is the sum of theirs: what its caller
// waited for, and not what it thought about. jar is the caller's; nil for one who comes for
// the first time.
func (a *attack) flow(s *seat, w waiting, jar *cookies) {
	f := &a.flows[w.Request]
	if jar == nil {
		jar = newCookies()
	}
	c := &caller{given: given{captured: make(map[string]string), cookies: jar}}
	if n := f.Data.Len(); n > 0 {
		at := int(w.Nth % uint64(n))
		maps.Insert(c.captured, f.Data.Row(at))
		if f.Data.typed {
			c.kinds = make(map[string]valueKind)
			for column := range c.captured {
				c.kinds[column] = f.Data.kind(at, column)
			}
		}
	}
	whole := Result{Arrival: w.Arrival, Outcome: Done, Acted: w.Acted}
	due, acted := w.Intended, w.Acted
	var took time.Duration
	for k := range f.steps {
		c.step = &f.steps[k]
		r := a.first(w.Arrival)
		r.Seq, r.Request, r.Intended = w.Seq+1+uint64(k), c.step.Request, due
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
		whole.Outcome, whole.Status, whole.Kind = got.Outcome, got.Status, got.Kind
		whole.BytesIn += got.BytesIn
		whole.BytesOut += got.BytesOut
		due = got.Done
		if got.Kind != "" {
			whole.Detail, whole.Secrets = clip(c.step.name+": "+got.Detail, maxDetail), got.Secrets
		}
		a.record(s)
		if whole.Kind != "" || whole.Outcome != Done {
			break
		}
		if k == len(f.steps)-1 {
			break
		}
		// A stop ends it here, even if the load itself was over.
		if !a.until(due + c.step.Think) {
			whole.Outcome = Interrupted
			break
		}
		// When it is ready is when its caller says so: thinking that takes longer, as
		// the generator has no time, is lateness and not the target's doing.
		due += c.step.Think
		whole.Thought += c.step.Think
		acted = max(due, a.Clock())
		whole.Acted = max(whole.Acted, whole.Intended+acted-due) // as late as its latest step
	}
	whole.Done = whole.Intended + took
	s.result = whole
	a.recordWhole(s)
}

// first is the arrival of a flow's first request; of another arrival itself.
func (a *attack) first(r Arrival) Arrival {
	if r.Whole {
		r.Seq, r.Request, r.Whole = r.Seq+1, a.flows[r.Request].steps[0].Request, false
	}
	return r
}

// recordWhole records a whole flow.
func (a *attack) recordWhole(s *seat) {
	if s.result.Outcome == Interrupted {
		a.cutOff.Add(1)
	}
	a.Sink.Record(s.number, &s.result)
}

// stageAt is the stage that an instant lies in; what comes after the last
// belongs to it.
func (a *attack) stageAt(t time.Duration) int {
	for i := range a.plan.Stages {
		if t -= a.plan.Stages[i].For; t < 0 {
			return i
		}
	}
	return len(a.plan.Stages) - 1
}

// learn takes what later steps need from a good answer; the kind of an error if
// it is not there.
func (c *caller) learn(r *Reply) (kind, detail string) {
	for _, x := range c.step.captures {
		v, kind, err := x.takeKind(r)
		if err != nil {
			return KindCapture, err.Error()
		}
		if kind != untyped && c.kinds == nil {
			c.kinds = make(map[string]valueKind)
		}
		if c.captured[x.Name] = v; c.kinds != nil {
			c.kinds[x.Name] = kind // also over that of an earlier value
		}
	}
	return "", ""
}

// wants is what of an answer a request's flow asks for, beside its checks.
type wants struct{ body, header, cookies bool }

// wanted is that of each request of a plan: captures ask for it, and cookies
// that a step may set.
func (p *Plan) wanted() ([]wants, error) {
	out := make([]wants, len(p.Requests))
	flows, err := newFlows(p)
	if err != nil {
		return nil, err
	}
	for _, f := range flows {
		for _, s := range f.steps {
			w := &out[s.Request]
			w.cookies = true
			for _, c := range s.captures {
				w.body = w.body || c.wantBody()
				w.header = w.header || c.wantHeader()
			}
		}
	}
	return out, nil
}
