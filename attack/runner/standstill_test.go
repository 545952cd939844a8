package runner_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/internal/standstill"
)

// jumping is an engine of answers that take 30 ms, on a clock that can jump.
type jumping struct {
	start time.Time
	clock func() time.Duration
}

func (j jumping) Send(context.Context, *httpx.Call) httpx.Reply {
	r := httpx.Reply{Answer: expect.Answer{Status: 200}, Sent: j.start.Add(j.clock())}
	time.Sleep(30 * time.Millisecond)
	r.Done = j.start.Add(j.clock())
	return r
}

func (jumping) Close() error { return nil }

// A generator that is stopped for two seconds: what it did to each arrival is known, those
// in flight and those caught up with among them.
func TestRunOverAStandstill(t *testing.T) {
	for name, p := range map[string]*attack.Plan{
		"rate":  attacktest.HoldPlan(100, 6*time.Second, 20*time.Second, 500),
		"users": attacktest.Plan(arrivals.Uniform, arrivals.Users{From: 5, To: 5, Think: 20 * time.Millisecond}, 6*time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, start time.Time) {
				p.Timeout, p.MaxInFlight = 20*time.Second, 500
				var jump atomic.Int64
				clock := func() time.Duration { return time.Since(start) + time.Duration(jump.Load()) }
				stops := standstill.New(clock, nil)
				ctx, cancel := context.WithCancel(t.Context())
				var watching sync.WaitGroup
				watching.Go(func() { stops.Run(ctx) })
				time.AfterFunc(1003*time.Millisecond, func() { jump.Store(int64(2 * time.Second)) })
				_, sink := attacktest.Run(t, t.Context(), p, jumping{start, clock}, runner.Options{Start: start, Clock: clock, Standstills: stops})
				cancel()
				watching.Wait()
				held, slow := 0, 0
				for _, r := range sink.Requests() {
					took := r.Done - r.Intended
					if took > 100*time.Millisecond {
						slow++
					}
					if r.Delay > 0 {
						held++
					}
					if r.Done < time.Second && r.Delay != 0 {
						t.Errorf("done at %s, before the standstill, and delayed by %s", r.Done, r.Delay)
					}
					if took-r.Delay > 35*time.Millisecond {
						t.Errorf("due at %s, took %s, of which %s are the generator's", r.Intended, took, r.Delay)
					}
				}
				if slow == 0 || held < slow {
					t.Errorf("%d took long, %d were held up", slow, held)
				}
			})
		})
	}
}
