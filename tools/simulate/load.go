package main

import (
	"math"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// world is a system whose true figures are known. It is good or bad by turns, for lengths of time
// that are exponential. Response times are lognormal.
type world struct {
	name     string
	bad      float64 // mean seconds of a burst in which it is bad; 0: there are none
	good     float64 // mean seconds between two
	errors   float64 // share of errors while bad, or always if it never is
	slower   float64 // what response times are multiplied by while bad
	rare     bool    // bursts come so rarely that a run says little of them
	lastsFor string  // for people
}

var worlds = []world{
	{name: "independent", errors: 0.01, lastsFor: "each request by itself"},
	{name: "bursts of 1 s", bad: 1, good: 19, errors: 0.5, slower: 4, lastsFor: "1 s, 60 a run"},
	{name: "bursts of 5 s", bad: 5, good: 95, errors: 0.5, slower: 4, lastsFor: "5 s, 12 a run"},
	{name: "bursts of 20 s", bad: 20, good: 80, errors: 0.5, slower: 4, lastsFor: "20 s, 12 a run"},
	{name: "rare bursts", bad: 5, good: 595, errors: 0.5, slower: 4, rare: true,
		lastsFor: "5 s, 2 a run: too rare to tell"},
}

const (
	perSecond = 25
	length    = 20 * time.Minute
	median    = 20 * time.Millisecond
	sigma     = 0.5 // of the logarithm of a response time
)

// share of the time that the world is bad.
func (w *world) share() float64 {
	if w.bad == 0 {
		return 0
	}
	return w.bad / (w.bad + w.good)
}

// errorRate is the true one.
func (w *world) errorRate() float64 {
	if w.bad == 0 {
		return w.errors
	}
	return w.share() * w.errors
}

// quantile is the true one of response times, by halving.
func (w *world) quantile(q float64) time.Duration {
	times := distuv.LogNormal{Mu: math.Log(float64(median)), Sigma: sigma}
	below := func(t float64) float64 {
		p := times.CDF(t)
		if w.bad == 0 {
			return p
		}
		return (1-w.share())*p + w.share()*times.CDF(t/w.slower)
	}
	low, high := 0.0, float64(time.Minute)
	for range 100 {
		if middle := (low + high) / 2; below(middle) < q {
			low = middle
		} else {
			high = middle
		}
	}
	return time.Duration(high)
}

// burst tells, moment by moment, whether the world is bad.
type burst struct {
	w    *world
	r    *rand.Rand
	bad  bool
	left float64 // seconds
}

func newBurst(w *world, r *rand.Rand) *burst {
	b := &burst{w: w, r: r, bad: r.Float64() < w.share()}
	b.draw()
	return b
}

func (b *burst) draw() {
	mean := b.w.good
	if b.bad {
		mean = b.w.bad
	}
	b.left = b.r.ExpFloat64() * mean
}

// step goes on by some seconds, and says whether the world is bad then.
func (b *burst) step(seconds float64) bool {
	if b.w.bad == 0 {
		return false
	}
	for b.left < seconds {
		seconds -= b.left
		b.bad = !b.bad
		b.draw()
	}
	b.left -= seconds
	return b.bad
}

// faultWindow is that of a fault which does nothing, so that figures during and after it are known.
var faultWindow = timeline.Window{From: 5 * time.Minute, To: 15 * time.Minute}

// run makes up a run, counted exactly at limits.
func (w *world) run(r *rand.Rand, limits []time.Duration) *timeline.Timeline {
	from, to := faultWindow.From, faultWindow.To
	tl := &timeline.Timeline{
		Name: w.name, Duration: length, LateBudget: time.Second,
		Stages: []timeline.Stage{
			{Name: "steady", Window: timeline.Window{To: length}, Judged: true},
		},
		Requests: []string{"home"},
		Faults: []timeline.Fault{{
			Name: "fault", State: timeline.Reverted, Verified: true, Injecting: &from, Began: &from,
			Effective: &from, Reverting: &to, Ceased: &to, Reverted: &to,
		}},
	}
	b := newBurst(w, r)
	var all []timeline.Interval
	for at := time.Duration(0); at < length; at += time.Second {
		s := timeline.NewStats(limits)
		for range perSecond {
			bad := b.step(1.0 / perSecond)
			took := time.Duration(float64(median) * math.Exp(sigma*r.NormFloat64()))
			if bad {
				took = time.Duration(float64(took) * w.slower)
			}
			s.Planned++
			s.Done++
			s.Answered++
			s.Last = max(s.Last, at+took)
			if (bad || w.bad == 0) && r.Float64() < w.errors {
				s.Failed++
				s.Err.Record(took)
				continue
			}
			s.AnsweredOK++
			s.OK.Record(took)
		}
		all = append(all, timeline.Interval{
			Window: timeline.Window{From: at, To: at + time.Second},
			Cells: []timeline.Cell{
				{Key: timeline.Key{Stage: "steady", Request: "home"}, Stats: s},
			},
		})
	}
	tl.Intervals = func(yield func(timeline.Interval, error) bool) {
		for _, iv := range all {
			if !yield(iv, nil) {
				return
			}
		}
	}
	return tl
}
