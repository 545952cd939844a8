package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// failing is a run whose every answer is wrong, so that its abort rule trips after a second. Its
// fault is of another service than the one that answers.
const failing = `
name: failing
services:
  front: { stub: { says: "no" } }
  back: { stub: { says: "no" } }
target: http://${front.addr}
attack:
  late_budget: 10m
  requests: [{ name: ask, get: /, expect: { status: 201 } }]
  stages: [{ name: s, rate: 50/s, for: 60s }]
chaos:
  - { name: die, at: FROM, restart_after: LASTS, kill: { service: back } }
abort:
  - { when: error_rate > 50%, for: 1s, name: all wrong, description: call the team }
verdict: [errors < 1000000]
`

// stoppedRun is what a test looks at in a summary.
type stoppedRun struct {
	Verdict     string
	ExitCode    int `json:"exit_code"`
	Interrupted bool
	Aborted     *timeline.Stop
	Faults      []struct{ Dirty bool }
}

// abortedRun carries failing out.
func abortedRun(
	t *testing.T, seen *stubs, from, lasts string,
) (code ExitCode, found stoppedRun, screen string) {
	t.Helper()
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	text := strings.NewReplacer("FROM", from, "LASTS", lasts).Replace(failing)
	plan, err := stubPlan(t, seen, text)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "run")
	code, err = Run(ctx, ctx, plan, Options{Out: dir, Stdout: &out, Stderr: io.Discard})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	b, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &found); err != nil {
		t.Fatal(err)
	}
	return code, found, out.String()
}

// TestAbortUndoes: wherever a fault is when the run is aborted, it is undone, and the run fails for
// the reason of the abort.
func TestAbortUndoes(t *testing.T) {
	aborted := func(ctx context.Context) error { // ends when the run does
		<-ctx.Done()
		return ctx.Err()
	}
	slowly := func(context.Context) error {
		time.Sleep(1500 * time.Millisecond)
		return nil
	}
	for _, tt := range []struct {
		name            string
		from, lasts     string
		onKill, onStart func(context.Context) error
	}{
		{"before it began", "50s", "1s", nil, nil},
		{"while it is injected", "300ms", "50s", aborted, nil},
		{"while it is in force", "300ms", "50s", nil, nil},
		{"while it is undone", "300ms", "200ms", nil, slowly},
		{"once it is undone", "300ms", "100ms", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen := &stubs{onKill: tt.onKill, onStart: tt.onStart}
			code, found, screen := abortedRun(t, seen, tt.from, tt.lasts)
			if code != ExitFail || found.Verdict != "fail" || found.ExitCode != int(ExitFail) {
				t.Errorf("exit %d, found %+v\n%s", code, found, screen)
			}
			if found.Aborted == nil || found.Aborted.Name != "all wrong" {
				t.Errorf("aborted is %+v", found.Aborted)
			}
			if found.Interrupted {
				t.Error("it says that somebody interrupted it")
			}
			if len(seen.killed) > 0 {
				t.Errorf("%v were left dead", seen.killed)
			}
			if !strings.Contains(screen, "; call the team") {
				t.Errorf("the report does not say what to do:\n%s", screen)
			}
		})
	}
}

// TestAbortOfADirtyRun: what could not be undone stays more important.
func TestAbortOfADirtyRun(t *testing.T) {
	seen := &stubs{onStart: func(context.Context) error {
		return fmt.Errorf("it is another one: %w", chaos.ErrNotAsBefore)
	}}
	code, found, screen := abortedRun(t, seen, "300ms", "50s")
	if code != ExitBroken || !found.Faults[0].Dirty {
		t.Errorf("exit %d, found %+v, want a dirty run\n%s", code, found, screen)
	}
	if found.Aborted == nil {
		t.Error("the summary does not say that it was aborted")
	}
}

// TestStoppedOnce: what ended the load first is why it ended.
func TestStoppedOnce(t *testing.T) {
	soft, stop := context.WithCancel(t.Context())
	var s stopped
	s.then(soft, stop, func() {})
	defer s.over()
	first := timeline.Stop{By: timeline.StoppedByAlarm}
	if !s.end(first) || s.end(timeline.Stop{By: timeline.StoppedByHypothesis}) {
		t.Error("the second reason counted")
	}
	if soft.Err() == nil || s.why() == nil || s.why().By != first.By {
		t.Errorf("ended: %v, why: %+v", soft.Err(), s.why())
	}
	interrupted, interrupt := context.WithCancelCause(t.Context())
	var late stopped
	late.then(interrupted, func() { interrupt(nil) }, func() {})
	defer late.over()
	interrupt(errors.New("by the user"))
	if late.end(first) || late.why() != nil {
		t.Error("an interruption before it does not count")
	}
}

// TestOpenRequestsAreGivenUp: what hangs is waited for, but not for long.
func TestOpenRequestsAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hard, giveUp := context.WithCancel(t.Context())
		defer giveUp()
		var s stopped
		s.then(t.Context(), func() {}, giveUp)
		time.Sleep(time.Hour)
		if hard.Err() != nil {
			t.Error("they were given up though nothing ended the load")
		}
		ended := time.Now()
		s.end(timeline.Stop{})
		<-hard.Done()
		if waited := time.Since(ended); waited != drainTime {
			t.Errorf("they were waited for %s, want %s", waited, drainTime)
		}
		s.over()
	})
}

// TestBlindSeconds: a second in which ordeal stood still for long, or in the second before, tells
// nothing.
func TestBlindSeconds(t *testing.T) {
	window := func(from, to time.Duration) timeline.Window {
		return timeline.Window{From: from * time.Millisecond, To: to * time.Millisecond}
	}
	a := &alarmWatch{}
	a.stoodStill(window(1100, 1200))
	a.stoodStill(window(3100, 3400))
	a.stoodStill(window(3500, 3800))
	for i, want := range []bool{false, false, false, true, true, false, false} {
		second := time.Duration(i) * 1000
		if got := a.blind(window(second, second+1000)); got != want {
			t.Errorf("second %d: blind is %t, want %t", i, got, want)
		}
	}
	if len(a.stood) > 0 {
		t.Errorf("%v are kept", a.stood)
	}
}
