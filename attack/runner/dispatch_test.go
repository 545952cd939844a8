package runner_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
)

// behind is a generator that comes to its arrivals too late by held, in front of a target
// that stands still. It returns when each request was sent, as of then.
func behind(
	t *testing.T, held time.Duration, start time.Time, opt runner.Options,
) (sent []time.Duration) {
	t.Helper()
	const rate, slots = 1000, 1000
	p := attacktest.HoldPlan(rate, 100*time.Millisecond, 10*time.Second, slots)
	p.Stages = append(p.Stages, holdStage(rate, 900*time.Millisecond))
	var mu sync.Mutex
	e := &attacktest.Engine{Takes: func(*httpx.Call) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, time.Since(start)-held)
		return time.Second
	}}
	opt.Start = start
	opt.OnStage = func(stage int) {
		if stage == 0 {
			time.Sleep(held) // from the start, when there is nobody to send
		}
	}
	attacktest.Run(t, t.Context(), p, e, opt)
	return sent
}

func holdStage(rate arrivals.Rate, d time.Duration) attack.Stage {
	return attack.Stage{Name: "next", For: d, Shape: arrivals.Hold{Per: rate}}
}

// How soon a generator that is behind has all that came due on its way depends on what
// keeps it. Where it waits for the target only, it takes as many slots as it needs within
// a few looks; where others take its time, one each moment; and where it uses up its CPU
// itself, hardly any, as those that it has come back once there is time for them.
func TestStartsOfAGeneratorThatIsBehind(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name       string
		wakes      time.Duration // it wakes at multiples of this only; 0: when it should
		share      float64       // of its CPU that it uses
		soon       [2]int        // sent within 10 ms: from, to
		afterwards [2]int        // sent within 100 ms
	}{
		// 50 came due before, and one comes due each millisecond.
		{"time to spare", 0, 0, [2]int{60, 61}, [2]int{150, 151}},
		{"woken a little late", 300 * time.Microsecond, 0, [2]int{60, 61}, [2]int{150, 151}},
		{"four fifths of its CPU used", 0, 0.8, [2]int{60, 61}, [2]int{150, 151}},
		{"others take its time", ms, 0, [2]int{5, 25}, [2]int{80, 149}},
		{"others take its time, and it uses half", ms, 0.5, [2]int{5, 25}, [2]int{80, 149}},
		{"its CPU is used up", 0, 1, [2]int{1, 6}, [2]int{7, 20}},
		{"its CPU is used up, and it wakes late", ms, 1, [2]int{1, 6}, [2]int{7, 20}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, start time.Time) {
				clock := func() time.Duration {
					now := time.Since(start)
					if c.wakes > 0 {
						now = (now + c.wakes - 1) / c.wakes * c.wakes
					}
					return now
				}
				busy := func() time.Duration { return time.Duration(c.share * float64(clock())) }
				sent := behind(t, 50*ms, start, runner.Options{Clock: clock, Busy: busy})
				within := func(d time.Duration) (n int) {
					for _, at := range sent {
						if at <= d {
							n++
						}
					}
					return n
				}
				if n, want := within(10*ms), c.soon; n < want[0] || n > want[1] {
					t.Errorf("within 10ms expected %v to be sent, found %d", want, n)
				}
				if n, want := within(100*ms), c.afterwards; n < want[0] || n > want[1] {
					t.Errorf("within 100ms expected %v to be sent, found %d", want, n)
				}
			})
		})
	}
}

// Each look lets twice as many go as the one before, but no more than 64 at once, however
// far behind the generator is.
func TestStartsBetweenTwoLooks(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		at := make(map[time.Duration]int)
		for _, sent := range behind(t, 700*time.Millisecond, start, runner.Options{}) {
			at[sent]++
		}
		most, before := 0, 0
		for sent := time.Duration(0); at[sent] > 0; sent += 200 * time.Microsecond { // a look
			if n := at[sent]; before > 0 && n > 2*before+2 {
				t.Errorf("%d were sent at %s, and %d the look before", n, sent, before)
			}
			before, most = at[sent], max(most, at[sent])
		}
		if most < 32 || most > 64+2 {
			t.Errorf("expected at most 64 at once, and half as many at least, found %d", most)
		}
	})
}

// Only what had waited for more than half of its timeout, and was sent and timed out all
// the same, says that less time than that is too little. Then others are not sent when
// they have as little left.
func TestWhatHoldsArrivalsBack(t *testing.T) {
	const timeout = time.Second
	always := func(time.Duration) time.Duration { return time.Hour }
	for _, c := range []struct {
		name   string
		stages []attack.Stage
		takes  func(at time.Duration) time.Duration
		held   bool
	}{
		// One slot and a target that hangs: each takes the slot for as long as it has left.
		{"waited for half of it", []attack.Stage{holdStage(2, 20*time.Second)}, always, false},
		{"waited for more", []attack.Stage{holdStage(2.1, 20*time.Second)}, always, true},
		{"sent at once, and timed out", []attack.Stage{
			holdStage(1, 12*time.Second),
			holdStage(100, 20*time.Millisecond), // two of them
		}, func(at time.Duration) time.Duration {
			if at < 12*time.Second {
				return time.Hour
			}
			return 990 * time.Millisecond
		}, false},
		{"waited for more, and answered", []attack.Stage{holdStage(5, 20*time.Second)},
			// The generator stands still for 0.9 s of every other second.
			func(at time.Duration) time.Duration {
				return max(0, at.Truncate(2*time.Second)+900*time.Millisecond-at)
			}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, start time.Time) {
				p := attacktest.HoldPlan(1, time.Second, timeout, 1)
				p.Stages = c.stages
				e := &attacktest.Engine{Takes: func(*httpx.Call) time.Duration {
					return c.takes(time.Since(start))
				}}
				_, sink := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
				held := 0
				for _, r := range sink.Of(attack.Unsent) {
					if strings.Contains(r.Detail, "no free slot in time to be answered") {
						held++
					}
				}
				if (held > 0) != c.held {
					t.Errorf("expected arrivals to be held back: %t, found %d", c.held, held)
				}
			})
		})
	}
}
