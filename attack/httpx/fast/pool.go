package fast

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// idleTimeout is how long a connection is kept without use; as the http engine
// does.
const idleTimeout = 90 * time.Second

// hostPool keeps the idle connections to one address. The last to become idle
// is the next to be used, so that few of them stay warm.
type hostPool struct {
	wire.Endpoint
	e     *engine
	limit wire.Limit

	reuses atomic.Int32 // uses since a connection was last found closed; at most reuseTrust

	mu     sync.Mutex
	idle   []*conn // by when they became idle
	closed bool
	swept  time.Time
}

// host returns the one of an address.
func (e *engine) host(a wire.Endpoint) *hostPool {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.hosts[a]
	if h == nil {
		h = &hostPool{
			Endpoint: a,
			e:        e,
			limit:    e.limits.Of(fmt.Sprint(a)),
			closed:   e.open.Err() != nil,
		}
		e.hosts[a] = h
	}
	return h
}

// take returns a connection that watches ctx: an idle one, which the server may
// have closed meanwhile, or a new one.
func (h *hostPool) take(ctx context.Context, deadline, now time.Time) (*conn, error) {
	for {
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			return nil, httpx.ErrClosed
		}
		n := len(h.idle)
		if n == 0 {
			h.mu.Unlock()
			break
		}
		c := h.idle[n-1]
		h.idle[n-1] = nil
		h.idle = h.idle[:n-1]
		h.mu.Unlock()
		if now.Sub(c.since) < idleTimeout && c.watch(ctx) {
			return c, nil
		}
		c.close()
	}
	c, err := h.dial(ctx, deadline)
	if err != nil {
		return nil, err
	}
	c.watch(ctx)
	return c, nil
}

// noteReuse notes whether a used connection was still open.
func (h *hostPool) noteReuse(open bool) {
	switch n := h.reuses.Load(); {
	case !open:
		h.reuses.Store(0)
	case n < reuseTrust:
		h.reuses.Add(1)
	}
}

// put takes a connection back, and closes those that have been idle for too
// long: the ones that a spike has left behind are never taken.
func (h *hostPool) put(c *conn, now time.Time) {
	c.since = now
	var old []*conn
	h.mu.Lock()
	if h.closed || c.renewed != h.e.renewed.Load() || len(h.idle) >= h.e.maxIdle {
		old = append(old, c)
	} else {
		h.idle = append(h.idle, c)
	}
	if now.Sub(h.swept) > idleTimeout/10 {
		h.swept = now
		n := 0
		for n < len(h.idle) && now.Sub(h.idle[n].since) > idleTimeout {
			n++
		}
		old = append(old, h.idle[:n]...)
		h.idle = append([]*conn(nil), h.idle[n:]...)
	}
	h.mu.Unlock()
	for _, c := range old {
		c.close()
	}
}

// closeIdle closes the idle connections; for good, if it is the end of the engine.
func (h *hostPool) closeIdle(end bool) {
	h.mu.Lock()
	idle := h.idle
	h.idle, h.closed = nil, h.closed || end
	h.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
}

// dial opens a connection. It ends with the request that needs it: nothing goes
// on behind its back.
func (h *hostPool) dial(ctx context.Context, deadline time.Time) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, wire.Timeout)
	defer cancel()
	if !deadline.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	defer context.AfterFunc(h.e.open, cancel)()
	for {
		// It may be of before as long as it is being opened.
		renewed := h.e.renewed.Load()
		c, err := h.connect(ctx)
		if err != nil {
			return nil, err
		}
		if c.renewed = renewed; renewed == h.e.renewed.Load() {
			return c, nil
		}
		c.close()
	}
}

// connect opens one, and shakes hands.
func (h *hostPool) connect(ctx context.Context) (*conn, error) {
	begun := time.Now()
	nc, err := h.e.dialer(ctx, "tcp", h.Address)
	if err != nil {
		return nil, err
	}
	sock := &lazyConn{Conn: nc}
	connected := time.Now()
	if !h.TLS {
		return h.fresh(sock, sock, connected.Sub(begun), 0), nil
	}
	conf := h.e.tls
	if conf.ServerName == "" {
		conf = conf.Clone()
		conf.ServerName = h.Name
	}
	secure := tls.Client(sock, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return h.fresh(secure, sock, connected.Sub(begun), time.Since(connected)), nil
}

func (h *hostPool) fresh(nc net.Conn, sock *lazyConn, connect, handshake time.Duration) *conn {
	c := newConn(nc, sock)
	c.opened, c.connect, c.handshake, c.maxBody = time.Now(), connect, handshake, h.e.maxBody
	return c
}
