package runner

import (
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

// scripted is an attack whose clock and CPU time are read from lists, and stay at
// their last.
func scripted(t *testing.T, clock []time.Duration, busy []time.Duration) *runner {
	t.Helper()
	next := func(list *[]time.Duration) func() time.Duration {
		return func() time.Duration {
			v := (*list)[0]
			if len(*list) > 1 {
				*list = (*list)[1:]
			}
			return v
		}
	}
	a, err := newRun(t.Context(), holdPlan(10, time.Second, time.Second, 100), Options{
		Clients: over(t, holdPlan(10, time.Second, time.Second, 100), takes(0)), Sink: new(collector), Start: time.Now(), Clock: next(&clock), Busy: next(&busy),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Whether the generator has time to spare shows when the dispatcher sleeps a moment: by how
// late it is woken, and by what CPU was used meanwhile.
func TestMeasureCPU(t *testing.T) {
	for name, c := range map[string]struct {
		late, used time.Duration // beyond the interval, and during it all
		before     int           // burst
		saturated  bool
		burst      int
	}{
		"time to spare":             {0, 0, 0, false, 1},
		"twice as many each time":   {0, 0, 3, false, 7},
		"but not without end":       {0, 0, 50, false, maxStartsEver},
		"woken a little late":       {lateWake, 0, 3, false, 7},
		"others took the time":      {lateWake + 1, 0, 3, false, 0},
		"its own CPU was used up":   {0, probeInterval, 3, true, 0},
		"nearly, which is not all":  {0, probeInterval * 8 / 10, 3, false, 7},
		"its own, and it was late":  {probeInterval, 2 * probeInterval, 3, true, 0},
		"late, and its own in part": {probeInterval, probeInterval, 3, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			// The clock is read as the look begins, as it is slept, and at its end.
			a := scripted(t, []time.Duration{0, probeInterval, probeInterval + c.late}, []time.Duration{0, c.used})
			a.maxStarts = c.before
			a.mu.Lock()
			ok := a.measureCPU()
			a.mu.Unlock()
			if !ok {
				t.Error("measuring found the run over")
			}
			if a.cpuSaturated != c.saturated {
				t.Errorf("expected saturated %v, found %v", c.saturated, a.cpuSaturated)
			}
			if a.maxStarts != c.burst || a.startBudget != c.burst {
				t.Errorf("expected %d workers, found %d (%d left)", c.burst, a.maxStarts, a.startBudget)
			}
		})
	}
}

// Workers that are started while the generator is behind: as many as the last
// measurement allows, and then one for each pause.
func TestMayStartWorker(t *testing.T) {
	for name, c := range map[string]struct {
		now, grown time.Duration
		granted    int
		saturated  bool
		started    int
		want       bool
	}{
		"not behind":                     {now: arrivals.CatchingUp, want: true},
		"behind":                         {now: time.Second, grown: time.Second - startPause/2},
		"behind, and it was granted":     {now: time.Second, grown: time.Second - startPause/2, granted: 1, want: true},
		"behind, after a pause":          {now: time.Second, grown: time.Second - startPause, want: true},
		"saturated, after that pause":    {now: time.Second, grown: time.Second - startPause, saturated: true, started: 50},
		"saturated, after a longer one":  {now: time.Second, grown: time.Second - 50*startPausePerWorker, saturated: true, started: 50, want: true},
		"saturated, with few of its own": {now: time.Second, grown: time.Second - startPause, saturated: true, started: 0, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := scripted(t, []time.Duration{c.now}, []time.Duration{0})
			a.timetable.NextStage() // the first arrival is due at 0
			a.lastStart, a.startBudget, a.cpuSaturated, a.started = c.grown, c.granted, c.saturated, c.started
			if got := a.mayStartWorker(); got != c.want {
				t.Errorf("expected %v, found %v", c.want, got)
			}
			if c.want != (a.lastStart == c.now) {
				t.Errorf("expected the growth to be noted if there was any, found %s", a.lastStart)
			}
		})
	}
}

// Only what had waited, and was sent all the same, is evidence for headroom.
func TestEvidenceForHeadroom(t *testing.T) {
	bubble(t, func(t *testing.T, start time.Time) {
		const timeout = time.Second
		for name, c := range map[string]struct {
			waited, takes time.Duration
			want          bool
		}{
			"sent at once, and timed out": {0, time.Hour, false},
			"waited for half of it":       {timeout / 2, time.Hour, false},
			"waited for more":             {timeout/2 + 1, time.Hour, true},
			"waited, and was answered":    {timeout/2 + 1, 0, false},
		} {
			a, err := newRun(t.Context(), holdPlan(10, time.Second, timeout, 100), Options{Clients: over(t, holdPlan(10, time.Second, timeout, 100), takes(c.takes)), Sink: new(collector), Start: start})
			if err != nil {
				t.Fatal(err)
			}
			now := a.Clock()
			var s recorderSlot
			a.sendRequest(&s, waiting{Arrival: attack.Arrival{Intended: now - c.waited}, Dispatched: now - c.waited}, nil)
			if got := a.actions[0].headroom.at(a.Clock()) > 0; got != c.want {
				t.Errorf("%s: expected evidence %v, found %v", name, c.want, got)
			}
		}
	})
}
