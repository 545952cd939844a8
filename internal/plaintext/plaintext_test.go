package plaintext_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

func TestLines(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"plain ä 漢\n\ttext":           "plain ä 漢\n\ttext",
		"\x1b[31mred\x1b[0m":          "·[31mred·[0m",
		"\x1b]0;title\x07":            "·]0;title·",
		"a\x00b\bc\x7f":               "a·b·c·",
		"C1 \u009b31m and \x9b":       "C1 ·31m and \ufffd",
		"one\r\ntwo\rthree":           "one\ntwo·three",
		"user\u202egnp.exe\u2066":     "user·gnp.exe·",
		"zero\u200bwidth\ufeff":       "zero·width·",
		"line\u2028end\u2029":         "line·end·",
		"\xff\xfe not UTF-8 \xe2\x80": "\ufffd not UTF-8 \ufffd",
	} {
		if got := plaintext.Lines(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got := plaintext.Line("a\nb\tc\x1b"); got != "a b c·" {
		t.Errorf("one line: %q", got)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("\x1b[2J\x9b\u202e\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := plaintext.Lines(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && r != '\t' && plaintext.Hidden(r) }) {
			t.Errorf("%q becomes %q", s, got)
		}
		if plaintext.Lines(got) != got {
			t.Errorf("%q becomes %q at the second time", got, plaintext.Lines(got))
		}
	})
}
