package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// minimal is a scenario with something put in before the load.
func minimal(extra string) string {
	return "name: x\ntarget: http://127.0.0.1:1\n" + extra + `
attack:
  requests: [ { name: r, get: / } ]
  stages: [ { name: s, rate: 1/s, for: 10s } ]
`
}

func mistakesOf(t *testing.T, src string, env map[string]string) []strictyaml.Mistake {
	t.Helper()
	_, err := Parse("x.yaml", []byte(src), func(name string) (string, bool) { v, ok := env[name]; return v, ok }, Options{})
	if err == nil {
		return nil
	}
	return err.(*strictyaml.Mistakes).List
}

// A mistake behind an alias is told once, and everybody who used it knows.
func TestAliasedMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		src  string
		want []string
	}{
		"fault's target": {minimal("chaos:\n  - { name: a, at: 1s, pause: &p { service: nope } }\n  - { name: b, at: 2s, pause: *p }\n"), []string{`there is no service "nope"`}},
		"whole fault":    {minimal("chaos:\n  - &f { name: a, at: 1s, kill: { service: nope } }\n  - { <<: *f, name: b }\n  - { <<: *f, name: c }\n"), []string{`there is no service "nope"`}},
		"service":        {minimal("services: { a: &s { process: { command: [] } }, b: *s }\nchaos: [ { name: f, at: 1s, kill: { service: [a, b] } } ]\n"), []string{"command is empty"}},
		"rate": {"name: x\ntarget: http://127.0.0.1:1\nattack:\n  requests: [ { name: r, get: / } ]\n  stages:\n    - { name: s, rate: &r 5, for: 1s }\n    - { name: t, rate: *r, for: 1s }\n",
			[]string{`rate: expected a rate`}},
		"body": {"name: x\ntarget: http://127.0.0.1:1\nattack:\n  requests:\n    - { name: r, post: /, json: &j { a: \"${NONE}\" } }\n    - { name: q, post: /, json: *j }\n  stages: [ { name: s, rate: 1/s, for: 1s } ]\n",
			[]string{"the variable NONE is not set"}},
		"expected JSON": {"name: x\ntarget: http://127.0.0.1:1\nattack:\n  requests:\n    - { name: r, get: /, expect: &e { json: { $.a: \"${NONE}\" } } }\n    - { name: q, get: /, expect: *e }\n  stages: [ { name: s, rate: 1/s, for: 1s } ]\n",
			[]string{"the variable NONE is not set"}},
		"header's part": {"name: x\ntarget: http://127.0.0.1:1\nattack:\n  requests: [ { name: r, get: /, expect: { headers: { A: &h { holds: x }, B: *h } } } ]\n  stages: [ { name: s, rate: 1/s, for: 1s } ]\n",
			[]string{`has no key "holds"`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := mistakesOf(t, c.src, nil)
			if len(got) != len(c.want) {
				t.Fatalf("expected %d mistakes, found %v", len(c.want), got)
			}
			for i, m := range got {
				if !strings.Contains(m.Msg, c.want[i]) || m.Line == 0 {
					t.Errorf("expected %q, found %d:%d: %s", c.want[i], m.Line, m.Col, m.Msg)
				}
			}
		})
	}
}

// What a small file and its environment unfold to is bounded, and said where that
// begins.
func TestExpansionIsBounded(t *testing.T) {
	big := map[string]string{"A": strings.Repeat("q", 100_000)}
	long := strings.Repeat("x", 60_000)
	for name, c := range map[string]struct{ src, want string }{
		"variable again and again": {minimal("allow_hosts: [ \"" + strings.Repeat("${A}", 20_000) + "\" ]\n"), "4194304 bytes"},
		"in a body": {"name: x\ntarget: http://127.0.0.1:1\nattack:\n  requests: [ { name: r, post: /, json: [" + strings.Repeat("\"${A}\",", 5000) + "1] } ]\n  stages: [ { name: s, rate: 1/s, for: 1s } ]\n",
			"4194304 bytes"},
		"alias of a long text": {"name: x\ntarget: http://127.0.0.1:1\nattack:\n  requests: [ { name: r, post: /, json: [&a \"" + long + "\"" + strings.Repeat(",*a", 10_000) + "] } ]\n  stages: [ { name: s, rate: 1/s, for: 1s } ]\n",
			"4194304 bytes"},
		"alias of a long key": {"name: x\ntarget: http://127.0.0.1:1\nattack:\n  requests: [ { name: r, post: /, json: [&a {? \"" + long[:1000] + "\" : 1}" + strings.Repeat(",*a", 10_000) + "] } ]\n  stages: [ { name: s, rate: 1/s, for: 1s } ]\n",
			"4194304 bytes"},
		"aliases of aliases": {"name: x\ntarget: http://127.0.0.1:1\nattack:\n  requests:\n    - name: r\n      post: /\n      json:\n        a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" +
			exponential(12) + "  stages: [ { name: s, rate: 1/s, for: 1s } ]\n", "unfolds to more than"},
		"merged lists of lists":    {minimal("x0: &a0 { k: 1 }\n" + mergeLists(20) + "services: { s: { <<: *a20 } }\n"), "merge keys bring more than"},
		"values begun in one line": {minimal("x: " + strings.Repeat("&a ", 40_000) + "1\n"), "a line begins so many within each other"},
		"lists begun in one line":  {minimal("x:\n  " + strings.Repeat("- ", 60_000) + "1\n"), "a line begins so many within each other"},
		"long name":                {minimal("")[len("name: x\n"):] + "name: " + strings.Repeat("n", 300) + "\n", "at most 200 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			got := mistakesOf(t, c.src, big)
			for _, m := range got {
				if strings.Contains(m.Msg, c.want) {
					if m.Line == 0 || m.Col == 0 {
						t.Errorf("no place: %+v", m)
					}
					return
				}
			}
			t.Errorf("expected a mistake %q, found %.300v", c.want, fmt.Sprint(got))
		})
	}
}

func exponential(levels int) string {
	var b strings.Builder
	for i := range levels {
		a := fmt.Sprintf("*a%d", i)
		fmt.Fprintf(&b, "        a%d: &a%d [%s]\n", i+1, i+1, strings.Join([]string{a, a, a, a, a, a, a, a, a, a}, ","))
	}
	return b.String()
}

func mergeLists(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "x%d: &a%d [*a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i)
	}
	return b.String()
}

// Where a long line has a mistake every few characters, each is looked for in time
// that does not grow with the line, and so many are told as somebody would read.
func TestManyMistakesInOneLine(t *testing.T) {
	var unset strings.Builder
	for i := range 12_000 {
		fmt.Fprintf(&unset, "${V%d}", i)
	}
	got := mistakesOf(t, minimal("allow_hosts: [ \""+unset.String()+"\" ]\n"), nil)
	if len(got) != strictyaml.MaxMistakes+1 {
		t.Fatalf("expected %d mistakes and a word on the rest, found %d", strictyaml.MaxMistakes, len(got))
	}
	for i, m := range got[:strictyaml.MaxMistakes] {
		if want := fmt.Sprintf("the variable V%d is not set", i); m.Msg != want || m.Line != 3 {
			t.Errorf("expected %q on line 3, found %d:%d: %s", want, m.Line, m.Col, m.Msg)
		}
	}
	if last := got[strictyaml.MaxMistakes]; last.Line != 0 || !strings.Contains(last.Msg, "more mistakes") {
		t.Errorf("expected a word on the rest, found %+v", last)
	}
	// A variable that is set, and one that makes no name, as often.
	for _, value := range []string{"", "q"} {
		got := mistakesOf(t, strings.Replace(minimal(""), "name: x", "name: \""+strings.Repeat("${A}", 20_000)+"\"", 1), map[string]string{"A": value})
		if len(got) != 1 || got[0].Line != 1 {
			t.Errorf("with %q: expected one mistake on line 1, found %.300v", value, got)
		}
	}
}

// A body's file is read once for all requests that send it, and all bodies together
// are bounded.
func TestBodyFilesAreBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 9 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("b%d", i)), make([]byte, maxBody), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan := func(requests, files int) (*Plan, error) {
		src := "name: x\ntarget: http://127.0.0.1:1\nattack:\n  requests:\n"
		for i := range requests {
			src += fmt.Sprintf("    - { name: r%d, post: /, file: b%d }\n", i, i%files)
		}
		return Parse(filepath.Join(dir, "x.yaml"), []byte(src+"  stages: [ { name: s, rate: 1/s, for: 1s } ]\n"), os.LookupEnv, Options{})
	}
	p, err := plan(40, 1)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := httpOf(t, &p.Attack, 0).File.Bytes, httpOf(t, &p.Attack, 39).File.Bytes; &a[0] != &b[0] {
		t.Error("expected one copy of the file")
	}
	_, err = plan(9, 9)
	m, ok := err.(*strictyaml.Mistakes)
	if !ok || len(m.List) != 1 {
		t.Fatalf("expected one mistake, found %v", err)
	}
	if k := m.List[0]; k.Line != 13 || !strings.Contains(k.Msg, "at most 128 MiB together") {
		t.Errorf("line %d, %q; expected the ninth file, line 13, and the limit", k.Line, k.Msg)
	}

	// So it is for the bodies of a list of targets.
	list := func(targets, files int) error {
		var text strings.Builder
		for i := range targets {
			fmt.Fprintf(&text, "POST http://127.0.0.1:1/\n@b%d\n\n", i%files)
		}
		if err := os.WriteFile(filepath.Join(dir, "list"), []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		src := "name: x\nattack:\n  requests: [ { name: r, targets: { file: list } } ]\n  stages: [ { name: s, rate: 1/s, for: 1s } ]\n"
		p, err = Parse(filepath.Join(dir, "x.yaml"), []byte(src), os.LookupEnv, Options{})
		return err
	}
	if err := list(1000, 1); err != nil {
		t.Fatal(err)
	}
	if a, b := httpOf(t, &p.Attack, 0).Targets[0].Body, httpOf(t, &p.Attack, 0).Targets[999].Body; &a[0] != &b[0] {
		t.Error("expected one copy of the file")
	}
	err = list(9, 9)
	m, ok = err.(*strictyaml.Mistakes)
	if !ok || len(m.List) != 1 || !strings.Contains(m.List[0].Msg, "list:26: bodies from files have at most 128 MiB together") {
		t.Errorf("expected a mistake at the ninth body, found %v", err)
	}
}
