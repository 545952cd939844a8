package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// breaker pauses the process in REF through a conductor and a journal, says so,
// and stays.
func breaker() {
	var ref chaos.Ref
	json.Unmarshal([]byte(os.Getenv("REF")), &ref)
	target, err := Reopen(ref)
	if err != nil {
		panic(err)
	}
	journal, err := chaos.OpenJournal(os.Getenv("JOURNAL"))
	if err != nil {
		panic(err)
	}
	me, err := owner.Current()
	if err != nil {
		panic(err)
	}
	c := chaos.NewConductor(chaos.Config{Run: "r1", Owner: me, Journal: journal}, []chaos.Planned{{
		Plan:    chaos.Plan{Name: "freeze", Kind: "pause", Spec: &chaos.Pause{}},
		Targets: []chaos.Target{target},
	}})
	start := time.Now()
	clock := func() time.Duration { return time.Since(start) }
	c.Bind(clock, clock, func(e timeline.Event) { fmt.Println(e.State, e.Detail) })
	c.Run(context.Background())
}

func TestHealAfterTheRunWasKilled(t *testing.T) {
	victim := mustStart(t, server(t))
	ref, _ := json.Marshal(victim.Ref())
	dir := t.TempDir()
	out := &lockedBuffer{}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"=breaker", "REF="+string(ref), "JOURNAL="+dir)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the fault is effective", func() bool { return strings.Contains(out.String(), "effective") })
	journal, err := chaos.OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if healed, err := chaos.Heal(ctx, journal, Reopen, owner.Owner.Alive); err != nil || len(healed) != 0 {
		t.Errorf("while the run lives, Heal = %v, %v; want nothing done", healed, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if paused, err := victim.Paused(ctx); err != nil || !paused {
		t.Fatalf("Paused = %v, %v after the run was killed, want it to stay so", paused, err)
	}
	healed, err := chaos.Heal(ctx, journal, Reopen, owner.Owner.Alive)
	if err != nil || len(healed) != 1 {
		t.Fatalf("Heal = %v, %v, want one undo", healed, err)
	}
	if paused, err := victim.Paused(ctx); err != nil || paused {
		t.Errorf("Paused = %v, %v after Heal", paused, err)
	}
	if healed, err := chaos.Heal(ctx, journal, Reopen, owner.Owner.Alive); err != nil || len(healed) != 0 {
		t.Errorf("a second Heal = %v, %v, want nothing done", healed, err)
	}
}

func TestReopen(t *testing.T) {
	p := mustStart(t, run("sleep"))
	ref := p.Ref()
	other := ref
	other.Data = bytes.Replace(ref.Data, []byte(`"}`), []byte(`9"}`), 1) // another start time: the number was given again
	if _, err := Reopen(other); !errors.Is(err, chaos.ErrGone) {
		t.Errorf("Reopen of a number that is another's now: %v, want ErrGone", err)
	}
	s, err := Reopen(ref)
	if err != nil {
		t.Fatal(err)
	}
	if string(s.Ref().Data) != string(ref.Data) || s.Name() != "sleep" {
		t.Errorf("Reopen changed the ref %s to %s", ref.Data, s.Ref().Data)
	}
	if err := s.(chaos.Killer).Killable(t.Context()); err == nil {
		t.Error("a survivor can be killed, though nobody could start it again")
	}
	p.Stop(t.Context())
	if _, err := Reopen(ref); !errors.Is(err, chaos.ErrGone) {
		t.Errorf("Reopen of a dead process: %v, want ErrGone", err)
	}
	if err := s.(chaos.Pauser).Unpause(t.Context()); err != nil {
		t.Errorf("Unpause of a survivor that died since: %v", err)
	}
	for _, bad := range []chaos.Ref{{Kind: "container"}, {Kind: "process"}, {Kind: "process", Data: json.RawMessage(`{"id":"x"}`)}} {
		if _, err := Reopen(bad); err == nil || errors.Is(err, chaos.ErrGone) {
			t.Errorf("Reopen(%+v) = %v, want an error", bad, err)
		}
	}
}
