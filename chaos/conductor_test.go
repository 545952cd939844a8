package chaos

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestConductorTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake("api-1")
		api.takes, api.startTakes = 300*time.Millisecond, 2*time.Second
		s := newStage(Config{}, planned("kill-api", sigkill(), s10, 5*time.Second, api))
		api.onBreak = func() {
			if s.journal.len() != 1 {
				t.Error("the target was broken before its undo was in the journal")
			}
		}
		got := s.play(t, s60)
		want := []timeline.Fault{{
			Name: "kill-api", Kind: "kill", Service: "api", Targets: []string{"api-1"}, Mechanism: "signal",
			Planned: s10, Injecting: ptr(s10), Began: ptr(s10), Effective: ptr(s10 + 300*time.Millisecond),
			Reverting: ptr(s10 + 5300*time.Millisecond), Reverted: ptr(s10 + 7300*time.Millisecond),
			State: timeline.Reverted, Verified: true,
			Evidence: []string{"api-1: dead 300ms after SIGKILL", "api-1: runs and is ready 2s after it was started"},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
		if want := []time.Duration{*got[0].Injecting, *got[0].Began, *got[0].Reverted}; !slices.Equal(s.marks, want) {
			t.Errorf("marks at %v, want %v", s.marks, want)
		}
		if want := []string{"10s kill-api injecting", "10.3s kill-api effective", "15.3s kill-api reverting", "17.3s kill-api reverted"}; !slices.Equal(s.events, want) {
			t.Errorf("events %v, want %v", s.events, want)
		}
		if s.journal.len() != 0 {
			t.Errorf("%d entries are left in the journal", s.journal.len())
		}
		e := s.journal.added[0]
		entry := map[string]string{
			"id": "run-0-0-kill-api", "kind": "kill", "spec": `{"signal":"SIGKILL"}`,
			"target": "api-1", "remedy": "start api-1 again",
		}
		if diff := cmp.Diff(entry, map[string]string{
			"id": e.ID, "kind": e.Kind, "spec": string(e.Spec), "target": e.Target.Name, "remedy": e.Remedy,
		}); diff != "" {
			t.Errorf("entry (-want +got):\n%s", diff)
		}
	})
}

func TestTargetsAreHitTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var targets []Target
		for i := range 5 {
			f := newFake(fmt.Sprint("api-", i))
			f.takes, f.startTakes = time.Second, time.Second
			targets = append(targets, f)
		}
		s := newStage(Config{}, planned("kill-api", sigkill(), s10, 5*time.Second, targets...))
		r := s.play(t, s60)[0]
		for _, target := range targets {
			if at := target.(fake).breaks[0].Sub(s.start); at != s10 {
				t.Errorf("%s was hit at %v, want 10s", target.Name(), at)
			}
		}
		if *r.Effective != 11*time.Second || *r.Reverted != 17*time.Second {
			t.Errorf("effective %v, reverted %v, want 11s and 17s", *r.Effective, *r.Reverted)
		}
		if len(r.Evidence) != 10 || !r.Verified {
			t.Errorf("record %+v", r)
		}
	})
}

func TestFaultsOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		s := newStage(Config{},
			planned("slow", &Latency{Delay: time.Second}, 5*time.Second, 20*time.Second, a),
			planned("kill", sigkill(), s10, 5*time.Second, b),
			planned("freeze", &Pause{}, 12*time.Second, 5*time.Second, a),
		)
		active := func() string {
			var out []string
			for _, x := range s.Faults() {
				if x.Injecting != nil && x.Reverted == nil {
					out = append(out, x.Name+" "+string(x.State))
				}
			}
			return strings.Join(out, ", ")
		}
		views := map[time.Duration]string{
			time.Second:      "",
			6 * time.Second:  "slow effective",
			13 * time.Second: "slow effective, kill effective, freeze effective",
			16 * time.Second: "slow effective, freeze effective",
			26 * time.Second: "",
		}
		for at, want := range views {
			time.AfterFunc(at, func() {
				if got := active(); got != want {
					t.Errorf("active at %v: %q, want %q", at, got, want)
				}
			})
		}
		for i, r := range s.play(t, s60) {
			p := s.faults[i].Plan
			if r.Name != p.Name {
				t.Errorf("record %d is of %s, want %s", i, r.Name, p.Name)
			}
			wantEnding(t, r, undone, "")
			if from, to := *r.Effective, *r.Reverted; from != p.At || to != p.At+p.Hold {
				t.Errorf("%s from %v to %v, want from %v to %v", r.Name, from, to, p.At, p.At+p.Hold)
			}
		}
		if !a.intact() || !b.intact() || s.journal.len() != 0 {
			t.Error("something is left behind")
		}
		if a.deadline != 20*time.Second+cleanupMargin {
			t.Errorf("the helper was told to hold on for %v, want the fault's 20s and a little", a.deadline)
		}
	})
}

func TestAFaultUntilTheEndTellsItsHelperHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFake("a")
		s := newStage(Config{}, planned("slow", &Latency{Delay: time.Second}, s10, 0, a))
		r := s.play(t, s60)[0]
		if !r.Verified || *r.Reverted != s60 || a.deadline != 50*time.Second+cleanupMargin {
			t.Errorf("record %+v, deadline %v, want 50s and a little", r, a.deadline)
		}
	})
}

func TestDuringIsWhatWasDisturbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(Config{}, planned("slow", &Latency{Delay: time.Second}, s10, 5*time.Second, edged{newFake("a")}))
		r := s.play(t, s60)[0]
		if r.Began == nil || r.Ceased == nil {
			t.Fatalf("it began at %v and ceased at %v, want both", r.Began, r.Ceased)
		}
		if least := *r.Injecting + 2*time.Second; *r.Began < least {
			t.Fatalf("it began at %v, want %v or later", *r.Began, least)
		}
		if least := *r.Ceased + 3*time.Second; *r.Reverted < least {
			t.Fatalf("reverted at %v, want %v or later: it ceased at %v", *r.Reverted, least, *r.Ceased)
		}
		if w, _ := r.Disturbance(); w.From != *r.Began || w.To != *r.Ceased {
			t.Errorf("during is %v, want from %v to %v", w, *r.Began, *r.Ceased)
		}
	})
}

// One target that says when it was disturbed does not speak for another that
// does not: all the time that this one may have been counts.
func TestDuringCoversTargetsThatDoNotSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(Config{}, planned("slow", &Latency{Delay: time.Second}, s10, 5*time.Second, edged{newFake("a")}, newFake("b")))
		r := s.play(t, s60)[0]
		if w, _ := r.Disturbance(); w.From != *r.Injecting || w.To != *r.Reverted {
			t.Errorf("during is %v, want from %v to %v", w, *r.Injecting, *r.Reverted)
		}
	})
}
