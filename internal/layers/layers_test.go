// Package layers holds the order of the packages: a test that fails when an
// import goes up or sideways. See docs/design/001-architecture.md.
package layers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed-1574e9de/ordeal"

// order lists the packages from the bottom up. A package may import only what
// stands in a lower row; allowed names the exceptions.
var order = [][]string{
	{"internal/quantity", "internal/relay", "internal/seed", "internal/owner", "internal/freeport"},
	{"timeline"},
	{"attack", "chaos", "verdict"},
	{"internal/scenario", "internal/record", "internal/process", "internal/link", "internal/agent", "internal/docker", "internal/shop"},
	{"internal/report", "internal/docker/dockertest"},
	{"internal/run"},
	{"internal/cli"},
	{"cmd/ordeal"},
}

var allowed = map[string][]string{
	"internal/docker": {"internal/agent"}, // the two ends of one protocol
}

// pkg is what of go list's answer matters here.
type pkg struct {
	ImportPath string
	Imports    []string
}

func level(path string) (int, bool) {
	for i, row := range order {
		if slices.Contains(row, path) {
			return i, true
		}
	}
	return 0, false
}

// violations says which imports of p break the order.
func violations(p pkg) []string {
	path := strings.TrimPrefix(p.ImportPath, module+"/")
	at, known := level(path)
	if !known {
		return []string{fmt.Sprintf("%s has no layer: add it to the table in internal/layers", path)}
	}
	var out []string
	for _, imp := range p.Imports {
		dep, ours := strings.CutPrefix(imp, module+"/")
		if !ours || slices.Contains(allowed[path], dep) {
			continue
		}
		if l, ok := level(dep); !ok || l >= at {
			out = append(out, fmt.Sprintf("%s (layer %d) must not import %s (layer %d)", path, at, dep, l))
		}
	}
	return out
}

func TestImportsGoDown(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath == module+"/internal/layers" || strings.Contains(p.ImportPath, "/testdata/") || strings.HasSuffix(p.ImportPath, "test") {
			continue // test helpers may reach anywhere
		}
		seen++
		for _, v := range violations(p) {
			t.Error(v)
		}
	}
	if seen < 10 {
		t.Fatalf("only %d packages were looked at", seen)
	}
}

func TestViolationsAreSeen(t *testing.T) {
	for _, tt := range []struct {
		name    string
		from    string
		imports string
		bad     bool
	}{
		{"down", "internal/run", "attack", false},
		{"up", "timeline", "attack", true},
		{"sideways", "attack", "chaos", true},
		{"unknown package", "internal/drawer", "attack", true},
		{"third party", "timeline", "../x", false},
		{"exception", "internal/docker", "internal/agent", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			imp := module + "/" + tt.imports
			if tt.imports == "../x" {
				imp = "example.org/x"
			}
			got := violations(pkg{ImportPath: module + "/" + tt.from, Imports: []string{imp}})
			if (len(got) > 0) != tt.bad {
				t.Errorf("violations = %v, want any: %v", got, tt.bad)
			}
		})
	}
}
