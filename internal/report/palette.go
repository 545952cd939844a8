package report

import (
	"github.com/fatih/color"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// style paints text; it does not change its width.
type style func(string) string

// palette is the handful of styles that reports use. It is set for each output
// on its own, not for the whole process: standard output may be a file while
// standard error is a terminal.
type palette struct{ good, warn, bad, info, dim, bold style }

func newPalette(on bool) palette {
	paint := func(attrs ...color.Attribute) style {
		if !on {
			return func(s string) string { return s }
		}
		c := color.New(attrs...)
		c.EnableColor()
		return func(s string) string {
			if s == "" {
				return ""
			}
			return c.Sprint(s)
		}
	}
	return palette{
		good: paint(color.FgGreen),
		warn: paint(color.FgYellow),
		bad:  paint(color.FgRed, color.Bold),
		info: paint(color.FgCyan),
		dim:  paint(color.Faint),
		bold: paint(color.Bold),
	}
}

// plain makes text from outside (error messages, names) safe to print: no
// control characters, which could move the cursor or change colours, and one
// line.
func plain(s string) string { return plaintext.Line(s) }
