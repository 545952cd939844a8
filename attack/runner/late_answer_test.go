package runner_test

import (
	"context"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// tardy is an engine that learns of a timeout too late, as any does on a busy
// machine: what it read until then is a complete answer.
type tardy struct {
	takes time.Duration
	err   error
}

func (e *tardy) Send(context.Context, *httpx.Call) (r httpx.Reply) {
	r.Sent = time.Now()
	time.Sleep(e.takes)
	r.Status, r.Body, r.BytesIn, r.Err = 200, []byte("in stock"), 8, e.err
	r.Done = time.Now()
	return r
}

func (*tardy) Close() error { return nil }

// An answer is good up to its timeout, to the nanosecond, whatever the engine says
// of it: one that took longer is a timeout, and no answer in any rate.
func TestAnswersAfterTheirTimeoutAreTimeouts(t *testing.T) {
	const timeout = 300 * time.Millisecond
	for name, c := range map[string]struct {
		takes  time.Duration
		expect expect.Expect
		kind   string
		status int
	}{
		"just in time":                  {takes: timeout, status: 200},
		"a nanosecond late":             {takes: timeout + 1, kind: timeline.KindTimeout},
		"late":                          {takes: timeout + 14*time.Millisecond, kind: timeline.KindTimeout},
		"late, and wrong too":           {takes: timeout + 1, expect: expect.Expect{Status: []int{201}}, kind: timeline.KindTimeout},
		"late, with a limit of its own": {takes: timeout + 1, expect: expect.Expect{Within: time.Second}, kind: timeline.KindTimeout},
		"in time and wrong":             {takes: timeout, expect: expect.Expect{Status: []int{201}}, kind: timeline.KindStatus, status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, start time.Time) {
				p := attacktest.HoldPlan(10, time.Second, timeout, 10)
				p.Requests[0].Spec.(*httpx.Request).Expect = c.expect
				_, got := attacktest.Run(t, t.Context(), p, &tardy{takes: c.takes}, runner.Options{Start: start})
				if len(got.Of(attack.Done)) != 10 {
					t.Fatalf("expected 10 done, found %d", len(got.Of(attack.Done)))
				}
				for _, r := range got.Of(attack.Done) {
					if r.Kind != c.kind || r.Code != c.status {
						t.Fatalf("expected kind %q and status %d, found %q and %d", c.kind, c.status, r.Kind, r.Code)
					}
					if took := r.Done - r.Intended; took != c.takes {
						t.Fatalf("expected it to take %s, found %s", c.takes, took)
					}
					if r.Sample != nil && c.status == 0 {
						t.Fatalf("a timeout has the sample %+v", r.Sample)
					}
				}
			})
		})
	}
}

// What counts is the time since a request was due: an answer that took little is
// late all the same if its request had waited in the queue.
func TestLateAnswersCountFromTheirIntendedTime(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(10, time.Second, 250*time.Millisecond, 1)
		_, got := attacktest.Run(t, t.Context(), p, &tardy{takes: 150 * time.Millisecond}, runner.Options{Start: start})
		good := 0
		for _, r := range got.Of(attack.Done) {
			if r.Kind == "" {
				good++
			}
			if late := r.Done-r.Intended > 250*time.Millisecond; late != (r.Kind == timeline.KindTimeout) {
				t.Errorf("found kind %q after %s", r.Kind, r.Done-r.Intended)
			}
		}
		if good == 0 || good == len(got.Of(attack.Done)) {
			t.Errorf("expected good ones and late ones, found %d good of %d", good, len(got.Of(attack.Done)))
		}
	})
}

// A flow ends with a step that was answered too late, and takes nothing from it.
func TestLateAnswersEndTheirFlow(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(1, time.Second, 300*time.Millisecond, 1)
		p.Requests = []attack.Request{{Name: "buy/look", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://target/"}}, {Name: "buy/pay", Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://target/"}}}
		p.Flows = []attack.Flow{{Name: "buy", Weight: 1, Steps: []attack.Step{
			{Request: 0, Captures: []expect.Capture{{Name: "what", Matches: "in (.*)"}}}, {Request: 1},
		}}}
		_, got := attacktest.Run(t, t.Context(), p, &tardy{takes: 301 * time.Millisecond}, runner.Options{Start: start})
		for _, r := range got.Results {
			if r.Kind != timeline.KindTimeout || r.Request != 0 {
				t.Errorf("found %+v", r)
			}
		}
		if steps, flows := len(got.Requests()), len(got.Flows()); steps != 1 || flows != 1 {
			t.Errorf("expected one step and one flow, found %d and %d", steps, flows)
		}
	})
}
