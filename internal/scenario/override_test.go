package scenario_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

const overridable = `name: shop
services:
  api: { builtin: api }
target: http://127.0.0.1:8080
attack:
  timeout: 2s
  requests:
    - &a { name: browse, weight: 9, get: /products, headers: { X.Y: one } }
    - { name: again, get: /again }
  stages:
    - { name: warmup, rate: 5/s, for: 1s }
    - { name: steady, rate: 50/s, for: 10s }
verdict:
  - p99 < 200ms
`

func setting(set ...string) scenario.Options {
	var o scenario.Options
	for _, s := range set {
		o.Set = append(o.Set, strictyaml.Override{Flag: "--set", Text: s})
	}
	return o
}

func noEnv(string) (string, bool) { return "", false }

func TestSet(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  []string
		edit func(file string) string // what the same file says by itself
	}{
		{"a value", []string{"attack.timeout=5s"}, func(f string) string { return strings.Replace(f, "timeout: 2s", "timeout: 5s", 1) }},
		{"the last one counts", []string{"attack.timeout=3s", "attack.timeout=5s"}, func(f string) string { return strings.Replace(f, "timeout: 2s", "timeout: 5s", 1) }},
		{"a key that is not there", []string{"seed=7"}, func(f string) string { return f + "seed: 7\n" }},
		{"a mapping that is not there", []string{"attack.connections.per_host=3"}, func(f string) string {
			return strings.Replace(f, "  timeout: 2s", "  timeout: 2s\n  connections: { per_host: 3 }", 1)
		}},
		{"an item by its name", []string{"attack.stages.steady.rate=80/s"}, func(f string) string { return strings.Replace(f, "rate: 50/s", "rate: 80/s", 1) }},
		{"an item by its index", []string{"attack.stages.1.rate=80/s"}, func(f string) string { return strings.Replace(f, "rate: 50/s", "rate: 80/s", 1) }},
		{"an index in brackets", []string{"attack.stages[1].rate=80/s"}, func(f string) string { return strings.Replace(f, "rate: 50/s", "rate: 80/s", 1) }},
		{"one more item", []string{"verdict.1=error_rate < 1%"}, func(f string) string { return f + "  - error_rate < 1%\n" }},
		{"the first item of a list that is not there", []string{"allow_hosts.0=10.0.0.1"}, func(f string) string { return f + "allow_hosts: [10.0.0.1]\n" }},
		{"a whole list", []string{"verdict=[p95 < 1s, 'error_rate < 1%']"}, func(f string) string {
			return strings.Replace(f, "- p99 < 200ms", "- p95 < 1s\n  - error_rate < 1%", 1)
		}},
		{"a key with a dot", []string{`attack.requests.browse.headers."X.Y"=two`}, func(f string) string { return strings.Replace(f, "X.Y: one", "X.Y: two", 1) }},
		{"a value with an equals sign", []string{"attack.requests.browse.get=/products?a=1"}, func(f string) string {
			return strings.Replace(f, "get: /products,", `get: "/products?a=1",`, 1)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := scenario.Parse("f.yaml", []byte(overridable), noEnv, setting(tt.set...))
			if err != nil {
				t.Fatal(err)
			}
			want, err := scenario.Parse("f.yaml", []byte(tt.edit(overridable)), noEnv, scenario.Options{})
			if err != nil {
				t.Fatal(err)
			}
			a, _ := got.JSON()
			b, _ := want.JSON()
			if diff := cmp.Diff(string(b), string(a)); diff != "" {
				t.Errorf("the plan differs from that of the same file edited (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetMistakes(t *testing.T) {
	for _, tt := range []struct {
		set, at, msg, hint string
	}{
		{"attack.timeout=soon", "--set:1:16", "expected a duration", ""},
		{"attack.timeot=5s", "--set:1:1", `has no key "timeot"`, "timeout"},
		{"attack.stages.stedy.rate=5/s", "--set:1:1", `attack.stages has no item "stedy"`, "there are warmup, steady; or name one by its index, from 0 to 1"},
		{"attack.stages.9.rate=5/s", "--set:1:1", `attack.stages has no item "9"`, "from 0 to 1"},
		{"name.first=x", "--set:1:1", `name is "shop", which has no key "first"`, ""},
		{"attack", "--set:1:1", "expected key=value", "attack.timeout=5s"},
		{"=5s", "--set:1:1", "expected key=value", ""},
		{"a..b=5s", "--set:1:1", "a dot between them", ""},
		{"verdict=[p99 < 1s", "--set:1:", "", ""},
		{"verdict.0=p99 < 200", "--set:1:17", "", ""},
	} {
		t.Run(tt.set, func(t *testing.T) {
			_, err := scenario.Parse("f.yaml", []byte(overridable), noEnv, setting(tt.set))
			m, ok := errors.AsType[*strictyaml.Mistakes](err)
			if !ok {
				t.Fatalf("expected mistakes, found %v", err)
			}
			text := m.Error()
			for _, want := range []string{tt.at, tt.msg, tt.hint, tt.set} {
				if !strings.Contains(text, want) {
					t.Errorf("expected %q in:\n%s", want, text)
				}
			}
		})
	}
}

func TestSetLeavesAliasesAlone(t *testing.T) {
	const file = `name: two
target: http://127.0.0.1:8080
attack:
  requests: [{ name: a, get: / }]
  stages:
    - &s { name: one, rate: 5/s, for: 1s }
    - { <<: *s, name: two }
`
	p, err := scenario.Parse("f.yaml", []byte(file), noEnv, setting("attack.stages.one.for=9s"))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Attack.Duration().String(); got != "10s" {
		t.Errorf("the load lasts %s, want 9s and 1s", got)
	}
}

func TestQuick(t *testing.T) {
	p, err := scenario.LoadQuick(scenario.Quick{URL: "http://127.0.0.1:8080/a?b=1", Rate: "20/s", For: "5s", Rules: []string{"p99 < 200ms", "error_rate < 10%"}}, noEnv, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "url 127.0.0.1-8080" || len(p.Rules) != 2 || p.Arrivals.Count != 100 {
		t.Errorf("found the plan %q with %d rules and %d arrivals", p.Name, len(p.Rules), p.Arrivals.Count)
	}
	p, err = scenario.LoadQuick(scenario.Quick{URL: "http://127.0.0.1:8080"}, noEnv, scenario.Options{})
	if err != nil || len(p.Rules) != 0 || p.Arrivals.Count != 1500 {
		t.Errorf("by default %+v, %v", p, err)
	}
	for _, tt := range []struct {
		name string
		q    scenario.Quick
		want []string
	}{
		{"a public host", scenario.Quick{URL: "http://8.8.8.8/"}, []string{"--url:1:", "8.8.8.8", "add --allow-host 8.8.8.8"}},
		{"no scheme", scenario.Quick{URL: "127.0.0.1:8080/a"}, []string{"--url:1:1", "write http://127.0.0.1:8080/a"}},
		{"no scheme, and a rate without a unit", scenario.Quick{URL: "127.0.0.1:8080", Rate: "5"}, []string{"--url:1:1", "--rate:1:1"}},
		{"an empty URL", scenario.Quick{}, []string{"--url:1:1"}},
		{"a rate without a unit", scenario.Quick{URL: "http://127.0.0.1/", Rate: "50"}, []string{"--rate:1:1", "50"}},
		{"a time without a unit", scenario.Quick{URL: "http://127.0.0.1/", For: "30"}, []string{"--for:1:1", "30"}},
		{"a rule that is none", scenario.Quick{URL: "http://127.0.0.1/", Rules: []string{"p99 < 1s", "p99 < 200"}}, []string{"--rule:1:7"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := scenario.LoadQuick(tt.q, noEnv, scenario.Options{})
			m, ok := errors.AsType[*strictyaml.Mistakes](err)
			if !ok {
				t.Fatalf("expected mistakes, found %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(m.Error(), want) {
					t.Errorf("expected %q in:\n%s", want, m.Error())
				}
			}
		})
	}
	if _, err := scenario.LoadQuick(scenario.Quick{URL: "http://8.8.8.8/", AllowHosts: []string{"8.8.8.8"}}, noEnv, scenario.Options{}); err != nil {
		t.Errorf("with --allow-host: %v", err)
	}
}

func FuzzSet(f *testing.F) {
	for _, s := range []string{"attack.timeout=5s", `a."b.c"[0].d=[1, {x: y}]`, "=", "a[=1", "verdict.0=&x *x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := scenario.Parse("f.yaml", []byte(overridable), noEnv, setting(s)); err != nil {
			if _, ok := errors.AsType[*strictyaml.Mistakes](err); !ok {
				t.Errorf("%q: %v is no list of mistakes", s, err)
			}
		}
	})
}
