package strictyaml

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNumbersInJSON(t *testing.T) {
	for in, want := range map[string]string{
		"1e3": "1e3", "1E+3": "1E+3", "-1.5e-3": "-1.5e-3", ".5": "0.5", "-.5": "-0.5", "+1": "1", "1.": "1", "1.e3": "1e3", "0x1F": "31", "0o17": "15", "-0": "-0", "0": "0",
		"123456789012345678901234567890": "123456789012345678901234567890",
		"012":                            "", "1_000": "", ".inf": "", ".nan": "", "": "", "-": "", ".": "", "e3": "", "1e": "", "0x": "", "0xg": "", "abc": "", "deadbeef": "", "1-2": "", "+-1": "",
	} {
		if got, ok := numberInJSON(in); got != want && (ok || want != "") {
			t.Errorf("%s: expected %q, found %q", in, want, got)
		}
	}
}

// FuzzShield: what is shielded is as long as before in every line, and comes back.
func FuzzShield(f *testing.F) {
	for _, s := range []string{"a: {{ .b }}\n", "{ a: {{ .b }}, c: \"{{ d\" }", "a: |\n  {{ b }}\nc: {{ d }}", "# {{ a }}", "it's {{ a }}", "a: 'b''{{ c }}' # {{"} {
		f.Add(s)
	}
	g := &Grammar{TemplateEnd: templateEnd}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, isShielded) {
			return
		}
		got := g.shieldTemplates(s)
		if utf8.RuneCountInString(got) != utf8.RuneCountInString(s) || strings.Count(got, "\n") != strings.Count(s, "\n") || unshielded(got) != s {
			t.Errorf("%q was made %q, and that %q", s, got, unshielded(got))
		}
	})
}

// templateEnd takes the next }} for the end of a template.
func templateEnd(s string, at int) int {
	if end := strings.Index(s[at:], "}}"); end > 0 {
		return at + end + 2
	}
	return 0
}
