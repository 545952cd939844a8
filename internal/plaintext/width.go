package plaintext

import "github.com/mattn/go-runewidth"

// wide measures characters the same in every locale, so that output does not
// depend on the environment.
var wide = &runewidth.Condition{}

// Width is how many columns of a terminal a character takes. A tab counts one, as
// only the terminal knows how wide it is.
func Width(r rune) int {
	if r == '\t' {
		return 1
	}
	return wide.RuneWidth(r)
}

// Columns is how many columns of a terminal a text takes.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n += Width(r)
	}
	return n
}
