package layers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")
	goPath  = regexp.MustCompile("`([a-z0-9_/]+/[a-z0-9_]+\\.go)`")
)

// notAlone are files of pages that compile only with a change to another one, which the page
// says.
var notAlone = map[string]string{"chaos/loss.go": "NetCondition gets a field"}

// What the pages of docs/develop say compiles: each block that is a whole file, as the file that
// the text above it names.
func TestPagesCompile(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(root + "/docs/develop/*.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{} // to be added to the tree, and where they are
	packages := map[string]bool{}
	for _, page := range pages {
		src, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range goBlock.FindAllSubmatchIndex(src, -1) {
			// In a list, a block is set in by three blanks.
			code := strings.ReplaceAll("\n"+string(src[at[2]:at[3]]), "\n   ", "\n")[1:]
			if !strings.HasPrefix(code, "package ") && !strings.HasPrefix(code, "// Package ") {
				continue
			}
			names := goPath.FindAllStringSubmatch(string(src[:at[0]]), -1)
			if names == nil {
				t.Errorf("%s: no path of a Go file stands before %.30q", filepath.Base(page), code)
				continue
			}
			path := names[len(names)-1][1]
			if _, ok := notAlone[path]; ok {
				continue
			}
			file := filepath.Join(t.TempDir(), filepath.Base(path))
			if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			files[filepath.Join(root, path)] = file
			packages["./"+filepath.Dir(path)] = true
		}
	}
	if len(files) < 8 {
		t.Errorf("%d files found in the pages, expected at least 8", len(files))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": files})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"build", "-overlay", file}
	for p := range packages {
		args = append(args, p)
	}
	build := exec.CommandContext(t.Context(), "go", args...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
