package runner_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// bare is a client that says nothing of a failed call but the error.
type bare struct{ err error }

func (b bare) Call(_ context.Context, _ *attack.Call, out *attack.Outcome) {
	out.Sent = time.Now()
	out.Done, out.Err, out.Kind = time.Now(), b.err, timeline.KindRefused
}

func (bare) Renew()       {}
func (bare) Close() error { return nil }

// A client needs no Exchange for its errors to be told.
func TestErrorWithoutExchange(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(3, time.Second, time.Second, 10)
		p.Requests[0].Protocol = "bare"
		client := bare{&net.OpError{Op: "dial", Net: "udp", Err: errors.New("nobody listens")}}
		_, c := attacktest.RunClients(t, t.Context(), p, attack.Clients{"bare": client},
			runner.Options{Start: start})
		for _, r := range c.Results {
			if r.Detail != "dial: nobody listens" {
				t.Errorf("detail %q, want %q", r.Detail, "dial: nobody listens")
			}
		}
		if len(c.Results) != 3 {
			t.Errorf("%d results, want 3", len(c.Results))
		}
	})
}
