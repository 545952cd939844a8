package scenario

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Rules of any text are either all compiled, or there are mistakes, which have a place in it.
func FuzzLoadRules(f *testing.F) {
	f.Add("verdict:\n  - p99 < 200ms\n  - { kpi: stage(\"s\").p50 < 1s, name: x, severity: warn }\n")
	f.Add("verdict: default\nversion: 1\nattack: { requests: 5 }\n")
	f.Add("a: &a [*a]\nverdict: *a")
	f.Add("secrets: [X]\nverdict:\n - error_rate < ${X:-5}%\n")
	names := verdict.Names{Stages: []string{"s"}, Requests: []string{"r"}, Faults: []string{"f"}}
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := parseRules("rules.yaml", text, nil, testEnv, names)
		if err == nil {
			for _, r := range rules {
				if r.Rule == nil || r.At.File != "rules.yaml" || r.At.Line < 1 {
					t.Errorf("a rule without its place: %+v", r)
				}
			}
			return
		}
		m, ok := errors.AsType[*strictyaml.Mistakes](err)
		if !ok || len(m.List) == 0 || rules != nil {
			t.Fatalf("expected mistakes and no rules, found %T %v and %d rules", err, err, len(rules))
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
		for _, x := range m.List {
			if x.Line < 0 || x.Line > lines {
				t.Errorf("a mistake at line %d of %d: %s", x.Line, lines, x.Msg)
			}
		}
	})
}

// A plan that was printed says what a run was judged by, and any other text is refused.
func FuzzReadPlan(f *testing.F) {
	f.Add([]byte(`{"schema":1,"name":"x","seed":18446744073709551615,"attack":{"stages":[{"name":"s"}]},"verdict":[{"kpi":"p99 < 1s"}]}`))
	f.Add([]byte(`{"schema":1,"verdict":null,"chaos":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := ReadPlan(text); (p == nil) == (err == nil) {
			t.Errorf("a plan and an error: %+v, %v", p, err)
		}
	})
}
