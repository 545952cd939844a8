// Package fast is an engine for HTTP/1.1 on connections of its own.
package fast

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// engine speaks HTTP/1.1 on connections of its own. A fixed call is written out
// once and sent as it is, so that sending it allocates nothing. The head of an
// answer is read here if it is in plain form, and by net/http otherwise, so that
// all engines take and refuse the same: see head.
//
// fasthttp's client is not used: its deadlines leave a goroutine reading
// behind, it knows no cancelling, and it sends again by itself. Here a deadline
// is the connection's, cancelling closes it, and a failure is a failure: nothing
// is ever sent twice. Before anything is written on an idle connection, the engine
// checks whether the server has closed it. If so, another is opened. The connection
// check is part of waiting for the answer, so that it costs little
// (connCheck.writeIfOpen), and is left out where it finds little (reuseTrust).
type engine struct {
	tls     *tls.Config
	dialer  func(ctx context.Context, network, address string) (net.Conn, error)
	maxIdle int             // connections kept for each host
	limits  *wire.Limits    // to each host; nil: as many connections as needed
	once    bool            // each connection carries one request
	maxBody int64           // of an answer; 0: without end
	open    context.Context // ends with the engine
	stop    context.CancelFunc

	renewed atomic.Uint32 // how often, see Renew

	encoded sync.Map // *Call → *encodedRequest, of fixed calls; *httpx.Layout → *encodedLayout
	mu      sync.Mutex
	hosts   map[wire.Endpoint]*hostPool
}

var (
	_ httpx.Engine         = (*engine)(nil)
	_ httpx.DeadlineSender = (*engine)(nil)
	_ httpx.Renewer        = (*engine)(nil)
)

// New returns the engine. Its errors are of the fields protocol and tls.
func New(opt httpx.Options) (httpx.Engine, error) {
	switch opt.Protocol {
	case "", "auto", "http1":
	case "http2", "h2c":
		return nil, fielderr.At(
			fielderr.Field("protocol"),
			"protocol: engine fast speaks HTTP/1.1 only: take engine http for %s",
			opt.Protocol,
		)
	default:
		return nil, httpx.UnknownVersion(opt.Protocol)
	}
	conf, err := opt.TLS.Config()
	if err != nil {
		return nil, fielderr.Of(err).Below(fielderr.Field("tls"), "tls").Err()
	}
	conf.NextProtos = []string{"http/1.1"}
	dial, err := wire.NewDialer(opt.Dialing())
	if err != nil {
		return nil, err
	}
	open, stop := context.WithCancel(context.Background())
	return &engine{
		tls: conf, dialer: dial.Connect, maxIdle: max(1, opt.MaxInFlight), limits: wire.NewLimits(opt.Connections.PerHost),
		once: opt.Connections.NoKeepAlive, maxBody: opt.MaxBody, open: open, stop: stop,
		hosts: make(map[wire.Endpoint]*hostPool),
	}, nil
}

// Send implements Engine.
func (e *engine) Send(ctx context.Context, call *httpx.Call) httpx.Reply {
	return e.send(ctx, wire.DeadlinesOf(ctx), call, false)
}

// SendBy implements DeadlineSender.
func (e *engine) SendBy(ctx context.Context, by wire.Deadlines, call *httpx.Call) httpx.Reply {
	return e.send(ctx, by, call, true)
}

// send sends call. lasting says that ctx outlives the call: connections then go on
// watching ctx, which closes them when it ends.
func (e *engine) send(
	ctx context.Context,
	by wire.Deadlines,
	call *httpx.Call,
	lasting bool,
) (r httpx.Reply) {
	r.Sent = time.Now()
	came, err := e.exchange(ctx, by, call, lasting, &r)
	if r.Done.IsZero() {
		r.Done = time.Now()
	}
	if err != nil {
		r.Status, r.Header, r.Body = 0, nil, nil
		r.Err = wire.Began(e.reason(ctx, by.Done, r.Done, err), came != nothing)
		if came == openEnded {
			r.Err = httpx.OpenEnd(r.Err)
		}
	}
	return r
}

// answered is how much of an answer came.
type answered uint8

const (
	nothing   answered = iota
	partly             // or all of it
	openEnded          // partly, and it says nothing of where it ends
)

// exchange sends call on a connection.
func (e *engine) exchange(
	ctx context.Context,
	by wire.Deadlines,
	call *httpx.Call,
	lasting bool,
	r *httpx.Reply,
) (came answered, err error) {
	deadline := by.Done
	if err := ctx.Err(); err != nil {
		return nothing, err
	}
	if !deadline.IsZero() && !r.Sent.Before(deadline) {
		return nothing, context.DeadlineExceeded
	}
	w, err := e.encode(call)
	if err != nil {
		return nothing, err
	}
	// A request that was let through takes an idle connection before it opens one, and puts it back
	// before it leaves. So there are never more connections than the limit.
	if waited, err := w.host.limit.Enter(ctx, by); err != nil {
		return nothing, err
	} else if waited {
		r.Sent = time.Now()
	}
	defer w.host.limit.Leave()
	for {
		c, err := w.host.take(ctx, deadline, r.Sent)
		if err != nil {
			return nothing, err
		}
		fresh := !c.used
		reuse, err := c.exchange(w, call, deadline, r)
		if err == errStale && c.strayed() {
			err = httpx.ErrUnsolicited
		}
		r.Done, r.Opened = time.Now(), c.opened
		if fresh {
			r.Phases[timeline.Connect], r.Phases[timeline.Handshake] = c.connect, c.handshake
		} else {
			w.host.noteReuse(err == nil || c.began)
		}
		c.used, came = true, c.came() // before another has it
		if !lasting && !c.unwatch() {
			reuse = false // it is being closed
		}
		if err != nil || !reuse {
			c.close()
		} else {
			w.host.put(c, r.Done)
		}
		if err == errStale {
			r.Done = time.Time{}
			continue // with another: nothing was written
		}
		return came, err
	}
}

// reason is why a send failed: the end of its context or of its time, if that
// came first, as whatever broke after that was the giving up.
func (e *engine) reason(ctx context.Context, deadline, done time.Time, err error) error {
	switch {
	case err == wire.ErrNoConnection:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !deadline.IsZero() && !done.Before(deadline), errors.Is(err, os.ErrDeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, context.Canceled) && e.open.Err() != nil:
		return httpx.ErrClosed
	}
	return err
}

// Renew implements httpx.Renewer.
func (e *engine) Renew() {
	// Counted before the idle ones are closed, so that no other can become idle after it.
	e.renewed.Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.hosts {
		h.closeIdle(false)
	}
}

// Close implements Engine.
func (e *engine) Close() error {
	e.stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.hosts {
		h.closeIdle(true)
	}
	return nil
}
