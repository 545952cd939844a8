package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/verdict"
)

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"checkout survives a crash": "checkout-survives-a-crash",
		"../../etc/passwd":          "etc-passwd",
		"  Über/Straße\n":           "über-straße",
		"":                          "run",
		"///":                       "run",
		strings.Repeat("x", 100):    strings.Repeat("x", 41),
	} {
		if got := slug(in); got != want {
			t.Errorf("slug(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNewRunDir(t *testing.T) {
	t.Chdir(t.TempDir())
	now := time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)
	first, err := newRunDir("", "my shop", false, now)
	if err != nil || first != filepath.Join("runs", "20261123-150405-my-shop") {
		t.Fatalf("%q, %v", first, err)
	}
	second, err := newRunDir("", "my shop", false, now)
	if err != nil || second != first+"-2" {
		t.Errorf("a second run in the same second got %q, %v", second, err)
	}
	if dir, err := newRunDir("empty/nested", "x", false, now); err != nil || dir != "empty/nested" {
		t.Errorf("%q, %v", dir, err)
	}
	if err := os.WriteFile("empty/nested/summary.json", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := newRunDir("empty/nested", "x", false, now); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a directory in use was taken: %v", err)
	}
	if _, err := newRunDir("empty/nested/summary.json", "x", false, now); err == nil {
		t.Error("a file was taken for a directory")
	}
}

func TestReplaceTakesNothingOfOthers(t *testing.T) {
	now := time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name  string
		files []string
		want  string // of the error; "" if the run may have the directory
	}{
		{"an earlier run", []string{"plan.json", "timeline.jsonl", "summary.json", "report.txt", "logs/api.log"}, ""},
		{"one that was killed", []string{"plan.json", "timeline.jsonl", "summary.json.part"}, ""},
		{"a run with notes of its user", []string{"plan.json", "summary.json", "notes.md"}, "notes.md"},
		{"a run with a log of something else", []string{"plan.json", "logs/api.log", "logs/kept.txt"}, "logs/kept.txt"},
		{"no run", []string{"summary.json"}, "holds no run"},
		{"a folder that is called like a file of a run", []string{"plan.json", "summary.json/x"}, "summary.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			for _, f := range tt.files {
				path := filepath.Join(dir, f)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(f), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := newRunDir(dir, "x", false, now); err == nil || !strings.Contains(err.Error(), "--out") {
				t.Errorf("without --replace: %v", err)
			}
			_, err := newRunDir(dir, "x", true, now)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("with --replace: %v, want an error with %q", err, tt.want)
			}
			left, readErr := os.ReadDir(dir)
			switch {
			case readErr != nil:
				t.Error(readErr)
			case err == nil && len(left) != 0:
				t.Errorf("left in the directory: %v", left)
			case err != nil:
				for _, f := range tt.files {
					if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
						t.Errorf("refused, and yet removed: %v", err)
					}
				}
			}
		})
	}
}

// A file that could not be written to its end is not left behind, empty or half.
func TestWriteFile(t *testing.T) {
	full := errors.New("no space left on device")
	for _, c := range []struct {
		name string
		fail error
	}{{"whole", nil}, {"half", full}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			err := writeFile(dir, "summary.json", func(w io.Writer) error {
				if _, err := io.WriteString(w, "{"); err != nil {
					t.Fatal(err)
				}
				return c.fail
			})
			entries, _ := os.ReadDir(dir)
			if c.fail == nil {
				if err != nil || len(entries) != 1 || entries[0].Name() != "summary.json" {
					t.Errorf("%v, %v; want the file", entries, err)
				}
				return
			}
			if want := "summary.json could not be written: no space left on device: free space there, or name another run directory with --out"; !errors.Is(err, full) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
			if len(entries) != 0 {
				t.Errorf("%v is left", entries)
			}
		})
	}
}

func TestEach(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	for _, c := range []struct {
		err  error
		want int
	}{{a, 1}, {errors.Join(a, b), 2}, {errors.Join(errors.Join(a, b), b), 3}, {fmt.Errorf("%w: %w", a, b), 1}, {fmt.Errorf("x: %w", errors.Join(a, b)), 1}} {
		if got := Each(c.err); len(got) != c.want {
			t.Errorf("Each(%q) = %q, want %d", c.err, got, c.want)
		}
	}
}

// inNoContainer says that no container publishes an address.
func inNoContainer(context.Context, string) (upstreamCheck, error) { return nil, nil }

func toSocket(path string) *attack.Plan {
	return &attack.Plan{Connections: wire.Connections{Unix: path}, Requests: []attack.Request{{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://target/"}}}}
}

// A path that will never be a socket is not waited for.
func TestReachNoSocket(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "plain"):      "plain is no socket: name the one",
		dir:                              "is no socket: name the one",
		filepath.Join(dir, "no", "sock"): "there is no folder " + filepath.Join(dir, "no") + " for the socket: make it",
	} {
		_, err := reachable(t.Context(), toSocket(path), inNoContainer, time.Minute, func(string, ...any) { t.Errorf("%s is waited for", path) })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// A socket that is not there yet is waited for.
func TestReachSocketLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	var ln net.Listener
	_, err := reachable(t.Context(), toSocket(path), inNoContainer, time.Minute, func(string, ...any) {
		var err error
		if ln, err = net.Listen("unix", path); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Error(err)
	}
	if ln != nil {
		ln.Close()
	}
}

func TestExitCode(t *testing.T) {
	for _, tt := range []struct {
		outcome     verdict.Outcome
		interrupted bool
		broken      bool
		want        ExitCode
	}{
		{verdict.Pass, false, false, ExitPass},
		{verdict.Warn, false, false, ExitPass},
		{verdict.Fail, false, false, ExitFail},
		{verdict.Inconclusive, false, false, ExitInconclusive},
		{verdict.Fail, true, false, ExitInterrupted},
		{verdict.Pass, false, true, ExitBroken},
		{verdict.Pass, true, true, ExitBroken},
	} {
		if got := exitCode(tt.outcome, tt.interrupted, tt.broken); got != tt.want {
			t.Errorf("exitCode(%s, interrupted %v, broken %v) = %d, want %d", tt.outcome, tt.interrupted, tt.broken, got, tt.want)
		}
	}
}

func TestReachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	socket := filepath.Join(t.TempDir(), "s")
	local, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	for _, c := range []struct {
		name        string
		url         string
		connections wire.Connections
	}{
		{"as the URL says", "http://" + ln.Addr().String() + "/", wire.Connections{}},
		{"connect_to", "http://shop.test/", wire.Connections{To: map[string]string{"shop.test:80": ln.Addr().String()}}},
		{"unix", "http://shop.test/", wire.Connections{Unix: socket}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &attack.Plan{Connections: c.connections, Requests: []attack.Request{{Protocol: httpx.Name, Spec: &httpx.Request{URL: c.url}}}}
			if _, err := reachable(t.Context(), p, inNoContainer, time.Minute, func(msg string, _ ...any) { t.Errorf("it was not there at once: %s", msg) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// Who waits in vain is told where.
func TestUnreachableSaysWhere(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := &attack.Plan{Connections: wire.Connections{Unix: filepath.Join(t.TempDir(), "none")}, Requests: []attack.Request{{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop.test/"}}}}
	var told string
	_, err := reachable(ctx, p, inNoContainer, time.Minute, func(msg string, args ...any) {
		told = fmt.Sprintf(msg, args...)
		cancel()
	})
	if !errors.Is(err, context.Canceled) || !strings.Contains(told, "shop.test:80, reached at "+p.Connections.Unix) {
		t.Errorf("found %v, and was told %q", err, told)
	}
}

// A proxy that has nobody behind it accepts connections and closes them.
func TestReachNobodyBehindAProxy(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var behind atomic.Bool
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if !behind.Load() {
				conn.Close()
				continue
			}
			defer conn.Close()
		}
	}()
	p := &attack.Plan{Requests: []attack.Request{{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://" + ln.Addr().String() + "/"}}}}
	if _, err := reachable(t.Context(), p, inNoContainer, 50*time.Millisecond, func(string, ...any) {}); !errors.Is(err, httpx.ErrHungUp) {
		t.Errorf("a target that hangs up: %v", err)
	}
	if _, err := reachable(t.Context(), p, inNoContainer, time.Minute, func(string, ...any) { behind.Store(true) }); err != nil {
		t.Errorf("once there is somebody behind it: %v", err)
	}
}

// An accepted connection that does not get to the container is none.
func TestReachBehindTheEnginesProxy(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	asked := 0
	behind := func(_ context.Context, address string) (upstreamCheck, error) {
		if address != ln.Addr().String() {
			t.Errorf("asked for %s, want %s", address, ln.Addr())
		}
		return func(context.Context) error {
			if asked++; asked < 3 {
				return httpx.ErrHungUp
			}
			return nil
		}, nil
	}
	p := &attack.Plan{
		Requests:    []attack.Request{{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://shop.test/"}}},
		Connections: wire.Connections{To: map[string]string{"shop.test:80": ln.Addr().String()}},
	}
	if _, err := reachable(t.Context(), p, behind, time.Minute, func(string, ...any) {}); err != nil || asked != 3 {
		t.Errorf("%v after %d questions, want 3", err, asked)
	}
	asked = -1000
	_, err = reachable(t.Context(), p, behind, time.Second, func(string, ...any) {})
	if !errors.Is(err, httpx.ErrHungUp) || !strings.Contains(err.Error(), "served nobody for 1s") {
		t.Errorf("nobody behind: %v", err)
	}
}
