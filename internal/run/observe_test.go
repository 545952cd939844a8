package run_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// readings are those in the timeline of a run, by subject.
func readings(t *testing.T, dir string) map[string][]timeline.Reading {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "timeline.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]timeline.Reading{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r struct {
			Type string
			timeline.Reading
		}
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Type == "reading" {
			out[r.Reading.String()] = append(out[r.Reading.String()], r.Reading)
		}
	}
	return out
}

// A scenario without a load of its own watches, and breaks what somebody else may load.
func TestWithoutALoadOfItsOwn(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"depth":%d,"token":"hunter2"}`, asked.Add(1))
	}))
	defer srv.Close()
	plan := load(t, fmt.Sprintf(`
name: watched
services: { idle: { process: { command: [sleep, "60"] } } }
attack: { stages: [{ name: quiet, pause: true, for: 2s }, { name: after, pause: true, for: 2s }] }
chaos: [{ name: kill-it, at: 1100ms, kill: { service: idle }, restart_after: 1s }]
observe:
  services: all
  every: 1s
  probes:
    - { name: health, get: "%[1]s/", every: 200ms, timeout: 1s }
    - { name: shut, tcp: { address: "%[2]s" }, every: 200ms, expect: { refused: true } }
    - { name: wrong, get: "%[1]s/", every: 1s, expect: { body: ready } }
  metrics:
    - { name: depth, every: 1s, json: { url: "%[1]s/", path: $.depth } }
    - { name: age, unit: h, once: before, command: [echo, "71"] }
    - { name: left, once: after, command: [echo, "3"] }
verdict:
  - probe("health").failures == 0
  - probe("shut").uptime == 100%%
  - probe("wrong").failures > 0
  - metric("depth").max > 0
  - metric("age").last < 72h
  - metric("left").last == 3
  - service("idle").restarts == 0
  - service("idle").memory.max < 80%%
`, srv.URL, closedPort(t)))
	out := filepath.Join(t.TempDir(), "run")
	var screen bytes.Buffer
	code, err := run.Run(t.Context(), t.Context(), plan, run.Options{Out: out, Stdout: &screen, Stderr: &screen})
	if code != run.ExitPass || err != nil {
		t.Fatalf("exit %d, %v\n%s", code, err, screen.String())
	}
	all := readings(t, out)
	for subject, least := range map[string]int{
		`service("idle")`: 3, `probe("health")`: 20, `probe("shut")`: 20, `metric("depth")`: 4,
		`metric("age")`: 1, `metric("left")`: 1,
	} {
		if n := len(all[subject]); n < least {
			t.Errorf("%s has %d readings, want %d", subject, n, least)
		}
	}
	if r := all[`metric("age")`][0]; r.From >= 0 {
		t.Errorf("what was read before the load is of %s", r.From)
	}
	if r := all[`metric("left")`][0]; r.From < 4e9 {
		t.Errorf("what was read after the load is of %s", r.From)
	}
	b, err := os.ReadFile(filepath.Join(out, "timeline.jsonl"))
	if err != nil || !bytes.Contains(b, []byte(`"type":"probe"`)) {
		t.Errorf("%v; no event of a probe that fails:\n%s", err, b)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// An interruption ends what observes: nobody waits for a probe that nobody answers once it is
// given up.
func TestInterruptedWhileItObserves(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	soft, interrupt := context.WithCancel(t.Context())
	hard, giveUp := context.WithCancel(t.Context())
	defer interrupt()
	defer giveUp()
	release := make(chan struct{})
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 3 {
			interrupt()
			giveUp()
		}
		<-release
	}))
	defer srv.Close()
	defer close(release)
	plan := load(t, fmt.Sprintf(`
name: hangs
attack: { stages: [{ name: quiet, pause: true, for: 1h }] }
observe:
  probes: [{ name: health, get: "%s/", every: 1m, timeout: 10m }, { name: again, get: "%[1]s/", every: 50ms, timeout: 500ms }]
  metrics: [{ name: n, every: 1h, timeout: 1h, command: [echo, "1"] }, { name: last, once: after, command: [echo, "1"] }]
verdict: [probe("health").failures == 0]
`, srv.URL))
	out := filepath.Join(t.TempDir(), "run")
	code, err := run.Run(soft, hard, plan, run.Options{Out: out, Stdout: io.Discard, Stderr: io.Discard})
	if code != run.ExitInterrupted || err != nil {
		t.Errorf("exit %d, %v; want %d", code, err, run.ExitInterrupted)
	}
	for _, subject := range []string{`probe("health")`, `metric("last")`} {
		if r := readings(t, out)[subject]; len(r) > 0 {
			t.Errorf("what was given up has readings: %+v", r)
		}
	}
}

// What cannot be observed at all ends the run before it sends anything.
func TestWhatCannotBeObservedIsFoundBeforeTheLoad(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	t.Setenv("PASSWORD", "opensesame")
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer srv.Close()
	for _, tt := range []struct{ name, observe, want string }{
		{"metric", `metrics: [{ name: depth, every: 1s, json: { url: "http://` + closedPort(t) + `/", path: $.depth } }]`,
			`metric("depth") cannot be observed: dial`},
		{"command", `probes: [{ name: ask, command: [no-such-program] }]`,
			`probe("ask") cannot be observed: the command no-such-program cannot be started`},
		{"secret", `metrics: [{ name: depth, every: 1s, command: [sh, -c, "echo $0 >&2; exit 1", "${PASSWORD}"] }]`,
			"stderr: ***"},
		{"engine", `watch: { db: { container: { name: db } } }`, "no Docker engine answers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
			plan := load(t, `
name: unseen
attack:
  requests: [{ name: a, get: "`+srv.URL+`/" }]
  stages: [{ name: s, rate: 10/s, for: 1s }]
observe:
  `+tt.observe+"\n")
			code, err := run.Run(t.Context(), t.Context(), plan,
				run.Options{Out: filepath.Join(t.TempDir(), "run"), Stdout: io.Discard, Stderr: io.Discard})
			if code != run.ExitBroken || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("exit %d, %v; want %d and %q", code, err, run.ExitBroken, tt.want)
			}
		})
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}
