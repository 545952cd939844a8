package record

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
)

// near says whether a reading of a histogram stands for want.
func near(got, want time.Duration) bool { return got >= want && got <= want+want/1000+512 }

func TestLive(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	if l := r.Snapshot(); l.Last.Done != 0 || l.Recent != nil || l.Totals != (Totals{}) {
		t.Errorf("at the start: %+v", l)
	}
	// Ten a second for three seconds: due at 0, 100 ms, …, answered after 1, 2, …
	// 10 ms; but in the second second one of them stalls until the third.
	var last []attack.Result
	for k := range 30 {
		a := attack.Arrival{Intended: time.Duration(k) * 100 * ms}
		res := attack.Result{Arrival: a, Sent: a.Intended, Done: a.Intended + time.Duration(k%10+1)*ms, Class: attack.Good, Code: 200}
		switch k {
		case 12:
			res.Done = 2500 * ms
		case 13:
			res.Kind, res.Detail, res.Class, res.Code = "timeout", "no answer in 1s", attack.Failed, 0
		case 14, 15:
			res.Kind, res.Detail, res.Code = "status", "500, expected 200", 500
		case 16:
			res.End, res.Sent, res.Class, res.Code = attack.Unsent, 0, attack.Failed, 0
		case 17:
			res.End, res.Class, res.Code = attack.Interrupted, attack.Failed, 0
		}
		clock.set(a.Intended)
		r.Planned(a)
		last = append(last, res)
	}
	clock.set(2 * sec)
	for _, res := range last[:20] {
		if res.Done < 2*sec {
			r.Record(0, &res)
		}
	}
	l := r.Snapshot()
	if diff := gocmp.Diff(Totals{Planned: 20, Done: 17, Unsent: 1, Errors: 4, Interrupted: 1}, l.Totals); diff != "" {
		t.Errorf("totals at 2 s: -want +got\n%s", diff)
	}
	if got := l.Totals.InFlight(); got != 1 {
		t.Errorf("%d in flight, want 1", got)
	}
	if len(l.Recent) != 2 || l.Recent[1] != l.Last {
		t.Fatalf("recent seconds %+v, want two", l.Recent)
	}
	s := l.Last
	want := Second{From: sec, Planned: 10, Done: 7, Answered: 6, Unsent: 1, Errors: 4}
	want.P50, want.P95, want.P99 = s.P50, s.P95, s.P99 // compared below, with a tolerance
	if diff := gocmp.Diff(want, s); diff != "" {
		t.Errorf("last second (-want +got):\n%s", diff)
	}
	if rate, ok := s.ErrorRate(); !ok || rate != 0.5 {
		t.Errorf("error rate %v, %v; want 0.5", rate, ok)
	}
	// 1 2 4 5 6 7 9 10 ms: the stalled and the interrupted are not among them.
	if !near(s.P50, 5*ms) || !near(s.P95, 10*ms) || !near(s.P99, 10*ms) {
		t.Errorf("percentiles %v %v %v, want 5ms 10ms 10ms", s.P50, s.P95, s.P99)
	}
	if first := l.Recent[0]; first.Done != 10 || !near(first.P50, 5*ms) {
		t.Errorf("first second %+v", first)
	}
	wantKinds := []ErrorKind{
		{"status 500", 2, "500, expected 200"}, {"timeout", 1, "no answer in 1s"}, {"unsent", 1, ""},
	}
	if diff := gocmp.Diff(wantKinds, l.Kinds); diff != "" {
		t.Errorf("kinds: -want +got\n%s", diff)
	}

	clock.set(3 * sec)
	r.Record(1, &last[12])
	for _, res := range last[20:] {
		r.Record(1, &res)
	}
	if s := r.Snapshot().Last; s.Done != 11 || !near(s.P99, 1300*ms) {
		t.Errorf("third second %+v, want the stalled one in it", s)
	}
}

// TestLiveOfALongRun looks at the ring after it went round more than once.
func TestLiveOfALongRun(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	c.Stages = nil
	r := start(t, c)
	for k := range 130 {
		if k >= 90 && k < 100 {
			continue // a pause
		}
		at := time.Duration(k) * sec
		a := attack.Arrival{Intended: at}
		clock.set(at + 500*ms)
		r.Planned(a)
		r.Record(0, &attack.Result{Arrival: a, Sent: at, Done: at + time.Duration(k)*ms})
		if k == 110 || k == 129 {
			clock.set(at + sec)
			l := r.Snapshot()
			if len(l.Recent) != History {
				t.Fatalf("%d recent seconds at %v, want %d", len(l.Recent), at, History)
			}
			for i, s := range l.Recent {
				second := k - History + 1 + i
				want := Second{From: time.Duration(second) * sec}
				if second < 90 || second >= 100 {
					want.Planned, want.Done = 1, 1
				}
				if got := (Second{From: s.From, Planned: s.Planned, Done: s.Done}); got != want {
					t.Errorf("at %v: second %d is %+v, want %+v", at, second, got, want)
				}
				if want.Done > 0 && !near(s.P50, time.Duration(second)*ms) || want.Done == 0 && s.P50 != 0 {
					t.Errorf("at %v: second %d has p50 %v", at, second, s.P50)
				}
			}
		}
	}
}
