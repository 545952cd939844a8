package setup_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/setup"
)

// server answers as a test says, and keeps what it was asked.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newServer(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization"))
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// newEnv is that of a run without a load.
func newEnv(t *testing.T) (*setup.Env, *secret.Redactor) {
	known := secret.NewRedactor(nil)
	plan := &attack.Plan{Seed: 1, Timeout: time.Second, MaxInFlight: 1, Shared: new(payload.Shared)}
	return &setup.Env{
		Kind: "setup", Attack: plan, Protocols: protocols.All(), Refused: func(error) {},
		Dir: t.TempDir(), Secret: func(c expect.Capture) bool { return c.Name == "token" },
		Learn: known.Learn, Progress: t.Logf,
		Redact: func(own []string) func(string) string { return known.With(own).Text },
	}, known
}

func get(name, url string, captures ...expect.Capture) setup.Step {
	return setup.Step{
		Name: name, Timeout: time.Minute, Captures: captures,
		Request: &attack.Request{
			Name: name, Protocol: httpx.Name, Timeout: time.Minute,
			Spec: &httpx.Request{
				URL: url,
				Headers: []payload.Field{
					{Name: "Authorization", Value: `Bearer {{ or (index . "token") "" }}`},
				},
			},
		},
	}
}

func run(name string, captures []expect.Capture, args ...string) setup.Step {
	return setup.Step{
		Name: name, Timeout: time.Minute, Command: args, Captures: captures, Expect: &expect.Expect{},
	}
}

func prepare(t *testing.T, env *setup.Env, steps ...setup.Step) *setup.Steps {
	t.Helper()
	s, err := setup.Prepare(steps, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var token = expect.Capture{Name: "token", JSON: "$.token"}

// What a step captures, those after it use, commands and requests alike; and it is secret from
// then on.
func TestStepsShareWhatTheyCapture(t *testing.T) {
	srv := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"token": "to-the-shop", "id": 17}`)
	})
	env, known := newEnv(t)
	s := prepare(t, env,
		get("login", srv.URL+"/login", token, expect.Capture{Name: "id", JSON: "$.id"}),
		run("seed", []expect.Capture{{Name: "made", Matches: `made (\w+)`}},
			"sh", "-c", "echo {{ .token }} > seen; echo made x{{ .id }}"),
		get("look", srv.URL+"/look?made={{ .made }}"),
	)
	if err := s.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"GET /login Bearer", "GET /look?made=x17 Bearer to-the-shop"}
	if got := srv.log(); !slices.Equal(got, want) {
		t.Errorf("asked %q, expected %q", got, want)
	}
	seen, err := os.ReadFile(filepath.Join(env.Dir, "seen"))
	if err != nil || string(seen) != "to-the-shop\n" {
		t.Errorf("the command saw %q, %v", seen, err)
	}
	if got := known.Text("to-the-shop and 17"); got != "*** and 17" {
		t.Errorf("found %q", got)
	}
}

func TestCookiesAreKept(t *testing.T) {
	var cookie string
	srv := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		cookie = r.Header.Get("Cookie")
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s1"})
	})
	env, _ := newEnv(t)
	if err := prepare(t, env, get("a", srv.URL), get("b", srv.URL)).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if cookie != "sid=s1" {
		t.Errorf("found the cookie %q", cookie)
	}
}

// A step that fails says why, with the answer, without secrets, and ends the setup.
func TestFailures(t *testing.T) {
	srv := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/no":
			w.WriteHeader(401)
			fmt.Fprint(w, `{"error": "who are you?"}`)
		case "/other":
			fmt.Fprint(w, `{"token": "to-the-shop"}`)
		}
	})
	refused := httptest.NewServer(nil)
	refused.Close()
	gone := expect.Capture{Name: "gone", JSON: "$.gone"}
	tests := []struct {
		name string
		step setup.Step
		says []string
	}{
		{"status", get("x", srv.URL+"/no"), []string{"setup x failed: expected", "401", `who are you?`}},
		{"capture", get("x", srv.URL+"/other", token, gone), []string{"capture gone", "200", "***"}},
		{"refused", get("x", refused.URL), []string{"setup x failed: ", "refused"}},
		{"template", get("x", srv.URL+"/{{ .nobody }}"), []string{`no column "nobody"`}},
		{"exit", run("x", nil, "sh", "-c", "echo broken >&2; exit 3"), []string{"exit status 3", "broken"}},
		{"exit, printed", run("x", []expect.Capture{{Name: "token", Matches: `t=(\S+)`}},
			"sh", "-c", "echo no; echo t=to-the-shop is old; exit 3"),
			[]string{"setup x failed: exit status 3; stdout: t=*** is old"}},
		{"output", run("x", []expect.Capture{{Name: "token", Matches: `t=(\S+)`}, gone},
			"echo", "t=to-the-shop"), []string{"capture gone", `it printed "t=***"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env, _ := newEnv(t)
			after := filepath.Join(env.Dir, "after")
			s := prepare(t, env, tt.step, run("next", nil, "touch", after))
			err := s.Do(t.Context())
			for _, says := range tt.says {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("found %v, expected %q", err, says)
				}
			}
			if err != nil && strings.Contains(err.Error(), "to-the-shop") {
				t.Errorf("a secret in %v", err)
			}
			if _, err := os.Stat(after); err == nil {
				t.Error("the next step was done")
			}
			if err := s.DoAll(t.Context()); err == nil {
				t.Error("nothing failed")
			}
			if _, err := os.Stat(after); err != nil {
				t.Errorf("the next step was not done by DoAll: %v", err)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	stop := make(chan struct{})
	srv := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	})
	defer close(stop)
	slow, sleeping := get("slow", srv.URL), run("sleeping", nil, "sleep", "600")
	slow.Timeout, sleeping.Timeout = 20*time.Millisecond, 20*time.Millisecond
	env, _ := newEnv(t)
	err := prepare(t, env, slow, sleeping).DoAll(t.Context())
	for _, says := range []string{
		"setup slow failed: ", "setup sleeping failed: it did not end in time",
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("found %v, expected %q", err, says)
		}
	}
}

func TestInterrupted(t *testing.T) {
	env, _ := newEnv(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := prepare(t, env, run("sleeping", nil, "sleep", "600")).Do(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("found %v", err)
	}
}

func TestWhatCannotBeDone(t *testing.T) {
	env, _ := newEnv(t)
	broken := []setup.Step{run("x", nil, "no-such-program"), get("y", "http://127.0.0.1/{{ .x")}
	_, err := setup.Prepare(broken, env)
	for _, says := range []string{"setup x cannot be done: ", "setup y cannot be done: "} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("found %v, expected %q", err, says)
		}
	}
}
