package scenario_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// However many requests, flows and stages name a file, it is read once, also if it
// cannot be read.
func TestFilesAreReadOnce(t *testing.T) {
	dir := t.TempDir()
	rows := "a,b\n" + strings.Repeat("1,2\n", 200_000)
	for name, content := range map[string]string{
		"rows.csv":    rows,
		"broken.csv":  rows + "1\n",
		"list.txt":    strings.Repeat("GET /products\n\n", 20_000),
		"broken.txt":  strings.Repeat("GET /products\n\n", 20_000) + "what\n",
		"times.txt":   strings.Repeat("0.5\n", 200_000),
		"broken.time": strings.Repeat("0.5\n", 200_000) + "soon\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const stage = "    - { name: s%d, trace: { file: %s, speed: %d } }\n"
	text := func(times int, request, trace string) string {
		src := "name: x\ntarget: http://127.0.0.1:1\nattack:\n  requests:\n"
		for i := range times {
			src += fmt.Sprintf("    - { name: r%d, %s }\n", i, request)
		}
		src += "  stages:\n"
		if trace == "" {
			return src + "    - { name: s, rate: 1/s, for: 1s }\n"
		}
		for i := range times {
			src += fmt.Sprintf(stage, i, trace, i+1)
		}
		return src
	}
	for name, c := range map[string]struct{ request, trace string }{
		"data":           {`get: "/{{ .a }}", data: rows.csv`, ""},
		"broken data":    {`get: "/{{ .a }}", data: broken.csv`, ""},
		"targets":        {"targets: { file: list.txt }", ""},
		"broken targets": {"targets: { file: broken.txt }", ""},
		"trace":          {"get: /", "times.txt"},
		"broken trace":   {"get: /", "broken.time"},
	} {
		t.Run(name, func(t *testing.T) {
			memory := func(times int) uint64 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, err := scenario.Parse(filepath.Join(dir, "x.yaml"), []byte(text(times, c.request, c.trace)), os.LookupEnv, scenario.Options{})
				runtime.ReadMemStats(&after)
				if wrong, broken := err.(*strictyaml.Mistakes); strings.HasPrefix(name, "broken") != broken || broken && len(wrong.List) != times {
					t.Fatalf("%d times: %v", times, err)
				}
				return after.TotalAlloc - before.TotalAlloc
			}
			// Read each time it would be 20 times as much. What else is done for each takes some.
			if once, often := memory(1), memory(20); often > 8*once {
				t.Errorf("expected about as much memory for 20 as for one, %d KiB, found %d KiB", once>>10, often>>10)
			}
		})
	}
}
