package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// echo answers every byte with the same byte, so that a round trip can be
// measured through whatever lies between.
type echo struct {
	ln net.Listener
	wg sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	done  bool
}

func startEcho(address string) (*echo, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for probes: %w", err)
	}
	e := &echo{ln: ln, conns: make(map[net.Conn]struct{})}
	e.wg.Go(e.serve)
	return e, nil
}

func (e *echo) addr() *net.TCPAddr { return e.ln.Addr().(*net.TCPAddr) }

func (e *echo) serve() {
	for {
		c, err := e.ln.Accept()
		if err != nil {
			return
		}
		e.mu.Lock()
		if e.done {
			e.mu.Unlock()
			c.Close()
			return
		}
		e.conns[c] = struct{}{}
		e.mu.Unlock()
		e.wg.Go(func() {
			_, _ = io.Copy(c, c)
			c.Close()
			e.mu.Lock()
			delete(e.conns, c)
			e.mu.Unlock()
		})
	}
}

func (e *echo) close() {
	e.mu.Lock()
	e.done = true
	for c := range e.conns {
		c.Close()
	}
	e.mu.Unlock()
	e.ln.Close()
	e.wg.Wait()
}

// prober measures round trips over a few open connections at once, so that a
// measurement takes one round trip and not several.
type prober struct {
	conns []net.Conn
	bytes uint64 // echoed since the last reset
}

// probes is how many connections a prober holds. With jitter, the mean of
// several is much closer to the delay than one.
const probes = 5

func openProber(ctx context.Context, dial func(context.Context) (net.Conn, error)) (*prober, error) {
	p := &prober{}
	for range probes {
		c, err := dial(ctx)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("opening a probe: %w", err)
		}
		p.conns = append(p.conns, c)
	}
	return p, nil
}

func (p *prober) close() {
	if p == nil {
		return
	}
	for _, c := range p.conns {
		c.Close()
	}
}

// roundTrip returns the mean round trip over all connections.
func (p *prober) roundTrip(ctx context.Context) (time.Duration, error) {
	// A connection's deadline is the only thing that ends a blocked read.
	stop := context.AfterFunc(ctx, func() {
		for _, c := range p.conns {
			c.SetDeadline(time.Unix(1, 0))
		}
	})
	defer stop()
	trips := make([]time.Duration, len(p.conns))
	errs := make([]error, len(p.conns))
	var wg sync.WaitGroup
	for i, c := range p.conns {
		wg.Go(func() {
			out, in := []byte{byte(i)}, []byte{0}
			start := time.Now()
			if _, errs[i] = c.Write(out); errs[i] != nil {
				return
			}
			_, errs[i] = io.ReadFull(c, in)
			trips[i] = time.Since(start)
		})
	}
	wg.Wait()
	p.bytes += uint64(len(p.conns))
	if err := errors.Join(errs...); err != nil {
		if ctx.Err() != nil {
			return 0, fmt.Errorf("a probe got no answer: %w", context.Cause(ctx))
		}
		return 0, fmt.Errorf("a probe got no answer: %w", err)
	}
	var sum time.Duration
	for _, t := range trips {
		sum += t
	}
	return sum / time.Duration(len(trips)), nil
}

// maxRounds bounds the search for an effect.
const maxRounds = 6

// until measures until the mean of all round trips so far has grown from
// before by at least want, and returns that mean. It gives up after maxRounds:
// a fault that cannot be seen is not effective.
func (p *prober) until(ctx context.Context, before, want time.Duration) (time.Duration, error) {
	var sum time.Duration
	for n := 1; ; n++ {
		trip, err := p.roundTrip(ctx)
		if err != nil {
			return 0, err
		}
		sum += trip
		mean := sum / time.Duration(n)
		if mean-before >= want {
			return mean, nil
		}
		if n == maxRounds {
			return mean, fmt.Errorf("expected round trips to grow by at least %s, found %s before and %s after", want, round(before), round(mean))
		}
	}
}

// wanted is the growth of round trips from which on a delay counts as seen. The
// mean of uniform jitter is the delay itself; a fifth is for what the mean of
// few round trips may fall short of it.
func wanted(delay time.Duration) time.Duration { return delay * 8 / 10 }

// round prints a duration as all of ordeal does.
func round(d time.Duration) string { return quantity.FormatDuration(d) }

// grew is the evidence of a delay.
func grew(before, after time.Duration) string {
	return fmt.Sprintf("round trip %s → %s", round(before), round(after))
}
