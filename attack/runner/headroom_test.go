package runner

import (
	"testing"
	"time"
)

// From inside the package, as these are formulas: a run shows only whether they keep
// goodput (overload_test.go), not how much headroom there is.

func TestHeadroom(t *testing.T) {
	// The headroom is 1 s at most.
	const timeout, least = 2 * time.Second, 2 * time.Second / headroomFirstPart
	type event struct {
		at, sent time.Duration
	}
	for name, c := range map[string]struct {
		wasted []event
		now    time.Duration
		want   time.Duration
	}{
		"no evidence, no headroom":      {now: time.Hour},
		"one in vain":                   {[]event{{at: 10 * time.Second, sent: 9 * time.Second}}, 10 * time.Second, least},
		"twice":                         {[]event{{10 * time.Second, 9 * time.Second}, {12 * time.Second, 10 * time.Second}}, 12 * time.Second, 2 * least * 8 / 10},
		"sent before the last raise":    {[]event{{10 * time.Second, 9 * time.Second}, {11 * time.Second, 9 * time.Second}}, 10 * time.Second, least},
		"twice within a timeout":        {[]event{{10 * time.Second, 9 * time.Second}, {11 * time.Second, 10 * time.Second}}, 10 * time.Second, least},
		"it fades":                      {[]event{{10 * time.Second, 9 * time.Second}}, 10*time.Second + headroomDecay/2, least / 2},
		"and ends":                      {[]event{{10 * time.Second, 9 * time.Second}}, 10*time.Second + headroomDecay, 0},
		"and begins again":              {[]event{{10 * time.Second, 9 * time.Second}, {time.Hour, time.Hour}}, time.Hour, least},
		"a look from before is no more": {[]event{{10 * time.Second, 9 * time.Second}}, 9 * time.Second, least},
	} {
		t.Run(name, func(t *testing.T) {
			r := newHeadroom(timeout)
			for _, e := range c.wasted {
				r.deadlineMissed(e.sent, e.at)
			}
			if got := r.at(c.now); got != c.want {
				t.Errorf("expected %s, found %s", c.want, got)
			}
		})
	}
	r := newHeadroom(timeout)
	for i := range time.Duration(100) {
		r.deadlineMissed(i*timeout, i*timeout)
	}
	if got := r.at(99 * timeout); got != timeout/2 {
		t.Errorf("expected no more than half of the timeout, found %s", got)
	}
	r = newHeadroom(timeout)
	r.completed(100*time.Millisecond, time.Second)
	r.completed(20*time.Millisecond, time.Second)
	r.deadlineMissed(time.Second, time.Second)
	if got := r.at(time.Second); got != 120*time.Millisecond {
		t.Errorf("expected twice what good answers took, found %s", got)
	}
	r.deadlineMissed(time.Second, time.Second+1)
	if got := r.at(time.Second); got != 120*time.Millisecond {
		t.Errorf("expected no more without a good answer or a timeout gone by, found %s", got)
	}
	now := time.Second + timeout
	r.deadlineMissed(now, now)
	if got := r.at(now); got != 192*time.Millisecond { // twice what is left of it
		t.Errorf("expected twice as much a timeout later, found %s", got)
	}
	r.completed(60*time.Millisecond, now)
	r.deadlineMissed(now, now)
	if got := r.at(now); got != 384*time.Millisecond {
		t.Errorf("expected twice as much beside a good answer, found %s", got)
	}
	r = newHeadroom(timeout)
	r.completed(0, time.Second)
	r.deadlineMissed(time.Second, time.Second)
	if got := r.at(time.Second); got != 0 {
		t.Errorf("expected none where answers take no time, found %s", got)
	}
}

func TestMeanServiceTime(t *testing.T) {
	const s, us = time.Second, time.Microsecond
	for name, c := range map[string]struct {
		add  [][2]time.Duration // took, now
		want time.Duration      // -1: none
	}{
		"none":                       {nil, -1},
		"no time at all":             {[][2]time.Duration{{0, 0}}, 0},
		"the mean":                   {[][2]time.Duration{{2, 1 * s}, {3, 2 * s}, {1, 3 * s}}, 2},
		"also of the stretch before": {[][2]time.Duration{{3, 1 * s}, {1, 12 * s}}, 2},
		"but of no other":            {[][2]time.Duration{{30, 1 * s}, {1, 12 * s}, {3, 23 * s}}, 2},
		"a silence says nothing":     {[][2]time.Duration{{3, 1 * s}, {1, 100 * s}}, 2},
		"it is over in the next ten": {[][2]time.Duration{{30, 1 * s}, {1, 100 * s}, {3, 111 * s}}, 2},
	} {
		var u meanServiceTime
		for _, a := range c.add {
			u.add(a[0]*us, a[1])
		}
		got, ok := u.mean()
		if !ok {
			got = -us
		}
		if got != c.want*us {
			t.Errorf("%s: expected %d µs, found %s", name, c.want, got)
		}
	}
}
