package attacktest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// Engine answers every call with 200 once it has taken as long as it is told, by the clock
// of the bubble it runs in. It may be used by several goroutines.
type Engine struct {
	Takes  func(call *httpx.Call) time.Duration
	Answer expect.Answer // in place of an empty 200, if it has a status
	Err    error         // of each call that was not cut off

	now, peak atomic.Int64
}

// Takes is an Engine whose every call takes d.
func Takes(d time.Duration) *Engine {
	return &Engine{Takes: func(*httpx.Call) time.Duration { return d }}
}

// Peak is how many calls were in flight at once, at most.
func (e *Engine) Peak() int64 { return e.peak.Load() }

// Send ends early if ctx does.
func (e *Engine) Send(ctx context.Context, call *httpx.Call) (r httpx.Reply) {
	n := e.now.Add(1)
	defer e.now.Add(-1)
	for p := e.peak.Load(); n > p && !e.peak.CompareAndSwap(p, n); p = e.peak.Load() {
	}
	r.Sent = time.Now()
	defer func() { r.Done = time.Now() }()
	select {
	case <-time.After(e.Takes(call)):
		r.Answer, r.Err = orOK(e.Answer), e.Err
	case <-ctx.Done():
		r.Err = context.Cause(ctx)
	}
	return r
}

// Close does nothing.
func (*Engine) Close() error { return nil }

func orOK(a expect.Answer) expect.Answer {
	if a.Status == 0 {
		a.Status = 200
	}
	return a
}

// Instant is an engine that answers every call at once, without an allocation.
type Instant struct {
	Answer expect.Answer // in place of an empty 200, if it has a status
}

// Send answers.
func (i Instant) Send(context.Context, *httpx.Call) httpx.Reply {
	now := time.Now()
	return httpx.Reply{Answer: orOK(i.Answer), Sent: now, Done: now}
}

// SendBy answers.
func (i Instant) SendBy(ctx context.Context, _ wire.Deadlines, call *httpx.Call) httpx.Reply {
	return i.Send(ctx, call)
}

// Close does nothing.
func (Instant) Close() error { return nil }

var _ httpx.DeadlineSender = Instant{}
