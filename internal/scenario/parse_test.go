package scenario

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

const testdata = "../../testdata"

// testEnv is all the environment that the test files see.
func testEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"API_TOKEN": "s3cr3t-value",
		"QTY":       "3",
		"EMPTY":     "",
		"MAX_P99":   "250ms",
	}[name]
	return v, ok
}

// golden compares with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run the test with -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("differs from %s, which -update writes anew (-want +got):\n%s", path, diff)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(testdata, dir, "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return found
}

func TestBadFiles(t *testing.T) {
	for _, file := range files(t, "bad") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := Load(file, testEnv, Options{})
			m, ok := err.(*Mistakes)
			if !ok {
				t.Fatalf("expected *Mistakes, found %T: %v", err, err)
			}
			var b bytes.Buffer
			m.Render(&b, false)
			for _, k := range m.List {
				if k.Hint == "" {
					t.Errorf("no hint for %q", k.Msg)
				}
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".want", b.Bytes())
		})
	}
}
