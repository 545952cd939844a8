package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestHeadroom(t *testing.T) {
	// The headroom is 1 s at most.
	const timeout, least = 2 * time.Second, 2 * time.Second / headroomFirstPart
	type event struct {
		at, sent time.Duration
	}
	for name, c := range map[string]struct {
		wasted []event
		now    time.Duration
		want   time.Duration
	}{
		"no evidence, no headroom":      {now: time.Hour},
		"one in vain":                   {[]event{{at: 10 * time.Second, sent: 9 * time.Second}}, 10 * time.Second, least},
		"twice":                         {[]event{{10 * time.Second, 9 * time.Second}, {12 * time.Second, 10 * time.Second}}, 12 * time.Second, 2 * least * 8 / 10},
		"sent before the last raise":    {[]event{{10 * time.Second, 9 * time.Second}, {11 * time.Second, 9 * time.Second}}, 10 * time.Second, least},
		"twice within a timeout":        {[]event{{10 * time.Second, 9 * time.Second}, {11 * time.Second, 10 * time.Second}}, 10 * time.Second, least},
		"it fades":                      {[]event{{10 * time.Second, 9 * time.Second}}, 10*time.Second + headroomDecay/2, least / 2},
		"and ends":                      {[]event{{10 * time.Second, 9 * time.Second}}, 10*time.Second + headroomDecay, 0},
		"and begins again":              {[]event{{10 * time.Second, 9 * time.Second}, {time.Hour, time.Hour}}, time.Hour, least},
		"a look from before is no more": {[]event{{10 * time.Second, 9 * time.Second}}, 9 * time.Second, least},
	} {
		t.Run(name, func(t *testing.T) {
			r := newHeadroom(timeout)
			for _, e := range c.wasted {
				r.deadlineMissed(e.sent, e.at)
			}
			if got := r.at(c.now); got != c.want {
				t.Errorf("expected %s, found %s", c.want, got)
			}
		})
	}
	r := newHeadroom(timeout)
	for i := range time.Duration(100) {
		r.deadlineMissed(i*timeout, i*timeout)
	}
	if got := r.at(99 * timeout); got != timeout/2 {
		t.Errorf("expected no more than half of the timeout, found %s", got)
	}
	r = newHeadroom(timeout)
	r.completed(100*time.Millisecond, time.Second)
	r.completed(20*time.Millisecond, time.Second)
	r.deadlineMissed(time.Second, time.Second)
	if got := r.at(time.Second); got != 120*time.Millisecond {
		t.Errorf("expected twice what good answers took, found %s", got)
	}
	r.deadlineMissed(time.Second, time.Second+1)
	if got := r.at(time.Second); got != 120*time.Millisecond {
		t.Errorf("expected no more without a good answer or a timeout gone by, found %s", got)
	}
	now := time.Second + timeout
	r.deadlineMissed(now, now)
	if got := r.at(now); got != 192*time.Millisecond { // twice what is left of it
		t.Errorf("expected twice as much a timeout later, found %s", got)
	}
	r.completed(60*time.Millisecond, now)
	r.deadlineMissed(now, now)
	if got := r.at(now); got != 384*time.Millisecond {
		t.Errorf("expected twice as much beside a good answer, found %s", got)
	}
	r = newHeadroom(timeout)
	r.completed(0, time.Second)
	r.deadlineMissed(time.Second, time.Second)
	if got := r.at(time.Second); got != 0 {
		t.Errorf("expected none where answers take no time, found %s", got)
	}
}

func TestMeanServiceTime(t *testing.T) {
	const s, us = time.Second, time.Microsecond
	for name, c := range map[string]struct {
		add  [][2]time.Duration // took, now
		want time.Duration      // -1: none
	}{
		"none":                       {nil, -1},
		"no time at all":             {[][2]time.Duration{{0, 0}}, 0},
		"the mean":                   {[][2]time.Duration{{2, 1 * s}, {3, 2 * s}, {1, 3 * s}}, 2},
		"also of the stretch before": {[][2]time.Duration{{3, 1 * s}, {1, 12 * s}}, 2},
		"but of no other":            {[][2]time.Duration{{30, 1 * s}, {1, 12 * s}, {3, 23 * s}}, 2},
		"a silence says nothing":     {[][2]time.Duration{{3, 1 * s}, {1, 100 * s}}, 2},
		"it is over in the next ten": {[][2]time.Duration{{30, 1 * s}, {1, 100 * s}, {3, 111 * s}}, 2},
	} {
		var u meanServiceTime
		for _, a := range c.add {
			u.add(a[0]*us, a[1])
		}
		got, ok := u.mean()
		if !ok {
			got = -us
		}
		if got != c.want*us {
			t.Errorf("%s: expected %d µs, found %s", name, c.want, got)
		}
	}
}

// Three times as many arrivals as the slots can carry, for longer than the
// timeout: what is sent is answered all the same, and what is not sent says why.
func TestOverloadKeepsGoodput(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		// A second.
		const slots, service, timeout, carry = 10, 100 * time.Millisecond, 2 * time.Second, 100
		p := holdPlan(3*carry, 40*time.Second, timeout, slots)
		_, c := run(t, t.Context(), p, Options{Clients: over(t, p, takes(service)), Start: start})
		good, vain := 0, 0
		for _, r := range c.of(attack.Done) {
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
		for _, r := range c.of(attack.Unsent) {
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
		p := holdPlan(100, 10*time.Second, 2*time.Second, 5)
		e := &fake{takes: func(*httpx.Call) time.Duration {
			if at := time.Since(start); at < 1900*time.Millisecond {
				return 1900*time.Millisecond - at
			}
			return 0
		}}
		res, c := run(t, t.Context(), p, Options{Clients: over(t, p, e), Start: start})
		if res.Done != 1000 {
			t.Errorf("expected all to be sent, found %+v", res)
		}
		for _, r := range c.of(attack.Done) {
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
				p := holdPlan(rate, 4*timeout, timeout, slots)
				from, to := timeout/2, 3*timeout
				e := &fake{takes: func(*httpx.Call) time.Duration {
					if at := time.Since(start); at >= from && at < to {
						return to - at
					}
					return 0
				}}
				_, c := run(t, t.Context(), p, Options{Clients: over(t, p, e), Start: start})
				errs := 0
				for _, r := range c.results {
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
			_, c := run(t, t.Context(), holdPlan(30, 60*time.Second, timeout, 1), Options{Clients: over(t, holdPlan(30, 60*time.Second, timeout, 1), takes(100*time.Millisecond)), Start: start})
			good := 0
			for _, r := range c.of(attack.Done) {
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
		p := holdPlan(200, 80*time.Second, 2*time.Second, 10)
		p.Requests = []attack.Request{{Name: "slow", Weight: 1, Method: "GET", URL: "http://x/slow"}, {Name: "quick", Weight: 1, Method: "GET", URL: "http://x/quick"}}
		e := &fake{takes: func(c *httpx.Call) time.Duration {
			switch at := time.Since(start); {
			case !strings.HasSuffix(c.URL, "slow"):
				return time.Millisecond
			case at > 20*time.Second && at < 45*time.Second:
				return 3 * time.Second
			}
			return 200 * time.Millisecond
		}}
		_, c := run(t, t.Context(), p, Options{Clients: over(t, p, e), Start: start})
		for from := 0 * time.Second; from < 80*time.Second; from += 10 * time.Second {
			good, vain := 0, 0
			for _, r := range c.results {
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
