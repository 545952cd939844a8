package attack

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errNoConnection is that all connections that there may be to a host were in use
// until it was too late: nothing was sent.
var errNoConnection error = noConnection{}

type noConnection struct{}

func (noConnection) Error() string { return "no connection was free in time" }
func (noConnection) Unwrap() error { return context.DeadlineExceeded }

// gates let only so many at a time through to each host. A nil one lets all
// through. They are safe for concurrent use.
type gates struct {
	most int

	mu sync.Mutex
	to map[string]gate
}

func newGates(most int) *gates {
	if most <= 0 {
		return nil
	}
	return &gates{most: most, to: make(map[string]gate)}
}

// gate returns the one of a host.
func (g *gates) gate(host string) gate {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.to[host]
	if one == nil {
		one = make(gate, g.most)
		g.to[host] = one
	}
	return one
}

// gate has a place for each who is through. Who waits comes in turn.
type gate chan struct{}

// enter waits for a place, while a request may still be sent; waited says that it
// had to. Whoever is through leaves.
func (g gate) enter(ctx context.Context, by Deadlines) (waited bool, err error) {
	if g == nil {
		return false, nil
	}
	select {
	case g <- struct{}{}:
		return false, nil
	default:
	}
	last := by.last()
	var late <-chan time.Time
	if !last.IsZero() {
		timer := time.NewTimer(time.Until(last))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case g <- struct{}{}:
		// More may be known by now of how long an answer takes.
		if last := by.last(); !last.IsZero() && !time.Now().Before(last) {
			g.leave()
			return true, errNoConnection
		}
		return true, nil
	case <-late:
		return true, errNoConnection
	case <-ctx.Done():
		if err := context.Cause(ctx); !errors.Is(err, context.DeadlineExceeded) {
			return true, err
		}
		return true, errNoConnection
	}
}

func (g gate) leave() {
	if g != nil {
		<-g
	}
}

// Deadlines are until when a request may take.
type Deadlines struct {
	Done time.Time // until when its answer must be there; zero for whenever
	// Send, if set, says until when it may be sent, as far as that is known when it
	// is asked: what has to wait for a connection gives up then, and otherwise at Done.
	Send func() time.Time
}

// last is until when it may be sent, as it is known now.
func (d *Deadlines) last() time.Time {
	if d.Send == nil {
		return d.Done
	}
	return d.Send()
}

type sendByKey struct{}

// withSendBy returns a context that tells until when a request may be sent.
func withSendBy(ctx context.Context, send func() time.Time) context.Context {
	return context.WithValue(ctx, sendByKey{}, send)
}

// deadlinesOf are those of a context.
func deadlinesOf(ctx context.Context) (d Deadlines) {
	d.Done, _ = ctx.Deadline()
	d.Send, _ = ctx.Value(sendByKey{}).(func() time.Time)
	return d
}
