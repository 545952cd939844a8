package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const dir = "../../testdata/cases"

// TestMain is the server of cases too, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "ask") {
		main()
		return
	}
	os.Exit(m.Run())
}

// Every folder is a case that can be run, and is named by the README.
func TestCasesAreWhole(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob(filepath.Join(dir, "*", ""))
	if err != nil || len(folders) < 40 {
		t.Fatalf("expected 40 cases and more, found %d, %v", len(folders), err)
	}
	for _, folder := range folders {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			continue
		}
		name := filepath.Base(folder)
		t.Run(name, func(t *testing.T) {
			c, err := load(filepath.Join(folder, "case.json"))
			if err != nil {
				t.Fatal(err)
			}
			if c.What == "" {
				t.Error("expected what is right in words, under what")
			}
			if c.Make != "" && made[c.Make] == nil {
				t.Errorf("nothing makes %q", c.Make)
			}
			if !strings.Contains(string(readme), name) {
				t.Error("expected the README to name it")
			}
		})
	}
}

func TestCompare(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary.json")
	text := `{"exit_code": 3, "totals": {"errors": 0}, "faults": [
		{"name": "a", "verified": false},
		{"name": "f", "verified": true, "reverted": 9500000000, "recovery": null}],
		"rules": [{"kpi": "p99 < 1/s", "outcome": "pass"}]}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path  string
		value any
		right bool
	}{
		{"exit_code", 3.0, true},
		{"exit_code", 0.0, false},
		{"totals.errors", 0.0, true},
		{"totals.nothing", 0.0, false},
		{"faults.f.verified", true, true},
		{"faults.a.verified", true, false},
		{"faults.b.verified", true, false},
		{"faults.f.recovery", nil, true},
		{"faults.f.reverted", nil, false},
		{"faults.f.reverted", ">= 9.5e9", true},
		{"faults.f.reverted", "> 9.5e9", false},
		{"faults.f.reverted", "< 1e10", true},
		{"faults.f.reverted", "<= 9e9", false},
		{"faults.f.recovery", "< 1", false},
		{"faults.f.name", "f", true},
		{"faults.f.name", "g", false},
	} {
		wrong := compare(file, map[string]any{tt.path: tt.value}, nil)
		if (len(wrong) == 0) != tt.right {
			t.Errorf("%s: %v: expected it to be right: %t, found %q", tt.path, tt.value, tt.right, wrong)
		}
	}
	for outcome, right := range map[string]bool{"pass": true, "fail": false} {
		wrong := compare(file, nil, map[string]string{"p99 < 1/s": outcome})
		if (len(wrong) == 0) != right {
			t.Errorf("expected the rule to be right as %s: %t, found %q", outcome, right, wrong)
		}
	}
	if wrong := compare(file, nil, map[string]string{"p98 < 1/s": "pass"}); len(wrong) == 0 {
		t.Error("a rule that is not there passes")
	}
	if wrong := compare(file+"x", map[string]any{"exit_code": nil}, nil); len(wrong) == 0 {
		t.Error("a summary that is not there passes")
	}
}

// write makes a folder with one case.
func write(t *testing.T, text string) (cases string) {
	t.Helper()
	cases = t.TempDir()
	if err := os.Mkdir(filepath.Join(cases, "it"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cases, "it", "case.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return cases
}

// What a case expects is held against what there is.
func TestWrong(t *testing.T) {
	const (
		server = `{"what": "x", "servers": [{"name": "S", "args": ["-addr", "127.0.0.1:0"], `
		asked  = `}], "sh": "\"$SERVER\" ask http://$S/a"}`
		killed = `{"what": "x", "sh": "echo on; exec sleep 30", "exit": [-1], `
	)
	for name, tt := range map[string]struct {
		text   string
		failed int
	}{
		"exit":      {`{"what": "x", "sh": "exit 3"}`, 1},
		"this exit": {`{"what": "x", "sh": "exit 3", "exit": [3]}`, 0},
		"has":       {`{"what": "x", "sh": "echo a", "has": ["b"]}`, 1},
		"has not":   {`{"what": "x", "sh": "echo a", "has_not": ["a"]}`, 1},
		"has both":  {`{"what": "x", "sh": "echo a", "has": ["a"], "has_not": ["b"]}`, 0},
		"env":       {`{"what": "x", "sh": "echo $A", "env": {"A": "b"}, "has": ["b"]}`, 0},
		"steps":     {`{"what": "x", "steps": [{"sh": "true"}, {"sh": "false"}]}`, 1},
		"seconds":   {killed + `"seconds": 1}`, 1},
		"while":     {killed + `"while": [{"when": "on", "sh": "kill -9 $STEP"}]}`, 0},
		"never":     {`{"what": "x", "sh": "echo on", "while": [{"when": "off", "sh": "true"}]}`, 1},
		"requests":  {server + `"has": ["GET /a"], "has_not": ["GET /b"]` + asked, 0},
		"no such":   {server + `"has": ["GET /b"]` + asked, 1},
		"too many":  {server + `"has_not": ["GET /a"]` + asked, 1},
	} {
		t.Run(name, func(t *testing.T) {
			failed, err := run(t.Context(), "ordeal", write(t, tt.text), "")
			if err != nil || failed != tt.failed {
				t.Errorf("expected %d to fail, found %d, %v", tt.failed, failed, err)
			}
		})
	}
}

// A case that lacks an engine is skipped, and fails where one is required.
func TestLack(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nosuch.sock")
	cases := write(t, `{"what": "x", "containers": [{"name": "api"}], "sh": "true"}`)
	for required, failed := range map[string]int{"": 0, "1": 1} {
		t.Setenv(requireDocker, required)
		found, err := run(t.Context(), "ordeal", cases, "")
		if err != nil || found != failed {
			t.Errorf("%s=%s: expected %d to fail, found %d, %v", requireDocker, required, failed, found, err)
		}
	}
}

// Ctrl-C ends a case's commands and servers, and removes its folder.
func TestInterrupted(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	seen := filepath.Join(t.TempDir(), "seen")
	t.Setenv("SEEN", seen)
	cases := write(t, `{"what": "x", "servers": [{"name": "S", "args": ["-addr", "127.0.0.1:0"]}],
		"sh": "echo $S >$SEEN.new; mv $SEEN.new $SEEN; sleep 300", "seconds": 400}`)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	done := make(chan error)
	go func() {
		_, err := run(ctx, "ordeal", cases, "")
		done <- err
	}()
	for {
		if _, err := os.Stat(seen); err == nil {
			break
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	interrupt()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("expected it to say that it was interrupted, found %v", err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("expected an empty folder, found %v, %v", left, err)
	}
	addr, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(t.Context(), "http://"+strings.TrimSpace(string(addr))+"/", 0); err == nil {
		t.Error("the server of the case still runs")
	}
}
