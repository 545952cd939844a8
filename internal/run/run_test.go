package run_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

// watcher calls then once, when what is written to it holds text.
type watcher struct {
	mu   sync.Mutex
	seen bytes.Buffer
	text string
	then func()
}

func (w *watcher) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.Write(b)
	if w.then != nil && strings.Contains(w.seen.String(), w.text) {
		w.then()
		w.then = nil
	}
	return len(b), nil
}

// load reads a scenario from text.
func load(t *testing.T, text string) *scenario.Plan {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	plan, err := scenario.Load(file, os.LookupEnv, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// summary is what the tests look at in summary.json.
type summary struct {
	Verdict  string `json:"verdict"`
	ExitCode int    `json:"exit_code"`
	Totals   struct {
		Planned, Done, Unsent, Interrupted int
		RPS                                float64
	}
}

func readSummary(t *testing.T, dir string) summary {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s summary
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// wantEnd says how the run ended otherwise than it should have, by what Run returned
// and by its summary.
func wantEnd(t *testing.T, want run.ExitCode, outcome string, code run.ExitCode, err error, s summary) {
	t.Helper()
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	if code != want || s.ExitCode != int(want) {
		t.Errorf("exit %d, and %d in the summary; want %d", code, s.ExitCode, want)
	}
	if s.Verdict != outcome {
		t.Errorf("verdict %q, want %q", s.Verdict, outcome)
	}
}

// Whoever no longer waits for the slow answers after the last stage must not be
// told that the quick ones were good enough.
func TestGivenUpWhileWaitingForAnswersIsNoPass(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-release
		}
	}))
	defer srv.Close()
	defer close(release)
	plan := load(t, fmt.Sprintf(`
name: half of it hangs
target: %s
attack:
  late_budget: 10m
  timeout: 1m
  requests: [{ name: quick, get: / }, { name: slow, get: /hang }]
  stages: [{ name: s, rate: 100/s, for: 500ms }]
verdict: [error_rate < 50%%]
`, srv.URL))
	soft, interrupt := context.WithCancel(t.Context())
	hard, giveUp := context.WithCancel(t.Context())
	defer interrupt()
	defer giveUp()
	out := filepath.Join(t.TempDir(), "run")
	screen := &watcher{text: "waiting for open requests", then: func() { interrupt(); giveUp() }}
	code, err := run.Run(soft, hard, plan, run.Options{Out: out, Stdout: screen, Stderr: io.Discard})
	s := readSummary(t, out)
	if s.Totals.Interrupted == 0 || s.Totals.Planned != s.Totals.Done+s.Totals.Unsent+s.Totals.Interrupted {
		t.Errorf("totals %+v, want some interrupted and all accounted for", s.Totals)
	}
	wantEnd(t, run.ExitInterrupted, "inconclusive", code, err, s)
	if t.Failed() {
		t.Log(screen.seen.String())
	}
}

// Whoever interrupts a run that still waits for answers is told that it was
// interrupted, even if all of these come.
func TestInterruptedWhileWaitingForAnswers(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	plan := load(t, fmt.Sprintf(`
name: slow in the end
target: %s
attack:
  late_budget: 10m
  timeout: 1m
  requests: [{ name: slow, get: / }]
  stages: [{ name: s, rate: 10/s, for: 500ms }]
verdict: [error_rate < 1%%]
`, srv.URL))
	soft, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := filepath.Join(t.TempDir(), "run")
	interrupts := make(chan int, 1)
	screen := &watcher{text: "waiting for open requests", then: func() {
		interrupt()
		interrupts <- 1
		time.AfterFunc(100*time.Millisecond, func() { close(release) })
	}}
	code, err := run.Run(soft, t.Context(), plan, run.Options{Out: out, Stdout: screen, Stderr: io.Discard, Interrupts: interrupts})
	s := readSummary(t, out)
	wantEnd(t, run.ExitInterrupted, "inconclusive", code, err, s)
	if s.Totals.Done != 5 || s.Totals.Interrupted != 0 {
		t.Errorf("%d done and %d interrupted, want 5 done", s.Totals.Done, s.Totals.Interrupted)
	}
	for _, want := range []string{"INTERRUPTED", "while its last answers were waited for"} {
		if !strings.Contains(screen.seen.String(), want) {
			t.Errorf("want %q on the screen, found\n%s", want, screen.seen.String())
		}
	}
}

// When all answers are in, and ordeal hangs up, an interruption finds nothing to
// stop, and the verdict stands.
func TestInterruptedAfterTheLastAnswer(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	soft, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var asked atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed && asked.Load() == 5 {
			interrupt()
		}
	}
	srv.Start()
	defer srv.Close()
	plan := load(t, fmt.Sprintf(`
name: done
target: %s
attack:
  late_budget: 10m
  requests: [{ name: quick, get: / }]
  stages: [{ name: s, rate: 10/s, for: 500ms }]
verdict: [error_rate < 50%%]
`, srv.URL))
	out := filepath.Join(t.TempDir(), "run")
	if code, err := run.Run(soft, t.Context(), plan, run.Options{Out: out, Stdout: io.Discard, Stderr: io.Discard}); code != run.ExitPass || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
}

// What a target answers once the run was interrupted does not make up its rate.
func TestAnswersAfterAnInterruptionAreInNoRate(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	soft, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	release := make(chan struct{})
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 10 {
			interrupt()
			time.AfterFunc(300*time.Millisecond, func() { close(release) })
		}
		<-release
	}))
	defer srv.Close()
	plan := load(t, fmt.Sprintf(`
name: all of it hangs
target: %s
attack:
  late_budget: 10m
  timeout: 1m
  requests: [{ name: slow, get: / }]
  stages: [{ name: s, rate: 100/s, for: 1m }]
`, srv.URL))
	out := filepath.Join(t.TempDir(), "run")
	if code, err := run.Run(soft, t.Context(), plan, run.Options{Out: out, Stdout: io.Discard, Stderr: io.Discard}); code != run.ExitInterrupted || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
	if s := readSummary(t, out); s.Totals.Done < 10 || s.Totals.RPS != 0 {
		t.Errorf("totals %+v, want 10 done and a rate of 0", s.Totals)
	}
}

// What a service prints of its own environment lands in the run directory, which
// CI uploads.
func TestNoSecretInTheRunDirectory(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	t.Setenv("SHOP_TOKEN", "s3cr3t-v4lue")
	plan := load(t, `
name: talkative
services:
  chatty: { process: { command: [sh, -c, 'echo "token $TOKEN"; exit 3'], env: { TOKEN: "${SHOP_TOKEN}" }, ready: /, ready_timeout: 1s } }
target: http://${chatty.addr}
attack:
  requests: [{ name: a, get: /, headers: { Authorization: "Bearer ${SHOP_TOKEN}" } }]
  stages: [{ name: s, rate: 10/s, for: 100ms }]
`)
	out := filepath.Join(t.TempDir(), "run")
	var screen bytes.Buffer
	code, err := run.Run(t.Context(), t.Context(), plan, run.Options{Out: out, Stdout: &screen, Stderr: &screen})
	if code != run.ExitBroken || err == nil || !strings.Contains(err.Error(), "token ***") {
		t.Errorf("exit %d, %v; want the service's last words, without the secret", code, err)
	}
	found := false
	filepath.WalkDir(out, func(path string, d fs.DirEntry, _ error) error {
		b, _ := os.ReadFile(path)
		found = found || strings.Contains(string(b), "token ***")
		if strings.Contains(string(b), "s3cr3t") {
			t.Errorf("%s holds the secret: %s", path, b)
		}
		return nil
	})
	if !found || strings.Contains(screen.String()+err.Error(), "s3cr3t") {
		t.Errorf("want a log with the secret blackened, and nothing on the screen:\n%s", screen.String())
	}
}

// The exit code that a script reads in one file is the one it got, whichever
// other file is missing.
func TestAnOutputThatCannotBeWritten(t *testing.T) {
	for _, c := range []struct{ missing, other, says string }{
		{"junit.xml", "summary.json", `"exit_code": 4`},
		{"summary.json", "junit.xml", `<property name="exit_code" value="4">`},
	} {
		t.Run(c.missing, func(t *testing.T) {
			t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
			out := filepath.Join(t.TempDir(), "run")
			srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				os.MkdirAll(filepath.Join(out, c.missing), 0o755) // in its way
			}))
			defer srv.Close()
			plan := load(t, fmt.Sprintf(`
name: no room
target: %s
attack:
  late_budget: 10m
  requests: [{ name: a, get: / }]
  stages: [{ name: s, rate: 10/s, for: 300ms }]
`, srv.URL))
			var screen bytes.Buffer
			code, err := run.Run(t.Context(), t.Context(), plan, run.Options{Out: out, Stdout: &screen, Stderr: io.Discard})
			b, readErr := os.ReadFile(filepath.Join(out, c.other))
			if code != run.ExitBroken || err == nil {
				t.Errorf("exit %d, %v; want %d and an error", code, err, run.ExitBroken)
			}
			if readErr != nil || !strings.Contains(string(b), c.says) {
				t.Errorf("%s (%v) lacks %s:\n%s", c.other, readErr, c.says, b)
			}
			for _, want := range []string{"NOT DONE", c.missing, "response times by stage"} {
				if !strings.Contains(screen.String(), want) {
					t.Errorf("want %q in the report, found\n%s", want, screen.String())
				}
			}
		})
	}
}
