package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const s1 = time.Second

// TestDeathsThatTakeTheirTime kills with a signal that the target handles.
func TestDeathsThatTakeTheirTime(t *testing.T) {
	const overToo = "the run ended while it was being injected: api-1 still ran 6s after SIGTERM, which it handles or ignores: let the load last longer than it takes to end, or use SIGKILL"
	for _, tt := range []struct {
		name      string
		drains    time.Duration // until it dies
		grace     time.Duration
		load      time.Duration
		effective time.Duration // 0: never
		reverted  time.Duration
		evidence  string
		why       string // it had no effect
	}{
		{"within the load", 40 * s1, 0, 60 * s1, 42 * s1, 45 * s1, "dead 40s after SIGTERM", ""},
		{"after the load", 15 * s1, 0, 8 * s1, 0, 17 * s1, "after it had died of SIGTERM", overToo},
		{"long after the load", 50 * s1, 0, 8 * s1, 0, 52 * s1, "after it had died of SIGTERM", overToo},
		{"never, by the default", time.Hour, 0, 8 * s1, 0, 62 * s1, "ended with SIGKILL, as it had not died of SIGTERM within 1m", overToo},
		{"never, as said", time.Hour, 20 * s1, 8 * s1, 0, 22 * s1, "ended with SIGKILL, as it had not died of SIGTERM within 20s", overToo},
		{"never, and the load goes on", time.Hour, 20 * s1, 90 * s1, 0, 27 * s1, "ended with SIGKILL", "api-1 still ran 25s after SIGTERM, which it handles or ignores: set a longer grace if it needs more time to end, or use SIGKILL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake("api-1")
				api.drains = tt.drains
				s := newStage(Config{InjectTimeout: 5 * s1, RevertTimeout: 5 * s1}, planned("f", &Kill{Signal: "SIGTERM", Grace: tt.grace}, 2*s1, 3*s1, api))
				r := s.play(t, tt.load)[0]
				near := func(at *time.Duration, want time.Duration) bool {
					return at != nil && *at >= want && *at < want+100*time.Millisecond
				}
				want := ineffective
				if tt.effective > 0 {
					want = undone
				}
				wantEnding(t, r, want, tt.why)
				if r.Effective != nil && !near(r.Effective, tt.effective) {
					t.Errorf("effective at %v, want %v", *r.Effective, tt.effective)
				}
				if r.Reverted != nil && !near(r.Reverted, tt.reverted) {
					t.Errorf("reverted at %v, want %v", *r.Reverted, tt.reverted)
				}
				s.wantEmptyJournal(t)
				if !strings.Contains(strings.Join(r.Evidence, "; "), tt.evidence) {
					t.Errorf("evidence %q, want %q", r.Evidence, tt.evidence)
				}
				if at := s.Faults()[0].Since; r.Reverted != nil && at != *r.Reverted {
					t.Errorf("in its last state since %v, reverted at %v", at, *r.Reverted)
				}
				time.Sleep(2 * tt.drains) // no death is yet to come
				if !api.intact() || api.lives != 1 {
					t.Errorf("left %s, started %d times", api.look(), api.lives)
				}
			})
		})
	}
}

// An ordeal that is killed while its target drains leaves the death to heal.
func TestHealAwaitsALateDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake("api-1")
		api.drains = 15 * s1
		fault, _ := (&Kill{Signal: "SIGTERM"}).Bind(api, "id", 0)
		state, err := fault.Prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), s1)
		defer cancel()
		if _, err := fault.Inject(ctx, state); err == nil {
			t.Fatal("effective while it drains")
		}
		journal := newMemJournal()
		entry := Entry{ID: "id", Kind: "kill", Spec: json.RawMessage(`{"signal":"SIGTERM"}`), State: state}
		if err := journal.Add(entry); err != nil {
			t.Fatal(err)
		}
		evidence, err := heal(t.Context(), entry, func(Ref) (Target, error) { return fake{api.world, api.name, api.kind}, nil })
		if err != nil || !strings.Contains(evidence, "after it had died of SIGTERM") {
			t.Errorf("healed: %q, %v", evidence, err)
		}
		time.Sleep(time.Minute)
		if !api.intact() || api.lives != 1 {
			t.Errorf("left %s, started %d times", api.look(), api.lives)
		}
	})
}

// patient is a target that takes long to start and says so.
type patient struct {
	fake
	needs time.Duration
}

func (p patient) StartTime() time.Duration { return p.needs }
func (p patient) Grace() time.Duration     { return 0 }

func TestAnUndoMayTakeWhatItsTargetNeeds(t *testing.T) {
	for _, tt := range []struct {
		takes, says time.Duration
		dirty       bool
	}{{35 * s1, 90 * s1, false}, {10 * time.Minute, 11 * time.Minute, false}, {5 * time.Minute, time.Minute, true}} {
		t.Run(fmt.Sprint(tt.takes, " of ", tt.says), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake("api-1")
				api.startTakes = tt.takes
				s := newStage(Config{RevertTimeout: 30 * s1}, planned("f", sigkill(), 2*s1, 3*s1, patient{api, tt.says}))
				if r := s.play(t, s60)[0]; r.Dirty != tt.dirty || r.Verified == tt.dirty {
					t.Errorf("dirty %v, verified %v: %s", r.Dirty, r.Verified, r.Error)
				}
			})
		})
	}
}

// restored is a target that is not as it was after a restart.
type restored struct {
	fake
	lost string
}

func (r restored) Situation(context.Context) (json.RawMessage, error) {
	return json.RawMessage(`{"port":1}`), nil
}

func (r restored) Restore(_ context.Context, s json.RawMessage) (done, notes []string, err error) {
	if string(s) != `{"port":1}` {
		return nil, nil, fmt.Errorf("found %s", s)
	}
	if r.lost != "" {
		return nil, nil, fmt.Errorf("%w: %s", ErrNotAsBefore, r.lost)
	}
	return []string{"has its neighbour back"}, []string{"has another address"}, nil
}

func TestUndoneMeansAsBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := restored{newFake("good"), ""}, restored{newFake("bad"), "its port moved"}
		s := newStage(Config{}, planned("good", sigkill(), 2*s1, 3*s1, good), planned("bad", sigkill(), 2*s1, 3*s1, bad))
		r := s.play(t, s60)
		wantEnding(t, r[0], undone, "")
		evidence := strings.Join(r[0].Evidence, "; ")
		if !strings.Contains(evidence, "has its neighbour back") {
			t.Errorf("put right: the evidence is %q", evidence)
		}
		if want := []string{"has another address"}; !slices.Equal(r[0].Notes, want) {
			t.Errorf("put right: the notes are %q, want %q", r[0].Notes, want)
		}
		wantEnding(t, r[1], stuck, "its port moved")
		if !strings.Contains(r[1].Remedy, "by hand: bad runs, so put right what the error says") {
			t.Errorf("the remedy of what runs is %q", r[1].Remedy)
		}
		if bad.undos != 1 {
			t.Errorf("tried %d times what no other try changes", bad.undos)
		}
		if s.journal.len() != 1 {
			t.Errorf("%d entries in the journal, want that of the dirty one", s.journal.len())
		}
	})
}

// server is a target of which something serves on.
type server struct {
	fake
	stays bool
}

func (s server) Serves(ctx context.Context) ([]string, error) {
	if life, _ := s.Life(ctx); life == "" && !s.stays {
		return nil, nil
	}
	return []string{"http://api/"}, nil
}

func TestWhatServesOnWasNotKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, stays := server{newFake("gone"), false}, server{newFake("stays"), true}
		s := newStage(Config{}, planned("gone", sigkill(), 2*s1, 3*s1, gone), planned("stays", sigkill(), 2*s1, 3*s1, stays))
		r := s.play(t, s60)
		if !r[0].Verified {
			t.Errorf("gone: %+v", r[0])
		}
		if r[1].Effective != nil || r[1].Dirty || !strings.Contains(r[1].Error, "http://api/ still answers") {
			t.Errorf("serves on: %+v", r[1])
		}
	})
}

// heedless is a target that ignores a signal.
type heedless struct{ fake }

func (heedless) Ignores(_ context.Context, signal string) (bool, error) {
	return signal == "SIGTERM", nil
}

func (h heedless) Warnings(_ context.Context, needs Capability, spec Spec) []string {
	return []string{fmt.Sprintf("%s is deaf to %s %s", h.name, needs, spec.(Signaller).SignalSent())}
}

func TestIgnoredSignalsAreNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := heedless{newFake("api-1")}
		s := newStage(Config{}, planned("f", &Kill{Signal: "SIGTERM"}, 2*s1, 3*s1, api))
		if w := s.Warnings(t.Context()); !slices.Equal(w, []string{"fault f: api-1 is deaf to kill SIGTERM"}) {
			t.Errorf("Warnings = %q", w)
		}
		r := s.play(t, s60)[0]
		wantEnding(t, r, ineffective, "ignores SIGTERM, which was not sent")
		if n := len(api.breaks); n > 0 {
			t.Errorf("told to break %d times", n)
		}
		if *r.Reverted != 2*s1 {
			t.Errorf("reverted at %v, though there was nothing to await", *r.Reverted)
		}
	})
}

// unsendable is a target to which signals cannot be sent.
type unsendable struct{ restored }

func (u unsendable) Kill(context.Context, string) error { return fmt.Errorf("%w: no way", ErrNotSent) }

func (u unsendable) Reset(context.Context, json.RawMessage) ([]string, error) {
	return []string{"has its policy back"}, nil
}

// A target that was not sent the signal is left alone by the undo, which would await
// its death and bring it about itself otherwise.
func TestSignalsThatCouldNotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := unsendable{restored{newFake("api-1"), ""}}
		r := newStage(Config{}, planned("f", &Kill{Signal: "SIGTERM"}, 2*s1, 3*s1, api)).play(t, s60)[0]
		if r.Effective != nil || r.Dirty || !strings.Contains(r.Error, "the signal was not sent: no way") {
			t.Errorf("%+v", r)
		}
		if *r.Reverted != 2*s1 || !slices.Contains(r.Evidence, "api-1: runs on: no signal was sent, has its policy back") {
			t.Errorf("reverted at %v, %q: there was nothing to await", *r.Reverted, r.Evidence)
		}
		if !api.alive || api.lives != newWorld().lives {
			t.Error("the target was ended")
		}
	})
}

func TestWhatComesBackAtOnceWasNotKeptDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake("api-1")
		api.returns = true
		s := newStage(Config{}, planned("f", sigkill(), 2*s1, 3*s1, api))
		wantEnding(t, s.play(t, s60)[0], ineffective, "restart policy")
	})
	if errors.Is(ErrNotAsBefore, ErrGone) {
		t.Error("what was changed is not gone")
	}
}

// unseen is a target that cannot be looked at once it was told to break.
type unseen struct{ fake }

func (u unseen) Life(ctx context.Context) (string, error) {
	u.mu.Lock()
	told := len(u.breaks) > 0
	u.mu.Unlock()
	if told {
		return "", errors.New("nobody answers there")
	}
	return u.fake.Life(ctx)
}

// Of what cannot be looked at it is not said that it still runs.
func TestWhatCannotBeSeenDoesNotStillRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(Config{}, planned("f", sigkill(), 2*s1, 3*s1, unseen{newFake("api-1")}))
		r := s.play(t, s60)[0]
		if r.Effective != nil || !strings.Contains(r.Error, "finding out whether api-1 died of SIGKILL: nobody answers there") || strings.Contains(r.Error, "still ran") {
			t.Errorf("%+v", r)
		}
	})
}
