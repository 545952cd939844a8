package layers

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxAlternatives is how many mistakes one message of a test may stand for.
const maxAlternatives = 3

// alternatives counts the ways in which a condition can come true: a || b has two of them,
// (a || b) && (c || d) has four, and !(a && b) has two.
func alternatives(e ast.Expr, negated bool) int {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return alternatives(e.X, negated)
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return alternatives(e.X, !negated)
		}
	case *ast.BinaryExpr:
		if e.Op != token.LOR && e.Op != token.LAND {
			return 1
		}
		x, y := alternatives(e.X, negated), alternatives(e.Y, negated)
		if (e.Op == token.LOR) != negated {
			return x + y
		}
		return x * y
	}
	return 1
}

// reports are the functions by which tests say what is wrong, some by way of a text that
// is returned or kept.
var reports = map[string]bool{
	"Error": true, "Errorf": true, "Fatal": true, "Fatalf": true, "Sprint": true, "Sprintf": true,
}

// crowded lists the conditions of a test file that lead to one message for more than
// maxAlternatives mistakes.
func crowded(path string, src []byte) ([]string, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.IfStmt)
		if !ok {
			return true
		}
		count := alternatives(s.Cond, false)
		if count <= maxAlternatives {
			return true
		}
		ast.Inspect(s.Body, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if by, ok := call.Fun.(*ast.SelectorExpr); ok && reports[by.Sel.Name] {
				out = append(out, fmt.Sprintf("%s: %d alternatives lead to one message, at most %d may: "+
					"compare with cmp.Diff, or check each by itself",
					set.Position(s.Pos()), count, maxAlternatives))
				return false
			}
			return true
		})
		return true
	})
	return out, nil
}

// A test that fails says what differs. One message for four conditions and more leaves
// whoever reads it to look for that in a whole value.
func TestFailuresSayWhatDiffers(t *testing.T) {
	for path, src := range testFiles(t) {
		found, err := crowded(path, src)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Error(f)
		}
	}
}

// testFiles are the files of all tests with what they hold, those of tools/ too.
func testFiles(t *testing.T) map[string][]byte {
	t.Helper()
	const root = "../.."
	files := make(map[string][]byte)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != root && (name == "testdata" || strings.HasPrefix(name, ".")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		src, err := os.ReadFile(path)
		files[path] = src
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no test file was found")
	}
	return files
}

func TestCrowdedConditionsAreSeen(t *testing.T) {
	for _, tt := range []struct {
		body string
		want bool
	}{
		{`if a || b || c { t.Errorf("x") }`, false},
		{`if a || b || c || d { t.Errorf("x") }`, true},
		{`if x := f(); a || (b || c) || d { t.Fatal(x) }`, true},
		{`if (a || b) && (c || d) { t.Error("x") }`, true},
		{`if !(a && b && c && d) { t.Error("x") }`, true},
		{`if !(a || b || c || d) { t.Error("x") }`, false},
		{`if a && b && c && d { t.Error("x") }`, false},
		{`if a || b || c || d { return fmt.Sprintf("x") }`, true},
		{`if a || b || c || d { for { t.Error("x") } }`, true},
		{`if a || b || c || d { return }`, false},
		{`if ok { } else if a || b || c || d { t.Error("x") }`, true},
	} {
		found, err := crowded("x_test.go", []byte("package x\nfunc _() {\n"+tt.body+"\n}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if (len(found) > 0) != tt.want {
			t.Errorf("%s: found %q, want any: %v", tt.body, found, tt.want)
		}
	}
}
