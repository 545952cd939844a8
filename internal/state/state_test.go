package state

import (
	"bufio"
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
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// claimVar makes the test binary a run that claims the folder, says so, and
// stays until its input ends.
const claimVar = "ORDEAL_TEST_CLAIM"

func TestMain(m *testing.M) {
	if run := os.Getenv(claimVar); run != "" {
		f, err := Open()
		if err == nil {
			var me owner.Owner
			if me, err = owner.Current(); err == nil {
				if run == "r1" {
					me.Space += "-another" // whose process ids mean nothing here
				}
				var c *Claim
				if c, err = f.Claim(run, me); err == nil {
					_, err = f.Take(context.Background(), c, []string{"tcp shop:80", "container abc"}, false)
				}
			}
		}
		fmt.Println("claimed", err)
		bufio.NewReader(os.Stdin).ReadString('\n')
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func open(t *testing.T) *Folder {
	t.Helper()
	t.Setenv(Env, filepath.Join(t.TempDir(), "a", "state"))
	f, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func me(t *testing.T) owner.Owner {
	t.Helper()
	o, err := owner.Current()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOpen(t *testing.T) {
	f := open(t)
	for _, dir := range []string{f.Dir(), f.Journal(), f.runs()} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: mode %v, %v, want 0700", dir, info.Mode(), err)
		}
	}
	// One's own, open to others: what stands in it is closed to them.
	if err := errors.Join(os.Chmod(f.Dir(), 0o755), os.Chmod(f.Journal(), 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(); err != nil {
		t.Error(err)
	}
	if info, _ := os.Stat(f.Journal()); info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the journal %v, want 0700", info.Mode())
	}
	if info, _ := os.Stat(f.Dir()); info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v of a folder that somebody made, want it left alone", info.Mode())
	}
	if err := f.Writable(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(f.Journal()); len(left) > 0 {
		t.Errorf("the look left %v", left)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(dir string) error
		want string
	}{
		{"a file in its place", func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, "expected a folder, found a file"},
		{"a folder that others can write to", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777))
		}, "chmod go-w"},
		{"a journal that is a link", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Symlink(os.TempDir(), filepath.Join(dir, "journal")))
		}, "found a symbolic link"},
		{"a journal that is a file", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "journal"), nil, 0o600))
		}, "found a file"},
		{"a journal of somebody else", func(dir string) error {
			journal := filepath.Join(dir, "journal")
			err := errors.Join(os.MkdirAll(journal, 0o700), os.Chown(journal, os.Geteuid()+1, -1))
			if errors.Is(err, os.ErrPermission) {
				return errSkip
			}
			return err
		}, "belongs to the user with id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			t.Setenv(Env, dir)
			if err := tt.make(dir); errors.Is(err, errSkip) {
				t.Skip("SKIP needs root: a folder cannot be given away")
			} else if err != nil {
				t.Fatal(err)
			}
			_, err := Open()
			if err == nil {
				t.Fatal("it was opened")
			}
			for _, want := range []string{tt.want, dir, Env} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
	// A folder for all, like /tmp, keeps others from what is ordeal's in it.
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	t.Setenv(Env, dir)
	if _, err := Open(); err != nil {
		t.Errorf("in a sticky folder: %v", err)
	}
}

var errSkip = errors.New("skip")

func TestWritableSaysWhyNot(t *testing.T) {
	f := open(t)
	if err := os.RemoveAll(f.Journal()); err != nil {
		t.Fatal(err)
	}
	if err := f.Writable(); err == nil || !strings.Contains(err.Error(), Env) {
		t.Errorf("a folder that is gone: %v", err)
	}
}

// A file system that is full, and one that may not be written to any more.
func TestWritableOnFailingDisks(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=32k"); err != nil {
		t.Skipf("SKIP needs root: a file system cannot be mounted: %v", err)
	}
	defer unix.Unmount(dir, 0)
	t.Setenv(Env, dir)
	f, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Writable(); err != nil {
		t.Fatal(err)
	}
	// More than there is room for.
	if err := os.WriteFile(filepath.Join(dir, "other"), make([]byte, 64<<10), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	if err := f.Writable(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("a full disk: %v", err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if err := f.Writable(); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a disk that is read-only: %v", err)
	}
	if _, err := f.Claim("r1", me(t)); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("Claim on it: %v", err)
	}
}

func TestClaim(t *testing.T) {
	f := open(t)
	c, err := f.Claim("r1", me(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Place("engine", json.RawMessage(`{"address":"unix:///x"}`)); err != nil {
		t.Fatal(err)
	}
	runs, err := f.Runs()
	if err != nil || len(runs) != 1 {
		t.Fatalf("Runs = %+v, %v; want one", runs, err)
	}
	if got := runs[0].ID; got != "r1" {
		t.Errorf("the run is %q, want r1", got)
	}
	if got, want := runs[0].Owner, me(t); got != want {
		t.Errorf("the owner is %+v, want %+v", got, want)
	}
	if got := string(runs[0].Places["engine"]); got != `{"address":"unix:///x"}` {
		t.Errorf("the engine is at %s, want the place that was noted", got)
	}
	if l, why := runs[0].Liveness(); l != owner.Alive {
		t.Errorf("Liveness of this process = %v, %s", l, why)
	}
	if err := c.Release(true); err != nil {
		t.Fatal(err)
	}
	if runs, err := f.Runs(); err != nil || len(runs) != 0 {
		t.Errorf("Runs after a clean end = %v, %v", runs, err)
	}
}

// A teardown is due until it is over, or somebody was told of it.
func TestTeardownIsDue(t *testing.T) {
	f := open(t)
	c, err := f.Claim("r1", me(t))
	if err != nil {
		t.Fatal(err)
	}
	is := func(want *Teardown) Run {
		t.Helper()
		runs, err := f.Runs()
		if err != nil || len(runs) != 1 {
			t.Fatalf("Runs = %+v, %v; want one", runs, err)
		}
		if diff := cmp.Diff(want, runs[0].Teardown); diff != "" {
			t.Errorf("the teardown (-want +got):\n%s", diff)
		}
		if len(runs[0].Places) > 0 {
			t.Errorf("it is a place: %v", runs[0].Places)
		}
		return runs[0]
	}
	due := Teardown{Dir: "/runs/1", Steps: []string{"clean (DELETE /users)"}}
	is(nil)
	for _, settle := range []func() error{c.Settle, func() error { return is(&due).Settle() }} {
		if err := c.Owe(due); err != nil {
			t.Fatal(err)
		}
		is(&due)
		if err := settle(); err != nil {
			t.Fatal(err)
		}
		is(nil)
	}
	if err := c.Release(true); err != nil {
		t.Fatal(err)
	}
}

// The lock tells of a process that cannot be seen, as in another container.
func TestLivenessByLock(t *testing.T) {
	f := open(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), claimVar+"=r1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "claimed <nil>\n" {
		t.Fatalf("the run said %q, %v", line, err)
	}
	one := func() Run {
		t.Helper()
		runs, err := f.Runs()
		if err != nil || len(runs) != 1 {
			t.Fatalf("Runs = %v, %v", runs, err)
		}
		return runs[0]
	}
	r := one()
	if got := r.byLock(); got != owner.Alive {
		t.Errorf("while it lives: %v", got)
	}
	unlocked := r
	unlocked.Locked = false
	if got := unlocked.byLock(); got != owner.Unknown {
		t.Errorf("where files cannot be locked: %v", got)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if got := one().byLock(); got != owner.Dead {
		t.Errorf("once it was killed: %v", got)
	}
	if l, why := one().Liveness(); l != owner.Dead {
		t.Errorf("Liveness once it was killed: %v, %s", l, why)
	}
	// Nobody ever locks a copy.
	copied := one()
	copied.Inode++
	if got := copied.byLock(); got != owner.Unknown {
		t.Errorf("a copy: %v", got)
	}
}

// A target is one run's at a time, until that run ends, however it does.
func TestTake(t *testing.T) {
	f := open(t)
	claim := func(run string) *Claim {
		t.Helper()
		c, err := f.Claim(run, me(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Release(true) })
		return c
	}
	take := func(c *Claim, share bool, targets ...string) []string {
		t.Helper()
		busy, err := f.Take(t.Context(), c, targets, share)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, b := range busy {
			out = append(out, fmt.Sprint(b.ID, " ", b.Target, " ", b.Lives))
		}
		return out
	}
	want := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("expected %q to be busy, found %q", want, got)
		}
	}
	a, b, c := claim("a"), claim("b"), claim("c")
	want(take(a, false, "tcp x:1", "tcp y:2"))
	want(take(b, false, "tcp z:3", "tcp y:2"), "a tcp y:2 true")
	want(take(c, false, "tcp z:3")) // which b was not given either
	want(take(b, true, "tcp y:2"), "a tcp y:2 true")
	want(take(a, false, "tcp y:2"), "b tcp y:2 true")
	if err := a.Release(true); err != nil {
		t.Fatal(err)
	}
	d := claim("d")
	want(take(d, false, "tcp y:2"), "b tcp y:2 true")
	if err := b.Release(false); err != nil { // its record stays, and its process lives
		t.Fatal(err)
	}
	want(take(d, false, "tcp x:1"))

	// A run of another process, which is killed.
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), claimVar+"=other")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "claimed <nil>\n" {
		t.Fatalf("the run said %q, %v", line, err)
	}
	want(take(d, false, "container abc"), "other container abc true")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	want(take(d, false, "container abc"))
	// What a run puts under load is no place where it left things.
	runs, err := f.Runs()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if len(r.Places) > 0 {
			t.Errorf("run %s: the places %v", r.ID, r.Places)
		}
	}
}

// Of many that ask at once one is given the target.
func TestTakeAtOnce(t *testing.T) {
	f := open(t)
	var given atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		c, err := f.Claim(fmt.Sprint("r", i), me(t))
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if busy, err := f.Take(t.Context(), c, []string{"tcp x:1"}, false); err == nil && len(busy) == 0 {
				given.Add(1)
			}
		})
		t.Cleanup(func() { _ = c.Release(true) })
	}
	wg.Wait()
	if n := given.Load(); n != 1 {
		t.Errorf("expected 1 run to be given the target, found %d", n)
	}
}

func TestTurn(t *testing.T) {
	f := open(t)
	waits := 0
	done := f.Turn(t.Context(), func() { waits++ })
	ctx, cancel := context.WithCancel(t.Context())
	f.Turn(ctx, func() { waits++; cancel() })()
	if waits != 1 {
		t.Errorf("%d waited, want the second alone", waits)
	}
	done()
	f.Turn(t.Context(), func() { t.Error("waited for nobody") })()
}

func TestRunsKeepsWhatCannotBeRead(t *testing.T) {
	f := open(t)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(f.runs(), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("torn.json", `{"run":"to`)
	write("empty.json", "")
	write("half.json", `{"run":"half","owner":{"pid":1}}`+"\n"+`{"engine":{"addr`)
	write("other.txt", "x")
	runs, err := f.Runs()
	if len(runs) != 1 || runs[0].ID != "half" || runs[0].Places != nil {
		t.Errorf("Runs = %+v, want half, whose last line was cut off before anything was made", runs)
	}
	for _, want := range []string{"torn.json", "empty.json", "ordeal.run"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func FuzzParseRun(f *testing.F) {
	f.Add([]byte(`{"run":"r1","owner":{"pid":1}}` + "\n" + `{"engine":{}}` + "\n"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := parseRun(b); err == nil && r.ID == "" {
			t.Errorf("parseRun(%q) = a run without an id", b)
		}
	})
}
