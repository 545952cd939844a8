package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/filelock"
)

// Only what is wholly a run's is removed, and of that the oldest; never what is in use or was
// just made.
func TestKeep(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(files ...string) {
		t.Helper()
		for _, f := range files {
			if err := errors.Join(os.MkdirAll(filepath.Dir(f), 0o755), os.WriteFile(f, []byte(f), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := func(n int) string { return fmt.Sprintf("runs/20260101-00000%d-shop", n) }
	for n := range 8 {
		write(dir(n)+"/plan.json", dir(n)+"/summary.json", dir(n)+"/logs/api.log")
	}
	write(
		dir(1)+"/notes.md",                   // a user's
		"runs/20260101-000000-mine/plan.txt", // no run's
		"runs/baseline/plan.json",            // a run that somebody named
		"runs/20260101-000000-file",
		dir(2)+"/logs/notes.txt",
	)
	write("elsewhere/plan.json")
	if err := os.Symlink("../elsewhere", "runs/20260101-000000-link"); err != nil {
		t.Fatal(err)
	}
	used, err := os.Open(dir(3) + "/plan.json")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	if locked, err := filelock.Shared(used); !locked || err != nil {
		t.Fatal(locked, err)
	}
	removed, err := Keep(2, []string{dir(4), dir(7)})
	if err != nil {
		t.Fatal(err)
	}
	// 0, 3, 4, 5, 6 and 7 are runs; 6 and 7 are the latest, 3 is in use, and 4 was just made.
	if want := []string{dir(0), dir(5)}; !slices.Equal(removed, want) {
		t.Errorf("expected %q to be removed, found %q", want, removed)
	}
	for _, d := range []string{dir(0), dir(5)} {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there (%v)", d, err)
		}
	}
	for _, f := range []string{
		dir(1) + "/logs/api.log", dir(2) + "/summary.json", dir(3) + "/summary.json", dir(4) + "/plan.json", dir(6) + "/plan.json",
		dir(7) + "/logs/api.log", "runs/20260101-000000-mine/plan.txt", "runs/baseline/plan.json", "runs/20260101-000000-file",
		"runs/20260101-000000-link", "elsewhere/plan.json",
	} {
		if _, err := os.Stat(f); err != nil {
			t.Errorf("%s is gone: %v", f, err)
		}
	}
	if removed, err := Keep(100, nil); err != nil || len(removed) > 0 {
		t.Errorf("where there are fewer: %q, %v", removed, err)
	}
	t.Chdir(t.TempDir())
	if removed, err := Keep(1, nil); err != nil || len(removed) > 0 {
		t.Errorf("where there are none: %q, %v", removed, err)
	}
}

// A run's directory is its own as long as it lasts.
func TestHold(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, planFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold(dir); !errors.Is(err, errInUse) {
		t.Errorf("while it lives: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := makeRoom(dir, entries, true); !errors.Is(err, errInUse) {
		t.Errorf("--replace: %v", err)
	}
	if code, err := Judge(Again{Dir: dir}); code != ExitUsage || err == nil {
		t.Errorf("judged while it is under way: exit %d, %v", code, err)
	}
	// However it ends, its lock does too.
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if err := makeRoom(dir, entries, true); err != nil {
		t.Errorf("once it is over: %v", err)
	}
}
