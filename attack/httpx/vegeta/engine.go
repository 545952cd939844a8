// Package vegeta is an engine on vegeta's Attacker.
package vegeta

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/std"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// engine sends with vegeta's Attacker. When to send is our scheduler's
// business, so the attack's pacer does not pace: it waits until a call is
// handed over. Vegeta's own results come back by sequence number.
//
//	Send ──calls──▶ Pace ──handed──▶ Targeter ─▶ RoundTrip ─▶ Result ─▶ Send
//
// Vegeta gives its transport a request and its results a number, and neither
// knows the call; so the target carries our number in a header, which the
// transport takes off, and notes beside the number vegeta has put there.
type engine struct {
	*std.Transport
	calls   chan *vegetaCall // from Send to the pacer
	handed  chan *vegetaCall // from the pacer to the worker that got the tick
	closing chan struct{}
	once    sync.Once
	done    chan struct{} // the attack and the reader of its results have ended

	mu    sync.Mutex
	last  uint64
	byID  map[uint64]*vegetaCall // handed to vegeta, not yet at the transport
	bySeq map[uint64]*vegetaCall // at the transport or beyond
}

// vegetaCall is one call on its way. Until its result is back it belongs to the
// worker that sends it.
type vegetaCall struct {
	*httpx.Call
	ctx    context.Context
	id     uint64
	target vegeta.Target
	sent   atomic.Int64
	err    error // of the round trip
	tries  *std.Attempts
	resp   *http.Response
	in     *std.Body
	result chan *vegeta.Result
}

var (
	_ httpx.Engine      = (*engine)(nil)
	_ httpx.Renewer     = (*engine)(nil)
	_ http.RoundTripper = (*engine)(nil)
	_ vegeta.Pacer      = (*engine)(nil)
)

// callHeader carries a call's number from the targeter to the transport, and
// never leaves the process.
const callHeader = "X-Ordeal-Call"

func New(opt httpx.Options) (httpx.Engine, error) {
	t, err := std.NewTransport(opt)
	if err != nil {
		return nil, err
	}
	n := max(1, opt.MaxInFlight)
	e := &engine{
		Transport: t,
		calls:     make(chan *vegetaCall),
		// Vegeta takes one more call from the pacer while all workers are busy.
		handed:  make(chan *vegetaCall, n+1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		byID:    make(map[uint64]*vegetaCall),
		bySeq:   make(map[uint64]*vegetaCall),
	}
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{
			Transport:     e,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		vegeta.Workers(uint64(min(n, vegeta.DefaultWorkers))),
		vegeta.MaxWorkers(uint64(n)),
		vegeta.MaxBody(0), // bodies are counted, and kept if wanted, on the way in
	)
	results := attacker.Attack(e.next, e, 0, "ordeal")
	go func() {
		defer close(e.done)
		for r := range results {
			e.mu.Lock()
			c := e.bySeq[r.Seq]
			delete(e.bySeq, r.Seq)
			e.mu.Unlock()
			c.result <- r
		}
	}()
	return e, nil
}

// Send implements Engine.
func (e *engine) Send(ctx context.Context, call *httpx.Call) (r httpx.Reply) {
	c := &vegetaCall{
		Call: call, ctx: ctx,
		target: vegeta.Target{
			Method: call.Method,
			URL:    call.URL,
			Body:   call.Body,
			Header: call.FullHeader(),
		},
		result: make(chan *vegeta.Result, 1),
	}
	r.Sent = time.Now()
	defer func() {
		if r.Done.IsZero() {
			r.Done = time.Now()
		}
	}()
	// A target that vegeta cannot make a request of would never reach the
	// transport, and its result could not be told from others.
	if _, err := c.target.Request(); err != nil {
		r.Err = httpx.WithoutURL(err)
		return r
	}
	e.mu.Lock()
	c.id = e.last
	e.last++
	e.byID[c.id] = c
	e.mu.Unlock()
	c.target.Header[callHeader] = []string{strconv.FormatUint(c.id, 10)}

	select {
	case e.calls <- c:
	case <-ctx.Done():
		r.Err = context.Cause(ctx)
	case <-e.closing:
		r.Err = httpx.ErrClosed
	}
	if r.Err != nil {
		e.mu.Lock()
		delete(e.byID, c.id)
		e.mu.Unlock()
		return r
	}

	res := <-c.result // comes soon after ctx ends: the round trip obeys it
	r.Sent, r.Done = res.Timestamp, res.End()
	r.BytesOut = c.sent.Load()
	defer e.Through(c.tries)
	c.tries.Times(&r)
	switch {
	case c.err != nil:
		r.Err = wire.Began(httpx.Cause(ctx, c.err), c.tries.Answer.Load())
	case c.in.Err == nil && !c.in.End: // given up between transport and body
		r.Err = wire.Began(httpx.Cause(ctx, errors.New(res.Error)), true)
	default:
		c.in.Report(ctx, c.resp, &r)
		c.tries.Doubt(&r)
	}
	return r
}

// Close implements Engine. It waits for sends that are under way: end their
// contexts first.
func (e *engine) Close() error {
	e.once.Do(func() { close(e.closing) })
	<-e.done
	e.Shut()
	return nil
}

// Pace implements vegeta's Pacer: it takes one call for each hit.
func (e *engine) Pace(time.Duration, uint64) (wait time.Duration, stop bool) {
	select {
	case c := <-e.calls:
		e.handed <- c
		return 0, false
	case <-e.closing:
		return 0, true
	}
}

// Rate implements vegeta's Pacer, which asks for it only in its reports.
func (e *engine) Rate(time.Duration) float64 { return 0 }

// next is vegeta's Targeter.
func (e *engine) next(t *vegeta.Target) error {
	*t = (<-e.handed).target
	return nil
}

// RoundTrip implements http.RoundTripper for vegeta's client.
func (e *engine) RoundTrip(req *http.Request) (*http.Response, error) {
	id, err := strconv.ParseUint(req.Header.Get(callHeader), 10, 64)
	if err != nil {
		return nil, err
	}
	seq, err := strconv.ParseUint(req.Header.Get("X-Vegeta-Seq"), 10, 64)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	c := e.byID[id]
	delete(e.byID, id)
	e.bySeq[seq] = c
	e.mu.Unlock()

	// Vegeta's requests have no context, so this one's is set here; its headers
	// are a copy of the target's own, so that taking one off is safe.
	req = req.WithContext(c.ctx)
	req.Header.Del(callHeader)
	httpx.Finish(req)
	std.CountBody(req, c.Body, &c.sent)
	if c.resp, c.tries, c.err = e.Exchange(req); c.err != nil {
		return nil, c.err
	}
	c.in = e.Answer(c.resp, c.Call)
	resp := *c.resp
	resp.Body = c.in
	return &resp, nil
}
