package chaos

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPreflight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		b.prepareErr = errors.New("made with --rm")
		ok := planned("kill-a", sigkill(), s10, 5*time.Second, a)
		s := newStage(Config{}, ok)
		if err := s.Preflight(t.Context()); err != nil {
			t.Errorf("Preflight = %v", err)
		}
		s = newStage(Config{}, ok,
			planned("kill-b", sigkill(), 2*s10, 5*time.Second, a, b),
			planned("slow", &Latency{Delay: time.Second}, s10, 5*time.Second, numb{"process"}),
		)
		err := s.Preflight(t.Context())
		if err == nil {
			t.Fatal("nothing speaks against what cannot work")
		}
		for _, want := range []string{"fault kill-b: b cannot be killed, as it could not be started again: made with --rm", "fault slow: latency cannot hit numb-1", "a numb process feels nothing"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not say %q", err, want)
			}
		}
		if strings.Contains(err.Error(), "kill-a") {
			t.Errorf("Preflight names what is well: %v", err)
		}
		if !a.intact() || !b.intact() || len(s.journal.added) > 0 {
			t.Errorf("Preflight left a %s and b %s, and %d entries in the journal",
				a.look(), b.look(), len(s.journal.added))
		}
	})
}

func TestPreflightFindsOverlaps(t *testing.T) {
	a, b := newFake("a"), newFake("b")
	slow := &Latency{Delay: time.Second}
	for _, tt := range []struct {
		name   string
		faults []ScheduledFault
		want   string
	}{
		{"one after the other", []ScheduledFault{planned("x", sigkill(), s10, 5*time.Second, a), planned("y", sigkill(), 15*time.Second, 5*time.Second, a)}, ""},
		{"different targets", []ScheduledFault{planned("x", sigkill(), s10, 5*time.Second, a), planned("y", sigkill(), 12*time.Second, 5*time.Second, b)}, ""},
		{"slow and dead", []ScheduledFault{planned("x", slow, s10, 5*time.Second, a), planned("y", sigkill(), 12*time.Second, 5*time.Second, a)}, ""},
		{"slow twice", []ScheduledFault{planned("x", slow, s10, 5*time.Second, a), planned("y", slow, 12*time.Second, 5*time.Second, a)}, ""},
		{"killed twice", []ScheduledFault{planned("y", sigkill(), 12*time.Second, 5*time.Second, b, a), planned("x", sigkill(), s10, 5*time.Second, a)},
			"fault y: it hits a at 12s, but fault x (kill) is in force there until 15s: move one of them"},
		{"killed while frozen", []ScheduledFault{planned("x", &Pause{}, s10, 0, a), planned("y", sigkill(), s60, 5*time.Second, a)},
			"fault y: it hits a at 1m, but fault x (pause) is in force there until the end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := NewConductor(Config{Journal: newMemJournal()}, tt.faults).Preflight(t.Context())
			if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Preflight = %v, want %q", err, tt.want)
			}
		})
	}
}

// Thousands of faults that never end overlap each with each.
func TestOverlapsAreBounded(t *testing.T) {
	a := newFake("a")
	faults := make([]ScheduledFault, 3000)
	for i := range faults {
		faults[i] = planned(fmt.Sprint("f", i), &Pause{}, time.Duration(i)*time.Second, 0, a)
	}
	if found := Overlaps(faults); len(found) != maxOverlaps {
		t.Errorf("expected %d overlaps, found %d", maxOverlaps, len(found))
	}
}
