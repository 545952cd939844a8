package planview

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

var update = flag.Bool("update", false, "write the golden files anew")

const good = "../../testdata/good"

// goodEnv is all the environment that the good files see.
func goodEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"API_TOKEN": "s3cr3t-value", "QTY": "3", "EMPTY": "", "MAX_P99": "250ms",
	}[name]
	return v, ok
}

func goodFiles(t testing.TB) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(good, "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no files in %s: %v", good, err)
	}
	return found
}

func TestGoodFiles(t *testing.T) {
	for _, file := range goodFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, err := scenario.Load(file, goodEnv, scenario.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := Print(&out, p); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".timeline.txt"
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v: run the test with -update", err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("differs from %s, which -update writes anew (-want +got):\n%s", golden, diff)
			}
			for _, secret := range p.Secrets {
				if strings.Contains(out.String(), secret) {
					t.Errorf("the secret %q is printed", secret)
				}
			}
		})
	}
}

// Secrets are hidden, and ordinary words are not.
func TestSecretsAreHidden(t *testing.T) {
	p, err := scenario.Parse("x.yaml", []byte(`
name: hides s3cr3t-value
services:
  api: { process: { command: [./api, "--token=${API_TOKEN}"] } }
target: http://user:pa55word@127.0.0.1:8080
secrets: [QTY, VISITOR]
attack:
  requests:
    - { name: a, get: "/x?api_key=in-the-url&b=${VISITOR}&c=${GIVEN:-given}" }
    - { name: b, get: "/search?key=electronics" }
    - { name: electronics, get: /garden-furniture/electronics }
  stages: [{ name: s, rate: 5/s, for: 10s }]
`), func(name string) (string, bool) {
		if name == "VISITOR" {
			return "hidden-visitor", true
		}
		return goodEnv(name)
	}, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Print(&b, p); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"s3cr3t-value", "pa55word", "in-the-url", "hidden-visitor", "key=electronics"} {
		if strings.Contains(b.String(), s) {
			t.Errorf("%s is printed:\n%s", s, b.String())
		}
	}
	for _, s := range []string{"/garden-furniture/electronics", "&b=***&c=given", "hides ***"} {
		if !strings.Contains(b.String(), s) {
			t.Errorf("%s is not printed:\n%s", s, b.String())
		}
	}
}

// FuzzPrint looks for panics over plans that can be made.
func FuzzPrint(f *testing.F) {
	for _, file := range goodFiles(f) {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 16<<10 {
			t.Skip("the YAML library takes time by the square of the size")
		}
		p, err := scenario.Parse(filepath.Join(good, "fuzz.yaml"), src, goodEnv, scenario.Options{})
		if err != nil {
			return
		}
		if err := Print(io.Discard, p); err != nil {
			t.Error(err)
		}
	})
}
