package wire

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrNoConnection is that all connections that there may be to a host were in use
// until it was too late: nothing was sent.
var ErrNoConnection error = noConnection{}

type noConnection struct{}

func (noConnection) Error() string { return "no connection was free in time" }
func (noConnection) Unwrap() error { return context.DeadlineExceeded }

// Limits let only so many at a time through to each host. A nil one lets all
// through. They are safe for concurrent use.
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

// Of returns the one of a host.
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

// Limit has a place for each who is through. Who waits comes in turn.
type Limit chan struct{}

// Enter waits for a place, while a request may still be sent; waited says that it
// had to. Whoever is through leaves.
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

// Deadlines are until when a request may take.
type Deadlines struct {
	Done time.Time // until when its answer must be there; zero for whenever
	// Send, if set, says until when it may be sent, as far as that is known when it
	// is asked: what has to wait for a connection gives up then, and otherwise at Done.
	Send func() time.Time
}

// Last is until when it may be sent, as it is known now.
func (d *Deadlines) Last() time.Time {
	if d.Send == nil {
		return d.Done
	}
	return d.Send()
}

type sendByKey struct{}

// WithSendBy returns a context that tells until when a request may be sent.
func WithSendBy(ctx context.Context, send func() time.Time) context.Context {
	return context.WithValue(ctx, sendByKey{}, send)
}

// DeadlinesOf are those of a context.
func DeadlinesOf(ctx context.Context) (d Deadlines) {
	d.Done, _ = ctx.Deadline()
	d.Send, _ = ctx.Value(sendByKey{}).(func() time.Time)
	return d
}
