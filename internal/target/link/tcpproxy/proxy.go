// Package tcpproxy carries TCP connections to an upstream and can slow them
// while it runs: answers arrive late, and connections take longer to open.
//
// # What a delay does
//
// A delay models a slower way back from the upstream. Each piece of an answer
// is handed on that long after it was read, and the opening of a connection,
// whose SYN-ACK takes the same way, is held up once. Requests are carried at
// once. Pieces wait in a queue, each with the time at which it is due, so that a
// delay costs time and not throughput, and order is kept.
//
// A new impairment holds for all that is read from then on, also on connections that are open
// already. If it is milder than the one before, pieces that are still held back are handed on
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

// Impairment is how traffic is impaired. The zero value leaves it as it is.
type Impairment struct {
	Delay  time.Duration
	Jitter time.Duration // each delay is drawn uniformly from Delay ± Jitter, at least 0
}

// delay is the delay for a draw u, which lies in [-1, 1).
func (s Impairment) delay(u float64) time.Duration {
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

// ImpairedSince says whether any traffic met an impairment since earlier counts.
func (s Stats) ImpairedSince(earlier Stats) bool {
	return s.DelayedConns != earlier.DelayedConns || s.DelayedChunks != earlier.DelayedChunks
}

// Proxy carries connections. Its methods may be called from any goroutine.
type Proxy struct {
	dial       Dialer
	seed       uint64
	ctx        context.Context // ends with Close
	cancel     context.CancelFunc
	impairment atomic.Pointer[Impairment]

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
	p := &Proxy{
		dial: dial, seed: seed,
		open: make(map[*conn]struct{}), listeners: make(map[net.Listener]struct{}),
		changed: make(chan struct{}),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.impairment.Store(&Impairment{})
	return p
}

// SetImpairment impairs traffic, or clears it with the zero Impairment.
func (p *Proxy) SetImpairment(s Impairment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.impairment.Store(&s)
	for c := range p.open {
		c.wake()
	}
}

// Impairment returns the impairment in force.
func (p *Proxy) Impairment() Impairment { return *p.impairment.Load() }

// Stats returns the counts so far.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	open := len(p.open)
	p.mu.Unlock()
	return Stats{
		Conns: p.conns.Load(), Failed: p.failed.Load(), Open: open, Bytes: p.bytes.Load(),
		DelayedConns: p.delayedConns.Load(), DelayedChunks: p.delayedChunks.Load(), DelayedBytes: p.delayedBytes.Load(),
	}
}

// Serve carries every connection that ln accepts, and closes ln at the end. It
// returns nil after Drain or Close, and otherwise the error that ln broke with.
func (p *Proxy) Serve(ln net.Listener) error {
	defer ln.Close()
	p.mu.Lock()
	if p.stopping {
		p.mu.Unlock()
		return nil
	}
	p.listeners[ln] = struct{}{}
	p.wg.Add(1)
	p.mu.Unlock()
	defer p.wg.Done()

	pause := time.Duration(0)
	for {
		client, err := ln.Accept()
		if err == nil {
			pause = 0
			p.carry(client)
			continue
		}
		p.mu.Lock()
		stopping := p.stopping
		if stopping || errors.Is(err, net.ErrClosed) {
			delete(p.listeners, ln)
		}
		p.mu.Unlock()
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
		case <-p.ctx.Done():
		case <-time.After(pause):
		}
	}
}

// carry starts to carry one client, or turns it away if the proxy is at its end.
func (p *Proxy) carry(client net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		reset(client)
		return
	}
	c := newConn(p, client, rand.New(rand.NewPCG(p.seed, p.accepted)))
	p.accepted++
	p.open[c] = struct{}{}
	p.wg.Go(func() {
		c.run()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, c)
		close(p.changed)
		p.changed = make(chan struct{})
	})
}

// quiet is how long nothing must have come on a connection, after an answer, before Drain takes it
// for idle: the rest of the answer may be on its way.
const quiet = 100 * time.Millisecond

// Drain ends the proxy gently: it accepts no more connections, closes those that
// are idle, waits for the others to become so or to end, and cuts what is left
// when ctx ends. It returns how many connections were cut, after all are closed.
//
// A connection is taken for idle if the last bytes came from the upstream, at least quiet ago. An
// answer that pauses for longer than quiet looks idle too, and so does a request on a connection on
// which another request was just answered.
func (p *Proxy) Drain(ctx context.Context) (cut int) {
	p.stopListening(20 * time.Millisecond)
	tick := time.NewTicker(quiet / 5)
	defer tick.Stop()
	for {
		p.mu.Lock()
		open, changed, listening := len(p.open), p.changed, len(p.listeners)
		for c := range p.open {
			if c.idle(quiet) {
				c.cut(false)
			}
		}
		p.mu.Unlock()
		if open == 0 && listening == 0 {
			break
		}
		select {
		case <-ctx.Done():
			p.Close()
			return open
		case <-changed:
		case <-tick.C:
		}
	}
	p.Close()
	return 0
}

// Close ends the proxy at once: connections are reset and what is held back is
// dropped. It returns when every goroutine of the proxy's has ended.
func (p *Proxy) Close() {
	p.stopListening(0)
	p.cancel()
	p.mu.Lock()
	for c := range p.open {
		c.cut(true)
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// stopListening closes the listeners. Closing one resets the clients in its
// queue that were not accepted yet, so they are given a moment, if the listener
// can tell when it is over.
func (p *Proxy) stopListening(moment time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopping = true
	for ln := range p.listeners {
		if d, ok := ln.(interface{ SetDeadline(time.Time) error }); ok && moment > 0 {
			if d.SetDeadline(time.Now().Add(moment)) == nil {
				continue
			}
		}
		ln.Close()
	}
}
