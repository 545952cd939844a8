package chaos

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// A fault that is planned for when the one before it ends waits until the
// target is free again, and both last as long as they are meant to.
func TestBackToBack(t *testing.T) {
	const second = time.Second
	pause, kill := func() Spec { return &Pause{} }, sigkill
	for _, tt := range []struct {
		name        string
		first, then Spec
		gap         time.Duration
		injecting   time.Duration // of the second
	}{
		// The first is told at 1s, takes effect at 1.3s and is undone from 3.3s on.
		{"pause and pause", pause(), pause(), 0, 3300 * time.Millisecond},
		{"pause and kill", pause(), kill(), 0, 3300 * time.Millisecond},
		{"kill and kill", kill(), kill(), 0, 3700 * time.Millisecond},
		{"kill and pause", kill(), pause(), 0, 3700 * time.Millisecond},
		{"a gap that is too small", kill(), pause(), time.Millisecond, 3700 * time.Millisecond},
		{"a gap that is enough", kill(), pause(), second, 4 * second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newFake("a")
				a.takes, a.startTakes = 300*time.Millisecond, 400*time.Millisecond
				s := newStage(Config{},
					planned("then", tt.then, 3*second+tt.gap, 2*second, newFake("b"), a),
					planned("first", tt.first, second, 2*second, a))
				if err := s.Preflight(t.Context()); err != nil {
					t.Fatal(err)
				}
				got := s.play(t, s60)
				then, first := got[0], got[1]
				if *then.Injecting != tt.injecting || *then.Injecting < *first.Reverted {
					t.Errorf("the second began at %v, want %v; the first was undone at %v", *then.Injecting, tt.injecting, *first.Reverted)
				}
				for _, r := range got {
					if !r.Verified || r.State != timeline.Reverted || *r.Reverting-*r.Effective != 2*second {
						t.Errorf("%s lasted from %v to %v, record %+v", r.Name, *r.Effective, *r.Reverting, r)
					}
				}
				if !a.intact() || s.journal.len() != 0 {
					t.Error("something is left behind")
				}
			})
		})
	}
}

// Only what nobody else can have is waited for.
func TestFaultsThatCanOverlapDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFake("a")
		a.takes = 300 * time.Millisecond
		s := newStage(Config{},
			planned("slow", &Latency{Delay: time.Second}, time.Second, 2*time.Second, a),
			planned("freeze", &Pause{}, 3*time.Second, 2*time.Second, a),
			planned("elsewhere", &Pause{}, 5*time.Second, time.Second, newFake("b")))
		for _, r := range s.play(t, s60) {
			if *r.Injecting != r.Planned {
				t.Errorf("%s began at %v, planned for %v", r.Name, *r.Injecting, r.Planned)
			}
		}
	})
}

// What waits when the run ends does not begin, and what was left only a part of
// its time did not last as long as it was meant to.
func TestTheEndOfTheRunBackToBack(t *testing.T) {
	for _, tt := range []struct {
		end  time.Duration
		want ending
		says string
	}{
		{14 * time.Second, ending{State: timeline.Scheduled}, ""},
		{17 * time.Second, withCaveat, "the run ended when it had lasted 1s of 4s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newFake("a")
			a.startTakes = 5 * time.Second
			s := newStage(Config{},
				planned("first", sigkill(), 5*time.Second, 6*time.Second, a),
				planned("then", &Pause{}, 11*time.Second, 4*time.Second, a))
			got := s.play(t, tt.end)
			wantEnding(t, got[0], undone, "")
			wantEnding(t, got[1], tt.want, tt.says)
			if got[1].Error != tt.says {
				t.Errorf("the error is %q, want %q and no more", got[1].Error, tt.says)
			}
			if !a.intact() {
				t.Error("something is left behind")
			}
		})
	}
}
