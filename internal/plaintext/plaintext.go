// Package plaintext makes text of others fit to be shown: what services print,
// what servers answer, what files hold. None of it may move a terminal's cursor,
// change its colours or title, or reorder what is read.
package plaintext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Stand-ins for what cannot be shown.
const (
	hidden  = '·'      // a control character, or one that is not seen
	invalid = '\ufffd' // a byte that is no UTF-8
)

// Hidden says whether a character is not seen but does something: controls of ASCII
// and of C1, formats such as those of direction, separators of lines and
// paragraphs.
func Hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Lines returns s with · in place of what is hidden, but for line ends and tabs.
// Escape sequences of terminals lose their beginning, and so do nothing.
func Lines(s string) string {
	if fit(s) {
		return s
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, string(invalid)), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case Hidden(r):
			return hidden
		}
		return r
	}, s)
}

// Line is Lines with blanks in place of line ends and tabs.
func Line(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(Lines(s))
}

// fit says that nothing of s is to be replaced.
func fit(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || r != '\n' && r != '\t' && Hidden(r) {
			return false
		}
	}
	return true
}
