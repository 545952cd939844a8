package layers

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// becauseInside begins the line of a test file that says why it stands inside its package.
const becauseInside = "// From inside the package, "

// pinsInternals says what is wrong with a test file that is of its package and says not why.
func pinsInternals(file string, src []byte) string {
	pkg := ""
	for line := range bytes.Lines(src) {
		if name, ok := bytes.CutPrefix(line, []byte("package ")); ok {
			pkg = string(bytes.TrimSpace(name))
			break
		}
	}
	switch {
	case strings.HasSuffix(pkg, "_test"), filepath.Base(file) == "export_test.go":
		return ""
	case bytes.Contains(src, []byte("\n"+becauseInside)):
		return ""
	}
	return fmt.Sprintf("%s is of package %s: expected %s_test, or a line %q that says why not",
		file, pkg, pkg, becauseInside)
}

// What attack/ does is tested by what shows of it, so that its insides can be changed.
func TestAttackIsTestedFromOutside(t *testing.T) {
	files := 0
	for file, src := range testFiles(t) {
		if !strings.Contains(filepath.ToSlash(file), "/attack/") {
			continue
		}
		files++
		if wrong := pinsInternals(file, src); wrong != "" {
			t.Error(wrong)
		}
	}
	if files < 50 {
		t.Errorf("expected at least 50 test files in attack/, found %d", files)
	}
}

func TestPinnedInternalsAreSeen(t *testing.T) {
	for _, c := range []struct {
		file, src string
		pins      bool
	}{
		{"a/x_test.go", "package a\n\nfunc TestX() {}\n", true},
		{"a/x_test.go", "// Text.\npackage a\n", true},
		{"a/x_test.go", "package a_test\n", false},
		{"a/export_test.go", "package a\n", false},
		{"a/x_test.go", "package a\n\n" + becauseInside + "as it is a formula.\n", false},
	} {
		if wrong := pinsInternals(c.file, []byte(c.src)); (wrong != "") != c.pins {
			t.Errorf("%s of %q: expected a complaint: %t, found %q", c.file, c.src, c.pins, wrong)
		}
	}
}
