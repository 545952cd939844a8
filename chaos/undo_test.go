package chaos

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFailedInjection(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name    string
		arrange func(s *stage, a, b fake)
		touched bool
		says    string
	}{
		{"one target fails after it broke", func(_ *stage, a, b fake) { b.failAfter = boom }, true, "boom"},
		{"no effect in one target", func(_ *stage, a, b fake) { b.deaf = true }, true, "b still ran 15s after SIGKILL: it took longer than 15s"},
		{"one target cannot be prepared", func(_ *stage, a, b fake) { b.prepareErr = boom }, false, "b cannot be killed"},
		{"the journal is full", func(s *stage, a, b fake) { s.journal.fail = boom }, false, "boom"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newFake("a"), newFake("b")
				s := newStage(Config{}, planned("kill", sigkill(), s10, 5*time.Second, a, b))
				tt.arrange(s, a, b)
				r := s.play(t, s60)[0]
				wantEnding(t, r, ineffective, tt.says)
				if (len(a.breaks) > 0) != tt.touched {
					t.Errorf("the other target was hit %d times, want hit: %v", len(a.breaks), tt.touched)
				}
				if !a.intact() || !b.intact() || s.journal.len() != 0 {
					t.Errorf("left behind: %s, %s, %d entries", a.look(), b.look(), s.journal.len())
				}
			})
		})
	}
}

func TestUndoIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		a.stuck = 3
		s := newStage(Config{}, planned("kill", sigkill(), s10, 5*time.Second, a, b))
		r := s.play(t, s60)[0]
		wantEnding(t, r, undone, "")
		if a.undos != 4 || b.undos != 1 {
			t.Errorf("%d and %d tries, want 4 and 1", a.undos, b.undos)
		}
		again := slices.DeleteFunc(slices.Clone(s.events), func(e string) bool { return !strings.Contains(e, "reverting") })
		if len(again) != 1+3 {
			t.Errorf("events %v, want one for each try that failed", again)
		}
	})
}

func TestUndoThatFailsMakesTheRunDirty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		a.stuck = -1
		s := newStage(Config{RevertTimeout: 20 * time.Second}, planned("kill", sigkill(), s10, 5*time.Second, a, b))
		r := s.play(t, s60)[0]
		wantEnding(t, r, stuck, "it is stuck")
		remedy := map[string]bool{"ordeal heal": true, "start a again": true, "start b": false}
		for part, there := range remedy {
			if strings.Contains(r.Remedy, part) != there {
				t.Errorf("the remedy is %q, want %q in it: %v", r.Remedy, part, there)
			}
		}
		if now := s.now(); now > 36*time.Second {
			t.Errorf("gave up at %v, want 35s", now)
		}
		if !b.intact() || s.journal.len() != 1 || s.journal.entries["run-0-0-kill"].Target.Name != "a" {
			t.Errorf("b is %s, the journal holds %+v; want b undone and a in the journal", b.look(), s.journal.entries)
		}
	})
}

func TestUndoThatHangsHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFake("a")
		a.startTakes = time.Hour
		s := newStage(Config{RevertTimeout: 20 * time.Second}, planned("kill", sigkill(), s10, 5*time.Second, a))
		r := s.play(t, 12*time.Second)[0]
		if !r.Dirty || s.now() != 32*time.Second {
			t.Errorf("at %v: record %+v, want it given up 20s after the end", s.now(), r)
		}
	})
}

func TestTargetThatIsRemovedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFake("a")
		a.stuck, a.stuckWith = -1, ErrGone
		s := newStage(Config{}, planned("kill", sigkill(), s10, 5*time.Second, a))
		r := s.play(t, s60)[0]
		wantEnding(t, r, withCaveat, "removed")
		s.wantEmptyJournal(t)
	})
}

func TestFrozenTargetThatIsRemovedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFake("a")
		s := newStage(Config{}, planned("freeze", &Pause{}, s10, 5*time.Second, a))
		time.AfterFunc(12*time.Second, func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.prepareErr = ErrGone
		})
		r := s.play(t, s60)[0]
		wantEnding(t, r, withCaveat, "removed")
		s.wantEmptyJournal(t)
		if *r.Reverted > 16*time.Second {
			t.Errorf("reverted at %v: what is gone was waited for", *r.Reverted)
		}
	})
}

func TestDoubtIsNotVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFake("a")
		s := newStage(Config{}, planned("kill", sigkill(), s10, 5*time.Second, a))
		time.AfterFunc(12*time.Second, func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.alive = true
		})
		r := s.play(t, s60)[0]
		wantEnding(t, r, withCaveat, "a: it ran again before")
	})
}
