package standstill

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const ms = time.Millisecond

// beats wakes a watch up at these instants.
func beats(at ...time.Duration) *Watch {
	w := New(nil, nil)
	for _, t := range at {
		w.awake(t)
	}
	return w
}

func TestTouching(t *testing.T) {
	short := Stop{100 * ms, 180 * ms} // caught up with at 260 ms
	long := Stop{1000 * ms, 3000 * ms}
	w := beats(95*ms, 100*ms, 180*ms, 185*ms)
	for at := 190 * ms; at <= 1000*ms; at += 5 * ms {
		w.awake(at)
	}
	w.awake(3000 * ms)
	for at := 3005 * ms; at <= 13_000*ms; at += 5 * ms {
		w.awake(at)
	}
	for _, tc := range []struct {
		name     string
		from, to time.Duration
		want     []Stop
	}{
		{"over before it began", 0, 100 * ms, nil},
		{"open when it began", 90 * ms, 101 * ms, []Stop{short}},
		{"due in it", 150 * ms, 190 * ms, []Stop{short}},
		{"due while it was caught up with", 259 * ms, 300 * ms, []Stop{short}},
		{"due later", 260 * ms, 300 * ms, nil},
		{"open in both", 250 * ms, 1001 * ms, []Stop{short, long}},
		{"a long one takes four times as long", 10_900 * ms, 10_950 * ms, []Stop{long}},
		{"and no longer", 11_000 * ms, 11_050 * ms, nil},
		{"the watch itself still sleeps", 12_990 * ms, 13_090 * ms, []Stop{{13_000 * ms, 13_090 * ms}}},
		{"the watch is a little late", 12_990 * ms, 13_010 * ms, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := w.Touching(tc.from, tc.to, nil); !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestNoWatch(t *testing.T) {
	var w *Watch
	if got := w.Touching(0, time.Hour, nil); got != nil {
		t.Errorf("a nil watch has seen %v", got)
	}
	if got := New(nil, nil).Touching(0, time.Hour, nil); got != nil {
		t.Errorf("one that never ran has seen %v", got)
	}
}

// Memory is bounded, and the latest are kept.
func TestManyStandstills(t *testing.T) {
	w := beats()
	for i := range 10 * remembered {
		w.awake(time.Duration(i) * 20 * ms)
	}
	end := time.Duration(10*remembered-1) * 20 * ms
	got := w.Touching(end-100*ms, end, nil)
	if len(w.stops) > remembered || len(got) < 5 || got[len(got)-1].To != end {
		t.Errorf("%d are kept, and %v touch the last 100 ms", len(w.stops), got)
	}
}

// While nothing is held up there are no standstills, and Run ends with its context.
func TestRunOfAnIdleProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		told := 0
		w := New(func() time.Duration { return time.Since(start) }, func(Stop) { told++ })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		w.Run(ctx)
		if told != 0 {
			t.Errorf("%d standstills in a minute in which nothing stood still", told)
		}
	})
}

// A clock that jumps, as after a SIGSTOP, is a standstill of that length.
func TestRunOverAJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var jump atomic.Int64
		var told []Stop
		w := New(func() time.Duration { return time.Since(start) + time.Duration(jump.Load()) }, func(s Stop) { told = append(told, s) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		time.Sleep(102 * ms)
		synctest.Wait()
		jump.Store(int64(2 * time.Second))
		time.Sleep(100 * ms)
		cancel()
		<-done
		if len(told) != 1 || told[0] != (Stop{100 * ms, 2105 * ms}) {
			t.Errorf("told of %v", told)
		}
	})
}
