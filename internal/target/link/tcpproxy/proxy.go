// Package tcpproxy carries TCP connections to an upstream and can slow them
// while it runs: answers arrive late, and connections take longer to open.
//
// # What a delay does
//
// A delay models a slower way back from the upstream. Each piece of an answer
// is handed on that long after it was read, and the opening of a connection,
// whose SYN-ACK takes the same way, is held up once. Requests are carried at
// once. What is read is put in line with the time at which it is due, so a
// delay costs time and not throughput, and order is kept.
//
// A new Shape holds for what is read from then on, on connections that are open
// already too. If it is a milder one, what is still held back is let go
// accordingly earlier: lifting a delay leaves nothing waiting.
package tcpproxy

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Dialer opens the upstream's side for a client. Its context ends with the
// proxy; how long it may take is up to the dialer.
type Dialer func(ctx context.Context, client net.Conn) (net.Conn, error)

// Uncounted is an upstream connection that is to leave no trace in Stats, such
// as one by which the proxy's owner measures.
type Uncounted interface{ Uncounted() }

// Shape is how traffic is shaped. The zero value leaves it as it is.
type Shape struct {
	Delay  time.Duration
	Jitter time.Duration // each delay is drawn uniformly from Delay ± Jitter, at least 0
}

// delay is the delay for a draw u, which lies in [-1, 1).
func (s Shape) delay(u float64) time.Duration {
	return max(0, s.Delay+time.Duration(u*float64(s.Jitter)))
}

// Stats counts what a proxy has carried since it was made.
type Stats struct {
	Conns  uint64 // connections whose upstream was reached
	Failed uint64 // connections whose upstream was not: these were reset
	Open   int    // clients connected now
	Bytes  uint64 // in both directions

	DelayedConns  uint64 // openings that were held up
	DelayedChunks uint64 // pieces of answers that were held up
	DelayedBytes  uint64
}

// ShapedSince says whether any traffic met a shape since earlier counts.
func (s Stats) ShapedSince(earlier Stats) bool {
	return s.DelayedConns != earlier.DelayedConns || s.DelayedChunks != earlier.DelayedChunks
}

// Proxy carries connections. Its methods may be called from any goroutine.
type Proxy struct {
	dial   Dialer
	seed   uint64
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	shape  atomic.Pointer[Shape]

	conns, failed, bytes                      atomic.Uint64
	delayedConns, delayedChunks, delayedBytes atomic.Uint64

	mu        sync.Mutex
	open      map[*conn]struct{}
	listeners map[net.Listener]struct{}
	accepted  uint64
	stopping  bool
	wg        sync.WaitGroup // one for each open connection and each Serve
	changed   chan struct{}  // closed, and made anew, when a connection closes
}

// New returns a proxy that opens its upstreams by dial. Jitter is drawn from
// seed: the n-th connection draws the same numbers in every run.
func New(dial func(ctx context.Context, client net.Conn) (net.Conn, error), seed uint64) *Proxy {
	r := &Proxy{
		dial: dial, seed: seed,
		open: make(map[*conn]struct{}), listeners: make(map[net.Listener]struct{}),
		changed: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.shape.Store(&Shape{})
	return r
}

// SetShape shapes traffic, or clears it with the zero Shape.
func (r *Proxy) SetShape(s Shape) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shape.Store(&s)
	for c := range r.open {
		c.wake()
	}
}

// Shape returns the shape in force.
func (r *Proxy) Shape() Shape { return *r.shape.Load() }

// Stats returns the counts so far.
func (r *Proxy) Stats() Stats {
	r.mu.Lock()
	open := len(r.open)
	r.mu.Unlock()
	return Stats{
		Conns: r.conns.Load(), Failed: r.failed.Load(), Open: open, Bytes: r.bytes.Load(),
		DelayedConns: r.delayedConns.Load(), DelayedChunks: r.delayedChunks.Load(), DelayedBytes: r.delayedBytes.Load(),
	}
}

// Serve carries every connection that ln accepts, and closes ln at the end. It
// returns nil after Drain or Close, and otherwise the error that ln broke with.
func (r *Proxy) Serve(ln net.Listener) error {
	defer ln.Close()
	r.mu.Lock()
	if r.stopping {
		r.mu.Unlock()
		return nil
	}
	r.listeners[ln] = struct{}{}
	r.wg.Add(1)
	r.mu.Unlock()
	defer r.wg.Done()

	pause := time.Duration(0)
	for {
		client, err := ln.Accept()
		if err == nil {
			pause = 0
			r.carry(client)
			continue
		}
		r.mu.Lock()
		stopping := r.stopping
		if stopping || errors.Is(err, net.ErrClosed) {
			delete(r.listeners, ln)
		}
		r.mu.Unlock()
		if stopping {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		// Out of file descriptors, or the client gave up before it was accepted:
		// the listener itself is well, and the next one may be too.
		pause = min(max(5*time.Millisecond, 2*pause), time.Second)
		select {
		case <-r.ctx.Done():
		case <-time.After(pause):
		}
	}
}

// carry starts to carry one client, or turns it away if the proxy is at its end.
func (r *Proxy) carry(client net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		reset(client)
		return
	}
	c := newConn(r, client, rand.New(rand.NewPCG(r.seed, r.accepted)))
	r.accepted++
	r.open[c] = struct{}{}
	r.wg.Go(func() {
		c.run()
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.open, c)
		close(r.changed)
		r.changed = make(chan struct{})
	})
}

// quiet is how long a connection whose last word was an answer must have been
// still before Drain takes it for idle: the rest of the answer may be on its way.
const quiet = 100 * time.Millisecond

// Drain ends the proxy gently: it accepts no more connections, closes those that
// are idle, waits for the others to become so or to end, and cuts what is left
// when ctx ends. It returns how many connections were cut, after all are closed.
//
// Idle is told from the outside: the upstream had the last word, and was still
// since. An answer that pauses for longer than quiet, and a request that shares
// its connection with another one that was just answered, look idle too.
func (r *Proxy) Drain(ctx context.Context) (cut int) {
	r.stopListening(20 * time.Millisecond)
	tick := time.NewTicker(quiet / 5)
	defer tick.Stop()
	for {
		r.mu.Lock()
		open, changed, listening := len(r.open), r.changed, len(r.listeners)
		for c := range r.open {
			if c.idle(quiet) {
				c.cut(false)
			}
		}
		r.mu.Unlock()
		if open == 0 && listening == 0 {
			break
		}
		select {
		case <-ctx.Done():
			r.Close()
			return open
		case <-changed:
		case <-tick.C:
		}
	}
	r.Close()
	return 0
}

// Close ends the proxy at once: connections are reset and what is held back is
// dropped. It returns when every goroutine of the proxy's has ended.
func (r *Proxy) Close() {
	r.stopListening(0)
	r.cancel()
	r.mu.Lock()
	for c := range r.open {
		c.cut(true)
	}
	r.mu.Unlock()
	r.wg.Wait()
}

// stopListening closes the listeners. Closing one resets the clients in its
// queue that were not accepted yet, so they are given a moment, if the listener
// can tell when it is over.
func (r *Proxy) stopListening(moment time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = true
	for ln := range r.listeners {
		if d, ok := ln.(interface{ SetDeadline(time.Time) error }); ok && moment > 0 {
			if d.SetDeadline(time.Now().Add(moment)) == nil {
				continue
			}
		}
		ln.Close()
	}
}
