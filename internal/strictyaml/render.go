package strictyaml

import (
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// maxShown is how many columns of a source line are shown; a longer one is cut
// around the mistake.
const maxShown = 120

// Render writes the mistakes for people: place and message, the offending line,
// a caret under the mistake, a hint. With color it uses ANSI escapes.
func (m *Mistakes) Render(w io.Writer, withColor bool) {
	paint := func(attrs ...color.Attribute) func(string) string {
		c := color.New(attrs...)
		if withColor {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return func(s string) string { return c.Sprint(s) }
	}
	bold, red, cyan := paint(color.Bold), paint(color.FgRed, color.Bold), paint(color.FgCyan)
	for _, k := range m.List {
		place := printable(k.File)
		if k.Line > 0 {
			place = fmt.Sprintf("%s:%d:%d", place, k.Line, k.Col)
		}
		fmt.Fprintf(w, "%s: %s\n", bold(place), printable(k.Msg))
		if k.Line > 0 && strings.TrimSpace(k.Source) != "" {
			line, marks := excerpt(k.Source, k.Col, k.Len)
			pad := strings.TrimRight(marks, "^~")
			fmt.Fprintf(w, "    %s\n    %s%s\n", line, pad, red(marks[len(pad):]))
		}
		if k.Hint != "" {
			fmt.Fprintf(w, "    %s %s\n", cyan("hint:"), printable(k.Hint))
		}
	}
}

// excerpt returns the line as it is shown, and the line of marks below it. Tabs
// are kept in both, as only the terminal knows how wide they are.
func excerpt(source string, col, length int) (line, marks string) {
	runes := []rune(source)
	col = min(max(col, 1), len(runes)+1) - 1
	end := min(col+max(length, 1), len(runes))
	from, to := 0, len(runes)
	lead, trail := "", ""
	if len(runes) > maxShown {
		from = max(0, min(col-maxShown/4, len(runes)-maxShown))
		to = min(len(runes), from+maxShown)
		if from > 0 {
			lead = "…"
		}
		if to < len(runes) {
			trail = "…"
		}
	}
	end = min(end, to)
	var shown, under strings.Builder
	shown.WriteString(lead)
	under.WriteString(strings.Repeat(" ", plaintext.Columns(lead)))
	for i := from; i < to; i++ {
		r := visible(runes[i])
		shown.WriteRune(r)
		switch {
		case i < col && r == '\t':
			under.WriteRune('\t')
		case i < col:
			under.WriteString(strings.Repeat(" ", plaintext.Width(r)))
		case i == col:
			under.WriteByte('^')
			under.WriteString(strings.Repeat("~", max(0, plaintext.Width(r)-1)))
		case i < end:
			under.WriteString(strings.Repeat("~", plaintext.Width(r)))
		}
	}
	if col >= to {
		under.WriteByte('^')
	}
	return strings.TrimRight(shown.String(), " \t") + trail, under.String()
}

// visible replaces what would move the cursor or colour the terminal: a file is
// not trusted to write to it.
func visible(r rune) rune {
	if r != '\t' && plaintext.Hidden(r) {
		return '·'
	}
	return r
}

func printable(s string) string { return plaintext.Line(s) }
