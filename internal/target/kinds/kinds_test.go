package kinds_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/internal/target/container"
	"github.com/seed-1574e9de/ordeal/internal/target/kinds"
	"github.com/seed-1574e9de/ordeal/internal/target/link"
	"github.com/seed-1574e9de/ordeal/internal/target/process"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// example is what the suite needs of a kind. A kind without one fails.
type example struct {
	// services are as the file says them, each without what else it needs; every text
	// of other's address must be found in them.
	services []string
	// hit is what its targets are; it may be a nil pointer.
	hit chaos.Target
	// opens says that the first service can be opened here, without anything installed.
	opens bool
}

var examples = map[string]example{
	"process": {
		services: []string{
			`{ process: { command: [sleep, "60"], env: { UP: "${other.addr}" } } }`,
			`{ builtin: shop, args: [--delay, "${other.addr}"] }`,
		},
		hit: (*process.Process)(nil), opens: true,
	},
	"container": {
		services: []string{
			`{ container: { image: "shop:1", args: ["${other.addr}"], port: 8080 } }`,
			`{ container: { name: shop-api-1, ready: "http://${other.addr}/up" } }`,
			`{ container: { builtin: api, env: { UP: "${other.addr}" } } }`,
		},
		hit: (*container.Container)(nil),
	},
	"link": {
		services: []string{`{ link: { upstream: "${other.addr}" } }`},
		hit:      (*link.Link)(nil), opens: true,
	},
}

func TestKinds(t *testing.T) {
	keys := map[string]string{}
	for _, k := range kinds.All() {
		t.Run(k.Name, func(t *testing.T) {
			if !regexp.MustCompile(`^[a-z]+$`).MatchString(k.Name) {
				t.Errorf("the name %q is no plain word", k.Name)
			}
			ex, ok := examples[k.Name]
			if !ok || len(ex.services) == 0 || ex.hit == nil {
				t.Fatal("the kind has no examples: add some to this test")
			}
			wellFormed(t, k, keys)
			capabilities(t, k, ex.hit)
			for _, text := range ex.services {
				planned(t, k, text)
			}
			heals(t, k)
			if ex.opens {
				opens(t, k, ex.services[0])
			}
		})
	}
	for name := range examples {
		if !slices.ContainsFunc(kinds.All(), func(k target.Kind) bool { return k.Name == name }) {
			t.Errorf("there are examples of %q, which is not in the registry", name)
		}
	}
}

// wellFormed checks what the file can say of a kind: each key is that of one kind, and
// says what it is.
func wellFormed(t *testing.T, k target.Kind, seen map[string]string) {
	t.Helper()
	file := reflect.TypeOf(k.New())
	if file.Kind() != reflect.Pointer || file.Elem().Kind() != reflect.Struct {
		t.Fatalf("New returns a %v, want a pointer to a struct", file)
	}
	var fields []string
	for i := range file.Elem().NumField() {
		f := file.Elem().Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if fields = append(fields, key); f.Tag.Get("doc") == "" {
			t.Errorf("the key %q has no doc", key)
		}
	}
	want := slices.Clone(k.Keys)
	for _, b := range k.Beside {
		if want = append(want, b.Key); b.Hint == "" || !slices.Contains(k.Keys, b.With) {
			t.Errorf("%q goes with %q, hint %q: expected one of the keys %v, and a hint", b.Key, b.With,
				b.Hint, k.Keys)
		}
	}
	slices.Sort(fields)
	slices.Sort(want)
	if !slices.Equal(fields, want) {
		t.Errorf("New has the keys %v, want %v", fields, want)
	}
	for _, key := range fields {
		if other, taken := seen[key]; taken {
			t.Errorf("the key %q is that of %s already", key, other)
		}
		seen[key] = k.Name
	}
}

// capabilities holds what a kind says of its targets against what they implement.
func capabilities(t *testing.T, k target.Kind, hit chaos.Target) {
	t.Helper()
	_, killer := hit.(chaos.Killer)
	_, pauser := hit.(chaos.Pauser)
	_, impairer := hit.(chaos.Impairer)
	for c, is := range map[chaos.Capability]bool{
		chaos.CapKill: killer, chaos.CapPause: pauser, chaos.CapNetwork: impairer,
	} {
		instead, not := k.Can.Not[c]
		if is == not || not && instead == "" {
			t.Errorf("%s: a target that can suffer it: %v; the kind says not: %v, instead %q", c, is, not,
				instead)
		}
		limited, ok := hit.(chaos.Limited)
		if not && (!ok || limited.Instead(c) != instead) {
			t.Errorf("%s: a target does not say what its kind says: %q", c, instead)
		}
	}
	if _, observable := hit.(target.Observable); observable != (len(k.Can.Figures) > 0) {
		t.Errorf("a target that can be watched: %v; the kind has the figures %v", observable, k.Can.Figures)
	}
	for _, f := range k.Can.Figures {
		if row := f.Row(); row.Kind != timeline.ServiceSubject || row.Derived() {
			t.Errorf("the figure %s is none that is measured of services", f)
		}
	}
	var network []string
	hits := 0
	for _, f := range chaos.Kinds() {
		instead, ok := k.Suffer(f)
		if ok == (instead != "") {
			t.Errorf("Suffer(%s) = %q, %v: expected a yes or what to do instead", f.Name, instead, ok)
		}
		if ok {
			hits++
		}
		if f.Needs == chaos.CapNetwork {
			network = append(network, f.Name)
		}
	}
	if hits == 0 {
		t.Error("no fault can hit it")
	}
	if impairer == (len(k.Can.Conditions) == 0) {
		t.Errorf("its traffic can be impaired: %v, and its conditions are %v", impairer, k.Can.Conditions)
	}
	for _, c := range k.Can.Conditions {
		if !slices.Contains(network, c) {
			t.Errorf("the condition %q is no network fault, which are %v", c, network)
		}
	}
}

// plan reads a scenario with a service of the kind, beside another.
func plan(t *testing.T, service string) *scenario.Plan {
	t.Helper()
	text := `
name: kinds
services:
  it: ` + service + `
  other: { process: { command: [sleep, "60"] } }
target: http://127.0.0.1:1
attack:
  requests: [{ name: a, get: / }]
  stages: [{ name: s, rate: 1/s, for: 1s }]
`
	none := func(string) (string, bool) { return "", false }
	p, err := scenario.Parse("kinds.yaml", []byte(text), none, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// planned checks what the plan has of a service of the kind.
func planned(t *testing.T, k target.Kind, text string) {
	t.Helper()
	p := plan(t, text)
	s := p.Services[0]
	if s.Kind == nil || s.Kind.Name != k.Name {
		t.Fatalf("%s is of the kind %+v", text, s.Kind)
	}
	if refs := target.Refs(s.Settings.Texts()...); !slices.Equal(refs, []string{"other"}) {
		t.Errorf("%s: its texts name the services %v, want other: Texts leaves some out", text, refs)
	}
	if order := p.StartOrder(); order[len(order)-1].Name != "it" {
		t.Errorf("%s: it is started before the service that it needs", text)
	}
	if _, findable := s.Settings.(target.Findable); findable != k.Finds {
		t.Errorf("%s: its settings say whether it is found: %v; the kind says %v", text, findable, k.Finds)
	}
	if what, _ := s.Settings.Describe(); what == "" {
		t.Errorf("%s: Describe says nothing", text)
	}
	if why, hint := s.Settings.NoAddress("it"); (why == "") != (hint == "") {
		t.Errorf("%s: NoAddress = %q, %q: expected both or none", text, why, hint)
	}
	if n, known := s.Settings.Targets(); known == (n == 0) {
		t.Errorf("%s: Targets = %d, %v", text, n, known)
	}
	b, err := p.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Services []map[string]json.RawMessage `json:"services"`
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	want := []string{"name", k.Name}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(out.Services[0])); !slices.Equal(got, want) {
		t.Errorf("%s: the plan has the keys %v, want name and %s", text, got, k.Name)
	}
	if again, err := plan(t, text).JSON(); err != nil || string(again) != string(b) {
		t.Errorf("%s: the same file gives another plan: %v", text, err)
	}
}

// heals checks that a healer does nothing about what lives, that it says so where it
// could not look, and that what it cannot read is an error.
func heals(t *testing.T, k target.Kind) {
	t.Helper()
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	h := k.Heal(allAre(owner.Alive))
	defer func() {
		if err := h.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}()
	for _, asked := range []bool{false, true} {
		swept, err := h.Sweep(t.Context(), asked)
		if err != nil || len(swept.Done) > 0 {
			t.Errorf("Sweep(%v) while all runs live = %+v, %v", asked, swept, err)
		}
		if swept.Unseen != nil && !errors.Is(swept.Unseen, target.ErrUnreachable) {
			t.Errorf("Sweep(%v): what it did not see is no target.ErrUnreachable: %v", asked, swept.Unseen)
		}
	}
	rubbish := chaos.Ref{Kind: k.Name, Name: "it", Data: json.RawMessage(`"rubbish"`)}
	if got, err := h.Reopen(t.Context(), rubbish); err == nil {
		t.Errorf("Reopen of rubbish = %v, nil", got)
	}
	if p, ok := h.(target.Placed); ok {
		if _, _, err := p.Looked(json.RawMessage(`"rubbish"`)); err == nil || p.PlaceKey() == "" {
			t.Errorf("Looked at rubbish under the key %q: %v", p.PlaceKey(), err)
		}
	}
}

// opens starts a service for real: its target is found again while it runs and not
// afterwards, and all that was started is taken down.
func opens(t *testing.T, k target.Kind, text string) {
	t.Helper()
	s := plan(t, text).Services[0]
	var undo []func(context.Context) error
	me, err := owner.Current()
	if err != nil {
		t.Fatal(err)
	}
	opener := k.Open(target.Env{
		Run: "r1", Owner: me, Dir: t.TempDir(), Hosts: &allow.Hosts{},
		Expand: func(s string) (string, error) { return target.Checked(s), nil },
		Ready: func(
			c ready.Check, _, _ string, _ func(string) (string, error),
		) (ready.Check, error) {
			return c, nil
		},
		Log:      func(string) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil },
		Progress: func(string, ...any) {},
		Place:    func(string, json.RawMessage) error { return nil },
		Undo:     func(f func(context.Context) error) { undo = append(undo, f) },
	})
	facts, err := opener.Facts(t.Context(), "it", s.Settings)
	if err != nil || len(undo) > 0 {
		t.Fatalf("Facts = %v, with %d things to undo; want none", err, len(undo))
	}
	opened, err := opener.Open(t.Context(), "it", s.Settings)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := s.Settings.Targets(); len(opened.Targets) != n || len(facts.Targets) != n || n == 0 {
		t.Fatalf("%d targets, %d in the facts, and the settings say %d", len(opened.Targets),
			len(facts.Targets), n)
	}
	h := k.Heal(allAre(owner.Dead))
	defer h.Close()
	for i, hit := range opened.Targets {
		ref := hit.Ref()
		if hit.Name() != facts.Targets[i].Name || ref.Name != hit.Name() || ref.Kind != k.Name {
			t.Errorf("the target %s, reference %s %s, is %s in the facts", hit.Name(), ref.Kind, ref.Name,
				facts.Targets[i].Name)
		}
		again, err := h.Reopen(t.Context(), ref)
		if err != nil && !errors.Is(err, chaos.ErrGone) || err == nil && again.Name() != hit.Name() {
			t.Errorf("Reopen = %v, %v", again, err)
		}
	}
	for range 2 {
		for _, f := range slices.Backward(undo) {
			if err := f(t.Context()); err != nil {
				t.Errorf("undoing: %v", err)
			}
		}
	}
	for _, hit := range opened.Targets {
		if again, err := h.Reopen(t.Context(), hit.Ref()); !errors.Is(err, chaos.ErrGone) {
			t.Errorf("Reopen of what was taken down = %v, %v", again, err)
		}
	}
}

// allAre says the same of all runs.
func allAre(l owner.Liveness) target.Healing {
	return target.Healing{Liveness: func(string, owner.Owner) (owner.Liveness, string) { return l, "" }}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
