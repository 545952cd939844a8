package runner_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
)

// watched is what a watcher was shown of one call.
type watched struct {
	Seq   uint64
	End   attack.End
	Class attack.Class
	Body  string // "none" if there was no answer
}

// Whoever watches sees every call that was sent, with its answer, also those that ended in
// mid-air; and none that never was.
func TestWatch(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		e := attacktest.Takes(400 * time.Millisecond)
		e.Takes = func(c *httpx.Call) time.Duration {
			if c.URL == "http://slow/" {
				return time.Minute
			}
			return 400 * time.Millisecond
		}
		e.Answer = expect.Answer{Status: 201, Body: []byte("made")}
		p := attacktest.HoldPlan(4, time.Second, 2*time.Second, 10)
		p.Requests = []attack.Request{attacktest.Get("a", "http://a/"), attacktest.Get("b", "http://slow/")}
		p.Requests[0].Watched.Body = true
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(1100*time.Millisecond, cancel)
		var mu sync.Mutex
		var got []watched
		_, c := attacktest.Run(t, ctx, p, e, runner.Options{Start: start,
			Watch: func(call *attack.Call, r *attack.Result, a *expect.Answer) {
				w := watched{call.Seq, r.End, r.Class, "none"}
				if a != nil {
					w.Body = string(a.Body)
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, w)
			}})
		slices.SortFunc(got, func(a, b watched) int { return int(a.Seq) - int(b.Seq) })
		var want []watched
		for _, r := range c.Requests() {
			w := watched{r.Seq, r.End, r.Class, "none"}
			if r.Class == attack.Good {
				w.Body = "made"
			}
			want = append(want, w)
		}
		slices.SortFunc(want, func(a, b watched) int { return int(a.Seq) - int(b.Seq) })
		if d := cmp.Diff(want, got); d != "" || len(c.Of(attack.Interrupted)) == 0 {
			t.Errorf("%d were interrupted; what the watcher saw differs:\n%s",
				len(c.Of(attack.Interrupted)), d)
		}
	})
}
