package record

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/HdrHistogram/hdrhistogram-go"

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

// wantCells is a timeline computed the slow way: one by one, from the results.
type wantCells map[timeline.Window]map[timeline.Key]*timeline.Stats

func (w wantCells) stats(c *Config, bs []time.Duration, a attack.Arrival) *timeline.Stats {
	i, found := slices.BinarySearch(bs, a.Intended)
	if !found {
		i--
	}
	win := timeline.Window{From: bs[i], To: bs[i+1]}
	k := timeline.Key{Stage: c.Stages[a.Stage].Name, Request: c.Requests[a.Request]}
	if w[win] == nil {
		w[win] = make(map[timeline.Key]*timeline.Stats)
	}
	if w[win][k] == nil {
		s := timeline.NewStats(c.Limits)
		s.Late = timeline.NewDistribution([]time.Duration{c.LateBudget})
		s.Kinds, s.Statuses = make(map[string]uint64), make(map[int]uint64)
		w[win][k] = s
	}
	return w[win][k]
}

func (w wantCells) result(c *Config, bs []time.Duration, r *attack.Result) {
	s := w.stats(c, bs, r.Arrival)
	s.Planned++
	switch r.Outcome {
	case attack.Interrupted:
		s.Interrupted++
		return
	case attack.Unsent:
		s.Unsent++
		s.Kinds["unsent"]++
		s.Err.Record(r.Done - r.Intended)
	case attack.Done:
		s.Done++
		s.BytesIn += uint64(r.BytesIn)
		s.BytesOut += uint64(r.BytesOut)
		s.Service.Record(r.Done - r.Sent)
		s.Lag.Record(r.Sent - r.Intended)
		if r.Status != 0 {
			s.Statuses[r.Status]++
		}
		if r.Kind == "" {
			s.OK.Record(r.Done - r.Intended)
		} else {
			s.Failed++
			s.Kinds[r.Kind]++
			s.Err.Record(r.Done - r.Intended)
		}
	}
	s.Late.Record(r.Acted - r.Intended)
}

// allBounds are the bounds of all intervals up to end, and whole seconds beyond.
func allBounds(c *Config, marks []time.Duration, end time.Duration) []time.Duration {
	bs := slices.Clone(marks)
	for s := time.Duration(0); s <= end+20*sec; s += sec {
		bs = append(bs, s)
	}
	for _, s := range c.Stages {
		bs = append(bs, s.Window.From, s.Window.To)
	}
	slices.Sort(bs)
	return slices.Compact(bs)
}

var compare = gocmp.Options{
	cmpopts.EquateEmpty(),
	gocmp.Comparer(func(a, b timeline.Distribution) bool {
		ha, hb := a.Histogram(), b.Histogram()
		if (ha == nil) != (hb == nil) || ha != nil && !ha.Equals(hb) {
			return false
		}
		return slices.Equal(a.Limits(), b.Limits()) && a.Clamped() == b.Clamped()
	}),
}

func intervals(t testing.TB, tl *timeline.Timeline) []timeline.Interval {
	t.Helper()
	var out []timeline.Interval
	for iv, err := range tl.Intervals {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, iv)
	}
	return out
}

func (w wantCells) check(t *testing.T, got []timeline.Interval, end time.Duration) {
	t.Helper()
	var at time.Duration
	seen := 0
	for _, iv := range got {
		if iv.From != at {
			t.Errorf("interval %v: want it to begin at %v", iv.Window, at)
		}
		at = iv.To
		if len(iv.Cells) != len(w[iv.Window]) {
			t.Errorf("interval %v has %d cells, want %d", iv.Window, len(iv.Cells), len(w[iv.Window]))
		}
		if !slices.IsSortedFunc(iv.Cells, func(a, b timeline.Cell) int {
			return cmp.Or(cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Request, b.Request))
		}) {
			t.Errorf("interval %v: cells are not sorted", iv.Window)
		}
		for _, c := range iv.Cells {
			seen++
			if diff := gocmp.Diff(w[iv.Window][c.Key], c.Stats, compare); diff != "" {
				t.Errorf("interval %v, %v: -want +got\n%s", iv.Window, c.Key, diff)
			}
		}
	}
	if at != end {
		t.Errorf("the intervals end at %v, want %v", at, end)
	}
	want := 0
	for _, cells := range w {
		want += len(cells)
	}
	if seen != want {
		t.Errorf("%d cells in all, want %d", seen, want)
	}
}

// moment is something that the simulated run does.
type moment struct {
	at time.Duration
	do func()
}

// simulate draws a run of n arrivals, with answers that come at once, late, and
// long after the grace, and plays it to a recorder on a clock moved by hand. It
// returns what must come out.
func simulate(t testing.TB, r *Recorder, clock *hand, seed uint64, n int) (wantCells, time.Duration) {
	rng := rand.New(rand.NewPCG(seed, 1))
	end := r.planEnd
	var marks []time.Duration
	var moments []moment
	for range 6 {
		at := time.Duration(rng.Int64N(int64(end)))
		moments = append(moments, moment{at, func() {
			if got := r.Mark(); got != at {
				t.Errorf("Mark at %v returned %v", at, got)
			}
		}})
		marks = append(marks, at)
	}
	bs := allBounds(&r.cfg, marks, end)
	want := wantCells{}
	for range n {
		res := attack.Result{Arrival: attack.Arrival{Request: rng.IntN(3)}, Status: 200, BytesIn: rng.Int64N(1000), BytesOut: 7}
		switch rng.IntN(20) {
		case 0: // exactly at a bound
			res.Intended = bs[rng.IntN(len(bs))] % end
		default:
			res.Intended = time.Duration(rng.Int64N(int64(end)))
		}
		if res.Intended >= r.cfg.Stages[1].Window.From {
			res.Stage = 1
		}
		res.Acted = res.Intended + time.Duration(rng.ExpFloat64()*float64(ms))
		res.Sent = res.Acted + time.Duration(rng.ExpFloat64()*float64(ms))
		res.Done = res.Sent + 1 + time.Duration(rng.ExpFloat64()*float64(50*ms))
		switch rng.IntN(20) {
		case 0:
			res.Kind, res.Detail, res.Status = "timeout", "no answer in 1s", 0
		case 1:
			res.Kind, res.Status = "status", 503
		case 2:
			res.Outcome, res.Sent, res.Status, res.Done = attack.Unsent, 0, 0, res.Intended+sec
		case 3:
			res.Outcome, res.Sent, res.Status = attack.Interrupted, 0, 0
		case 4:
			res.Done += 11 * time.Minute
		case 5:
			res.Done = res.Sent + 50*ms - (res.Sent - res.Intended) // at a limit
		}
		recorded := min(res.Done, res.Intended+8*sec)
		if res.Outcome == attack.Interrupted && rng.IntN(2) == 0 {
			recorded = max(0, res.Intended-time.Duration(rng.Int64N(int64(sec)))) // given up before it was due
		}
		want.result(&r.cfg, bs, &res)
		planned := max(0, min(recorded, res.Intended)-time.Duration(rng.Int64N(int64(2*sec))))
		moments = append(moments,
			moment{planned, func() { r.Planned(res.Arrival) }},
			moment{recorded, func() { r.Record(rng.IntN(10), &res) }})
	}
	for at := 250 * ms; at < end+9*sec; at += 250 * ms {
		moments = append(moments, moment{at, r.seal})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	for _, m := range moments {
		clock.set(m.at)
		m.do()
	}
	return want, end
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
				Name: c.Name, Start: c.Start, Duration: end, Stages: c.Stages, Requests: c.Requests,
				Faults: faults, Events: events, LateBudget: c.LateBudget,
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
				res.Acted, res.Sent, res.Done = res.Intended, res.Intended, now
				switch rng.IntN(10) {
				case 0: // due at the very instant it is recorded
					res.Intended = now
					res.Acted, res.Sent = now, now
				case 1: // given up before it is due
					res.Intended, res.Outcome = now+time.Duration(rng.Int64N(int64(5*ms))), attack.Interrupted
				}
				r.Record(w, &res)
				mine = append(mine, res)
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
		want.result(&c, bs, &results[i])
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
				if d.Count() > 0 {
					counts[tag(k, d.Name)] += int64(d.Count())
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
		got[h.Tag()] += h.TotalCount()
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
	r.Record(0, &attack.Result{Arrival: attack.Arrival{Intended: 1400 * ms}, Outcome: attack.Interrupted})
	for clock.now() < 6*sec { // the last answers are waited for
		clock.set(clock.now() + 500*ms)
		r.seal()
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
	if err := r.Live().Err; err != nil {
		t.Errorf("Live after Finish: %v", err)
	}
}
