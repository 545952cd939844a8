package runner_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
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

// times are those of a result.
type times struct{ Intended, Dispatched, Sent, Done time.Duration }

func timesOf(r attack.Result) times { return times{r.Intended, r.Dispatched, r.Sent, r.Done} }

func TestRunOnTime(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		e := attacktest.Takes(30 * time.Millisecond)
		res, c := attacktest.Run(t, t.Context(), attacktest.HoldPlan(100, 2*time.Second, time.Second, 10), e, runner.Options{Start: start})
		if want := (runner.RunResult{Planned: 200, Done: 200, End: 2 * time.Second}); res != want {
			t.Errorf("expected %+v, found %+v", want, res)
		}
		for k, r := range c.Of(attack.Done) {
			at := time.Duration(k) * 10 * time.Millisecond
			if want := (times{at, at, at, at + 30*time.Millisecond}); timesOf(r) != want {
				t.Fatalf("arrival %d: expected %+v, found %+v", k, want, timesOf(r))
			}
			if r.Class != attack.Good || r.Code != 200 || r.Kind != "" {
				t.Fatalf("arrival %d: expected a good 200, found class %v, %d, %q", k, r.Class, r.Code, r.Kind)
			}
		}
		if n := e.Peak(); n != 3 && n != 4 {
			t.Errorf("expected 3 or 4 in flight, found %d", n)
		}
	})
}

// Requests that hog the only slot make a queue. Everyone waits in it on the
// clock, first come first served, and those with little patience are unsent
// when their timeout has passed there.
func TestRunUnsent(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(20, 10*time.Second, time.Minute, 1)
		p.Requests = []attack.Request{
			{Name: "hog", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://hog/"}},
			{Name: "quick", Weight: 1, Timeout: 250 * time.Millisecond, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://quick/"}},
		}
		e := &attacktest.Engine{Takes: func(c *httpx.Call) time.Duration {
			if c.URL == "http://hog/" {
				return 300 * time.Millisecond
			}
			return 0
		}}
		res, c := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
		if n := e.Peak(); n != 1 {
			t.Errorf("expected 1 in flight, found %d", n)
		}
		if res.Planned != 200 || res.Interrupted != 0 || res.Unsent < 80 {
			t.Errorf("expected 200 planned and 80 unsent or more, found %+v", res)
		}
		done := c.Of(attack.Done)
		for i, r := range done {
			if i > 0 && r.Sent < done[i-1].Done {
				t.Fatalf("arrival %d overtook %d", r.Seq, done[i-1].Seq)
			}
			if i > 0 && r.Sent > r.Intended && r.Sent != done[i-1].Done {
				t.Fatalf("arrival %d waited beyond %s, when the slot was free, until %s", r.Seq, done[i-1].Done, r.Sent)
			}
			if r.Dispatched != r.Intended || r.Kind != "" {
				t.Fatalf("found %+v", r)
			}
		}
		for _, r := range c.Of(attack.Unsent) {
			if r.Request != 1 {
				t.Fatalf("request %d has the patience to wait for a slot", r.Request)
			}
			if given := r.Done - r.Intended; given != 250*time.Millisecond || r.Sent != 0 {
				t.Fatalf("expected it unsent after 250ms, found it after %s, sent at %s", given, r.Sent)
			}
			if r.Kind != timeline.KindUnsent || r.Detail != "no free slot within 250ms" {
				t.Fatalf("found %s: %s", r.Kind, r.Detail)
			}
		}
	})
}

// An unsent arrival is reported when its timeout passes, though no worker
// becomes free.
func TestRunReportsUnsentPromptly(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(10, time.Second, time.Minute, 1)
		p.Requests = []attack.Request{{Name: "long", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://long/"}}, {Name: "short", Weight: 1, Timeout: 50 * time.Millisecond, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://short/"}}}
		var late []string
		sink := sinkFunc(func(_ int, r *attack.Result) {
			if off := time.Since(start) - r.Done; off > time.Microsecond {
				late = append(late, fmt.Sprintf("arrival %d (%s) was reported %s late", r.Seq, r.Detail, off))
			}
		})
		e := attacktest.Takes(10 * time.Second)
		res, err := runner.Run(t.Context(), p, runner.Options{Clients: attacktest.Clients(t, p, e), Start: start, Sink: sink})
		if err != nil || res.Unsent == 0 || res.Planned != res.Done+res.Unsent {
			t.Errorf("found %+v, %v", res, err)
		}
		if len(late) > 0 {
			t.Error(strings.Join(late, "\n"))
		}
	})
}

type sinkFunc func(int, *attack.Result)

func (sinkFunc) Planned(attack.Arrival)           {}
func (f sinkFunc) Record(w int, r *attack.Result) { f(w, r) }

// The timeout counts from the intended time, in the queue and in flight together.
func TestRunTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(2, time.Second, 3*time.Second, 1)
		e := attacktest.Takes(2 * time.Second)
		_, c := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
		done := c.Of(attack.Done)
		if len(done) != 2 || done[0].Kind != "" || done[1].Kind != timeline.KindTimeout {
			t.Fatalf("found %+v", done)
		}
		// Due at 0.5 s, sent at 2 s when the slot was free, given up at 3.5 s.
		if r := done[1]; r.Sent != 2*time.Second || r.Done != 3500*time.Millisecond {
			t.Errorf("found %+v", r)
		}
	})
}

// What came due while the pacer was held up goes out late, at once, and none is
// lost; what had timed out by then is unsent.
func TestRunLate(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(10, 2*time.Second, 500*time.Millisecond, 100)
		p.Stages = append(p.Stages, attack.Stage{Name: "next", For: time.Second, Shape: arrivals.Hold{Per: 10}})
		res, c := attacktest.Run(t, t.Context(), p, attacktest.Takes(0), runner.Options{Start: start, OnStage: func(i int) {
			if i == 1 {
				time.Sleep(850 * time.Millisecond)
			}
		}})
		if res.Planned != 30 || res.Unsent != 4 {
			t.Errorf("expected 30 planned and 4 unsent, found %+v", res)
		}
		for _, r := range c.Results {
			dispatched := r.Intended
			if r.Stage == 1 {
				dispatched = max(dispatched, 2850*time.Millisecond)
			}
			if r.Dispatched != dispatched {
				t.Errorf("arrival %d, due at %s: expected it to be dispatched at %s, found %s", r.Seq, r.Intended, dispatched, r.Dispatched)
			}
			if r.End == attack.Unsent && r.Done != r.Intended+500*time.Millisecond {
				t.Errorf("found %+v", r)
			}
		}
	})
}

func TestRunStages(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(1, 2*time.Second, time.Second, 1)
		p.Stages = append(p.Stages, attack.Stage{Name: "rest", For: 3 * time.Second, Shape: arrivals.Pause{Pause: true}}, attack.Stage{Name: "on", For: time.Second, Shape: arrivals.Hold{Per: 1}}, attack.Stage{Name: "end", For: time.Second, Shape: arrivals.Pause{Pause: true}})
		var got []string
		res, _ := attacktest.Run(t, t.Context(), p, attacktest.Takes(0), runner.Options{Start: start.Add(time.Hour), OnStage: func(i int) {
			got = append(got, fmt.Sprintf("%d at %s", i, time.Since(start)-time.Hour))
		}})
		want := []string{"0 at 0s", "1 at 2s", "2 at 5s", "3 at 6s", "4 at 7s"}
		if !slices.Equal(got, want) || res.End != 7*time.Second || res.Stopped {
			t.Errorf("expected %v, found %v and %+v", want, got, res)
		}
	})
}

// However and whenever a run is stopped, what was planned is accounted for.
func TestRunStops(t *testing.T) {
	// The pacer's last stretch before an arrival is not interrupted.
	const soon = 2 * time.Millisecond
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 150 {
		hard, soft := rng.IntN(3) > 0, rng.IntN(3) > 0
		when := func() time.Duration { return time.Duration(rng.Int64N(int64(4 * time.Second))) }
		at, softAt := when(), when()
		maxInFlight, timeout := 1+rng.IntN(8), 10*time.Millisecond+when()/4
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			bubble(t, func(t *testing.T, start time.Time) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if hard {
					defer time.AfterFunc(at, cancel).Stop()
				}
				stop := make(chan struct{})
				if soft {
					defer time.AfterFunc(softAt, func() { close(stop) }).Stop()
				}
				p := attacktest.HoldPlan(50, 3*time.Second, timeout, maxInFlight)
				p.Arrivals = arrivals.Poisson
				p.Requests = append(p.Requests, attack.Request{Name: "b", Weight: 1, Timeout: 2 * timeout, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://b/"}})
				e := &attacktest.Engine{Takes: func(*httpx.Call) time.Duration { return time.Duration(rand.Int64N(int64(300 * time.Millisecond))) }}
				res, c := attacktest.Run(t, ctx, p, e, runner.Options{Start: start, Stop: stop})
				took := time.Since(start)
				switch {
				case hard && took > max(at, 3*time.Second+2*timeout)+soon:
					t.Errorf("took %s", took)
				case hard && at < 3*time.Second && (!soft || at+soon < softAt):
					if !res.Stopped || res.End < at || res.End > at+soon {
						t.Errorf("stopped hard at %s: found stopped %v at %s", at, res.Stopped, res.End)
					}
					if took < res.End || took > res.End+soon {
						t.Errorf("stopped hard at %s: the load ended at %s, and Run returned at %s",
							at, res.End, took)
					}
				case soft && softAt < 3*time.Second && !hard:
					if !res.Stopped || res.End < softAt || res.End > softAt+soon {
						t.Errorf("stopped softly at %s: found stopped %v at %s", softAt, res.Stopped, res.End)
					}
					if latest := softAt + 2*timeout + soon; took > latest {
						t.Errorf("stopped softly at %s: Run returned at %s, want %s at the latest",
							softAt, took, latest)
					}
					for _, r := range c.Of(attack.Interrupted) {
						if r.Sent != 0 {
							t.Errorf("a soft stop cut off arrival %d in flight", r.Seq)
						}
					}
				case !hard && !soft:
					if res.Stopped || res.Interrupted > 0 || res.End != 3*time.Second {
						t.Errorf("nobody stopped it: found %+v", res)
					}
				}
				for _, r := range c.Results {
					if r.End == attack.Interrupted && (r.Kind != "" || r.Detail != "") {
						t.Errorf("an interrupted arrival is no error: %+v", r)
					}
				}
				if n := e.Peak(); n > int64(maxInFlight) {
					t.Errorf("expected at most %d in flight, found %d", maxInFlight, n)
				}
			})
		})
	}
}

func TestRunStopBeforeStart(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		res, _ := attacktest.Run(t, ctx, attacktest.HoldPlan(10, time.Second, time.Second, 1), attacktest.Takes(0), runner.Options{Start: start})
		if want := (runner.RunResult{Stopped: true}); res != want {
			t.Errorf("expected %+v, found %+v", want, res)
		}
	})
}

// A stop that comes when the load is over, but its last answers are not in,
// leaves arrivals without an outcome: such a run is not whole.
func TestRunStopWhileDraining(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration // of the load's end; 0: never
		hard  bool
		whole bool
	}{
		{"never", 0, false, true},
		{"soft, with arrivals in the queue", 100 * time.Millisecond, false, false},
		{"soft, with nothing in the queue", 500 * time.Millisecond, false, true},
		{"hard, with requests in flight", 500 * time.Millisecond, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, start time.Time) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stop := make(chan struct{})
				if c.after > 0 {
					defer time.AfterFunc(time.Second+c.after, func() {
						close(stop)
						if c.hard {
							cancel()
						}
					}).Stop()
				}
				// Due at 0 and 500 ms, one at a time: sent at 0 and 1.4 s.
				res, _ := attacktest.Run(t, ctx, attacktest.HoldPlan(2, time.Second, 5*time.Second, 1), attacktest.Takes(1400*time.Millisecond), runner.Options{Start: start, Stop: stop})
				if res.Stopped || res.Complete() != c.whole {
					t.Errorf("expected whole %t, found %t: %+v", c.whole, res.Complete(), res)
				}
			})
		})
	}
}

// A request that failed by itself is an error even if the run was cut off
// before that was seen.
func TestRunErrorAtTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		ctx, cancel := context.WithCancel(t.Context())
		e := &failing{err: errors.New("odd"), then: cancel}
		res, c := attacktest.Run(t, ctx, attacktest.HoldPlan(1, time.Second, 5*time.Second, 1), e, runner.Options{Start: start})
		if done := c.Of(attack.Done); len(done) != 1 || done[0].Kind != timeline.KindOther {
			t.Errorf("expected one error, found %+v", res)
		}
	})
}

// failing is an engine whose calls fail at once, whereupon it does something.
type failing struct {
	err  error
	then func()
}

func (f *failing) Send(context.Context, *httpx.Call) httpx.Reply {
	defer f.then()
	return httpx.Reply{Sent: time.Now(), Done: time.Now(), Err: f.err}
}

func (*failing) Close() error { return nil }

// A request that fails by itself is an error, one that a hard stop cut off is
// none.
func TestRunErrorsAndInterrupts(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		e := attacktest.Takes(100 * time.Millisecond)
		e.Err = errors.New("odd")
		ctx, cancel := context.WithCancel(t.Context())
		defer time.AfterFunc(950*time.Millisecond, cancel).Stop()
		res, c := attacktest.Run(t, ctx, attacktest.HoldPlan(10, 10*time.Second, time.Second, 5), e, runner.Options{Start: start})
		if res.Done != 9 || res.Interrupted != 1 {
			t.Errorf("expected 9 done and 1 interrupted, found %+v", res)
		}
		for _, r := range c.Of(attack.Done) {
			if r.Kind != timeline.KindOther || r.Detail != "odd" {
				t.Errorf("found %+v", r)
			}
		}
	})
}

func TestRunTemplateErrors(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(10, time.Second, time.Second, 5)
		p.Requests[0].Spec.(*httpx.Request).URL = "http://h/{{ .a }}"
		p.Requests[0].Data = attacktest.Data([]map[string]string{{"a": "1"}, {"b": "2"}})
		res, c := attacktest.Run(t, t.Context(), p, attacktest.Takes(0), runner.Options{Start: start})
		if res.Done != 10 {
			t.Errorf("expected 10 done, found %+v", res)
		}
		for _, r := range c.Of(attack.Done) {
			if want := []string{"", timeline.KindTemplate}[r.Nth%2]; r.Kind != want || want != "" && r.Detail != `url: the data row has no column "a"` {
				t.Errorf("expected kind %q, found %+v", want, r)
			}
		}
	})
}

// Workers are numbered densely, and each number is used by one at a time.
func TestRunWorkerNumbers(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		const maxInFlight = 6
		var busy [maxInFlight + 2]atomic.Bool
		sink := sinkFunc(func(w int, _ *attack.Result) {
			if !busy[w].CompareAndSwap(false, true) {
				t.Errorf("two calls of Record by %d overlap", w)
			}
			runtime.Gosched()
			time.Sleep(time.Millisecond)
			busy[w].Store(false)
		})
		if _, err := runner.Run(t.Context(), attacktest.HoldPlan(200, 2*time.Second, 100*time.Millisecond, maxInFlight), runner.Options{Clients: attacktest.Clients(t, attacktest.HoldPlan(200, 2*time.Second, 100*time.Millisecond, maxInFlight), attacktest.Takes(50*time.Millisecond)), Start: start, Sink: sink}); err != nil {
			t.Error(err)
		}
	})
}

func TestRunRefuses(t *testing.T) {
	good := func() *attack.Plan { return attacktest.HoldPlan(1, time.Second, time.Second, 1) }
	for _, c := range []struct {
		name  string
		spoil func(*attack.Plan, *runner.Options)
		want  string
	}{
		{"no clients", func(_ *attack.Plan, o *runner.Options) { o.Clients = nil }, "expected clients"},
		{"no slots", func(p *attack.Plan, _ *runner.Options) { p.MaxInFlight = 0 }, "max_in_flight: expected at least 1, found 0"},
		{"process", func(p *attack.Plan, _ *runner.Options) { p.Arrivals = "" }, "arrivals: expected uniform or poisson"},
		{"no shape", func(p *attack.Plan, _ *runner.Options) { p.Stages[0].Shape = nil }, `stage "only": expected a shape`},
		{"bad shape", func(p *attack.Plan, _ *runner.Options) { p.Stages[0].Shape = arrivals.Hold{Per: -1} }, `stage "only": rate: expected`},
		{"no requests", func(p *attack.Plan, _ *runner.Options) { p.Requests = nil }, "requests: expected at least one"},
		{"no timeout", func(p *attack.Plan, _ *runner.Options) { p.Timeout = 0 }, `request "a": timeout: expected above 0`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := good()
			opt := runner.Options{Clients: attacktest.Clients(t, p, attacktest.Takes(0)), Sink: new(attacktest.Sink), Start: time.Now()}
			c.spoil(p, &opt)
			if res, err := runner.Run(t.Context(), p, opt); err == nil || !strings.Contains(err.Error(), c.want) || res.Planned > 0 {
				t.Errorf("expected %q, found %v", c.want, err)
			}
		})
	}
}

// What is sent, and in which order, is the same twice.
func TestRunIsRepeatable(t *testing.T) {
	urls := func() (got []string) {
		bubble(t, func(t *testing.T, start time.Time) {
			p := attacktest.HoldPlan(100, 2*time.Second, time.Second, 1)
			p.Arrivals = arrivals.Poisson
			p.Requests = []attack.Request{{Name: "a", Weight: 2, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://a/{{ uuid }}"}}, {Name: "b", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://b/{{ nth }}/{{ seq }}"}}}
			// One slot: one call at a time.
			e := &attacktest.Engine{Takes: func(c *httpx.Call) time.Duration {
				got = append(got, c.URL)
				return 0
			}}
			attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
		})
		return got
	}
	first := urls()
	if second := urls(); len(first) < 100 || !slices.Equal(first, second) {
		t.Errorf("two runs sent %d and %d requests that differ", len(first), len(second))
	}
}

// By the real clock nothing is early either, as run checks of every result.
func TestRunIsNeverEarly(t *testing.T) {
	start := time.Now().Add(10 * time.Millisecond)
	res, _ := attacktest.Run(t, t.Context(), attacktest.HoldPlan(2000, 200*time.Millisecond, time.Minute, 10), attacktest.Takes(0), runner.Options{Start: start})
	if res.Done != 400 || res.End != 200*time.Millisecond {
		t.Errorf("found %+v", res)
	}
	if took := time.Since(start); took < 200*time.Millisecond {
		t.Errorf("over after %s", took)
	}
}

// What the scheduler costs for each arrival when there is always one due:
// taking, sending by an engine that does nothing, recording.
func BenchmarkScheduler(b *testing.B) {
	p := attacktest.HoldPlan(10e6, time.Hour, time.Hour, 8)
	n, last := 0, b.N
	ctx, cancel := context.WithCancel(b.Context())
	sink := sinkFunc(func(int, *attack.Result) {
		if n++; n == last {
			cancel()
		}
	})
	b.ReportAllocs()
	if _, err := runner.Run(ctx, p, runner.Options{Clients: attacktest.Clients(b, p, attacktest.Instant{}), Sink: sink, Start: time.Now().Add(-time.Hour)}); err != nil {
		b.Fatal(err)
	}
}

// A stop that comes while OnStage is told of the end, or of a stage, ends the
// load once.
func TestRunStoppedInOnStage(t *testing.T) {
	for index := range 3 {
		t.Run(fmt.Sprint(index), func(t *testing.T) {
			bubble(t, func(t *testing.T, start time.Time) {
				p := attacktest.HoldPlan(10, time.Second, time.Second, 2)
				p.Stages = append(p.Stages, attack.Stage{Name: "crowd", For: time.Second, Shape: arrivals.Users{From: 1, To: 1}})
				stop := make(chan struct{})
				res, _ := attacktest.Run(t, t.Context(), p, attacktest.Takes(10*time.Millisecond), runner.Options{Start: start, Stop: stop, OnStage: func(i int) {
					if i == index {
						close(stop)
						time.Sleep(time.Millisecond) // until all others have looked at it
					}
				}})
				if at := time.Duration(index) * time.Second; !res.Stopped || res.End != at || res.Interrupted != 0 {
					t.Errorf("expected a stop at %s, found %+v", at, res)
				}
			})
		})
	}
}

// Keeper and leader wait for the same end of a stage, if a worker came back
// after the dispatcher had to wait for arrivals. One calls OnStage; the other waits.
func TestRunOneCrosses(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(10, 100*time.Millisecond, time.Second, 1)
		for range 49 {
			p.Stages = append(p.Stages, p.Stages[0])
		}
		told := 0
		res, _ := attacktest.Run(t, t.Context(), p, attacktest.Takes(50*time.Millisecond), runner.Options{Start: start, OnStage: func(i int) {
			if i != told {
				t.Errorf("expected stage %d, found %d", told, i)
			}
			told++
			time.Sleep(10 * time.Millisecond) // a clock of the bubble stands still if anybody spins
		}})
		if told != 51 || res.Done != 50 {
			t.Errorf("expected 51 calls and 50 requests, found %d and %+v", told, res)
		}
	})
}

// A generator that was held up in front of a target that stands still has all
// that came due meanwhile on its way after a few looks, each of which lets twice as many go: what
// is waited for then is the target's doing, and no lateness.
func TestRunGrowsBeforeAStandstill(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		p := attacktest.HoldPlan(1000, 100*time.Millisecond, 10*time.Second, 200)
		p.Stages = append(p.Stages, p.Stages[0])
		_, c := attacktest.Run(t, t.Context(), p, attacktest.Takes(time.Second), runner.Options{Start: start, OnStage: func(i int) {
			if i == 1 {
				time.Sleep(50 * time.Millisecond)
			}
		}})
		for _, r := range c.Of(attack.Done) {
			// 50 came due meanwhile, and one each millisecond while those are sent. A look takes
			// 0.2 ms.
			if by := max(r.Intended, 150*time.Millisecond+6*200*time.Microsecond); r.Stage == 1 && r.Dispatched > by {
				t.Fatalf("expected it to be dispatched by %s, found %+v", by, r)
			}
		}
	})
}
