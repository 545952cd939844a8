package scenario

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

const testdata = "../../testdata"

// testEnv is all the environment that the test files see.
func testEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"API_TOKEN": "s3cr3t-value",
		"QTY":       "3",
		"EMPTY":     "",
		"MAX_P99":   "250ms",
	}[name]
	return v, ok
}

// golden compares with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run the test with -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("differs from %s, which -update writes anew (-want +got):\n%s", path, diff)
	}
}

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(testdata, dir, "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return found
}

func TestBadFiles(t *testing.T) {
	for _, file := range filesIn(t, "bad") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := Load(file, testEnv, Options{})
			m, ok := err.(*strictyaml.Mistakes)
			if !ok {
				t.Fatalf("expected *Mistakes, found %T: %v", err, err)
			}
			var b bytes.Buffer
			m.Render(&b, false)
			for _, k := range m.List {
				if k.Hint == "" {
					t.Errorf("no hint for %q", k.Msg)
				}
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".want", b.Bytes())
		})
	}
}

func load(t *testing.T, file string, opt Options) *Plan {
	t.Helper()
	p, err := Load(file, testEnv, opt)
	if err != nil {
		t.Fatalf("expected no mistake, found:\n%v", err)
	}
	return p
}

func planJSON(t *testing.T, p *Plan) []byte {
	t.Helper()
	b, err := p.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGoodFiles(t *testing.T) {
	for _, file := range filesIn(t, "good") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p := load(t, file, Options{})
			b := planJSON(t, p)
			golden(t, strings.TrimSuffix(file, ".yaml")+".plan.json", b)
			if again := planJSON(t, load(t, file, Options{})); !bytes.Equal(b, again) {
				t.Error("the same file gives another plan the second time")
			}
			for _, secret := range p.Secrets {
				if bytes.Contains(b, []byte(secret)) {
					t.Errorf("the secret %q is printed", secret)
				}
			}
		})
	}
}

// What the starter has in comments is right too, once the marks are taken away.
func TestStarterComments(t *testing.T) {
	text := Template()
	for _, key := range []string{"rerun", "setup", "observe", "ledger", "hypothesis", "abort"} {
		block := regexp.MustCompile(`(?m)^# ` + key + `:.*\n(#   .*\n)*`)
		if !block.MatchString(text) {
			t.Fatalf("expected the starter to have %q in a comment", key)
		}
		text = block.ReplaceAllStringFunc(text, func(lines string) string {
			return strings.ReplaceAll("\n"+lines, "\n# ", "\n")[1:]
		})
	}
	text = strings.ReplaceAll(text, "\n  # - {", "\n  - {")
	env := func(name string) (string, bool) { return "x", name == "PASSWORD" }
	p, err := Parse("starter.yaml", []byte(text), env, Options{})
	if err != nil {
		t.Fatalf("expected no mistake, found:\n%v", err)
	}
	if len(p.Setup) == 0 || p.Observe == nil || len(p.Ledger) == 0 {
		t.Errorf("expected a setup, observers and a ledger, found:\n%s", planJSON(t, p))
	}
	if len(p.Rules) != 5 || len(p.Abort) == 0 || len(p.Hypothesis) == 0 {
		t.Errorf("expected all rules, found:\n%s", planJSON(t, p))
	}
}

func TestTemplateIsAGoodScenario(t *testing.T) {
	p, err := Parse("starter.yaml", []byte(Template()), testEnv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Chaos) == 0 || len(p.Rules) == 0 {
		t.Error("expected the starter to show faults and rules")
	}
}

func TestSeedDecidesTheSchedule(t *testing.T) {
	file := filepath.Join(testdata, "good", "design.yaml")
	seven := uint64(7)
	a, b := load(t, file, Options{}), load(t, file, Options{Seed: &seven})
	if a.Seed != 42 || b.Seed != 7 || b.Attack.Seed != 7 {
		t.Fatalf("expected seeds 42 and 7, found %d, %d and %d", a.Seed, b.Seed, b.Attack.Seed)
	}
	if a.Arrivals.SHA256 == b.Arrivals.SHA256 {
		t.Error("another seed gives the same schedule")
	}
	if bytes.Equal(planJSON(t, a), planJSON(t, b)) {
		t.Error("another seed gives the same plan")
	}
}

func TestFaultsDoNotChangeTheLoad(t *testing.T) {
	const base = `
name: x
services: { s: { builtin: shop } }
target: http://${s.addr}
attack:
  arrivals: poisson
  requests: [{ name: a, get: / }, { name: b, get: /b }]
  stages: [{ name: s, rate: 50/s, for: 10s }]
`
	parse := func(src string) *Plan {
		p, err := Parse("x.yaml", []byte(src), testEnv, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	without := parse(base)
	with := parse(base + "chaos: [{ name: f, at: 2s, kill: { service: s } }]\n")
	if without.Arrivals != with.Arrivals {
		t.Errorf("a fault changes the arrivals: %+v, %+v", without.Arrivals, with.Arrivals)
	}
	if without.Arrivals.Count == 0 {
		t.Error("expected arrivals")
	}
}

func TestLoadOfWhatCannotBeRead(t *testing.T) {
	for name, path := range map[string]string{"missing": "no-such.yaml", "folder": ".", "device": "/dev/zero"} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(path, testEnv, Options{})
			m, ok := err.(*strictyaml.Mistakes)
			if !ok || len(m.List) != 1 {
				t.Fatalf("expected one mistake, found %#v", err)
			}
			if k := m.List[0]; k.Line != 0 || k.Hint == "" {
				t.Errorf("expected a hint and no place, found line %d and hint %q", k.Line, k.Hint)
			}
		})
	}
}
