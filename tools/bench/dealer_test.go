package main

import (
	"slices"
	"testing"
	"time"
)

// Each thousand holds what it is said to hold, after the lead-in, always in the
// same order.
func TestShares(t *testing.T) {
	a, b := shares(), shares()
	var got []time.Duration
	for n := range leadIn + 2000 {
		now := time.Duration(n) * time.Second
		x := a(n, now) - now
		if y := b(n, 0); x != y {
			t.Fatalf("answer %d: %v, and %v another time", n, x, y)
		}
		got = append(got, x)
	}
	for _, d := range got[:leadIn] {
		if d != 10*time.Millisecond {
			t.Fatalf("lead-in: %v", d)
		}
	}
	for from := leadIn; from < len(got); from += 1000 {
		count := make(map[time.Duration]int)
		for _, d := range got[from : from+1000] {
			count[d]++
		}
		for _, s := range steps {
			if count[s.delay] != s.count {
				t.Errorf("from %d: %d of %v, want %d", from, count[s.delay], s.delay, s.count)
			}
		}
	}
	if !slices.Equal(got[leadIn:leadIn+1000], got[leadIn+1000:]) {
		t.Error("the second thousand comes in another order")
	}
	if slices.IsSorted(got[leadIn : leadIn+1000]) {
		t.Error("the thousand is in order of delay")
	}
}

// With the lead-in no percentile that is compared lies on a step, also where a
// tool sends a few requests more or less.
func TestNoPercentileOnAStep(t *testing.T) {
	n := int(knownRate * atKnown().For.Seconds())
	if n != 10100 {
		t.Fatalf("%d requests: the lead-in is made for 10,100", n)
	}
	next := shares()
	var all []time.Duration
	for i := range n + 5 {
		all = append(all, next(i, 0))
	}
	for _, sent := range []int{n - 5, n - 1, n, n + 1, n + 5} {
		v := slices.Sorted(slices.Values(all[:sent]))
		for _, perMille := range []int{500, 900, 950, 990, 999} {
			// By rank, rounded up or down, and between the two neighbours as k6 has it.
			rank := float64(sent*perMille) / 1000
			between := float64((sent-1)*perMille) / 1000
			at := []time.Duration{v[max(int(rank+0.5), 1)-1], v[int(rank+0.9999)-1], v[int(between)], v[min(int(between+0.9999), sent-1)]}
			for _, d := range at {
				if d != at[0] {
					t.Errorf("%d requests, %d per mille: %v", sent, perMille, at)
				}
			}
		}
	}
}

func TestOneByOne(t *testing.T) {
	next := oneByOne()
	each := time.Second / busyCapacity
	for i, tt := range []struct{ now, want time.Duration }{
		{0, each},
		{0, 2 * each},                 // waits for the first
		{each, 3 * each},              // still busy
		{9 * each, 10 * each},         // had nothing to do
		{9*each + 1, 11 * each},       // came meanwhile
		{time.Hour, time.Hour + each}, // has not saved up
	} {
		if got := next(i, tt.now); got != tt.want {
			t.Errorf("request %d at %v: %v, want %v", i, tt.now, got, tt.want)
		}
	}
}

func TestDealtQuantiles(t *testing.T) {
	var d dealt
	if d.delays() != (quantiles{}) {
		t.Error("percentiles of nothing")
	}
	for i := range 1000 {
		d.Delays = append(d.Delays, time.Duration(1000-i))
	}
	if got, want := d.delays(), (quantiles{500, 900, 950, 990, 999, 1000}); got != want {
		t.Errorf("of 1 to 1000: %v", got)
	}
	d.Delays = []time.Duration{7, 5}
	if got, want := d.delays(), (quantiles{5, 7, 7, 7, 7, 7}); got != want {
		t.Errorf("of 5 and 7: %v", got)
	}
}

// What comes in while the server stalls is answered at its end, the rest at once.
func TestStalled(t *testing.T) {
	next := stalled(window{4, 6})
	for now, want := range []time.Duration{0, 1, 2, 3, 6, 6, 6, 7} {
		if got := next(now, time.Duration(now)); got != want {
			t.Errorf("at %d: %v, want %v", now, got, want)
		}
	}
}

// Of 1,000 a second the server answers the first two at once and the others when
// it comes to them; the order in which they are written does not matter.
func TestWaits(t *testing.T) {
	if got := (dealt{}).waits(1000); got != (quantiles{}) {
		t.Errorf("of nobody: %v", got)
	}
	d := dealt{Written: []time.Duration{0, time.Millisecond, 9 * time.Millisecond, 10 * time.Millisecond}}
	got := d.waits(1000)
	if want := (quantiles{0, 7 * time.Millisecond, 7 * time.Millisecond, 7 * time.Millisecond, 7 * time.Millisecond, 7 * time.Millisecond}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}
