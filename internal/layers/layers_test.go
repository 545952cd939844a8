// Package layers holds what is true of all packages together, as tests that read their
// source: imports go down the order of the packages (see docs/design/001-architecture.md),
// and a test that fails says what differs.
package layers

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/seed-1574e9de/ordeal"

// order lists the packages from the bottom up. A package may import only what
// stands in a lower row.
var order = [][]string{
	{"internal/suggest", "internal/fielderr"},
	{"internal/quantity", "internal/textfile", "internal/plaintext", "internal/standstill", "internal/allow",
		"internal/seed", "internal/secret", "internal/owner", "internal/freeport", "internal/freeport/porttest",
		"internal/filelock", "internal/cgroup", "internal/confidence"},
	{"timeline", "internal/state", "internal/roundtrip", "internal/strictyaml"},
	{"attack/arrivals", "attack/payload", "attack/wire", "verdict/rule"},
	{"attack/expect"},
	{"attack", "chaos", "verdict"},
	{"attack/httpx", "attack/tcp", "attack/runner"},
	{"attack/httpx/fast", "attack/httpx/std", "attack/attacktest"},
	{"attack/httpx/vegeta"},
	{"attack/protocols"},
	{"internal/ready", "internal/ledger", "internal/target/link/tcpproxy"},
	{"internal/target", "internal/target/nethelper", "internal/command"},
	{"internal/target/process", "internal/target/link", "internal/target/container"},
	{"internal/target/kinds", "internal/observe", "internal/setup"},
	{"internal/scenario", "internal/record", "internal/shop", "internal/generator"},
	{"internal/baseline", "internal/compare", "internal/report", "internal/planview", "internal/target/container/dockertest"},
	{"internal/run"},
	{"internal/cli"},
	{"cmd/ordeal"},
}

// pkg is what of a package matters here.
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
		if !ours {
			continue
		}
		if l, ok := level(dep); !ok || l >= at {
			out = append(out, fmt.Sprintf("%s (layer %d) must not import %s (layer %d)", path, at, dep, l))
		}
	}
	return out
}

// packages reads the imports of all that is not a test, of every platform. It
// opens the files itself, so that go test's cache knows what was looked at.
func packages(t *testing.T) map[string]pkg {
	t.Helper()
	const root = "../.."
	found := make(map[string]pkg)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != root && (name == "testdata" || name == "tools" || strings.HasPrefix(name, ".")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		p := found[dir]
		p.ImportPath = module + "/" + filepath.ToSlash(dir)
		for _, i := range f.Imports {
			imp, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			p.Imports = append(p.Imports, imp)
		}
		found[dir] = p
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestImportsGoDown(t *testing.T) {
	found := packages(t)
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		for _, v := range violations(found[dir]) {
			t.Error(v)
		}
	}
	// What the table names must be there, or the walk has looked past it.
	for _, row := range order {
		for _, path := range row {
			if _, ok := found[path]; !ok {
				t.Errorf("%s is in the table and was not found", path)
			}
		}
	}
}

// When a call is due, what is kept of it and how it is judged has nothing to do with
// the protocol that it is sent by.
func TestOnlyProtocolsKnowHTTP(t *testing.T) {
	found := packages(t)
	for _, path := range []string{"attack", "attack/arrivals", "attack/payload", "attack/wire", "attack/runner", "attack/tcp",
		"internal/record", "timeline", "verdict"} {
		p, ok := found[path]
		if !ok {
			t.Errorf("%s was not found", path)
		}
		for _, imp := range p.Imports {
			if speaksHTTP(imp) {
				t.Errorf("%s imports %s", path, imp)
			}
		}
	}
}

// What sends, judges and counts handles answers as they came: secrets are the business of
// whoever explains an error or writes a text.
func TestSendingKnowsNoSecrets(t *testing.T) {
	found := packages(t)
	for _, path := range []string{"attack/arrivals", "attack/payload", "attack/wire", "attack/expect", "attack/runner",
		"attack/httpx/fast", "attack/httpx/std", "attack/httpx/vegeta", "chaos", "timeline", "verdict"} {
		p, ok := found[path]
		if !ok {
			t.Errorf("%s was not found", path)
		}
		if slices.Contains(p.Imports, module+"/internal/secret") {
			t.Errorf("%s imports internal/secret", path)
		}
	}
}

// speaksHTTP says whether a package is HTTP's.
func speaksHTTP(imp string) bool {
	for _, of := range []string{"net/http", "golang.org/x/net/http", module + "/attack/httpx"} {
		if strings.HasPrefix(imp, of) {
			return true
		}
	}
	return false
}

func TestHTTPIsSeen(t *testing.T) {
	for imp, want := range map[string]bool{
		"net/http": true, "net/http/httptrace": true, "golang.org/x/net/http/httpguts": true,
		module + "/attack/httpx": true, module + "/attack/httpx/fast": true,
		"net/url": false, module + "/attack": false,
	} {
		if speaksHTTP(imp) != want {
			t.Errorf("%s: expected %t", imp, want)
		}
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

// The design page shows the table as it is.
func TestDesignPageShowsTheOrder(t *testing.T) {
	page, err := os.ReadFile("../../docs/design/001-architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "## Packages and who may import whom\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var shown [][]string
	for line := range strings.Lines(text) {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if indent < 4 {
			continue
		}
		if indent == 4 {
			shown = append(shown, nil)
		}
		packages, _, _ := strings.Cut(line, "(")
		row := &shown[len(shown)-1]
		*row = append(*row, strings.Fields(packages)...)
	}
	if len(shown) != len(order) {
		t.Fatalf("the page has %d rows, the table %d", len(shown), len(order))
	}
	for i := range order {
		want, got := slices.Sorted(slices.Values(order[i])), slices.Sorted(slices.Values(shown[i]))
		if !slices.Equal(want, got) {
			t.Errorf("row %d of the page is %v, of the table %v", i+1, got, want)
		}
	}
}
