package wire

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrNoConnection says that all connections that a host may have were in use until it was too late:
// nothing was sent.
var ErrNoConnection error = noConnection{}

type noConnection struct{}

func (noConnection) Error() string { return "no connection was free in time" }
func (noConnection) Unwrap() error { return context.DeadlineExceeded }

// Limits are the host limiters: each lets only so many requests at a time through to its host. A
// nil Limits lets all through. They are safe for concurrent use.
type Limits struct {
	most int

	mu sync.Mutex
	to map[string]Limit
}

func NewLimits(most int) *Limits {
	if most <= 0 {
		return nil
	}
	return &Limits{most: most, to: make(map[string]Limit)}
}

// Of returns the limit of a host.
func (g *Limits) Of(host string) Limit {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.to[host]
	if one == nil {
		one = make(Limit, g.most)
		g.to[host] = one
	}
	return one
}

// Limit has a place for each request that it has let through. Requests that wait get places in the
// order in which they came.
type Limit chan struct{}

// Enter waits for a place for as long as the request may still be sent; waited says that it had to
// wait. The caller gives the place back by Leave.
func (g Limit) Enter(ctx context.Context, by Deadlines) (waited bool, err error) {
	if g == nil {
		return false, nil
	}
	select {
	case g <- struct{}{}:
		return false, nil
	default:
	}
	last := by.Last()
	var late <-chan time.Time
	if !last.IsZero() {
		timer := time.NewTimer(time.Until(last))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case g <- struct{}{}:
		// More may be known by now of how long an answer takes.
		if last := by.Last(); !last.IsZero() && !time.Now().Before(last) {
			g.Leave()
			return true, ErrNoConnection
		}
		return true, nil
	case <-late:
		return true, ErrNoConnection
	case <-ctx.Done():
		if err := context.Cause(ctx); !errors.Is(err, context.DeadlineExceeded) {
			return true, err
		}
		return true, ErrNoConnection
	}
}

func (g Limit) Leave() {
	if g != nil {
		<-g
	}
}

// Deadlines are the deadlines of one request.
type Deadlines struct {
	Done time.Time // until when its answer must be there; zero for whenever
	// Send, if set, says until when the request may be sent, as far as that is known at the call. A
	// request that waits for a connection gives up then, and without Send at Done.
	Send func() time.Time
}

// Last is until when the request may be sent, as it is known now.
func (d *Deadlines) Last() time.Time {
	if d.Send == nil {
		return d.Done
	}
	return d.Send()
}

type sendByKey struct{}

// WithSendBy returns a context with the Send of Deadlines.
func WithSendBy(ctx context.Context, send func() time.Time) context.Context {
	return context.WithValue(ctx, sendByKey{}, send)
}

// DeadlinesOf are the deadlines of a context.
func DeadlinesOf(ctx context.Context) (d Deadlines) {
	d.Done, _ = ctx.Deadline()
	d.Send, _ = ctx.Value(sendByKey{}).(func() time.Time)
	return d
}
