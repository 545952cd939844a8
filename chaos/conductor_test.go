package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// stage is a conductor on the fake clock of a synctest bubble.
type stage struct {
	*Conductor
	journal *memJournal
	start   time.Time

	mu     sync.Mutex
	marks  []time.Duration
	events []string
}

func newStage(cfg Config, faults ...ScheduledFault) *stage {
	s := &stage{journal: newMemJournal(), start: time.Now()}
	cfg.Run, cfg.Journal = "run", s.journal
	s.Conductor = NewConductor(cfg, faults)
	s.Bind(s.now, func() time.Duration {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.marks = append(s.marks, s.now())
		return s.now()
	}, func(e timeline.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, fmt.Sprintf("%s %s %s", e.At, e.Name, e.State))
	})
	return s
}

func (s *stage) now() time.Duration { return time.Since(s.start) }

// play runs for as long as a load would last.
func (s *stage) play(t *testing.T, length time.Duration) []timeline.Fault {
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	return s.Run(ctx)
}

// ending is how a fault went: what most tests look at in its record.
type ending struct {
	State               timeline.FaultState
	Effective, Reverted bool // there is an instant of it
	Verified, Dirty     bool
}

var (
	undone = ending{State: timeline.Reverted, Effective: true, Reverted: true, Verified: true}
	// withCaveat is undone too, and may not have been in force all the time.
	withCaveat = ending{State: timeline.Reverted, Effective: true, Reverted: true}
	// ineffective is a fault that never took effect, and left nothing behind.
	ineffective = ending{State: timeline.Failed, Reverted: true}
	stuck       = ending{State: timeline.Failed, Effective: true, Dirty: true}
)

// wantEnding says in what r differs from want, and that its error lacks says. Without says
// there must be no error.
func wantEnding(t *testing.T, r timeline.Fault, want ending, says string) {
	t.Helper()
	got := ending{r.State, r.Effective != nil, r.Reverted != nil, r.Verified, r.Dirty}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s ended otherwise (-want +got):\n%s", r.Name, diff)
	}
	if !strings.Contains(r.Error, says) || (says == "") != (r.Error == "") {
		t.Errorf("the error of %s is %q, want %q in it", r.Name, r.Error, says)
	}
}

func (s *stage) wantEmptyJournal(t *testing.T) {
	t.Helper()
	if n := s.journal.len(); n != 0 {
		t.Errorf("%d entries are left in the journal", n)
	}
}

func planned(name string, spec Spec, at, hold time.Duration, targets ...Target) ScheduledFault {
	kind := map[string]string{"*chaos.Kill": "kill", "*chaos.Pause": "pause", "*chaos.Latency": "latency"}[fmt.Sprintf("%T", spec)]
	return ScheduledFault{FaultPlan{Name: name, Kind: kind, At: at, Hold: hold, Services: []string{"api"}, Spec: spec}, targets}
}

func ptr(d time.Duration) *time.Duration { return &d }

const (
	s10 = 10 * time.Second
	s60 = 60 * time.Second
)

func sigkill() Spec { return &Kill{Signal: "SIGKILL"} }

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

func TestTheEndOfTheRun(t *testing.T) {
	// Injecting takes from 10s to 11s, holding to 16s, undoing to 18s.
	for _, tt := range []struct {
		name string
		hold time.Duration
		end  time.Duration
		want ending
		says string
	}{
		{"before it begins", 5 * time.Second, 9 * time.Second, ending{State: timeline.Scheduled}, ""},
		{"while it is injected", 5 * time.Second, 10500 * time.Millisecond, ineffective,
			"the run ended while it was being injected"},
		{"while it is in force", 5 * time.Second, 13 * time.Second, withCaveat,
			"the run ended when it had lasted 2s of 5s"},
		{"when it was planned to end", 5 * time.Second, 15 * time.Second, undone, ""},
		{"while it is undone", 5 * time.Second, 17 * time.Second, undone, ""},
		{"of a fault until the end", 0, 30 * time.Second, undone, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake("api-1")
				api.takes, api.startTakes = time.Second, 2*time.Second
				s := newStage(Config{}, planned("kill-api", sigkill(), s10, tt.hold, api))
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(tt.end, cancel)
				r := s.Run(ctx)[0]
				wantEnding(t, r, tt.want, tt.says)
				if !api.intact() || s.journal.len() != 0 {
					t.Errorf("left behind: %s, %d entries", api.look(), s.journal.len())
				}
				if api.undoContext != nil {
					t.Errorf("the undo was given a context that had ended: %v", api.undoContext)
				}
				if tt.want.Effective && tt.end < 16*time.Second && *r.Reverting != tt.end {
					t.Errorf("reverting from %v, want %v, at once", *r.Reverting, tt.end)
				}
			})
		})
	}
}

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

func TestIDsAreUniqueAndFitForFiles(t *testing.T) {
	plan := func(name string) ScheduledFault {
		return planned(name, sigkill(), 0, 0, newFake("x/1"), newFake("x 1"))
	}
	c := NewConductor(Config{Run: "2026-01-02T03:04:05 größe"}, []ScheduledFault{plan("a b"), plan("a-b"), plan(strings.Repeat("long", 100))})
	seen := map[string]bool{}
	j, err := OpenJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.faults {
		for i := range f.Targets {
			id := c.id(f, i)
			if seen[id] {
				t.Errorf("the id %s is there twice", id)
			}
			seen[id] = true
			if err := j.Add(Entry{ID: id}); err != nil {
				t.Error(err)
			}
		}
	}
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

// edged is a target that takes time to prepare its disturbance and to clean up
// after it, and says so.
type edged struct{ fake }

func (e edged) Impair(ctx context.Context, id string, s NetCondition, d time.Duration) (Proof, error) {
	time.Sleep(2 * time.Second)
	DisturbanceStarted(ctx)
	return e.fake.Impair(ctx, id, s, d)
}

func (e edged) Clear(ctx context.Context, id string) (Proof, error) {
	p, err := e.fake.Clear(ctx, id)
	DisturbanceEnded(ctx)
	time.Sleep(3 * time.Second)
	return p, err
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
