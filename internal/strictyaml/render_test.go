package strictyaml

import (
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("x", 300) + "HERE" + strings.Repeat("y", 300)
	for _, tt := range []struct {
		name, source string
		col, length  int
		line, marks  string
	}{
		{"start", "abc", 1, 2, "abc", "^~"},
		{"end", "abc", 3, 9, "abc", "  ^"},
		{"after the end", "abc", 4, 1, "abc", "   ^"},
		{"far after the end", "abc", 40, 1, "abc", "   ^"},
		{"tab before", "\ta\tbc", 4, 2, "\ta\tbc", "\t \t^~"},
		{"wide before", "漢字 x", 4, 1, "漢字 x", "     ^"},
		{"wide under", "a漢字", 2, 2, "a漢字", " ^~~~"},
		{"combining", "e\u0301x", 3, 1, "e\u0301x", " ^"},
		{"escape sequence", "\x1b[31mx", 6, 1, "·[31mx", "     ^"},
		{"empty", "", 1, 1, "", "^"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line, marks := excerpt(tt.source, tt.col, tt.length)
			if line != tt.line || marks != tt.marks {
				t.Errorf("expected\n%q\n%q\nfound\n%q\n%q", tt.line, tt.marks, line, marks)
			}
		})
	}
	line, marks := excerpt(long, 301, 4)
	at := strings.IndexByte(marks, '^')
	if plaintext.Columns(line) > maxShown+2 || !strings.HasPrefix(line, "…") || !strings.HasSuffix(line, "…") {
		t.Errorf("expected a cut line, found %q", line)
	}
	if string([]rune(line)[at:at+4]) != "HERE" || strings.TrimLeft(marks, " ") != "^~~~" {
		t.Errorf("the caret is not under the mistake:\n%s\n%s", line, marks)
	}
}

func TestRenderColour(t *testing.T) {
	m := &Mistakes{List: []Mistake{{File: "a.yaml", Line: 1, Col: 3, Len: 2, Msg: "wrong", Hint: "right", Source: "a bc"}}}
	var plain, coloured strings.Builder
	m.Render(&plain, false)
	m.Render(&coloured, true)
	const want = "a.yaml:1:3: wrong\n    a bc\n      ^~\n    hint: right\n"
	if plain.String() != want {
		t.Errorf("expected\n%s\nfound\n%s", want, plain.String())
	}
	if !strings.Contains(coloured.String(), "\x1b[") {
		t.Error("expected colour")
	}
	if m.Error() != strings.TrimSuffix(want, "\n") {
		t.Errorf("Error differs from Render: %q", m.Error())
	}
}

// A place in a value is found in the file, however the value is written.
func TestLocate(t *testing.T) {
	for _, tt := range []struct {
		name, yaml, find string
		want             Span
	}{
		{"plain", "k: p99 < 5%", "5%", Span{1, 10, 2}},
		{"double", `k: "p99 < 5%"`, "5%", Span{1, 11, 2}},
		{"single", "k: 'it''s 5%'", "5%", Span{1, 11, 2}},
		{"escapes", `k: "\t\x41\u00e9\U0001F600 5%"`, "5%", Span{1, 28, 2}},
		{"literal", "k: |\n  a\n  b 5%\n", "5%", Span{3, 5, 2}},
		{"folded", "k: >-\n  a\n  b 5%\n", "5%", Span{3, 5, 2}},
		{"plain over lines", "k: a\n  b 5%\n", "5%", Span{2, 5, 2}},
		{"double over lines", "k: \"a\n  b 5%\"\n", "5%", Span{2, 5, 2}},
		{"double with a folded end", "k: \"a \\\n  b 5%\"\n", "5%", Span{2, 5, 2}},
		{"after wide letters", "k: 漢字 5%", "5%", Span{1, 7, 2}},
		{"in a flow mapping", "k: { kpi: p99 < 5%, name: x }", "5%", Span{1, 17, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := new(Grammar).Source("x.yaml", tt.yaml)
			root := c.Parse()
			if root == nil {
				t.Fatal(c.Err(nil))
			}
			n, _ := root.Get("k")
			if n.Kind == Map {
				n, _ = n.Get("kpi")
			}
			at := strings.Index(n.Text, tt.find)
			if at < 0 {
				t.Fatalf("%q is not in %q", tt.find, n.Text)
			}
			if got := c.Locate(n, at, len(tt.find)); got != tt.want {
				t.Errorf("expected %v, found %v", tt.want, got)
			}
		})
	}
}
