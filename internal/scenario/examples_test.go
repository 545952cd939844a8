package scenario

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the manual shows works when it is copied into a scenario.
func TestManualExamples(t *testing.T) {
	manual, err := os.ReadFile("../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "users.csv"), []byte("user\nann\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const (
		head   = "name: copied\ntarget: http://127.0.0.1:8080\nallow_hosts: [shop.example.com]\n"
		load   = "  requests: [{ name: a, get: / }]\n"
		stages = "  stages: [{ name: s, rate: 50/s, for: 60s }]\n"
		api    = "services: { api: { builtin: api } }\n"
		watch  = "observe: { services: [api] }\n"
		kill   = "chaos: [{ name: kill-api, at: 9s, kill: { service: api } }]\n"
	)
	around := map[string]func(example string) string{
		"attack":   func(x string) string { return head + x + load + stages },
		"services": func(x string) string { return head + x + load + stages },
		"flows":    func(x string) string { return head + "attack:\n" + load + stages + indented("  ", x) },
		"expect": func(x string) string {
			return head + "attack:\n" + stages + "  requests:\n    - name: a\n      get: /\n" + indented("      ", x)
		},
		"requests": func(x string) string {
			cache := "services: { cache: { container: { image: redis, port: 6379 } } }\n"
			return head + cache + "attack:\n" + stages + indented("  ", x)
		},
		"recovery": func(x string) string {
			return head + "services: { api: { builtin: api } }\n" + x + "attack:\n" + load + stages
		},
		"ledger": func(x string) string {
			return head + "attack:\n" + stages + "  requests: [{ name: order, post: /orders }]\n" + x
		},
		"setup": func(x string) string { return head + x + "attack:\n" + load + stages },
		"observe": func(x string) string {
			return head + "services: { api: { builtin: api } }\n" + x + "attack:\n" + load + stages
		},
		"name":          func(x string) string { return x }, // it is whole
		"abort":         func(x string) string { return head + api + watch + "attack:\n" + load + stages + x },
		"hypothesis":    func(x string) string { return head + api + kill + "attack:\n" + load + stages + x },
		"- p95 < 200ms": func(x string) string { return head + "attack:\n" + load + stages + "verdict:\n" + indented("  ", x) },
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(manual), -1)
	if len(examples) < len(around) {
		t.Fatalf("expected at least %d examples, found %d", len(around), len(examples))
	}
	for _, e := range examples {
		first, _, _ := strings.Cut(e[1], "\n")
		key, _, _ := strings.Cut(first, ":")
		whole, ok := around[key]
		if !ok {
			t.Errorf("the test does not know where an example stands that begins with %q", first)
			continue
		}
		if _, err := Parse(filepath.Join(dir, key+".yaml"), []byte(whole(e[1])), testEnv, Options{}); err != nil {
			t.Errorf("%s", err)
		}
	}
}

// indented puts a prefix before each line.
func indented(prefix, text string) string {
	return prefix + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+prefix) + "\n"
}
