package record

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ms  = time.Millisecond
	sec = time.Second
)

// hand is a clock that the test moves.
type hand struct{ ns atomic.Int64 }

func (h *hand) now() time.Duration   { return time.Duration(h.ns.Load()) }
func (h *hand) set(to time.Duration) { h.ns.Store(int64(to)) }

func config(t testing.TB, clock func() time.Duration) Config {
	return Config{
		Dir: t.TempDir(), Name: "test", Clock: clock,
		Start: time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC),
		Stages: []timeline.Stage{
			{Name: "warm up, slowly", Window: timeline.Window{From: 0, To: 2500 * ms}},
			{Name: "steady/état", Window: timeline.Window{From: 2500 * ms, To: 4 * sec}, Judged: true},
		},
		Requests: []string{"browse", "check out", "a/b,c"},
		Flows:    []string{"buy, then pay", "browse"}, // one is named like a request
		Limits:   []time.Duration{200 * ms, 50 * ms, 200 * ms},
		Grace:    sec, Shards: 3, LateBudget: 10 * ms,
	}
}

func start(t testing.TB, c Config) *Recorder {
	t.Helper()
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Finish(0, true, nil) })
	return r
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			clock := new(hand)
			c := config(t, clock.now)
			r := start(t, c)
			want, end := simulate(t, r, clock, seed, 600)
			events := []timeline.Event{
				{At: sec, Type: "fault", Name: "kill-api", State: "effective", Detail: "a <b> & ü"},
				{At: 2 * sec, Type: "stage", Name: "steady"},
			}
			r.Event(events[1])
			r.Event(events[0])
			effective := 3 * sec
			faults := []timeline.Fault{{Name: "kill-api", Kind: "kill", Planned: 3 * sec, Effective: &effective, State: timeline.Reverted, Verified: true}}
			got, err := r.Finish(end, false, faults)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Load(c.Dir)
			if err != nil {
				t.Fatal(err)
			}
			wantTimeline := &timeline.Timeline{
				Name: c.Name, Start: c.Start, Duration: end, Stages: c.Stages, Requests: c.Requests, Flows: c.Flows,
				Faults: faults, Events: events, LateBudget: c.LateBudget, Longest: c.Grace,
			}
			for name, tl := range map[string]*timeline.Timeline{"Finish": got, "Load": again} {
				if diff := gocmp.Diff(wantTimeline, tl, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(timeline.Timeline{}, "Intervals")); diff != "" {
					t.Errorf("%s: -want +got\n%s", name, diff)
				}
				for _, err := range tl.Intervals { // it can be left, and ranged again
					if err != nil {
						t.Fatal(err)
					}
					break
				}
				want.check(t, intervals(t, tl), end)
			}
		})
	}
}

// TestMarkIsExact cuts while many workers record, and looks whether every request
// is on its own side of every cut.
func TestMarkIsExact(t *testing.T) {
	begin := time.Now()
	clock := func() time.Duration { return time.Since(begin) }
	c := config(t, clock)
	r := start(t, c)

	var mu sync.Mutex
	var results []attack.Result
	var marks []time.Duration
	const cuts = 15
	var marking atomic.Int32
	var all sync.WaitGroup
	for range 2 {
		marking.Add(1)
		all.Go(func() {
			defer marking.Add(-1)
			for range cuts {
				at := r.Mark()
				if now := clock(); at > now {
					t.Errorf("Mark returned %v at %v", at, now)
				}
				mu.Lock()
				marks = append(marks, at)
				mu.Unlock()
				time.Sleep(ms)
			}
		})
	}
	for w := range 4 {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 2))
			var mine []attack.Result
			for marking.Load() > 0 {
				now := clock()
				res := attack.Result{Arrival: attack.Arrival{Intended: max(0, now-time.Duration(rng.Int64N(int64(5*ms))))}}
				res.Dispatched, res.Sent, res.Done = res.Intended, res.Intended, now
				switch rng.IntN(10) {
				case 0: // due at the very instant it is recorded
					res.Intended = now
					res.Dispatched, res.Sent = now, now
				case 1: // given up before it is due
					res.Intended, res.End = now+time.Duration(rng.Int64N(int64(5*ms))), attack.Interrupted
				}
				r.Record(w, &res)
				mine = append(mine, res)
				if len(mine)%64 == 0 {
					time.Sleep(50 * time.Microsecond)
				}
			}
			mu.Lock()
			results = append(results, mine...)
			mu.Unlock()
		})
	}
	all.Wait()
	for _, res := range results {
		r.Planned(res.Arrival)
	}
	end := clock() + 10*ms
	tl, err := r.Finish(end, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := wantCells{}
	bs := allBounds(&c, append(marks, end), end)
	for i := range results {
		want.result(&c, bs, marks, &results[i])
	}
	if len(results) < 1000 {
		t.Fatalf("only %d results were recorded while cuts were made", len(results))
	}
	want.check(t, intervals(t, tl), end)
}

func TestLogIsReadableByTheLibrary(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	want, end := simulate(t, r, clock, 7, 300)
	if _, err := r.Finish(end, false, nil); err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int64)
	for _, cells := range want {
		for k, s := range cells {
			for _, d := range s.Distributions() {
				// A part without delays leaves these out.
				if d.Count() > 0 && !strings.HasSuffix(d.Name, ".net") {
					counts[tag(k.Key, d.Name)] += int64(d.Count())
				}
				if !k.IsFlow && (d.Name == "ok" || d.Name == "err") {
					counts[""] += int64(d.Count()) // of the lines without a tag
				}
			}
		}
	}
	f, err := os.Open(filepath.Join(c.Dir, LogFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make(map[string]int64)
	in := hdrhistogram.NewHistogramLogReader(f)
	startMs := c.Start.UnixMilli()
	for {
		h, err := in.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		if !strings.Contains(h.Tag(), ".net") {
			got[h.Tag()] += h.TotalCount()
		}
		// The library reads times as floating point, so it can be a millisecond off.
		if from, to := h.StartTimeMs()-startMs, h.EndTimeMs()-startMs; from < -1 || to > end.Milliseconds()+1 || to-from > 1001 {
			t.Errorf("%s: interval from %d to %d ms, want it in the run and of at most a second", h.Tag(), from, to)
		}
	}
	if diff := gocmp.Diff(counts, got); diff != "" {
		t.Errorf("values by tag: -want +got\n%s", diff)
	}
	if !slices.Contains(slices.Collect(maps.Keys(got)), "warm%20up%2C%20slowly/a%2Fb%2Cc/ok") {
		t.Errorf("no tag with escaped names among %v", slices.Sorted(maps.Keys(got)))
	}
}

func TestUnbalanced(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	r.Planned(attack.Arrival{Intended: ms})
	r.Planned(attack.Arrival{Intended: 2 * ms})
	r.Record(0, &attack.Result{Arrival: attack.Arrival{Intended: ms}, Done: 2 * ms})
	clock.set(sec)
	tl, err := r.Finish(sec, true, nil)
	if !errors.Is(err, ErrUnbalanced) || tl == nil {
		t.Fatalf("Finish: %v, %v; want a timeline and ErrUnbalanced", tl, err)
	}
	if n := len(tl.Events); n != 1 || tl.Events[0].Type != "generator" || tl.Events[0].State != "unbalanced" {
		t.Errorf("events %+v, want one of the generator", tl.Events)
	}
}

func TestInterruptedRun(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	// One is in flight when the run is interrupted at 1.3 s, one is planned ahead.
	r.Planned(attack.Arrival{Intended: 1200 * ms})
	clock.set(1300 * ms)
	end := r.Mark()
	r.Planned(attack.Arrival{Intended: 1400 * ms})
	r.Record(0, &attack.Result{Arrival: attack.Arrival{Intended: 1400 * ms}, End: attack.Interrupted})
	for clock.now() < 6*sec { // the last answers are waited for
		clock.set(clock.now() + 500*ms)
		r.writeDue()
	}
	r.Record(0, &attack.Result{Arrival: attack.Arrival{Intended: 1200 * ms}, Sent: 1200 * ms, Done: 6 * sec})
	tl, err := r.Finish(end, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tl.Duration != 1300*ms || !tl.Interrupted {
		t.Errorf("duration %v, interrupted %v", tl.Duration, tl.Interrupted)
	}
	type row struct {
		timeline.Window
		planned, done, interrupted uint64
	}
	var got []row
	for _, iv := range intervals(t, tl) {
		x := row{Window: iv.Window}
		for _, c := range iv.Cells {
			x.planned += c.Planned
			x.done += c.Done
			x.interrupted += c.Interrupted
		}
		got = append(got, x)
	}
	want := []row{
		{timeline.Window{From: 0, To: sec}, 0, 0, 0},
		{timeline.Window{From: sec, To: 1300 * ms}, 1, 1, 0},
		{timeline.Window{From: 1300 * ms, To: 2 * sec}, 1, 0, 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNewRefuses(t *testing.T) {
	clock := new(hand).now
	for name, change := range map[string]func(*Config){
		"no directory":      func(c *Config) { c.Dir = "" },
		"missing directory": func(c *Config) { c.Dir = filepath.Join(c.Dir, "missing") },
		"no clock":          func(c *Config) { c.Clock = nil },
		"negative grace":    func(c *Config) { c.Grace = -1 },
		"a recording there": func(c *Config) {
			if err := os.WriteFile(filepath.Join(c.Dir, LogFile), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, clock)
			change(&c)
			if r, err := New(c); err == nil {
				_, _ = r.Finish(0, true, nil)
				t.Error("want an error, got none")
			}
		})
	}
}

func TestFinishTwice(t *testing.T) {
	r := start(t, config(t, new(hand).now))
	if _, err := r.Finish(0, true, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Finish(0, true, nil); err == nil {
		t.Error("the second Finish succeeded")
	}
	r.Event(timeline.Event{Type: "stage"})
	if err := r.Snapshot().Err; err != nil {
		t.Errorf("Live after Finish: %v", err)
	}
}

// TestCuttingOld has connections of a pool that are cut when they are used again, long after what
// cuts them began: one that was opened since, and breaks in the same way, is the target's.
func TestCuttingOld(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	record := func(opened, sent, done time.Duration, kind string) {
		a := attack.Arrival{Intended: sent}
		r.Planned(a)
		clock.set(max(clock.now(), done+1))
		r.Record(0, &attack.Result{Arrival: a, Dispatched: sent, Sent: sent, Done: done, Kind: kind, Opened: opened})
	}
	record(10*ms, 50*ms, 100*ms, "reset") // over before
	clock.set(200 * ms)
	done := r.CuttingOld()
	record(10*ms, 1900*ms, 2000*ms, "reset")
	record(-10*ms, 1900*ms, 2010*ms, "eof") // open since before the load
	record(210*ms, 1900*ms, 2020*ms, "reset")
	record(10*ms, 1900*ms, 2030*ms, "timeout")
	record(0, 1900*ms, 2040*ms, "reset") // nobody knows since when
	clock.set(2100 * ms)
	done()
	record(10*ms, 2200*ms, 2300*ms, "reset") // sent after it was over
	sum := finishedSum(t, r)
	wantCounts(t, sum, cutCounts{Planned: 7, Done: 7, Cut: 2, Failed: 5, Judged: 5},
		map[string]uint64{"reset": 4, "timeout": 1})
}

// A flow whose last step lost its connection while ordeal cut connections is no error, however
// long its caller thought before; one that lost it long after is.
func TestCuttingAStepOfAFlow(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	c.Flows = []string{"buy"}
	c.Grace = 20 * sec
	r := start(t, c)
	record := func(opened, sent, done, think time.Duration) {
		a := attack.Arrival{Intended: sent, IsFlow: true}
		r.Planned(a)
		clock.set(max(clock.now(), done+think+1))
		r.Record(0, &attack.Result{
			Arrival: a, Dispatched: sent, Sent: sent, Done: done, ThinkTime: think, Kind: "reset", Opened: opened,
		})
	}
	clock.set(2 * sec)
	done := r.CuttingOld()
	record(100*ms, 200*ms, 500*ms, 2*sec) // it thought, and was cut at 2.5 s
	record(100*ms, 300*ms, 600*ms, 2*sec)
	clock.set(3 * sec)
	done()
	record(100*ms, 300*ms, 2500*ms, 4*sec) // the target's own doing, at 6.5 s
	tl, err := r.Finish(8*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	var sum timeline.Stats
	for _, iv := range intervals(t, tl) {
		for _, cell := range iv.Cells {
			sum.Merge(cell.Stats)
		}
	}
	wantCounts(t, sum, cutCounts{Planned: 3, Done: 3, Cut: 2, Failed: 1, Judged: 1}, map[string]uint64{"reset": 1})
}

// cutCounts are the counts that connections cut by ordeal itself must not falsify.
type cutCounts struct{ Planned, Done, Cut, Failed, Judged uint64 }

func wantCounts(t *testing.T, sum timeline.Stats, want cutCounts, kinds map[string]uint64) {
	t.Helper()
	got := cutCounts{sum.Planned, sum.Done, sum.Cut, sum.Failed, sum.Judged()}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff(kinds, sum.Kinds); diff != "" {
		t.Errorf("kinds of errors (-want +got):\n%s", diff)
	}
}

// TestCutting has requests that lose their connection while ordeal itself cuts connections, and
// shortly before and long after: only the first are not the target's.
func TestCutting(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	record := func(sent, done time.Duration, kind string) {
		a := attack.Arrival{Intended: sent}
		r.Planned(a)
		clock.set(max(clock.now(), done+1))
		r.Record(0, &attack.Result{Arrival: a, Dispatched: sent, Sent: sent, Done: done, Kind: kind})
	}
	record(0, 100*ms, "reset") // over before
	clock.set(200 * ms)
	done := r.Cutting()
	record(150*ms, 300*ms, "reset")
	record(250*ms, 310*ms, "eof")
	record(250*ms, 320*ms, "timeout") // no connection was lost
	record(250*ms, 330*ms, "")
	clock.set(400 * ms)
	done()
	record(390*ms, 900*ms, "eof")    // seen a little late
	record(390*ms, 1500*ms, "reset") // too late to be of it
	record(500*ms, 600*ms, "reset")  // sent after it was over
	sum := finishedSum(t, r)
	wantCounts(t, sum, cutCounts{Planned: 8, Done: 8, Cut: 3, Failed: 4, Judged: 5},
		map[string]uint64{"reset": 3, "timeout": 1})
}

// finishedSum ends the recording at 4 s and sums up all that was recorded.
func finishedSum(t *testing.T, r *Recorder) (sum timeline.Stats) {
	t.Helper()
	tl, err := r.Finish(4*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, iv := range intervals(t, tl) {
		for _, cell := range iv.Cells {
			sum.Merge(cell.Stats)
		}
	}
	return sum
}
