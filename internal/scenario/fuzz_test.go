package scenario

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// FuzzParse looks for panics, errors of another type, mistakes outside of the
// file, and plans that cannot be printed.
func FuzzParse(f *testing.F) {
	for _, dir := range []string{"good", "bad"} {
		found, err := filepath.Glob(filepath.Join(testdata, dir, "*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range found {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte(Template()))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte(minimal("chaos:\n  - { name: a, at: 1s, pause: &p { service: nope } }\n  - { name: b, at: 2s, pause: *p }\n")))
	f.Add([]byte(minimal("services: { a: &s { process: { command: [] } }, b: *s }\nchaos: [ { name: f, at: 1s, kill: { service: [a, b] } } ]\n")))
	f.Add([]byte("? [a]\n: !!binary x\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 16<<10 {
			t.Skip("the YAML library takes time by the square of the size")
		}
		p, err := Parse(filepath.Join(testdata, "good", "fuzz.yaml"), src, testEnv, Options{})
		if err != nil {
			m, ok := errors.AsType[*strictyaml.Mistakes](err)
			if !ok || len(m.List) == 0 {
				t.Fatalf("expected *Mistakes, found %T: %v", err, err)
			}
			lines := bytes.Count(src, []byte("\n")) + 1
			for _, k := range m.List {
				if k.Line < 0 || k.Line > lines {
					t.Errorf("line %d of %d: %+v", k.Line, lines, k)
				}
				if k.Line > 0 && (k.Col < 1 || k.Len < 1) {
					t.Errorf("column %d, %d characters: a mistake with a line has both: %+v", k.Col, k.Len, k)
				}
				if k.Msg == "" || k.Hint == "" {
					t.Errorf("no text, or no hint: %+v", k)
				}
			}
			m.Render(io.Discard, true)
			return
		}
		b, err := p.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(filepath.Join(testdata, "good", "fuzz.yaml"), src, testEnv, Options{})
		if err != nil {
			t.Fatalf("the second time: %v", err)
		}
		if c, err := again.JSON(); err != nil || !bytes.Equal(b, c) {
			t.Errorf("the second plan differs: %v", err)
		}
		p.StartOrder()
	})
}
