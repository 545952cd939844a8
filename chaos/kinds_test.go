package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// examples holds settings of every kind, as JSON: those that are right, and those
// that are not, with words of the error. A kind without examples fails.
var examples = map[string]struct {
	good []string
	bad  map[string]string
}{
	"kill": {
		good: []string{`{}`, `{"signal":"SIGTERM"}`},
		bad: map[string]string{
			`{"signal":"KILL"}`:    "signal: expected a signal such as SIGKILL, found \"KILL\": write SIGKILL",
			`{"signal":"sigterm"}`: "write SIGTERM",
			`{"signal":"SIGSTOP"}`: "signal: SIGSTOP does not end a process: use pause",
			`{"signal":"SIGCONT"}`: "expected a signal that ends a process",
			`{"signal":""}`:        "expected a signal that ends a process",
		},
	},
	"pause": {good: []string{`{}`}},
	"latency": {
		good: []string{`{"delay":120000000,"jitter":30000000}`, `{"delay":1000000}`, `{"delay":5,"jitter":5}`},
		bad: map[string]string{
			`{}`:                                 "delay: expected one above 0",
			`{"delay":-1}`:                       "delay: expected one above 0",
			`{"delay":5,"jitter":-1}`:            "jitter: expected one of at least 0",
			`{"delay":1000000,"jitter":2000000}`: "jitter: expected one of at most the delay, which is 1ms, found 2ms",
		},
	},
}

func TestKindsAreWellFormed(t *testing.T) {
	names := []string{}
	for _, k := range Kinds() {
		names = append(names, k.Name)
		t.Run(k.Name, func(t *testing.T) {
			if k.Doc == "" || k.Hold == "" || strings.Count(k.Undo, "%s") != 1 {
				t.Errorf("%+v: expected doc, hold and an undo with one %%s", k)
			}
			if len(examples[k.Name].good) == 0 {
				t.Error("no examples: add some to this test")
			}
			if got, ok := KindByName(k.Name); !ok || got.Name != k.Name {
				t.Errorf("KindByName = %v, %v", got.Name, ok)
			}
			typ := reflect.TypeOf(k.New())
			if typ.Kind() != reflect.Pointer || typ.Elem().Kind() != reflect.Struct {
				t.Fatalf("New returns a %v, want a pointer to a struct", typ)
			}
			keys := map[string]bool{}
			for i := range typ.Elem().NumField() {
				f := typ.Elem().Field(i)
				key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if keys[key] = true; key == "" || f.Tag.Get("doc") == "" {
					t.Errorf("the field %s has no json or no doc tag", f.Name)
				}
			}
			for text, want := range examples[k.Name].bad {
				wrong := decode(t, k, text).Validate()
				if err := wrong.Err(); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Validate(%s) = %v, want %q", text, err, want)
				}
				for _, e := range wrong {
					if key := e.Path.String(); !keys[key] || !strings.HasPrefix(e.Msg, key+": ") {
						t.Errorf("Validate(%s) says %q of the field %q, want the key of a setting that the message begins with", text, e.Msg, key)
					}
				}
			}
		})
	}
	if !slices.IsSorted(names) {
		t.Errorf("the kinds are not sorted: %v", names)
	}
}

func TestSuffers(t *testing.T) {
	latency, _ := KindByName("latency")
	kill, _ := KindByName("kill")
	not := map[Capability]string{CapKill: "take its life elsewhere"}
	for _, tt := range []struct {
		name       string
		kind       Kind
		conditions []string
		instead    string
		ok         bool
	}{
		{"it lacks what the fault needs", kill, nil, "take its life elsewhere", false},
		{"it can be put under the condition", latency, []string{"latency", "loss"}, "", true},
		{"it can be put under another condition", latency, []string{"loss"}, "the traffic of a thing cannot be put under latency, only under loss", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if instead, ok := Suffers(tt.kind, not, tt.conditions, "a thing"); ok != tt.ok || instead != tt.instead {
				t.Errorf("Suffers = %q, %v, want %q, %v", instead, ok, tt.instead, tt.ok)
			}
		})
	}
}

// Each network fault has a field in the condition under its own name, or the
// mechanisms would not learn of it.
func TestConditionsAreTheNetworkFaults(t *testing.T) {
	var faults, parts []string
	for _, k := range Kinds() {
		if k.Needs == CapNetwork {
			faults = append(faults, k.Name)
		}
	}
	for name := range (NetCondition{}).parts() {
		parts = append(parts, name)
	}
	if slices.Sort(parts); !slices.Equal(faults, parts) {
		t.Errorf("the network faults are %v, and the fields of NetCondition %v", faults, parts)
	}
}

func TestConditions(t *testing.T) {
	slow := NetCondition{Latency: Latency{Delay: time.Second}}
	wrong := NetCondition{Latency: Latency{Delay: time.Second, Jitter: time.Minute}}
	for _, tt := range []struct {
		name string
		got  error
		want string // "" is no error
	}{
		{"one that does something", slow.Validate(), ""},
		{"one that does nothing", NetCondition{}.Validate(), "expected a network condition that does something"},
		{"one with a wrong setting", wrong.Validate(), "jitter: expected one of at most the delay"},
		{"a mechanism that can do it", slow.Only([]string{"loss", "latency"}), ""},
		{"a mechanism that cannot", slow.Only([]string{"loss"}), "it cannot do latency, only loss"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := ""
			if tt.got != nil {
				text = tt.got.Error()
			}
			if (tt.want == "") != (text == "") || !strings.Contains(text, tt.want) {
				t.Errorf("error %q, want %q", text, tt.want)
			}
		})
	}
	if b, err := json.Marshal(netState{"id-1", slow}); err != nil || string(b) != `{"id":"id-1","latency":{"delay":1000000000,"jitter":0}}` {
		t.Errorf("the journal has %s, %v", b, err)
	}
}

func decode(t *testing.T, k Kind, text string) Spec {
	t.Helper()
	s := k.New()
	if err := json.Unmarshal([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// engined is a target that an engine keeps.
type engined struct{ fake }

func (engined) Mechanism() string { return "engine" }

// TestConformance holds every kind of fault to the contract of Fault.
func TestConformance(t *testing.T) {
	for _, k := range Kinds() {
		for _, text := range examples[k.Name].good {
			t.Run(k.Name+text, func(t *testing.T) { conform(t, k, text) })
		}
	}
}

func conform(t *testing.T, k Kind, text string) {
	const id = "run-0-0"
	bind := func(t *testing.T, f fake) Fault {
		t.Helper()
		spec := decode(t, k, text)
		if err := spec.Validate().Err(); err != nil {
			t.Fatal(err)
		}
		fault, err := spec.Bind(f, id, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return fault
	}
	prepare := func(t *testing.T, fault Fault, f fake) State {
		t.Helper()
		before := f.look()
		s, err := fault.Prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.look() != before {
			t.Errorf("Prepare changed the target from %s to %s", before, f.look())
		}
		if !json.Valid(s) {
			t.Fatalf("state %q is not JSON", s)
		}
		return s
	}
	// fresh is the fault and its state as another process has them.
	fresh := func(t *testing.T, f fake, s State) (Fault, State) {
		t.Helper()
		b, err := json.Marshal(Entry{State: s})
		if err != nil {
			t.Fatal(err)
		}
		var e Entry
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		return bind(t, fake{f.world, f.name, f.kind}), e.State
	}
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, f fake, fault Fault)
	}{
		{"breaks, with proof, and is undone, twice", func(t *testing.T, f fake, fault Fault) {
			s := prepare(t, fault, f)
			p, err := fault.Inject(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if f.intact() {
				t.Error("Inject returned without error and broke nothing")
			}
			if p.Mechanism == "" || p.Evidence == "" || p.Caveat != "" {
				t.Errorf("proof %+v", p)
			}
			for range 2 {
				if p, err = fault.Revert(t.Context(), s); err != nil || p.Caveat != "" {
					t.Errorf("Revert = %+v, %v", p, err)
				}
				if !f.intact() {
					t.Errorf("Revert returned without error and left %s", f.look())
				}
			}
		}},
		{"is undone from a fresh process", func(t *testing.T, f fake, fault Fault) {
			s := prepare(t, fault, f)
			if _, err := fault.Inject(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			other, s := fresh(t, f, s)
			if _, err := other.Revert(t.Context(), s); err != nil || !f.intact() {
				t.Errorf("Revert = %v, and left %s", err, f.look())
			}
		}},
		{"is undone without having been injected", func(t *testing.T, f fake, fault Fault) {
			other, s := fresh(t, f, prepare(t, fault, f))
			if _, err := other.Revert(t.Context(), s); err != nil || !f.intact() {
				t.Errorf("Revert = %v, and left %s", err, f.look())
			}
		}},
		{"is undone after a partial injection", func(t *testing.T, f fake, fault Fault) {
			f.failAfter = errors.New("the line was cut")
			s := prepare(t, fault, f)
			if _, err := fault.Inject(t.Context(), s); err == nil || !strings.Contains(err.Error(), "the line was cut") {
				t.Errorf("Inject = %v, want the target's error", err)
			}
			if _, err := fault.Revert(t.Context(), s); err != nil || !f.intact() {
				t.Errorf("Revert = %v, and left %s", err, f.look())
			}
		}},
		{"is not effective without proof", func(t *testing.T, f fake, fault Fault) {
			f.deaf = true
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			s := prepare(t, fault, f)
			if p, err := fault.Inject(ctx, s); err == nil {
				t.Errorf("Inject = %+v, nil, though nothing broke", p)
			} else if !strings.Contains(err.Error(), f.name) {
				t.Errorf("the error %q does not name the target", err)
			}
		}},
		{"fails to be undone when the target is stuck, and is undone later", func(t *testing.T, f fake, fault Fault) {
			f.stuck = 1
			s := prepare(t, fault, f)
			if _, err := fault.Inject(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if _, err := fault.Revert(ctx, s); err == nil || !strings.Contains(err.Error(), "it is stuck") || !strings.Contains(err.Error(), f.name) {
				t.Errorf("Revert of a stuck target = %v", err)
			}
			if p, err := fault.Revert(t.Context(), s); err != nil || !f.intact() || p.Caveat != "" {
				t.Errorf("the second Revert = %+v, %v, and left %s", p, err, f.look())
			}
		}},
		{"fails to be prepared when the target says no", func(t *testing.T, f fake, fault Fault) {
			f.prepareErr = errors.New("it says no")
			if _, err := fault.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "it says no") || !strings.Contains(err.Error(), f.name) {
				t.Errorf("Prepare = %v", err)
			}
		}},
		{"keeps its settings through JSON", func(t *testing.T, f fake, fault Fault) {
			spec := decode(t, k, text)
			b, err := json.Marshal(spec)
			if err != nil {
				t.Fatal(err)
			}
			if back := decode(t, k, string(b)); !reflect.DeepEqual(back, spec) {
				t.Errorf("%s came back as %+v, want %+v", b, back, spec)
			}
		}},
		{"refuses what cannot suffer it", func(t *testing.T, f fake, fault Fault) {
			_, err := decode(t, k, text).Bind(numb{"stone"}, id, 0)
			const instead = "a numb stone feels nothing"
			if err == nil || !strings.Contains(err.Error(), "numb-1") || !strings.Contains(err.Error(), instead) {
				t.Errorf("Bind to what has no capabilities = %v, want its name and %q", err, instead)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake("api-1")
				tt.run(t, f, bind(t, f))
			})
		})
	}
}

func TestCaveats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("api-1")
		kill, _ := (&Kill{Signal: "SIGKILL"}).Bind(engined{f}, "id", 0)
		p, err := kill.Inject(t.Context(), nil)
		if err != nil || p.Mechanism != "engine" {
			t.Errorf("Inject on what an engine keeps = %+v, %v, want the engine as mechanism", p, err)
		}
		f.mu.Lock()
		f.alive = true // by a restart policy
		f.mu.Unlock()
		if p, err := kill.Revert(t.Context(), nil); err != nil || !strings.Contains(p.Caveat, "restart policy") {
			t.Errorf("Revert of what came back by itself = %+v, %v, want a caveat", p, err)
		}
		pause, _ := (&Pause{}).Bind(f, "id", 0)
		if _, err := pause.Inject(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		f.paused = false
		f.mu.Unlock()
		if p, err := pause.Revert(t.Context(), nil); err != nil || p.Caveat == "" {
			t.Errorf("Revert of what was let go = %+v, %v, want a caveat", p, err)
		}
		f.mu.Lock()
		f.paused = true
		f.mu.Unlock()
		if _, err := pause.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "paused already") {
			t.Errorf("Prepare on a paused target = %v", err)
		}
		f.mu.Lock()
		f.alive = false
		f.mu.Unlock()
		if _, err := kill.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "does not run") {
			t.Errorf("Prepare on a dead target = %v", err)
		}
	})
}

// adviser is a target that knows how a kill of it is undone.
type adviser struct{ fake }

func (adviser) Remedy(did Capability) string {
	return map[Capability]string{CapKill: "docker start api-1"}[did]
}

func TestRemedy(t *testing.T) {
	f := newFake("api-1")
	for _, tt := range []struct {
		kind Kind
		t    Target
		want string
	}{
		{killKind, f, "start api-1 again"},
		{pauseKind, f, "unpause api-1"},
		{latencyKind, f, "restart api-1"},
		{killKind, adviser{f}, "docker start api-1"},
		{pauseKind, adviser{f}, "unpause api-1"},
	} {
		if got := remedy(tt.kind, tt.t); got != tt.want {
			t.Errorf("remedy(%s, %T) = %q, want %q", tt.kind.Name, tt.t, got, tt.want)
		}
	}
}

func TestAdvice(t *testing.T) {
	for _, tt := range []struct {
		name     string
		remedies []string
		want     string
	}{
		{"by hand", []string{"docker start a", "unpause b"}, "run ordeal heal, or by hand: docker start a; unpause b"},
		{"not needed", []string{Needless("a ends with the run")}, "nothing to do: a ends with the run"},
		{
			"one of each", []string{Needless("a ends with the run"), "unpause b"},
			"run ordeal heal, or by hand: unpause b; nothing to do: a ends with the run",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := advise(tt.remedies); got != tt.want {
				t.Errorf("expected %q, found %q", tt.want, got)
			}
		})
	}
}

// What runs is not to be started by hand: something else is wrong with it.
func TestRemedyOfWhatRuns(t *testing.T) {
	alive, dead := newFake("api-1"), newFake("api-2")
	dead.alive = false
	for _, tt := range []struct {
		kind Kind
		t    Target
		want string
	}{
		{killKind, dead, "docker start api-2"},
		{killKind, alive, "api-1 runs, so put right what the error says"},
		{pauseKind, alive, "docker start api-1"},
	} {
		if got := remedyNow(t.Context(), tt.kind, tt.t, "docker start "+tt.t.Name()); got != tt.want {
			t.Errorf("remedyNow(%s, %s) = %q, want %q", tt.kind.Name, tt.t.Name(), got, tt.want)
		}
	}
	journal, err := OpenJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	entry := Entry{ID: "id", Kind: "kill", Run: "r", Owner: owner.Owner{Host: "h"}, Spec: json.RawMessage(`{"signal":"SIGKILL"}`),
		State: State(`{"life":"0","situation":{"port":1}}`), Remedy: "docker start api-2"}
	if err := journal.Add(entry); err != nil {
		t.Fatal(err)
	}
	_, _, err = Healer{
		Journal: journal, Liveness: liveness,
		Reopen: func(Ref) (Target, error) { return restored{dead, "its port moved"}, nil },
	}.Heal(t.Context())
	if err == nil || !strings.Contains(err.Error(), "its port moved") || !strings.HasSuffix(err.Error(), "by hand: api-2 runs, so put right what the error says") {
		t.Errorf("Heal = %v", err)
	}
}
