package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/timeline"
)

func openJournal(t *testing.T) (*FileJournal, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state", "journal")
	j, err := OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	return j, dir
}

func entry(id string, created int64) Entry {
	return Entry{
		ID: id, Run: "run", Owner: owner.Owner{Host: "h", Boot: "b", PID: 1, Start: "2"}, Fault: "kill-api", Kind: "kill",
		Spec: json.RawMessage(`{"signal":"SIGKILL"}`), Target: Ref{Kind: "process", Name: "api-1", Data: json.RawMessage(`{"id":"x"}`)},
		State: State(`{"a":1}`), Remedy: "start api-1 again", Created: time.Unix(created, 0).UTC(),
	}
}

func TestFileJournal(t *testing.T) {
	j, dir := openJournal(t)
	a, b := entry("b-first", 1), entry("a-second", 2)
	for _, e := range []Entry{b, a} {
		if err := j.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	again, err := OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Entries()
	if diff := cmp.Diff([]Entry{a, b}, got); err != nil || diff != "" {
		t.Errorf("Entries: %v (-want +got):\n%s", err, diff)
	}
	info, err := os.Stat(filepath.Join(dir, "b-first.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v, want 0600", info.Mode(), err)
	}
	for range 2 {
		if err := again.Remove("b-first"); err != nil {
			t.Errorf("Remove: %v", err)
		}
	}
	if got, err := j.Entries(); err != nil || len(got) != 1 || got[0].ID != "a-second" {
		t.Errorf("Entries after Remove = %v, %v", got, err)
	}
}

func TestFileJournalRefusesIDsThatLeaveIt(t *testing.T) {
	j, _ := openJournal(t)
	for _, id := range []string{"", "..", "../x", "a/b", ".hidden", "ä", "a\x00"} {
		if err := j.Add(entry(id, 1)); err == nil {
			t.Errorf("Add took the id %q", id)
		}
		if err := j.Remove(id); err == nil {
			t.Errorf("Remove took the id %q", id)
		}
	}
}

func TestFileJournalWithLeftovers(t *testing.T) {
	j, dir := openJournal(t)
	if err := j.Add(entry("good", 1)); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string, age time.Duration) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-age)
		os.Chtimes(path, when, when)
		return path
	}
	write("torn.json", `{"id":"to`, 0)
	write("moved.json", `{"id":"other"}`, 0)
	write("README", "not ours", 0)
	fresh := write(".new-1", `{"id":`, 0)
	old := write(".new-2", `{"id":`, 2*tempLife)
	got, err := j.Entries()
	if len(got) != 1 || got[0].ID != "good" {
		t.Errorf("Entries = %v, want what can be read", got)
	}
	if err == nil || !strings.Contains(err.Error(), "torn.json cannot be read") || !strings.Contains(err.Error(), `moved.json says that its id is "other"`) {
		t.Errorf("error %v, want one for each file that cannot be used", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error("a file that is being written was removed")
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("an old temporary file was left")
	}
}

func TestFileJournalSaysWhenItCannotWrite(t *testing.T) {
	j, dir := openJournal(t)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := j.Add(entry("a", 1)); err == nil {
		t.Error("Add to a folder that is gone succeeded")
	}
	if _, err := j.Entries(); err == nil {
		t.Error("Entries of a folder that is gone succeeded")
	}
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	if _, err := OpenJournal(file); err == nil {
		t.Error("a file was opened as journal")
	}
}

func FuzzEntries(f *testing.F) {
	b, _ := json.Marshal(entry("x", 1))
	f.Add(b)
	f.Add([]byte(`{"id":"x","owner":3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.json"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := OpenJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := j.Entries()
		if (err == nil) != (len(got) == 1) {
			t.Errorf("Entries = %v, %v: neither read nor refused", got, err)
		}
	})
}

func TestHeal(t *testing.T) {
	j, _ := openJournal(t)
	dead, alive := owner.Owner{PID: 1}, owner.Owner{PID: 2}
	worlds := map[string]*fake{}
	add := func(id, kind, spec string, o owner.Owner, created int64) {
		f := newFake(id)
		worlds[id] = &f
		e := entry(id, created)
		e.Kind, e.Spec, e.Owner, e.Target.Name = kind, json.RawMessage(spec), o, id
		if kind == "latency" {
			e.State = State(`{"id":"` + id + `"}`)
		}
		if err := j.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	add("killed", "kill", `{"signal":"SIGKILL"}`, dead, 1)
	worlds["killed"].alive = false
	add("paused", "pause", `{}`, dead, 2)
	worlds["paused"].paused = true
	add("slow", "latency", `{"delay":1000000}`, dead, 3)
	worlds["slow"].impaired["slow"] = NetCondition{Latency: Latency{Delay: time.Millisecond}}
	add("in-use", "pause", `{}`, alive, 4)
	worlds["in-use"].paused = true
	add("far", "pause", `{}`, owner.Owner{PID: 3}, 4)
	worlds["far"].paused = true
	add("elsewhere", "pause", `{}`, dead, 4)
	add("gone", "kill", `{"signal":"SIGKILL"}`, dead, 5)
	add("unknown", "melt", `{}`, dead, 6)
	add("unreachable", "kill", `{"signal":"SIGKILL"}`, dead, 7)
	reopen := func(r Ref) (Target, error) {
		switch r.Name {
		case "gone":
			return nil, ErrGone
		case "elsewhere":
			return nil, fmt.Errorf("%w: look at engine B", ErrElsewhere)
		case "unreachable":
			return nil, errors.New("the engine is not there")
		}
		return *worlds[r.Name], nil
	}
	liveness := func(_ string, o owner.Owner) (owner.Liveness, string) {
		switch o {
		case alive:
			return owner.Alive, ""
		case dead:
			return owner.Dead, ""
		}
		return owner.Unknown, "it ran on a machine called far"
	}
	h := Healer{Journal: j, Reopen: reopen, Liveness: liveness}
	healed, kept, err := h.Heal(t.Context())
	var ids []string
	for _, h := range healed {
		ids = append(ids, h.Entry.ID)
		if h.Evidence == "" || !strings.Contains(h.String(), h.Entry.Target.Name) {
			t.Errorf("healed without evidence or name: %v", h)
		}
	}
	if diff := cmp.Diff([]string{"gone", "slow", "paused", "killed"}, ids); diff != "" {
		t.Errorf("healed, the latest first (-want +got):\n%s", diff)
	}
	for _, want := range []string{`does not know faults of the kind "melt"`, "the engine is not there", "by hand: start api-1 again"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	for _, id := range []string{"killed", "paused", "slow"} {
		if !worlds[id].intact() {
			t.Errorf("%s is %s", id, worlds[id].look())
		}
	}
	if worlds["in-use"].intact() || worlds["far"].intact() {
		t.Error("what another run holds was undone")
	}
	var said []string
	for _, l := range kept {
		said = append(said, fmt.Sprintf("%d %s", l.Run, l))
	}
	want := []string{
		fmt.Sprintf("%d pause of in-use (kill-api in run run): that run is still under way", owner.Alive),
		fmt.Sprintf("%d pause of far (kill-api in run run): it ran on a machine called far", owner.Unknown),
		fmt.Sprintf("%d pause of elsewhere (kill-api in run run): the target cannot be seen from here: look at engine B", owner.Dead),
	}
	slices.Sort(want)
	slices.Sort(said)
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("left alone (-want +got):\n%s", diff)
	}
	left, err := j.Entries()
	if err != nil || len(left) != 5 {
		t.Errorf("left in the journal: %v, %v, want in-use, far, elsewhere, unknown and unreachable", left, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if healed, _, err := h.Heal(ctx); len(healed) != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Heal on a context that has ended = %v, %v", healed, err)
	}
}

// Heals beside each other do each undo once, and all of them see it done.
func TestHealsBesideEachOther(t *testing.T) {
	j, dir := openJournal(t)
	const undos = 8
	for i := range undos {
		e := entry(fmt.Sprint("e", i), int64(i))
		e.Kind, e.Spec = "pause", json.RawMessage(`{}`)
		if err := j.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	f := newFake("it")
	f.paused = true
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		total int
	)
	for range 5 {
		wg.Go(func() {
			j, err := OpenJournal(dir)
			if err != nil {
				t.Error(err)
				return
			}
			healed, left, err := Healer{Journal: j, Reopen: func(Ref) (Target, error) { return f, nil }, Liveness: liveness}.Heal(t.Context())
			if err != nil || len(left) != 0 {
				t.Errorf("Heal left %v, %v", left, err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += len(healed)
		})
	}
	wg.Wait()
	if left, err := j.Entries(); total != undos || len(left) != 0 || err != nil {
		t.Errorf("%d undos were done, want %d; left %v, %v", total, undos, left, err)
	}
}

func TestLockWaitsForTheOther(t *testing.T) {
	j, _ := openJournal(t)
	if err := j.Add(entry("a", 1)); err != nil {
		t.Fatal(err)
	}
	unlock, err := j.Lock(t.Context(), "a")
	if err != nil || unlock == nil {
		t.Fatalf("Lock = %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("it took too long"))
	if _, err := j.Lock(ctx, "a"); err == nil || !strings.Contains(err.Error(), "another ordeal is at work on it") {
		t.Errorf("Lock of what another holds = %v", err)
	}
	if err := j.Remove("a"); err != nil {
		t.Fatal(err)
	}
	unlock()
	if unlock, err := j.Lock(t.Context(), "a"); unlock != nil || err != nil {
		t.Errorf("Lock of what is gone = %v, want nothing to unlock", err)
	}
}

// witness is a fake that somebody else changed, or looked at without success.
type witness struct {
	fake
	changed string
	err     error
}

func (witness) Look(context.Context) (json.RawMessage, error) { return json.RawMessage(`1`), nil }

func (w witness) Changed(context.Context, Capability, json.RawMessage) (string, error) {
	return w.changed, w.err
}

func TestHealLeavesWhatSomebodyElseChanged(t *testing.T) {
	for _, tt := range []struct {
		name, changed string
		err           error
		undone, left  bool
	}{
		{"nobody touched it", "", nil, true, false},
		{"somebody changed it", "it was started again, and stopped", nil, false, false},
		{"that is not known", "", errors.New("the engine hangs"), false, true},
		{"it was removed", "", ErrGone, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, _ := openJournal(t)
			w := witness{newFake("it"), tt.changed, tt.err}
			e := entry("a", 1)
			e.Before, _ = w.Look(t.Context())
			w.alive = false
			if err := j.Add(e); err != nil {
				t.Fatal(err)
			}
			healed, _, err := Healer{Journal: j, Reopen: func(Ref) (Target, error) { return w, nil }, Liveness: liveness}.Heal(t.Context())
			if (err != nil) != tt.left || w.intact() != tt.undone {
				t.Errorf("Heal = %v, %v; undone %v, want %v", healed, err, w.intact(), tt.undone)
			}
			if tt.changed != "" && (len(healed) != 1 || !strings.Contains(healed[0].String(), tt.changed+": left as it is")) {
				t.Errorf("healed %v does not say why it was left", healed)
			}
			if entries, _ := j.Entries(); (len(entries) == 1) != tt.left {
				t.Errorf("left in the journal: %v", entries)
			}
		})
	}
}

// liveness goes by the process alone, and takes made-up ones for dead.
func liveness(_ string, o owner.Owner) (owner.Liveness, string) {
	if o.Host == "h" {
		return owner.Dead, ""
	}
	return o.Liveness()
}

// onDisk is a target whose state is a file, so that it outlives the process: it
// is broken while the file is there. The process kills itself at crashAt.
type onDisk struct{ file, crashAt string }

func (o onDisk) crash(at string) {
	if o.crashAt == at {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (o onDisk) Name() string { return "disk-1" }
func (o onDisk) Ref() Ref {
	b, _ := json.Marshal(o.file)
	return Ref{Kind: "process", Name: "disk-1", Data: b}
}

func (o onDisk) Paused(context.Context) (bool, error) {
	_, err := os.Stat(o.file)
	return err == nil, nil
}

func (o onDisk) Pause(context.Context) error {
	o.crash("after the journal")
	err := os.WriteFile(o.file, nil, 0o600)
	o.crash("after the deed")
	return err
}

func (o onDisk) Unpause(context.Context) error {
	o.crash("before the undo")
	err := os.Remove(o.file)
	o.crash("after the undo")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// crashVar makes the test binary the run that crashes, and says where.
const crashVar = "ORDEAL_TEST_CRASH"

func crashingRun(at, dir string) {
	j, err := OpenJournal(filepath.Join(dir, "journal"))
	if err != nil {
		panic(err)
	}
	me, err := owner.Current()
	if err != nil {
		panic(err)
	}
	target := onDisk{filepath.Join(dir, "broken"), at}
	c := NewConductor(Config{Run: "crash", Owner: me, Journal: j}, []ScheduledFault{planned("freeze", &Pause{}, 0, 10*time.Millisecond, target)})
	start := time.Now()
	clock := func() time.Duration { return time.Since(start) }
	c.Bind(clock, clock, func(e timeline.Event) {
		if e.State == string(timeline.Effective) {
			target.crash("while in force")
		}
	})
	c.Run(context.Background())
	os.Exit(0)
}

func TestHealAfterACrashAtAnyMoment(t *testing.T) {
	for _, tt := range []struct {
		at     string
		broken bool
	}{
		{"after the journal", false},
		{"after the deed", true},
		{"while in force", true},
		{"before the undo", true},
		{"after the undo", false},
	} {
		t.Run(tt.at, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), crashVar+"="+tt.at, "DIR="+dir)
			out, err := cmd.CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the run ended with %v, want it killed: %s", err, out)
			}
			target := onDisk{file: filepath.Join(dir, "broken")}
			if broken, _ := target.Paused(t.Context()); broken != tt.broken {
				t.Fatalf("broken after the crash: %v, want %v", broken, tt.broken)
			}
			j, err := OpenJournal(filepath.Join(dir, "journal"))
			if err != nil {
				t.Fatal(err)
			}
			reopen := func(r Ref) (Target, error) {
				var o onDisk
				err := json.Unmarshal(r.Data, &o.file)
				return o, err
			}
			healed, _, err := Healer{Journal: j, Reopen: reopen, Liveness: liveness}.Heal(t.Context())
			if err != nil || len(healed) != 1 || healed[0].Entry.Remedy != "unpause disk-1" {
				t.Errorf("Heal = %v, %v, want one undo", healed, err)
			}
			if broken, _ := target.Paused(t.Context()); broken {
				t.Error("it is broken still")
			}
			if left, err := j.Entries(); err != nil || len(left) != 0 {
				t.Errorf("left in the journal: %v, %v", left, err)
			}
		})
	}
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
