package layers

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxColumns is how long a line with a comment may be, tabs being four columns wide.
const maxColumns = 100

// columns returns the width of a line.
func columns(line []byte) int {
	return utf8.RuneCount(line) + 3*bytes.Count(line, []byte("\t"))
}

// longComments lists the lines of a Go file that hold a comment and are longer than maxColumns.
// What an example prints, from "Output:" on, is as long as it is.
func longComments(path string, src []byte) ([]string, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(src, []byte("\n"))
	var out []string
	for _, group := range f.Comments {
		if strings.HasPrefix(strings.TrimSpace(group.Text()), "Output:") {
			continue
		}
		first, last := set.Position(group.Pos()).Line, set.Position(group.End()).Line
		for n := first; n <= last; n++ {
			if c := columns(lines[n-1]); c > maxColumns {
				out = append(out, fmt.Sprintf("%s:%d: a line with a comment has %d columns, "+
					"at most %d may be", path, n, c, maxColumns))
			}
		}
	}
	return out, nil
}

func TestNoLongComments(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found, err := longComments(path, src)
		for _, text := range found {
			t.Error(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLongCommentsAreFound(t *testing.T) {
	src := func(comment, code string) string {
		return "package p\n\n" + comment + "\nfunc f() {\n\t" + code + "\n}\n"
	}
	long := strings.Repeat("x", maxColumns)
	for _, tt := range []struct {
		name, src string
		want      int
	}{
		{"short", src("// f is short.", "return"), 0},
		{"just as long as it may be", src("// "+long[:maxColumns-3], "return"), 0},
		{"a column too long", src("// "+long[:maxColumns-2], "return"), 1},
		{"behind code, with a tab", src("// f", "return // "+long[:maxColumns-13]), 1},
		{"in a block", src("/* f\n"+long+"x\n"+long+"x\n*/", "return"), 2},
		{"letters, not bytes", src("// "+strings.Repeat("ü", maxColumns-3), "return"), 0},
		{"code without a comment", src("// f", "_ = \""+long+"\""), 0},
		{"what an example prints", src("// f", "return\n\t// Output: "+long), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := longComments("p.go", []byte(tt.src))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != tt.want {
				t.Errorf("expected %d lines, found %q", tt.want, got)
			}
		})
	}
}
