package process

import (
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
	c := chaos.NewConductor(chaos.Config{Run: "r1", Owner: me, Journal: journal}, []chaos.ScheduledFault{{
		Plan:    chaos.FaultPlan{Name: "freeze", Kind: "pause", Spec: &chaos.Pause{}},
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
	if healed, err := heal(ctx, journal); err != nil || len(healed) != 0 {
		t.Errorf("while the run lives, Heal = %v, %v; want nothing done", healed, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if paused, err := victim.Paused(ctx); err != nil || !paused {
		t.Fatalf("Paused = %v, %v after the run was killed, want it to stay so", paused, err)
	}
	healed, err := heal(ctx, journal)
	if err != nil || len(healed) != 1 {
		t.Fatalf("Heal = %v, %v, want one undo", healed, err)
	}
	if paused, err := victim.Paused(ctx); err != nil || paused {
		t.Errorf("Paused = %v, %v after Heal", paused, err)
	}
	if healed, err := heal(ctx, journal); err != nil || len(healed) != 0 {
		t.Errorf("a second Heal = %v, %v, want nothing done", healed, err)
	}
}

func heal(ctx context.Context, journal *chaos.FileJournal) ([]chaos.Healed, error) {
	healed, _, err := chaos.Healer{
		Journal: journal, Reopen: Reopen,
		Liveness: func(_ string, o owner.Owner) (owner.Liveness, string) { return o.Liveness() },
	}.Heal(ctx)
	return healed, err
}

func TestReopen(t *testing.T) {
	p := mustStart(t, run("sleep"))
	ref := p.Ref()
	me, err := owner.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*owner.Owner)
		want   error
	}{
		{"a number that is another's now", func(o *owner.Owner) { o.Start += "9" }, chaos.ErrGone},
		{"a number of another pid namespace", func(o *owner.Owner) { o.Space, o.PID = me.Space+"1", 1 }, nil},
		{"a process of another machine", func(o *owner.Owner) { o.Host, o.Boot, o.PID = "far", "x", 1 }, chaos.ErrElsewhere},
		{"a process of another machine of this name", func(o *owner.Owner) { o.Machine, o.Boot = "y", "x" }, chaos.ErrElsewhere},
	} {
		var d refData
		if err := json.Unmarshal(ref.Data, &d); err != nil {
			t.Fatal(err)
		}
		id, err := owner.Parse(d.ID)
		if err != nil {
			t.Fatal(err)
		}
		tt.change(&id)
		want := tt.want
		if want == nil {
			// Root in the machine's first namespace sees that there is no such one.
			want = chaos.ErrElsewhere
			if owner.SpaceGone(id.Space) {
				want = chaos.ErrGone
			}
		}
		other := ref
		other.Data, _ = json.Marshal(refData{id.String()})
		if _, err := Reopen(other); !errors.Is(err, want) {
			t.Errorf("Reopen of %s: %v, want %v", tt.name, err, want)
		}
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
