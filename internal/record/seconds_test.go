package record

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// counted is what a test looks at in a SecondCell.
type counted struct {
	Due, Done, Failed, Unsent, Answered, Good uint64
	OK, Err                                   uint64
	Open                                      []timeline.OpenArrivals
}

func countsOf(s *timeline.Second, k timeline.Key) counted {
	for i := range s.Cells {
		c := &s.Cells[i]
		if c.Key == k {
			return counted{
				c.Planned, c.Done, c.Failed, c.Unsent, c.Answered, c.AnsweredOK,
				c.OK.Count(), c.Err.Count(), c.Open,
			}
		}
	}
	return counted{}
}

var browsed = timeline.Key{Stage: "warm up, slowly", Request: "browse"}

func secondsOf(t *testing.T) (*Recorder, *hand) {
	clock := new(hand)
	c := config(t, clock.now)
	c.Seconds = true
	return start(t, c), clock
}

func arrivalAt(at time.Duration) attack.Arrival { return attack.Arrival{Intended: at} }

func answer(r *Recorder, at, took time.Duration, change func(*attack.Result)) {
	res := attack.Result{
		Arrival: arrivalAt(at), End: attack.Done, Class: attack.Good, Code: 200,
		Dispatched: at, Sent: at, Done: at + took,
	}
	if change != nil {
		change(&res)
	}
	r.Record(0, &res)
}

// TestSecondsGoByAnswers: an arrival is open until it is over, and counts in the second in which
// that was.
func TestSecondsGoByAnswers(t *testing.T) {
	r, clock := secondsOf(t)
	r.Planned(arrivalAt(100 * ms))
	r.Planned(arrivalAt(200 * ms))
	r.Planned(arrivalAt(1100 * ms))
	answer(r, 100*ms, 10*ms, nil)
	clock.set(990 * ms)
	if got := r.Seconds(); len(got) != 0 {
		t.Errorf("found %d seconds before the first was over", len(got))
	}
	clock.set(1020 * ms)
	first := r.Seconds()
	answer(r, 200*ms, 1500*ms, func(x *attack.Result) { x.Class, x.Kind = attack.Failed, timeline.KindTimeout })
	answer(r, 1100*ms, 3*ms, nil)
	clock.set(2020 * ms)
	second := r.Seconds()
	if len(first) != 1 || len(second) != 1 {
		t.Fatalf("found %d and %d seconds, want one each", len(first), len(second))
	}
	want := counted{
		Due: 2, Done: 1, Answered: 1, Good: 1, OK: 1,
		Open: []timeline.OpenArrivals{{Due: 0, N: 1}},
	}
	if diff := gocmp.Diff(want, countsOf(&first[0], browsed)); diff != "" {
		t.Errorf("the first second (-want +found):\n%s", diff)
	}
	want = counted{Due: 1, Done: 2, Failed: 1, Answered: 1, Good: 1, OK: 1, Err: 1}
	if diff := gocmp.Diff(want, countsOf(&second[0], browsed)); diff != "" {
		t.Errorf("the second one (-want +found):\n%s", diff)
	}
	if w := second[0].Window; w != (timeline.Window{From: sec, To: 2 * sec}) {
		t.Errorf("the second one is %v", w)
	}
}

// TestSecondsOfALateReader: all seconds come, each with what was open then and still is.
func TestSecondsOfALateReader(t *testing.T) {
	r, clock := secondsOf(t)
	r.Planned(arrivalAt(100 * ms))
	r.Planned(arrivalAt(1200 * ms))
	clock.set(3100 * ms)
	got := r.Seconds()
	if len(got) != 3 {
		t.Fatalf("found %d seconds, want 3", len(got))
	}
	want := []timeline.OpenArrivals{{Due: 0, N: 1}, {Due: sec, N: 1}}
	for i, s := range got {
		open := countsOf(&s, browsed).Open
		if diff := gocmp.Diff(want[:min(i+1, 2)], open); diff != "" {
			t.Errorf("second %d (-want +found):\n%s", i, diff)
		}
	}
	clock.set(500 * sec)
	if got := r.Seconds(); len(got) != History {
		t.Errorf("found %d seconds after a long time, want %d", len(got), History)
	}
}

// TestSecondsLeaveOutWhatOrdealMade: its own cuts, its own errors, and what it interrupted.
func TestSecondsLeaveOutWhatOrdealMade(t *testing.T) {
	r, clock := secondsOf(t)
	for at := 100 * ms; at < 600*ms; at += 100 * ms {
		r.Planned(arrivalAt(at))
	}
	failed := func(kind string) func(*attack.Result) {
		return func(x *attack.Result) { x.Class, x.Kind = attack.Failed, kind }
	}
	answer(r, 100*ms, ms, failed(timeline.KindLate))
	answer(r, 200*ms, ms, func(x *attack.Result) {
		failed(timeline.KindTimeout)(x)
		x.Doubtful, x.Delay = true, ms
	})
	answer(r, 300*ms, ms, func(x *attack.Result) { x.End = attack.Interrupted })
	answer(r, 400*ms, 50*ms, func(x *attack.Result) { x.Delay = 45 * ms })
	answer(r, 500*ms, ms, failed(timeline.KindTimeout))
	clock.set(1100 * ms)
	got := r.Seconds()
	want := counted{Due: 5, Done: 2, Failed: 1, Answered: 1, Good: 1, OK: 1, Err: 1}
	if diff := gocmp.Diff(want, countsOf(&got[0], browsed)); diff != "" {
		t.Errorf("(-want +found):\n%s", diff)
	}
	if longest, _ := got[0].Cells[0].OK.Max(); longest > 6*ms {
		t.Errorf("the good answer took %s, want it without what ordeal itself made of it", longest)
	}
}

// TestSecondsAddUp: whenever they are asked for, what came due and is over is in exactly one of
// them, and what is not over is open in the last.
func TestSecondsAddUp(t *testing.T) {
	for seed := range uint64(20) {
		r, clock := secondsOf(t)
		random := rand.New(rand.NewPCG(seed, 7))
		type event struct {
			at  time.Duration
			due bool
			of  time.Duration
		}
		var events []event
		for range 300 {
			at := time.Duration(random.Int64N(int64(8 * sec)))
			took := time.Duration(random.ExpFloat64() * float64(sec))
			events = append(events, event{at, true, at}, event{at + took, false, at})
		}
		slices.SortStableFunc(events, func(a, b event) int { return int(a.at - b.at) })
		var sum counted
		var due, over, open uint64
		for _, e := range events {
			clock.set(e.at + ms)
			if e.due {
				r.Planned(arrivalAt(e.of))
				due++
			} else {
				answer(r, e.of, e.at-e.of, nil)
				over++
			}
			if random.IntN(10) > 0 {
				continue
			}
			for _, s := range r.Seconds() {
				open = 0
				for _, c := range s.Cells {
					sum.Due, sum.Done = sum.Due+c.Planned, sum.Done+c.Done
					for _, o := range c.Open {
						open += o.N
					}
				}
			}
		}
		clock.set(40 * sec)
		for _, s := range r.Seconds() {
			open = 0
			for _, c := range s.Cells {
				sum.Due, sum.Done = sum.Due+c.Planned, sum.Done+c.Done
				for _, o := range c.Open {
					open += o.N
				}
			}
		}
		if diff := gocmp.Diff([3]uint64{due, over, due - over}, [3]uint64{sum.Due, sum.Done, open}); diff != "" {
			t.Errorf("seed %d: due, over and open (-want +found):\n%s", seed, diff)
		}
	}
}

// TestStopIsRecorded: why ordeal ended the load, and what it found before the first fault, are read
// back.
func TestStopIsRecorded(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	clock.set(2 * sec)
	stop := timeline.Stop{
		By: timeline.StoppedByAlarm, At: 2 * sec, When: "error_rate > 50%", For: sec,
		Why: "aborted after 2s",
	}
	found := timeline.Hypothesis{
		Until: sec, Holds: true, Rules: []timeline.HypothesisRule{{KPI: "p99 < 1s", Outcome: "pass"}},
	}
	r.Stopped(stop)
	r.Hypothesis(found)
	tl, err := r.Finish(2*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(&stop, tl.Stopped); diff != "" {
		t.Errorf("why it was stopped (-want +found):\n%s", diff)
	}
	if diff := gocmp.Diff(&found, tl.Hypothesis); diff != "" {
		t.Errorf("the hypothesis (-want +found):\n%s", diff)
	}
}
