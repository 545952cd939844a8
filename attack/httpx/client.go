// Package httpx is HTTP as a protocol of an attack: it makes the calls of a plan's
// requests, has an engine send them, and judges the answers.
//
// An Engine sends one call and returns its answer. Each engine is a package below this one; package
// protocols lists them. All engines accept and refuse the same answers: the tests of that are in
// package fast.
package httpx

import (
	"context"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Client sends the HTTP requests of a plan by an engine.
type Client struct {
	plan     *attack.Plan
	engine   Engine
	by       DeadlineSender // the engine, if it keeps deadlines by itself
	build    *Builder
	checks   []*expect.Check // by request
	steps    [][]step        // by flow
	secrets  *attack.Secrets
	exchange sync.Pool
}

var (
	_ attack.Client   = (*Client)(nil)
	_ attack.Answered = (*exchange)(nil)
)

// step has the captures of a step of a flow.
type step struct{ captures []*expect.Taker }

// Compile returns what sends the plan's requests of this protocol, by the one of the
// engines that the plan names, or all that is wrong, by field of the plan.
func Compile(p *attack.Plan, engines []EngineKind) (attack.Client, fielderr.List) {
	engine, wrong := NewEngine(p, engines)
	if wrong != nil {
		return nil, wrong
	}
	client, wrong := NewClient(p, engine)
	if wrong != nil {
		_ = engine.Close() // nothing was sent
		return nil, wrong
	}
	return client, nil
}

// NewClient returns what sends the plan's requests by an engine, which it closes, or all
// that is wrong, by field of the plan.
func NewClient(p *attack.Plan, e Engine) (attack.Client, fielderr.List) {
	c := &Client{plan: p, engine: e, secrets: attack.NewSecrets(p)}
	c.by, _ = e.(DeadlineSender)
	c.exchange.New = func() any { return &exchange{client: c} }
	var wrong fielderr.List
	if c.build, wrong = New(p); wrong != nil {
		return nil, wrong
	}
	c.checks = make([]*expect.Check, len(p.Requests))
	for i := range p.Requests {
		spec, ok := p.Requests[i].Spec.(*Request)
		if !ok {
			continue
		}
		wanted := spec.Expect
		if p.Redirects > 0 && len(wanted.Status) == 0 {
			// A redirect that is still there exceeded the limit or led to a foreign host.
			wanted.Status = []int{2}
		}
		c.checks[i], _ = expect.New(wanted) // it compiled before
	}
	c.steps, _ = newSteps(p) // likewise
	return c, nil
}

// newSteps compiles what the steps of flows take from answers.
func newSteps(p *attack.Plan) ([][]step, fielderr.List) {
	var wrong fielderr.List
	out := make([][]step, len(p.Flows))
	for i := range p.Flows {
		for _, s := range p.Flows[i].Steps {
			var st step
			for _, c := range s.Captures {
				compiled, err := expect.NewTaker(c)
				bad := fielderr.Of(err).Below(fielderr.Field("capture", c.Name), "capture "+c.Name)
				wrong = append(wrong, attack.InRequest(p, s.Request, bad)...)
				st.captures = append(st.captures, compiled)
			}
			out[i] = append(out[i], st)
		}
	}
	return out, wrong
}

// Close implements Client.
func (c *Client) Close() error { return c.engine.Close() }

// Renew implements Client.
func (c *Client) Renew() {
	if e, ok := c.engine.(Renewer); ok {
		e.Renew()
	}
}

// Call implements Client.
func (c *Client) Call(ctx context.Context, due *attack.Call, out *attack.Outcome) {
	x := c.exchange.Get().(*exchange)
	x.due, x.jar, x.reply, x.failed, x.capture = due, jarOf(due), Reply{}, nil, -1
	out.Exchange = x
	x.from = Caller{Cookies: x.jar}
	if due.Session != nil {
		x.from.Values = &due.Session.Values
	}
	if x.call, x.failed = c.build.BuildWith(due.Arrival, &x.from); x.failed != nil {
		out.Sent = time.Now()
		out.Done, out.Kind, out.Err = out.Sent, timeline.KindTemplate, x.failed
		return
	}
	r := &x.reply
	*r = c.send(ctx, due.By, x.call)
	out.Sent, out.Done, out.Opened = r.Sent, r.Done, r.Opened
	out.Phases, out.Counts = r.Phases, r.Counts
	out.BytesIn, out.BytesOut = r.BytesIn, r.BytesOut
	if due.Session != nil && !r.KeptCookies {
		x.jar.Keep(SiteOf(x.call), r.CookieLines())
	}
	if r.Err != nil {
		x.failed = r.Err
		out.Kind, out.Err = kindOf(reasonOf(r.Err)), r.Err
		return
	}
	out.Class, out.Code = attack.Good, r.Status
	check := c.checks[due.Request]
	if out.Kind, _ = check.Judge(&r.Answer, x.response(), nil); out.Kind == "" {
		out.Kind = x.learn()
	}
	if out.Kind != "" {
		out.Class = attack.Bad
		out.Within = check.Within
	}
}

// jarOf returns the cookies of the caller; nil if the call is no step of a flow.
func jarOf(due *attack.Call) *Jar {
	if due.Kept == nil {
		return nil
	}
	jar, ok := (*due.Kept).(*Jar)
	if !ok {
		jar = NewJar()
		*due.Kept = jar
	}
	return jar
}

// send has the engine send call.
func (c *Client) send(ctx context.Context, by wire.Deadlines, call *Call) Reply {
	if c.by != nil {
		return c.by.SendBy(ctx, by, call)
	}
	ctx, cancel := context.WithDeadline(ctx, by.Done)
	defer cancel()
	if by.Send != nil {
		ctx = wire.WithSendBy(ctx, by.Send)
	}
	return c.engine.Send(ctx, call)
}

// exchange is a call and its answer, until it is released.
type exchange struct {
	client  *Client
	due     *attack.Call
	jar     *Jar
	from    Caller
	call    *Call // nil if it could not be made
	reply   Reply
	failed  error // why there is no answer
	capture int   // index of the capture that was not in the answer; -1: none
}

// response is how long the answer took, from when the request was due.
func (x *exchange) response() time.Duration { return x.reply.Done.Sub(x.due.Due) }

// captures are what the step takes from a good answer.
func (x *exchange) captures() []*expect.Taker {
	if x.due.Session == nil {
		return nil
	}
	return x.client.steps[x.due.Flow][x.due.Step].captures
}

// learn takes the captures for later steps from a good answer. It returns the kind of the error if
// a capture is not in the answer.
func (x *exchange) learn() (kind string) {
	for i, c := range x.captures() {
		v, kind, err := c.TakeKind(&x.reply.Answer)
		if err != nil {
			x.capture = i
			return timeline.KindCapture
		}
		x.due.Session.Values.Set(c.Name, v, kind)
	}
	return ""
}

// Explain implements Exchange.
func (x *exchange) Explain(r *attack.Result, sample bool) {
	r.Detail = x.detail()
	if !sample && !timeline.KindNamed(r.Kind).Quotes {
		return
	}
	if x.failed == nil {
		_ = x.reply.Unpack() // what cannot be unpacked is shown as it came
	}
	r.Secrets = x.secrets()
	if sample {
		r.Sample = newSample(x.call, &x.reply)
	}
}

// detail says what went wrong.
func (x *exchange) detail() string {
	switch {
	case x.call == nil:
		return plaintext.Clip(x.failed.Error(), timeline.MaxDetail)
	case x.failed != nil:
		_, detail := Classify(x.failed)
		return detail
	case x.capture >= 0:
		if _, _, err := x.captures()[x.capture].TakeKind(&x.reply.Answer); err != nil {
			return err.Error()
		}
	}
	_, detail := x.client.checks[x.due.Request].Judge(&x.reply.Answer, x.response(), secret.Shown)
	return detail
}

// Answer implements attack.Answered.
func (x *exchange) Answer() *expect.Answer {
	if x.call == nil || x.failed != nil {
		return nil
	}
	return &x.reply.Answer
}

// Release implements Exchange.
func (x *exchange) Release() {
	if x.call != nil {
		x.call.Release()
	}
	x.due, x.jar, x.call, x.reply, x.failed = nil, nil, nil, Reply{}, nil
	x.client.exchange.Put(x)
}
