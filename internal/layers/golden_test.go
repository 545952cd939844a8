package layers

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// `make golden` rewrites the golden files of every package that has any.
func TestMakeGoldenNamesEveryPackage(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, ok := strings.Cut(string(makefile), "\ngolden:")
	if !ok {
		t.Fatal("the Makefile has no target golden")
	}
	recipe, _, _ = strings.Cut(recipe, "\n\n")
	named := strings.Fields(recipe)
	found := 0
	for file, src := range testFiles(t) {
		if !bytes.Contains(src, []byte(`= flag.Bool(`+`"update"`)) {
			continue
		}
		found++
		dir, err := filepath.Rel("../..", filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		want := "./" + filepath.ToSlash(dir)
		if in, ok := strings.CutPrefix(want, "./tools/"); ok {
			want = "./" + in // the recipe runs in tools, a module of its own
		}
		if !slices.Contains(named, want) {
			t.Errorf("%s has golden files, and make golden does not run %s", file, want)
		}
	}
	if found < 5 {
		t.Errorf("expected at least 5 packages with golden files, found %d", found)
	}
}
