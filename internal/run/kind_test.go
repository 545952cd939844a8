package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/state"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/internal/target/kinds"
)

// stubKind is a kind of service that only this test knows: an HTTP server in this
// process, several of which can make one service.
func stubKind(seen *stubs) target.Kind {
	return target.Kind{
		Name: "stub", Keys: []string{"stub"},
		New: func() any { return &stubService{} },
		Settings: func(r target.Reader, file any) target.Settings {
			f := &file.(*stubService).Stub
			if f.Count > 9 {
				_, at := r.Service()
				r.Failf(r.Where(&f.Count, at).Span, "take fewer",
					"count: expected at most 9 stubs, found %d", f.Count)
			}
			return f
		},
		Can: target.Capabilities{Not: map[chaos.Capability]string{
			chaos.CapPause: "kill it", chaos.CapNetwork: "put a link in front of it",
		}},
		Open: func(env target.Env) target.Opener { return stubOpener{env, seen} },
		Heal: func(target.Healing) target.Healer { return stubHealer{seen} },
	}
}

type stubs struct {
	mu     sync.Mutex
	killed []string // that were killed and not started again
	opened int      // services
	log    []string // of what healers did

	// What a stub waits for before it is killed, and before it is started again; nil: nothing.
	onKill, onStart func(context.Context) error
}

func (s *stubs) say(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, what)
}

type stubService struct {
	Stub stubSettings `json:"stub" doc:"a server of this test"`
}

type stubSettings struct {
	Count int    `json:"count" default:"1" positive:"true" doc:"how many"`
	Says  string `json:"says" vars:"addr" doc:"what they answer"`
}

func (s *stubSettings) Texts() []string                   { return []string{s.Says} }
func (s *stubSettings) Describe() (what, remark string)   { return "stubs of this test", "" }
func (*stubSettings) NoAddress(string) (why, hint string) { return "", "" }
func (s *stubSettings) Targets() (n int, known bool)      { return s.Count, true }
func (s *stubSettings) names(service string) (names []string) {
	for i := range s.Count {
		names = append(names, service+"-"+string(rune('a'+i)))
	}
	return names
}

type stubOpener struct {
	env target.Env
	of  *stubs
}

func (o stubOpener) Open(
	_ context.Context, service string, settings target.Settings,
) (*target.Instance, error) {
	s := settings.(*stubSettings)
	says, err := o.env.Expand(s.Says)
	if err != nil {
		return nil, err
	}
	o.of.opened++
	out := &target.Instance{}
	for _, name := range s.names(service) {
		t := &stub{name: name, says: says, of: o.of}
		if err := t.Start(context.Background()); err != nil {
			return nil, err
		}
		o.env.Undo(func(context.Context) error { return t.stop() })
		out.Targets = append(out.Targets, t)
		out.Addr = t.addr
	}
	return out, o.env.Place("stubs", json.RawMessage(`"here"`))
}

func (o stubOpener) Facts(
	_ context.Context, service string, settings target.Settings,
) (target.Facts, error) {
	facts := target.Facts{Address: "somewhere in this process"}
	for _, name := range settings.(*stubSettings).names(service) {
		facts.Targets = append(facts.Targets, target.Fact{Name: name,
			Details: []target.Detail{{Name: "stub", Value: "would be served"}}})
	}
	return facts, nil
}

// stub is one server. It keeps its address when it is started again.
type stub struct {
	name, says, addr string
	of               *stubs

	mu    sync.Mutex
	srv   *http.Server
	lives int
}

var _ chaos.Killer = (*stub)(nil)

func (t *stub) Name() string                   { return t.name }
func (t *stub) Ref() chaos.Ref                 { return chaos.Ref{Kind: "stub", Name: t.name} }
func (t *stub) Killable(context.Context) error { return nil }
func (t *stub) Kill(ctx context.Context, _ string) error {
	if t.of.onKill != nil {
		if err := t.of.onKill(ctx); err != nil {
			return err
		}
	}
	t.of.mu.Lock()
	t.of.killed = append(t.of.killed, t.name)
	t.of.mu.Unlock()
	return t.stop()
}

func (t *stub) stop() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.srv == nil {
		return nil
	}
	err := t.srv.Close()
	t.srv = nil
	return err
}

func (t *stub) Life(context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.srv == nil {
		return "", nil
	}
	return string(rune('0' + t.lives)), nil
}

func (t *stub) Start(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.srv != nil {
		return nil
	}
	if t.addr != "" && t.of.onStart != nil {
		if err := t.of.onStart(ctx); err != nil {
			return err
		}
	}
	if t.addr == "" {
		t.addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", t.addr)
	if err != nil {
		return err
	}
	t.addr = ln.Addr().String()
	answer := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, t.says) }
	t.srv = &http.Server{Handler: http.HandlerFunc(answer)}
	t.lives++
	go t.srv.Serve(ln)
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.of.killed = slices.DeleteFunc(t.of.killed, func(n string) bool { return n == t.name })
	return nil
}

type stubHealer struct{ of *stubs }

func (h stubHealer) Reopen(_ context.Context, ref chaos.Ref) (chaos.Target, error) {
	h.of.say("reopened " + ref.Name)
	return &stub{name: ref.Name, of: h.of}, nil
}

func (h stubHealer) Sweep(_ context.Context, asked bool) (target.Swept, error) {
	if !asked {
		return target.Swept{}, nil
	}
	return target.Swept{Done: []string{"removed: a stub"}}, nil
}

func (stubHealer) PlaceKey() string { return "stubs" }

func (h stubHealer) Looked(place json.RawMessage) (bool, string, error) {
	h.of.say("looked at " + string(place))
	return true, "", nil
}

func (stubHealer) Close() error { return nil }

func stubPlan(t *testing.T, seen *stubs, text string) (*scenario.Plan, error) {
	t.Helper()
	return scenario.Parse(filepath.Join(t.TempDir(), "stub.yaml"), []byte(text), os.LookupEnv,
		scenario.Options{Kinds: append(kinds.All(), stubKind(seen))})
}

// A kind of service needs nothing but its own package and its line in the registry:
// the file, the plan, check, run and heal know it by what it says of itself.
func TestANewKindNeedsNothingElse(t *testing.T) {
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	seen := &stubs{}
	plan, err := stubPlan(t, seen, `
name: stubs
seed: 3
services:
  front: { stub: { count: 1, says: "${back.addr}" } }
  back: { stub: { count: 3, says: hello } }
target: http://${front.addr}
attack:
  late_budget: 10m
  requests: [{ name: ask, get: / }]
  stages: [{ name: s, rate: 50/s, for: 1500ms }]
chaos:
  - { name: die, at: 300ms, restart_after: 300ms, kill: { service: back, pick: 2 } }
verdict: [error_rate == 0%]
`)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := plan.JSON(); err != nil || !strings.Contains(string(b), `"stub": {`) {
		t.Errorf("the plan has no stub: %v\n%s", err, b)
	}
	if order := plan.StartOrder(); order[0].Name != "back" {
		t.Errorf("the services are started as %v, want the one first whose address the other needs",
			order)
	}

	found := Resolve(t.Context(), plan)
	if found.Code() != ExitPass || seen.opened != 0 {
		t.Fatalf("Resolve: %+v, %d services opened", found, seen.opened)
	}
	would := found.Faults[0].Targets

	var screen bytes.Buffer
	out := filepath.Join(t.TempDir(), "run")
	code, err := Run(t.Context(), t.Context(), plan, Options{Out: out, Stdout: &screen,
		Stderr: io.Discard})
	if err != nil || code != ExitPass {
		t.Fatalf("exit %d, %v\n%s", code, err, screen.String())
	}
	b, err := os.ReadFile(filepath.Join(out, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Faults []struct {
			Targets  []string
			Verified bool
		}
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Faults) != 1 || !s.Faults[0].Verified || !slices.Equal(s.Faults[0].Targets, would) {
		t.Errorf("faults %+v, want one that is verified, of the targets %v that check told", s.Faults,
			would)
	}
	if len(seen.killed) > 0 {
		t.Errorf("%v were left dead", seen.killed)
	}
}

func TestMistakesOfANewKind(t *testing.T) {
	for _, tt := range []struct{ name, service, fault, want string }{
		{"its own", "{ stub: { count: 10 } }", "",
			"stub.yaml:4:24: count: expected at most 9 stubs, found 10"},
		{"a key it does not have", "{ stub: { cuont: 1 } }", "", `did you mean "count"`},
		{"two kinds at once", "{ stub: {}, link: { upstream: \"127.0.0.1:1\" } }", "",
			"is said to be two things"},
		{"no kind", "{}", "", "give it one of builtin, process, container, link"},
		{"more than there are", "{ stub: {} }", "kill: { service: it, pick: 2 }",
			"expected at most 1, as there are no more to hit, found 2"},
		{"what it cannot suffer", "{ stub: {} }", "pause: { service: it }", "hint: kill it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "name: stubs\ntarget: http://127.0.0.1:1\nservices:\n  it: " + tt.service + "\n" +
				"attack: { requests: [{ name: a, get: / }], stages: [{ name: s, rate: 1/s, for: 9s }] }\n"
			if tt.fault != "" {
				text += "chaos: [{ name: f, at: 1s, " + tt.fault + " }]\n"
			}
			_, err := stubPlan(t, &stubs{}, text)
			_, ok := errors.AsType[*strictyaml.Mistakes](err)
			if !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// leftBehind is an empty state folder, and an owner that is dead.
func leftBehind(t *testing.T) (*state.Folder, owner.Owner) {
	t.Helper()
	t.Setenv("ORDEAL_STATE_DIR", t.TempDir())
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	folder, err := state.Open()
	if err != nil {
		t.Fatal(err)
	}
	dead, err := owner.Current()
	if err != nil {
		t.Fatal(err)
	}
	dead.Start += "0" // of another life of this process id
	return folder, dead
}

// Heal reverts the faults of a kind's targets and looks at the places it had, and
// leaves those alone that it does not know.
func TestHealOfANewKind(t *testing.T) {
	folder, dead := leftBehind(t)
	claim, err := folder.Claim("gone", dead)
	if err != nil {
		t.Fatal(err)
	}
	placed := claim.Place("stubs", json.RawMessage(`"here"`))
	if err := errors.Join(placed, claim.Release(false)); err != nil {
		t.Fatal(err)
	}
	undos, err := chaos.OpenJournal(folder.Journal())
	if err != nil {
		t.Fatal(err)
	}
	if err := undos.Add(chaos.Entry{
		ID: "gone-0-0-die", Run: "gone", Owner: dead, Fault: "die", Kind: "kill",
		Spec:   json.RawMessage(`{"signal":"SIGKILL"}`),
		Target: chaos.Ref{Kind: "stub", Name: "back-a"}, State: json.RawMessage(`{"signal":"SIGKILL"}`),
	}); err != nil {
		t.Fatal(err)
	}

	var screen bytes.Buffer
	say := func(format string, args ...any) { screen.WriteString(strings.TrimSpace(format) + "\n") }
	without := healer{kinds: kinds.All(), folder: folder, progress: say}
	err = without.heal(t.Context(), func(string) bool { return false })
	const unknown = `a target of kind "stub", which this version does not know`
	if err == nil || !strings.Contains(err.Error(), unknown) {
		t.Errorf("heal by a version without the kind = %v", err)
	}
	if len(without.left) != 1 || !without.left[0].stuck ||
		!strings.Contains(without.left[0].text, "its stubs, which this version does not know") {
		t.Errorf("it left %+v, want the place that it does not know", without.left)
	}

	seen := &stubs{}
	with := healer{kinds: append(kinds.All(), stubKind(seen)), folder: folder, progress: say}
	if err := with.heal(t.Context(), func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"reopened back-a", `looked at "here"`}; !slices.Equal(seen.log, want) {
		t.Errorf("the healer was asked %q, want %q", seen.log, want)
	}
	if runs, err := folder.Runs(); err != nil || len(runs) > 0 || with.done != 2 {
		t.Errorf("%d things were done, and the runs %+v, %v are left; "+
			"want the undo, the stub, and no run", with.done, runs, err)
	}
}

// A check for readiness may name the service that it is of, before that is started.
func TestACheckMayNameItsOwnService(t *testing.T) {
	s := &services{plan: &scenario.Plan{}, addrs: map[string]string{"other": "127.0.0.1:6"}}
	asked := ready.Check{HTTP: "http://${api.addr}/up?of=${other.addr}"}
	c, err := s.check(asked, "api", "127.0.0.1:5", s.expand)
	if want := "http://127.0.0.1:5/up?of=127.0.0.1:6"; err != nil || c.HTTP != want {
		t.Errorf("it asks %s, %v, want %s", c.HTTP, err, want)
	}
	if at, ok := s.addr("api"); ok {
		t.Errorf("others are told that it is at %s, before it is started", at)
	}
}

// Records of earlier versions are healed: of a latency whose state was flat, of a link,
// and of a run that was at an engine.
func TestHealOfRecordsOfEarlierVersions(t *testing.T) {
	folder, dead := leftBehind(t)
	by, err := json.Marshal(dead)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		t.Helper()
		text = strings.ReplaceAll(text, "OWNER", string(by))
		if err := os.WriteFile(filepath.Join(folder.Dir(), path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("runs/gone.json", `{"run":"gone","owner":OWNER,"started":"2026-11-29T10:00:00Z","locked":true,"device":1,"inode":1}
{"engine":{"id":"a","name":"b","root":"/c","address":"unix:///old/docker.sock"}}
`)
	entry := func(id, fault, spec, target, state string) string {
		return `{"id":"` + id + `","run":"gone","owner":OWNER,"fault":"f","kind":"` + fault +
			`","spec":` + spec +
			`,"target":` + target + `,"state":` + state + `,"remedy":"","created":"2026-11-29T10:00:00Z"}`
	}
	journal, err := filepath.Rel(folder.Dir(), folder.Journal())
	if err != nil {
		t.Fatal(err)
	}
	slow, state := `{"delay":1000000,"jitter":0}`, `{"id":"x","delay":1000000,"jitter":0}`
	write(journal+"/a.json", entry("a", "latency", slow, `{"kind":"link","name":"hop"}`, state))
	write(journal+"/b.json", entry("b", "latency", slow,
		`{"kind":"container","name":"box","data":{"id":"123","engine":{"address":"unix:///old/docker.sock"}}}`, state))
	write(journal+"/c.json", entry("c", "pause", `{}`,
		`{"kind":"process","name":"api","data":`+`{"id":`+quoted(dead.String())+`}}`, `{}`))

	var screen bytes.Buffer
	code, err := Heal(t.Context(), &screen, "")
	if err != nil || code != ExitBroken {
		t.Errorf("exit %d, %v, want %d, as the engine of old is not to be seen", code, err, ExitBroken)
	}
	for _, want := range []string{
		"healed: latency of hop (f in run gone): the target is gone, nothing is left to undo",
		"healed: pause of api (f in run gone): the target is gone, nothing is left to undo",
		"left alone: latency of box (f in run gone): ",
		"left alone: what run gone may have left at the engine unix:///old/docker.sock, which was not " +
			"looked at: DOCKER_HOST=unix:///old/docker.sock ordeal heal",
		"containers were not looked at: no Docker engine answers at unix:///nowhere/docker.sock",
	} {
		if !strings.Contains(screen.String(), want) {
			t.Errorf("heal does not say %q; it says:\n%s", want, screen.String())
		}
	}
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }
