package runner

import (
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/standstill"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// From inside the package, as these are formulas with many cases, which a run would have to
// be made to meet (standstill_test.go runs one).

func TestOwnDelay(t *testing.T) {
	const ms = time.Millisecond
	stop := func(from, to time.Duration) standstill.Stop { return standstill.Stop{From: from * ms, To: to * ms} }
	for _, tc := range []struct {
		name                       string
		intended, dispatched, done time.Duration // ms
		stops                      []standstill.Stop
		carries                    bool
		want                       time.Duration // ms
		shaken                     bool
		quickest                   time.Duration // ms
	}{
		{"on time", 100, 100, 110, nil, false, 0, false, 0},
		{"dispatched late, whyever", 100, 160, 170, nil, false, 60, false, 0},
		{"due as it stood still", 100, 180, 190, []standstill.Stop{stop(95, 180)}, false, 85, false, 0},
		{"due as it was about to go on", 175, 180, 260, []standstill.Stop{stop(95, 180)}, false, 85, false, 0},
		{"the answer came while it stood still", 100, 100, 182, []standstill.Stop{stop(105, 180)}, false, 77, false, 0},
		{"the answer came long after: it was not there before", 100, 100, 900, []standstill.Stop{stop(105, 180)}, false, 75, false, 0},
		{"due while it was caught up with", 200, 200, 270, []standstill.Stop{stop(105, 180)}, false, 70, false, 0},
		{"never more than it took", 200, 200, 210, []standstill.Stop{stop(105, 180)}, false, 10, false, 0},
		{"but no answer is quicker than the quickest", 200, 200, 210, []standstill.Stop{stop(105, 180)}, false, 3, false, 7},
		{"nor was one there before it could be", 100, 100, 182, []standstill.Stop{stop(102, 180)}, false, 75, false, 7},
		{"what it was late is known all the same", 100, 180, 183, []standstill.Stop{stop(95, 180)}, false, 80, false, 7},
		{"several: the longest of those over, and what lies unread", 100, 100, 405, []standstill.Stop{stop(120, 200), stop(300, 400)}, false, 105, false, 0},
		{"several, of which none hid the answer", 100, 100, 800, []standstill.Stop{stop(120, 200), stop(300, 400)}, false, 100, false, 0},
		{"carried: each of them held it up", 100, 100, 800, []standstill.Stop{stop(120, 200), stop(300, 400)}, true, 180, true, 0},
		{"carried, and dispatched late", 150, 200, 800, []standstill.Stop{stop(120, 200), stop(300, 400)}, true, 150, true, 0},
		{"a long one shakes the target", 100, 700, 710, []standstill.Stop{stop(100, 700)}, false, 600, true, 0},
		{"and what comes soon after it", 900, 900, 910, []standstill.Stop{stop(100, 700)}, false, 10, true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &attack.Result{Arrival: attack.Arrival{Intended: tc.intended * ms}, Dispatched: tc.dispatched * ms, Done: tc.done * ms}
			got, shaken := ownDelay(r, r.Done, tc.stops, tc.carries, tc.quickest*ms)
			if got != tc.want*ms || shaken != tc.shaken {
				t.Errorf("got %s, shaken %t; want %s, %t", got, shaken, tc.want*ms, tc.shaken)
			}
		})
	}
}

// A queue that takes arrivals in order: had they come on time, none would have been
// done sooner than its delay says, whatever stood still.
func TestOwnDelayBoundsAQueue(t *testing.T) {
	const ms = time.Millisecond
	for _, tc := range []struct{ gap, takes, from, to time.Duration }{
		{10, 2, 500, 620}, {10, 5, 500, 620}, {10, 5, 503, 560}, {20, 10, 500, 2500}, {10, 8, 500, 2500}, {7, 3, 499, 1200},
	} {
		s := standstill.Stop{From: tc.from * ms, To: tc.to * ms}
		var ideal, real time.Duration // when the server is free
		for at := time.Duration(0); at < 15_000*ms; at += tc.gap * ms {
			sent := at
			if at >= s.From && at < s.To {
				sent = s.To
			}
			ideal, real = max(ideal, at)+tc.takes*ms, max(real, sent)+tc.takes*ms
			done := real
			if done > s.From && done < s.To {
				done = s.To
			}
			r := &attack.Result{Arrival: attack.Arrival{Intended: at}, Dispatched: sent, Done: done}
			var stops []standstill.Stop
			if s.From < done && s.CaughtUp() > at {
				stops = []standstill.Stop{s}
			}
			if d, _ := ownDelay(r, done, stops, false, 0); done-d > ideal {
				t.Fatalf("one every %d ms of %d ms each, stopped from %d to %d: due at %s, done at %s, delayed by at most %s; on time it would have been done at %s",
					tc.gap, tc.takes, tc.from, tc.to, at, done, d, ideal)
			}
		}
	}
}

func TestDoubtful(t *testing.T) {
	const ms = time.Millisecond
	for _, tc := range []struct {
		name    string
		kind    string
		delay   time.Duration // ms, of 1000 that it took
		mean    time.Duration // ms, of good answers; 0: there were none
		shaken  bool
		want    bool
		outcome attack.End
	}{
		{"good", "", 900, 10, true, false, attack.Done},
		{"a timeout, hardly delayed", timeline.KindTimeout, 99, 10, false, false, attack.Done},
		{"a timeout, delayed by a tenth", timeline.KindTimeout, 100, 10, false, true, attack.Done},
		{"a timeout where answers take long anyway", timeline.KindTimeout, 50, 300, false, true, attack.Done},
		{"a timeout where none came", timeline.KindTimeout, 50, 0, false, false, attack.Done},
		{"stalled", timeline.KindStalled, 100, 10, false, true, attack.Done},
		{"no free slot", timeline.KindUnsent, 100, 10, false, true, attack.Unsent},
		{"slow, and it would not have been", timeline.KindSlow, 800, 10, false, true, attack.Done},
		{"slow anyway", timeline.KindSlow, 799, 10, false, false, attack.Done},
		{"a wrong answer", timeline.KindStatus, 900, 10, false, false, attack.Done},
		{"a wrong answer in the wake of a long standstill", timeline.KindStatus, 10, 10, true, true, attack.Done},
		{"refused in the wake of a long standstill", timeline.KindRefused, 10, 10, true, true, attack.Done},
		{"never sent: told by its kind", timeline.KindLate, 900, 10, true, false, attack.Unsent},
		{"its own machine: told by its kind", timeline.KindLocal, 10, 10, true, false, attack.Done},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rv := newHeadroom(1000 * ms)
			if tc.mean > 0 {
				rv.completed(tc.mean*ms, 0)
			}
			a := &runner{actions: []action{{timeout: 1000 * ms, headroom: rv}}}
			r := &attack.Result{End: tc.outcome, Done: 1000 * ms, Delay: tc.delay * ms, Kind: tc.kind}
			if got := a.doubtful(&recorderSlot{within: 200 * ms}, r, tc.shaken); got != tc.want {
				t.Errorf("doubtful is %t", got)
			}
		})
	}
}
