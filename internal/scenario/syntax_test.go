package scenario

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// However an editor ends its lines, the file means the same, and mistakes are
// shown where they are.
func TestLineEnds(t *testing.T) {
	print := func(plan *Plan, err error) string {
		if err == nil {
			t.Fatalf("%s has no mistake", plan.Name)
		}
		return err.Error()
	}
	for _, file := range filesIn(t, "bad") {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsRune(src, '\r') {
			continue
		}
		want := print(Parse(file, src, testEnv, Options{}))
		for _, end := range []string{"\r\n", "\r"} {
			got := print(Parse(file, bytes.ReplaceAll(src, []byte("\n"), []byte(end)), testEnv, Options{}))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s with lines that end in %q (-want +got):\n%s", filepath.Base(file), end, diff)
			}
		}
	}
}
