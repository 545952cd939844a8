package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// client sends the requests of a plan that are of this protocol.
type client struct {
	plan     *attack.Plan
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	limits   *wire.Limits
	requests []*compiled         // by request; nil for those of other protocols
	steps    [][][]*expect.Taker // captures, by flow and step
	secrets  *attack.Secrets

	mu      sync.Mutex
	idle    map[string][]*conn // by address; the last to become idle is used next
	renewed int                // how often; a connection from before is not used again
	swept   time.Time          // when those that were idle for too long were looked for
	closed  bool
}

var (
	_ attack.Client   = (*client)(nil)
	_ attack.Answered = (*exchange)(nil)
)

// compiled is a Request, compiled.
type compiled struct {
	*Request
	until  string
	check  *expect.Check
	raw    []byte    // in place of a template
	builds sync.Pool // of *build
}

// build makes what is sent. It is not safe for concurrent use.
type build struct {
	draw payload.Draw
	row  payload.Row
	send payload.Template
	out  []byte
}

// Compile implements attack.Protocol.
func Compile(p *attack.Plan) (attack.Client, fielderr.List) {
	hosts, err := allow.New(p.AllowHosts)
	if err != nil {
		return nil, fielderr.List{
			fielderr.Wrap(err, "allow_hosts", fielderr.Field("allow_hosts")),
		}
	}
	dialer, err := wire.NewDialer(wire.DialOptions{Connections: p.Connections, Allow: hosts})
	if err != nil {
		return nil, fielderr.Of(err)
	}
	c := &client{
		plan: p, dial: dialer.Connect, limits: wire.NewLimits(p.Connections.PerHost),
		secrets: attack.NewSecrets(p), idle: make(map[string][]*conn),
	}
	var wrong fielderr.List
	for i := range p.Requests {
		var one *compiled
		if r := &p.Requests[i]; r.Protocol == Name {
			var bad fielderr.List
			one, bad = newCompiled(r, p.Seed)
			wrong = append(wrong, attack.InRequest(p, i, bad)...)
		}
		c.requests = append(c.requests, one)
	}
	for _, f := range p.Flows {
		var steps [][]*expect.Taker
		for _, s := range f.Steps {
			var takers []*expect.Taker
			for _, capture := range s.Captures {
				taker, err := expect.NewTaker(capture)
				path := fielderr.Field("capture", capture.Name)
				bad := fielderr.Of(err).Below(path, "capture "+capture.Name)
				wrong = append(wrong, attack.InRequest(p, s.Request, bad)...)
				takers = append(takers, taker)
			}
			steps = append(steps, takers)
		}
		c.steps = append(c.steps, steps)
	}
	if wrong != nil {
		return nil, wrong
	}
	return c, nil
}

func newCompiled(r *attack.Request, seed uint64) (*compiled, fielderr.List) {
	spec, ok := r.Spec.(*Request)
	if !ok {
		return nil, fielderr.List{
			fielderr.At(nil, "expected settings of protocol %s, found %T", Name, r.Spec),
		}
	}
	var wrong fielderr.List
	if err := wire.CheckAddress(spec.Address); err != nil {
		wrong.Add("address", "address: %s", err)
	}
	one := &compiled{Request: spec, until: spec.until()}
	var err error
	one.check, err = expect.New(expect.Expect{Body: spec.Expect, Matches: spec.Matches})
	wrong = append(wrong, fielderr.Of(err)...)
	if spec.Hex != "" {
		if one.raw, err = unhex(spec.Hex); err != nil {
			wrong.Add("hex", "hex: %s", err)
		}
		return one, wrong
	}
	newBuild := func() (*build, error) {
		b := &build{draw: payload.Draw{Seed: seed}}
		var err error
		b.send, err = payload.New(spec.Send, &b.draw)
		return b, err
	}
	if _, err := newBuild(); err != nil {
		wrong = append(wrong, fielderr.Wrap(err, "send", fielderr.Field("send")))
	}
	one.builds.New = func() any {
		b, _ := newBuild() // it compiled before
		return b
	}
	return one, wrong
}

// Close implements attack.Client.
func (c *client) Close() error {
	c.mu.Lock()
	idle := c.idle
	c.idle, c.closed = nil, true
	c.mu.Unlock()
	for _, conns := range idle {
		for _, one := range conns {
			one.Close()
		}
	}
	return nil
}

// Renew implements attack.Client.
func (c *client) Renew() {
	c.mu.Lock()
	idle := c.idle
	if c.renewed++; !c.closed {
		c.idle = make(map[string][]*conn)
	}
	c.mu.Unlock()
	for _, conns := range idle {
		for _, one := range conns {
			one.Close()
		}
	}
}

// exchange is what was sent and what came back.
type exchange struct {
	client *client
	call   *attack.Call
	of     *compiled
	build  *build // nil without templates
	sent   []byte
	answer expect.Answer
	kept   int // how much of the answer is kept at most: what is looked at
	err    error
	failed *expect.Taker // the capture that was not in the answer
}

// Call implements attack.Client.
func (c *client) Call(ctx context.Context, call *attack.Call, out *attack.Outcome) {
	x := &exchange{client: c, call: call, of: c.requests[call.Request], kept: attack.MaxSample + 1}
	if x.of.check.WantsBody() || len(x.captures()) > 0 ||
		c.plan.Requests[call.Request].Watched.Body {
		x.kept = expect.MaxBody
	}
	out.Exchange = x
	if x.err = x.make(); x.err != nil {
		out.Sent = time.Now()
		out.Done, out.Kind, out.Err = out.Sent, timeline.KindTemplate, x.err
		return
	}
	out.Sent = time.Now()
	x.err = x.exchange(ctx, out)
	out.Done = time.Now()
	out.BytesIn = x.answer.BytesIn
	if x.err != nil {
		out.Kind, out.Err = kindOf(x.err), x.err
		return
	}
	out.Class = attack.Good
	if out.Kind = x.judge(); out.Kind != "" {
		out.Class = attack.Bad
	}
}

// make renders what is sent.
func (x *exchange) make() (err error) {
	if x.of.raw != nil {
		x.sent = x.of.raw
		return nil
	}
	b := x.of.builds.Get().(*build)
	x.build = b
	data := x.client.plan.Requests[x.call.Request].Data
	var values *payload.Values
	if s := x.call.Session; s != nil {
		values, data = &s.Values, nil
	}
	b.draw.Reset(x.call.Seq, x.call.Nth)
	b.row.Reset(data, x.call.Nth, values)
	b.row.Share(x.client.plan.Shared)
	b.out, err = b.send.Append(b.out[:0], &b.row)
	x.sent = b.out
	return err
}

// exchange sends and reads, on a connection that is kept or a new one.
func (x *exchange) exchange(ctx context.Context, out *attack.Outcome) error {
	limit := x.client.limits.Of(x.of.Address)
	if waited, err := limit.Enter(ctx, x.call.By); err != nil {
		return err
	} else if waited {
		out.Sent = time.Now()
	}
	defer limit.Leave()
	fresh := x.of.Fresh || x.of.until == untilConnect || x.client.plan.Connections.NoKeepAlive
	c, err := x.client.connection(ctx, x.of.Address, x.call.By.Done, fresh, out)
	if err != nil {
		return x.reason(ctx, err)
	}
	out.Opened = c.opened
	// The end of the run ends what is waited for.
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	err = c.talk(x, out)
	ended := !stop()
	if err != nil {
		c.Close()
		return x.reason(ctx, err)
	}
	if fresh || ended || !canLook || x.of.until == untilClose || c.in.Buffered() > 0 {
		c.Close()
		return nil
	}
	x.client.keep(x.of.Address, c)
	return nil
}

// reason is why a call failed: the end of its context or of its time, if that came
// first, as whatever broke after that was the giving up.
func (x *exchange) reason(ctx context.Context, err error) error {
	if _, large := errors.AsType[tooLarge](err); large {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		!time.Now().Before(x.call.By.Done) {
		return wire.Began(context.DeadlineExceeded, x.answer.BytesIn > 0)
	}
	return err
}

// judge says what is wrong with an answer, and takes captures out of a good one.
func (x *exchange) judge() (kind string) {
	if kind, _ := x.of.check.JudgeBody(&x.answer, 0, nil); kind != "" {
		return kind
	}
	for _, taker := range x.captures() {
		v, kind, err := taker.TakeKind(&x.answer)
		if err != nil {
			x.failed = taker
			return timeline.KindCapture
		}
		x.call.Session.Values.Set(taker.Name, v, kind)
	}
	return ""
}

func (x *exchange) captures() []*expect.Taker {
	if x.call.Session == nil {
		return nil
	}
	return x.client.steps[x.call.Flow][x.call.Step]
}

// tooLarge is an answer that is longer than is taken: than so many bytes.
type tooLarge int64

func (t tooLarge) Error() string {
	return fmt.Sprintf("the answer is larger than %d bytes", int64(t))
}

func kindOf(err error) string {
	if _, large := errors.AsType[tooLarge](err); large {
		return timeline.KindTooLarge
	}
	return wire.Kind(err)
}

// Explain implements attack.Exchange.
func (x *exchange) Explain(r *attack.Result, sample bool) {
	switch {
	case r.Kind == timeline.KindTemplate || r.Kind == timeline.KindTooLarge:
		r.Detail = plaintext.Clip(x.err.Error(), timeline.MaxDetail)
	case x.err != nil:
		r.Detail = plaintext.Clip(wire.Detail(r.Kind, x.err), timeline.MaxDetail)
	case x.failed != nil:
		if _, err := x.failed.Take(&x.answer); err != nil {
			r.Detail = err.Error()
		}
	default:
		_, r.Detail = x.of.check.JudgeBody(&x.answer, 0, secret.Shown)
	}
	r.Secrets = x.client.secrets.Of(x.call, x.captures(), &x.answer)
	if sample {
		s := &attack.Sample{Method: Name, URL: x.of.Address, Sent: &attack.Message{}}
		s.Body, s.Cut = attack.SampleText(x.answer.Body, x.answer.BytesIn)
		s.Sent.Body, s.Sent.Cut = attack.SampleText(x.sent, int64(len(x.sent)))
		r.Sample = s
	}
}

// Answer implements attack.Answered.
func (x *exchange) Answer() *expect.Answer {
	if x.err != nil {
		return nil
	}
	return &x.answer
}

// Release implements attack.Exchange.
func (x *exchange) Release() {
	if x.build != nil {
		x.of.builds.Put(x.build)
		x.build = nil
	}
}
