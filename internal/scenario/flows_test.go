package scenario

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

func parse(t *testing.T, src string) *Plan {
	t.Helper()
	p, err := Parse(filepath.Join(testdata, "good", "x.yaml"), []byte(src), testEnv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const withoutFlow = `
name: x
services: { s: { builtin: shop }, other: { builtin: shop } }
target: http://${s.addr}/base
attack:
  requests: [{ name: a, get: / }, { name: b, get: /b }]
  stages: [{ name: s, rate: 50/s, for: 10s }]
`

const oneFlow = `
  flows:
    - name: buy
      data: secrets.csv
      steps:
        - { name: in, post: "http://${other.addr}/in", headers: { X-Api-Key: "${API_TOKEN}" }, capture: { id: { json: "$.id" } } }
        - { name: out, get: "/out/{{ .id }}/{{ .password }}", body: "${s.addr}" }
`

func withFlow(t *testing.T) *Plan {
	return parse(t, strings.TrimSuffix(withoutFlow, "\n")+oneFlow)
}

// Steps stand behind the requests of the file, so that a flow changes no index,
// and their rows stand once.
func TestFlowChangesNoRequest(t *testing.T) {
	p := withFlow(t)
	var names []string
	for _, r := range p.Attack.Requests {
		names = append(names, r.Name)
		if r.Data != nil {
			t.Errorf("%s has rows of its own", r.Name)
		}
	}
	if want := []string{"a", "b", "buy/in", "buy/out"}; !slices.Equal(names, want) {
		t.Errorf("expected %v, found %v", want, names)
	}
	f := p.Attack.Flows[0]
	if n := f.Data.Len(); n != 2 {
		t.Errorf("the flow has %d rows, expected 2", n)
	}
	if first, then := f.Steps[0].Request, f.Steps[1].Request; first != 2 || then != 3 {
		t.Errorf("the steps are requests %d and %d, expected 2 and 3", first, then)
	}
	if got, want := f.Steps[0].Captures[0], (expect.Capture{Name: "id", JSON: "$.id"}); got != want {
		t.Errorf("the first step captures %+v, expected %+v", got, want)
	}
	if before := parse(t, withoutFlow); before.Attack.Requests[1].Name != p.Attack.Requests[1].Name {
		t.Error("a flow moves the requests")
	}
}

// Addresses, hosts and secrets of steps are looked after like those of requests.
func TestStepsAreRequests(t *testing.T) {
	p := withFlow(t)
	got, err := p.resolve(func(name string) (string, bool) {
		return map[string]string{"s": "127.0.0.1:1", "other": "127.0.0.1:2"}[name], true
	}, nowhere)
	if err != nil {
		t.Fatal(err)
	}
	in, out := httpOf(t, &got, 2), httpOf(t, &got, 3)
	if in.URL != "http://127.0.0.1:2/in" || out.URL != "http://127.0.0.1:1/base/out/{{ .id }}/{{ .password }}" || out.Body != "127.0.0.1:1" {
		t.Errorf("found %q, %q, %q", in.URL, out.URL, out.Body)
	}
	if len(got.Flows) != 1 || got.Flows[0].Steps[1].Request != 3 {
		t.Errorf("found %+v", got.Flows)
	}
	_, err = p.resolve(func(name string) (string, bool) {
		return map[string]string{"s": "127.0.0.1:1", "other": "203.0.113.7:80"}[name], true
	}, nowhere)
	if err == nil || !strings.Contains(err.Error(), "203.0.113.7 is a public address") {
		t.Errorf("expected the host of a step to be refused, found %v", err)
	}
	b := planJSON(t, p)
	// One is too short to be a secret wherever it stands: no row is printed at all.
	for _, secret := range []string{"s3cr3t-value", "hunter22", `"abc"`} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s is printed", secret)
		}
	}
	if v, _ := p.Attack.Flows[0].Data.Get(1, "password"); v != "abc" {
		t.Error("printing changed the plan")
	}
	secure := parse(t, `
name: x
attack:
  flows: [{ name: f, steps: [{ name: a, get: "http://127.0.0.1/" }, { name: b, get: "https://127.0.0.1/{{ nth }}" }] }]
  stages: [{ name: s, rate: 1/s, for: 1s }]
`)
	if secure.Attack.Engine != httpx.AutoEngine {
		t.Errorf("expected the server of a step over TLS to be asked for the engine, found %s", secure.Attack.Engine)
	}
}

// No arrival of a closed loop is known before the run: the digest has none of
// them, and the plan says all that there is to say.
func TestPlanOfClosedStagesOnly(t *testing.T) {
	const src = `
name: x
target: http://127.0.0.1:1
attack:
  requests: [{ name: a, get: / }]
  stages: [{ name: s, users: 5, think: 1s, for: 10s }]
`
	p := parse(t, src)
	if p.Arrivals.Count != 0 || p.Attack.Duration() == 0 {
		t.Errorf("found %+v", p.Arrivals)
	}
	for _, other := range []string{strings.Replace(src, "users: 5", "users: 6", 1), strings.Replace(src, "think: 1s", "think: 2s", 1)} {
		if bytes.Equal(planJSON(t, p), planJSON(t, parse(t, other))) {
			t.Errorf("the same plan for\n%s", other)
		}
	}
}

// The plan has a trace's digest: another instant is another plan, even of an
// arrival that the stage is too short for.
func TestPlanTellsTracesApart(t *testing.T) {
	dir := t.TempDir()
	plan := func(times string) []byte {
		if err := os.WriteFile(filepath.Join(dir, "t.txt"), []byte(times), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Parse(filepath.Join(dir, "x.yaml"), []byte(`
name: x
target: http://127.0.0.1:1
attack:
  requests: [{ name: a, get: / }]
  stages: [{ name: s, trace: { file: t.txt }, for: 2s }]
`), testEnv, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if p.Arrivals.Count != 2 {
			t.Errorf("expected 2 arrivals, found %d", p.Arrivals.Count)
		}
		return planJSON(t, p)
	}
	a := plan("1\n2\n9\n")
	if !bytes.Equal(a, plan("# the same\n11\n12\n19\n")) {
		t.Error("the same instants give another plan")
	}
	if bytes.Equal(a, plan("1\n2\n9.5\n")) || bytes.Equal(a, plan("1\n2.5\n9\n")) {
		t.Error("other instants give the same plan")
	}
}
