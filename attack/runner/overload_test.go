package runner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Three times as many arrivals as the slots can carry, for longer than the
// timeout: what is sent is answered all the same, and what is not sent says why.
func TestOverloadKeepsGoodput(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		const slots, service, timeout = 10, 100 * time.Millisecond, 2 * time.Second
		const carry = 100 // a second
		p := attacktest.HoldPlan(3*carry, 40*time.Second, timeout, slots)
		_, c := attacktest.Run(t, t.Context(), p, attacktest.Takes(service), runner.Options{Start: start})
		good, vain := 0, 0
		for _, r := range c.Of(attack.Done) {
			switch {
			case r.Intended < 10*time.Second:
			case r.Kind == "":
				good++
			default:
				vain++
			}
		}
		if good < 28*carry || vain > 2*carry {
			t.Errorf("of 3,000 that the slots could carry in the last 30 s, expected nearly all answered, found %d, and %d in vain", good, vain)
		}
		soon := 0
		for _, r := range c.Of(attack.Unsent) {
			if r.Kind != timeline.KindUnsent || r.Done != r.Intended+timeout || r.Intended == 0 {
				t.Fatalf("found %+v", r)
			}
			if r.Detail == "no free slot in time to be answered within 2s" {
				soon++
			}
		}
		if soon < 5000 {
			t.Errorf("expected most to say that there was no slot in time, found %d", soon)
		}
	})
}

// A standstill longer than most of the timeout leaves no headroom behind: it was
// waited for, not sent in vain.
func TestStandstillLeavesNoHeadroom(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(100, 10*time.Second, 2*time.Second, 5)
		e := &attacktest.Engine{Takes: func(*httpx.Call) time.Duration {
			if at := time.Since(start); at < 1900*time.Millisecond {
				return 1900*time.Millisecond - at
			}
			return 0
		}}
		res, c := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
		if res.Done != 1000 {
			t.Errorf("expected all to be sent, found %+v", res)
		}
		for _, r := range c.Of(attack.Done) {
			if r.Kind != "" {
				t.Fatalf("found %+v", r)
			}
		}
	})
}

// A standstill of more than the timeout costs what was due so early in it that
// its timeout passes before the end, and nothing more, however few slots there
// are.
func TestStandstillBeyondTheTimeout(t *testing.T) {
	simulated(t)
	const rate = 200
	for _, slots := range []int{5, 500} {
		for _, timeout := range []time.Duration{400 * time.Millisecond, 2 * time.Second} {
			bubble(t, func(t *testing.T, start time.Time) {
				p := attacktest.HoldPlan(rate, 4*timeout, timeout, slots)
				from, to := timeout/2, 3*timeout
				e := &attacktest.Engine{Takes: func(*httpx.Call) time.Duration {
					if at := time.Since(start); at >= from && at < to {
						return to - at
					}
					return 0
				}}
				_, c := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
				errs := 0
				for _, r := range c.Results {
					if r.Kind != "" {
						errs++
					}
				}
				want := int(rate * (to - from - timeout).Seconds())
				if errs < want-2 || errs > want+2 {
					t.Errorf("%d slots, timeout %s: expected about %d errors, found %d", slots, timeout, want, errs)
				}
			})
		}
	}
}

// Three times what the slots carry, with less time than a few answers take: what
// is sent can be answered even so.
func TestOverloadWithShortTimeouts(t *testing.T) {
	simulated(t)
	for _, timeout := range []time.Duration{250 * time.Millisecond, 300 * time.Millisecond, 390 * time.Millisecond, time.Second, 5 * time.Second} {
		bubble(t, func(t *testing.T, start time.Time) {
			_, c := attacktest.Run(t, t.Context(), attacktest.HoldPlan(30, 60*time.Second, timeout, 1), attacktest.Takes(100*time.Millisecond), runner.Options{Start: start})
			good := 0
			for _, r := range c.Of(attack.Done) {
				if r.Kind == "" {
					good++
				}
			}
			if good < 400 {
				t.Errorf("timeout %s: of 600 that the slot can carry expected two thirds answered at least, found %d", timeout, good)
			}
		})
	}
}

// Quick answers to another request say nothing of how long a slow one takes, which
// is well again as soon as its endpoint is.
func TestEndpointThatHangsBesideAQuickOne(t *testing.T) {
	simulated(t)
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(200, 80*time.Second, 2*time.Second, 10)
		p.Requests = []attack.Request{{Name: "slow", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{Method: "GET", URL: "http://x/slow"}}, {Name: "quick", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{Method: "GET", URL: "http://x/quick"}}}
		e := &attacktest.Engine{Takes: func(c *httpx.Call) time.Duration {
			switch at := time.Since(start); {
			case !strings.HasSuffix(c.URL, "slow"):
				return time.Millisecond
			case at > 20*time.Second && at < 45*time.Second:
				return 3 * time.Second
			}
			return 200 * time.Millisecond
		}}
		_, c := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
		for from := 0 * time.Second; from < 80*time.Second; from += 10 * time.Second {
			good, vain := 0, 0
			for _, r := range c.Results {
				if r.Request != 0 || r.Intended < from || r.Intended >= from+10*time.Second {
					continue
				}
				if r.Kind == "" {
					good++
				} else if r.End == attack.Done {
					vain++
				}
			}
			if hangs := from >= 20*time.Second && from < 50*time.Second; !hangs && (good < 400 || vain > 60) {
				t.Errorf("from %s: of 500 that the slots can carry expected most answered, found %d, and %d in vain", from, good, vain)
			}
		}
	})
}

// simulated leaves out of the short run, which is that of the race detector, what
// takes it long and has nothing for it that the other tests of overload have not:
// thousands of timeouts of a fake clock. TestStandstillBeyondTheTimeout also made it
// crash in one run of fifty, in its own runtime. make test runs them.
func simulated(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("thousands of timeouts of a fake clock")
	}
}
