package record

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// play runs a load of one request each gap, answered after the delay, on a clock
// moved by hand until all are answered, and calls each once a second. It seals
// as often as the recorder does by itself.
func play(r *Recorder, clock *hand, from, to, gap time.Duration, delay func(k int) time.Duration, each func()) {
	type answer struct {
		attack.Arrival
		done time.Duration
	}
	var waiting []answer
	for k, at := 0, from; at < to || len(waiting) > 0; at += gap {
		clock.set(at)
		if at < to {
			a := attack.Arrival{Intended: at, Request: k % len(r.cfg.Requests)}
			r.Planned(a)
			waiting = append(waiting, answer{a, at + delay(k)})
			k++
		}
		kept := waiting[:0]
		for i, w := range waiting {
			if w.done > at {
				kept = append(kept, w)
				continue
			}
			r.Record(i, &attack.Result{Arrival: w.Arrival, Sent: w.Intended, Done: w.done, Class: attack.Good, Code: 200})
		}
		waiting = kept
		if at%tick == 0 {
			r.writeDue()
		}
		if at%sec == 0 && each != nil {
			each()
		}
	}
}

// held is what the recorder has in memory.
type held struct {
	made, free, lent int // histograms
	open             int // intervals
	entries          int // waiting results and arrivals, and cuts
}

func holds(r *Recorder) held {
	r.plan.mu.Lock()
	defer r.plan.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	return held{
		made: r.pool.made, free: len(r.pool.hists), lent: r.pool.used,
		open: len(r.open), entries: len(r.future.entries) + len(r.plan.buf) + len(r.bounds.cuts),
	}
}

// TestMemoryDoesNotGrowWithTheRun runs for a minute and counts what is held.
func TestMemoryDoesNotGrowWithTheRun(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	c.Stages = []timeline.Stage{{Name: "soak", Window: timeline.Window{To: 60 * sec}}}
	r := start(t, c)
	early := 0
	play(r, clock, 0, 60*sec, 20*ms, func(k int) time.Duration { return time.Duration(k%70) * ms }, func() {
		h := holds(r)
		if clock.now() == 10*sec {
			early = h.made
		}
		if h.open > 3 {
			t.Fatalf("%d intervals are open at %v, want 3 at most", h.open, clock.now())
		}
		if h.entries > 2*batch {
			t.Fatalf("%d entries are held beside the intervals at %v, want %d at most", h.entries, clock.now(), 2*batch)
		}
	})
	// The recorder's own goroutine may write in between: allow for a cell or two.
	if h := holds(r); h.made > early+10 || h.free+h.lent != h.made {
		t.Errorf("%+v, want about the %d histograms of the first 10 s", h, early)
	}
	if _, err := r.Finish(60*sec, false, nil); err != nil {
		t.Fatal(err)
	}
	if h := holds(r); h.lent != 0 || h.open != 0 {
		t.Errorf("%+v after Finish, want nothing in use", h)
	}
}

// TestMemoryIsBoundedWhileAnswersAreSlow has answers that keep half a minute of
// intervals waiting, with many cells each: more than may be held.
func TestMemoryIsBoundedWhileAnswersAreSlow(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	const length, requests, lendable = 10, 4, 30
	c.Requests = []string{"a", "b", "c", "d"}
	c.Stages = []timeline.Stage{{Name: "soak", Window: timeline.Window{To: length * sec}}}
	c.Grace = 30 * sec
	r := start(t, c)
	r.mu.Lock()
	r.maxInUse = lendable
	r.mu.Unlock()
	play(r, clock, 0, length*sec, 20*ms, func(k int) time.Duration {
		if k%2 == 0 {
			return 30 * sec
		}
		return ms
	}, nil)
	// The present interval and the one that ended since the last tick are never
	// written in parts.
	if made, limit := holds(r).made, lendable+2*requests*5; made > limit {
		t.Errorf("%d histograms were allocated, want %d at most", made, limit)
	}
	tl, err := r.Finish(length*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := intervals(t, tl)
	if len(got) != length {
		t.Fatalf("%d intervals, want %d", len(got), length)
	}
	for _, iv := range got {
		var planned, done, ok uint64
		for _, c := range iv.Cells {
			planned, done, ok = planned+c.Planned, done+c.Done, ok+c.OK.Count()
		}
		if planned != 50 || done != 50 || ok != 50 {
			t.Errorf("%v: planned %d, done %d, ok %d; want 50 each", iv.Window, planned, done, ok)
		}
	}
}

func TestKindsAreBounded(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	const n = 5 * maxKinds
	for i := range n {
		a := attack.Arrival{Intended: ms}
		r.Planned(a)
		r.Record(0, &attack.Result{Arrival: a, Sent: ms, Done: 2 * ms, Kind: "dial 127.0.0.1:" + string(rune(0x4e00+i))})
	}
	clock.set(sec)
	if got := len(r.Snapshot().Kinds); got > shownKinds {
		t.Errorf("Live lists %d kinds, want %d at most", got, shownKinds)
	}
	tl, err := r.Finish(sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds := intervals(t, tl)[0].Cells[0].Kinds
	var sum uint64
	for _, n := range kinds {
		sum += n
	}
	if len(kinds) != maxKinds+1 || sum != n || kinds[timeline.KindOther] != n-maxKinds {
		t.Errorf("%d kinds with %d errors, %d of them other; want %d, %d and %d", len(kinds), sum, kinds[timeline.KindOther], maxKinds+1, n, n-maxKinds)
	}
}

// TestWritesByItself runs in a bubble of fake time, where only the recorder's own
// goroutine can have written.
func TestWritesByItself(t *testing.T) {
	c := config(t, nil)
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		c.Clock = func() time.Duration { return time.Since(begin) }
		r, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		a := attack.Arrival{Intended: 100 * ms}
		r.Planned(a)
		time.Sleep(150 * ms)
		r.Record(0, &attack.Result{Arrival: a, Sent: 100 * ms, Done: 150 * ms})
		time.Sleep(5 * sec)
		synctest.Wait()
		before, err := Load(c.Dir) // as a killed run would leave it
		if err != nil {
			t.Fatal(err)
		}
		if before.Duration != 4*sec || !before.Interrupted {
			t.Errorf("duration %v, interrupted %v before Finish; want the planned 4s, true", before.Duration, before.Interrupted)
		}
		if got := intervals(t, before)[0].Cells[0].Done; got != 1 {
			t.Errorf("%d done in the first interval, want 1", got)
		}
		if _, err := r.Finish(4*sec, false, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// TestDiskFull breaks the files under the recorder: it goes on, says so, and what
// came before can be read.
func TestDiskFull(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	answer := func(at time.Duration) {
		a := attack.Arrival{Intended: at}
		r.Planned(a)
		r.Record(0, &attack.Result{Arrival: a, Sent: at, Done: at + ms})
	}
	answer(100 * ms)
	clock.set(1100 * ms)
	r.writeDue()
	if err := r.out.log.Close(); err != nil {
		t.Fatal(err)
	}
	answer(1200 * ms)
	clock.set(2100 * ms)
	r.writeDue()
	if err := r.Snapshot().Err; !errors.Is(err, os.ErrClosed) {
		t.Errorf("Live().Err is %v, want the failed write", err)
	}
	if _, err := r.Finish(4*sec, false, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Finish: %v, want the failed write", err)
	}
	tl, err := Load(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := intervals(t, tl); tl.Duration != sec || len(got) != 1 || got[0].Cells[0].Done != 1 {
		t.Errorf("duration %v, intervals %v; want the first second", tl.Duration, got)
	}
}

func BenchmarkRecord(b *testing.B) {
	for _, limits := range []int{0, 3} {
		b.Run(map[int]string{0: "no limits", 3: "3 limits"}[limits], func(b *testing.B) {
			begin := time.Now()
			c := config(b, func() time.Duration { return time.Since(begin) })
			c.Limits = []time.Duration{ms, 10 * ms, 100 * ms}[:limits]
			r := start(b, c)
			a := attack.Arrival{Intended: 0}
			res := attack.Result{Arrival: a, Sent: 1, Done: ms, Class: attack.Good, Code: 200, BytesIn: 100, BytesOut: 100}
			time.Sleep(ms)
			b.ReportAllocs()
			for b.Loop() {
				r.Planned(a)
				r.Record(0, &res)
			}
		})
	}
}

func BenchmarkRecordParallel(b *testing.B) {
	begin := time.Now()
	r := start(b, config(b, func() time.Duration { return time.Since(begin) }))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			now := r.cfg.Clock()
			res := attack.Result{Arrival: attack.Arrival{Intended: now - 1}, Sent: now, Done: now}
			r.Record(int(now), &res)
		}
	})
}

// BenchmarkRun is a run of a second at 1,000/s, from planning to disk; its memory
// does not depend on b.N.
func BenchmarkRun(b *testing.B) {
	clock := new(hand)
	c := config(b, clock.now)
	c.Stages = nil
	r := start(b, c)
	at := time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		for range 1000 {
			a := attack.Arrival{Intended: at}
			r.Planned(a)
			at += ms
			clock.set(at)
			r.Record(0, &attack.Result{Arrival: a, Sent: a.Intended, Done: at})
		}
		r.writeDue()
	}
	b.StopTimer()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-held")
	if info, err := os.Stat(filepath.Join(c.Dir, LogFile)); err == nil {
		b.ReportMetric(float64(info.Size())/float64(b.N), "hlog-B/op")
	}
}

func BenchmarkLive(b *testing.B) {
	clock := new(hand)
	r := start(b, config(b, clock.now))
	b.ReportAllocs()
	clock.set(3 * sec)
	for k := range 5000 {
		a := attack.Arrival{Intended: time.Duration(k)}
		r.Planned(a)
		r.Record(k, &attack.Result{Arrival: a, Sent: a.Intended, Done: time.Duration(k) * ms / 2, Kind: "status"})
	}
	for b.Loop() {
		r.Snapshot()
	}
}

// TestRecordDoesNotAllocate holds what the benchmarks show.
func TestRecordDoesNotAllocate(t *testing.T) {
	clock := new(hand)
	r := start(t, config(t, clock.now))
	clock.set(2 * ms) // what ends now waits for the clock to go on
	a := attack.Arrival{}
	res := attack.Result{Arrival: a, Sent: 1, Done: ms, Class: attack.Good, Code: 200, Kind: "timeout", Detail: "no answer in 5s"}
	once := func() {
		for range 10 * batch {
			r.Planned(a)
			r.Record(1, &res)
		}
	}
	once()
	// A tick of the recorder's own goroutine may fall into the measurement.
	if n := testing.AllocsPerRun(10, once); n > 1 {
		t.Errorf("%v allocations in %d calls, want none", n, 10*batch)
	}
}
