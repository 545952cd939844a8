package runner_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Each user asks, waits, thinks, and asks again: with 100 ms of answer and 400
// of thought, two requests a second.
func TestUsers(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(1, 3*time.Second, time.Second, 10)
		p.Stages = []attack.Stage{{Name: "crowd", For: 3 * time.Second, Shape: arrivals.Users{From: 7, To: 7, Think: 400 * time.Millisecond}}}
		e := attacktest.Takes(100 * time.Millisecond)
		res, sink := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
		if res.Done != 7*6 {
			t.Errorf("expected 42 requests, found %d", res.Done)
		}
		if res.Stopped || res.End != 3*time.Second {
			t.Errorf("expected it to end by itself at 3s, found stopped %v at %s", res.Stopped, res.End)
		}
		if n := e.Peak(); n != 7 {
			t.Errorf("expected 7 in flight at once, found %d", n)
		}
		for _, r := range sink.Requests() {
			if r.Intended%(500*time.Millisecond) != 0 || r.Sent != r.Intended || r.Dispatched != r.Intended {
				t.Fatalf("found %+v", r)
			}
		}
	})
}

// A slow target is asked less often: that is what a closed loop is.
func TestUsersWaitForTheTarget(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(1, 10*time.Second, time.Minute, 10)
		p.Stages[0].Shape = arrivals.Users{From: 2, To: 2}
		res, _ := attacktest.Run(t, t.Context(), p, attacktest.Takes(4*time.Second), runner.Options{Start: start})
		if res.Done != 6 { // each at 0, 4 and 8 s
			t.Errorf("found %+v", res)
		}
	})
}

func TestUsersComeAndGo(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(1, 10*time.Second, time.Minute, 10)
		p.Stages = []attack.Stage{
			{Name: "grow", For: 5 * time.Second, Shape: arrivals.Users{From: 1, To: 5, Think: 90 * time.Millisecond}},
			{Name: "shrink", For: 5 * time.Second, Shape: arrivals.Users{From: 5, To: 1, Think: 90 * time.Millisecond}},
		}
		_, sink := attacktest.Run(t, t.Context(), p, attacktest.Takes(10*time.Millisecond), runner.Options{Start: start})
		perSecond := make([]int, 10)
		for _, r := range sink.Requests() {
			perSecond[r.Intended/time.Second]++
			if want := int(r.Intended / (5 * time.Second)); r.Stage != want {
				t.Fatalf("expected stage %d, found %+v", want, r)
			}
		}
		for i, n := range perSecond {
			users := []int{1, 2, 3, 4, 5, 5, 4, 3, 2, 1}[i]
			if n < 10*users-1 || n > 10*users+1 {
				t.Errorf("second %d: expected about %d requests of %d users, found %d: %v", i, 10*users, users, n, perSecond)
			}
		}
	})
}

// Open and closed stages follow each other, and a user's request that is under
// way at the end of its stage is finished.
func TestUsersBesideRates(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(10, time.Second, time.Minute, 10)
		p.Stages = append(p.Stages,
			attack.Stage{Name: "crowd", For: time.Second, Shape: arrivals.Users{From: 3, To: 3}},
			attack.Stage{Name: "again", For: time.Second, Shape: arrivals.Hold{Per: 10}})
		res, sink := attacktest.Run(t, t.Context(), p, attacktest.Takes(300*time.Millisecond), runner.Options{Start: start})
		by := map[int]int{}
		for _, r := range sink.Requests() {
			by[r.Stage]++
			if r.Kind != "" || r.Done-r.Intended != 300*time.Millisecond {
				t.Fatalf("found %+v", r)
			}
		}
		if want := map[int]int{0: 10, 1: 12, 2: 10}; !maps.Equal(by, want) {
			t.Errorf("expected requests by stage %v, found %v", want, by)
		}
		if res.Interrupted > 0 {
			t.Errorf("%d were interrupted", res.Interrupted)
		}
	})
}

// What a user asks for does not depend on how many others there are, nor on
// what they do meanwhile.
func TestUsersDrawForThemselves(t *testing.T) {
	asked := func(users int) map[uint64]string {
		out := map[uint64]string{}
		bubble(t, func(t *testing.T, start time.Time) {
			p := attacktest.HoldPlan(1, 2*time.Second, time.Minute, 100)
			p.Stages[0].Shape = arrivals.Users{From: users, To: users}
			p.Requests = []attack.Request{{Name: "a", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://a/{{ uuid }}"}}, {Name: "b", Weight: 2, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://b/{{ uuid }}"}}}
			b, err := httpx.NewBuilder(p)
			if err != nil {
				t.Fatal(err)
			}
			_, sink := attacktest.Run(t, t.Context(), p, attacktest.Takes(time.Duration(users)*3*time.Millisecond), runner.Options{Start: start})
			for _, r := range sink.Requests() {
				call, err := b(r.Arrival)
				if err != nil {
					t.Fatal(err)
				}
				out[r.Seq] = call.URL
			}
		})
		return out
	}
	few, many := asked(2), asked(20)
	both := 0
	for seq, url := range few {
		if other, ok := many[seq]; ok {
			both++
			if other != url {
				t.Fatalf("number %d: %s and %s", seq, url, other)
			}
		}
	}
	if both < 20 {
		t.Errorf("only %d requests to compare", both)
	}
}

func TestUsersStop(t *testing.T) {
	for _, hard := range []bool{false, true} {
		t.Run(fmt.Sprint(hard), func(t *testing.T) {
			bubble(t, func(t *testing.T, start time.Time) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stop := make(chan struct{})
				defer time.AfterFunc(1250*time.Millisecond, func() {
					if hard {
						cancel()
					}
					close(stop)
				}).Stop()
				p := attacktest.HoldPlan(1, time.Hour, time.Minute, 10)
				p.Stages[0].Shape = arrivals.Users{From: 4, To: 4, Think: 100 * time.Millisecond}
				res, _ := attacktest.Run(t, ctx, p, attacktest.Takes(400*time.Millisecond), runner.Options{Start: start, Stop: stop})
				took, want := time.Since(start), 1400*time.Millisecond
				if hard {
					want = 1250 * time.Millisecond
				}
				if !res.Stopped || res.End != 1250*time.Millisecond || took != want {
					t.Errorf("found %+v after %s", res, took)
				}
				if cut := res.Interrupted > 0; cut != hard {
					t.Errorf("found %+v", res)
				}
			})
		})
	}
}

// catch_up: what becomes of ten arrivals that came due while the generator was
// held up for a second.
func TestCatchUp(t *testing.T) {
	dispatched := func(how attack.CatchUp) (out []string) {
		bubble(t, func(t *testing.T, start time.Time) {
			p := attacktest.HoldPlan(10, time.Second, 10*time.Second, 100)
			p.CatchUp, p.LateBudget = how, 50*time.Millisecond
			p.Stages = append(p.Stages, attack.Stage{Name: "next", For: 2 * time.Second, Shape: arrivals.Hold{Per: 10}})
			_, c := attacktest.Run(t, t.Context(), p, attacktest.Takes(0), runner.Options{Start: start, OnStage: func(i int) {
				if i == 1 {
					time.Sleep(500 * time.Millisecond)
				}
			}})
			slices.SortFunc(c.Results, func(a, b attack.Result) int { return int(a.Seq) - int(b.Seq) })
			for _, r := range c.Results[10:20] {
				s := r.Dispatched.Round(time.Millisecond).String()
				if r.End == attack.Unsent {
					if s = "unsent"; r.Kind != timeline.KindSkipped || r.Done != r.Intended+10*time.Second {
						t.Errorf("found %+v", r)
					}
				}
				out = append(out, s)
			}
		})
		return out
	}
	for how, want := range map[attack.CatchUp]string{
		// Due at 1, 1.1, … 1.9 s, and held up until 1.5 s.
		attack.Burst: "1.5s 1.5s 1.5s 1.5s 1.5s 1.5s 1.6s 1.7s 1.8s 1.9s",
		// At 1.5 s, and then every 50 ms until the plan is caught up with.
		attack.Spread: "1.5s 1.55s 1.6s 1.65s 1.7s 1.75s 1.8s 1.85s 1.9s 1.95s",
		attack.Skip:   "unsent unsent unsent unsent unsent 1.5s 1.6s 1.7s 1.8s 1.9s",
	} {
		if got := strings.Join(dispatched(how), " "); got != want {
			t.Errorf("%s: expected %s, found %s", how, want, got)
		}
	}
}

// What the generator is held up for longer than an arrival may take is its own
// doing, and says so, whether slots were free or not.
func TestLate(t *testing.T) {
	const timeout, held = 400 * time.Millisecond, 750 * time.Millisecond
	for _, slots := range []int{1, 100} {
		bubble(t, func(t *testing.T, start time.Time) {
			p := attacktest.HoldPlan(10, time.Second, timeout, slots)
			p.Stages = append(p.Stages, attack.Stage{Name: "next", For: 2 * time.Second, Shape: arrivals.Hold{Per: 10}})
			_, c := attacktest.Run(t, t.Context(), p, attacktest.Takes(150*time.Millisecond), runner.Options{Start: start, OnStage: func(i int) {
				if i == 1 {
					time.Sleep(held)
				}
			}})
			late := 0
			for _, r := range c.Results {
				switch {
				case r.Kind == timeline.KindLate:
					late++
					const why = "the generator came to it too late to be answered within 400ms"
					if r.End != attack.Unsent || r.Detail != why {
						t.Errorf("%d slots: found end %v: %s", slots, r.End, r.Detail)
					}
					if wait := r.Dispatched - r.Intended; wait <= timeout/2 {
						t.Errorf("%d slots: given up %s after it was due, when it had time", slots, wait)
					}
					if took := r.Done - r.Intended; took != timeout {
						t.Errorf("%d slots: expected it unsent after %s, found %s", slots, timeout, took)
					}
				case r.Dispatched-r.Intended >= timeout:
					t.Errorf("%d slots: it was too late, and is not counted so: %+v", slots, r)
				}
			}
			// Due at 1, 1.1, 1.2 and 1.3 s; with one slot others have too little time left.
			if late < 4 || slots > 1 && late > 4 {
				t.Errorf("%d slots: expected 4 arrivals that were too late, found %d", slots, late)
			}
		})
	}
}

// A generator that has no time when a user has done thinking is late, and the
// request is due all the same.
func TestUsersThinkNoLongerThanTheyDo(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(1, time.Second, time.Second, 10)
		p.Stages[0].Shape = arrivals.Users{From: 1, To: 1, Think: 400 * time.Millisecond}
		var held atomic.Int64 // for how long the generator was
		time.AfterFunc(200*time.Millisecond, func() { held.Store(int64(30 * time.Millisecond)) })
		clock := func() time.Duration { return time.Since(start) + time.Duration(held.Load()) }
		_, sink := attacktest.Run(t, t.Context(), p, attacktest.Takes(100*time.Millisecond), runner.Options{Start: start, Clock: clock})
		got := sink.Requests()
		if len(got) != 2 {
			t.Fatalf("expected 2 requests, found %+v", got)
		}
		// The last 1.5 ms of a wait are measured when they begin, by the clock that jumped.
		const held30 = 530 * time.Millisecond
		if r := got[1]; r.Intended != 500*time.Millisecond || r.Dispatched > held30 || r.Dispatched < held30-2*time.Millisecond {
			t.Errorf("expected a request due at 500ms and late by nearly 30ms, found %+v", r)
		}
	})
}
