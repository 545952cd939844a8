package report

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// grid prints rows in aligned columns within a width. If they are too wide, columns that can be
// left out are left out; then the column that can wrap is wrapped; then the first column is cut.
type grid struct {
	columns []column
	rows    []row
}

type column struct {
	title string
	right bool
	drop  int  // columns of the highest drop go first; 0 stays
	wrap  bool // at most one column
}

type row struct {
	cells []cell
	notes []cell // lines of their own below the row, under its second column
}

type cell struct {
	text  string // plain
	style style  // nil for none
}

const (
	gridIndent = 2
	gridGap    = 2
	minWrap    = 16
)

// lines returns the grid as text, without colour where style is nil.
func (g *grid) lines(width int, dim style) []string {
	cols, widths := g.fit(width)
	var out []string
	titles := make([]cell, len(g.columns))
	titled := false
	for i, c := range g.columns {
		titles[i] = cell{c.title, dim}
		titled = titled || c.title != ""
	}
	if titled {
		out = append(out, g.line(titles, cols, widths)...)
	}
	for _, r := range g.rows {
		out = append(out, g.line(r.cells, cols, widths)...)
		indent := gridIndent + widths[0] + gridGap
		if indent > width/3 {
			indent = gridIndent + 2
		}
		for _, n := range r.notes {
			for _, l := range wrapText(n.text, width-indent) {
				out = append(out, strings.Repeat(" ", indent)+paint(n.style, l))
			}
		}
	}
	return out
}

// fit chooses the columns that are shown, and their widths.
func (g *grid) fit(width int) (cols, widths []int) {
	natural := make([]int, len(g.columns))
	for i, c := range g.columns {
		natural[i] = ansi.StringWidth(c.title)
		for _, r := range g.rows {
			natural[i] = max(natural[i], ansi.StringWidth(r.cells[i].text))
		}
		cols = append(cols, i)
	}
	total := func() int {
		n := gridIndent - gridGap
		for _, i := range cols {
			w := natural[i]
			if g.columns[i].wrap {
				w = min(w, minWrap)
			}
			n += w + gridGap
		}
		return n
	}
	for total() > width {
		worst := -1
		for k, i := range cols {
			if d := g.columns[i].drop; d > 0 && (worst < 0 || d >= g.columns[cols[worst]].drop) {
				worst = k
			}
		}
		if worst < 0 {
			break
		}
		cols = append(cols[:worst], cols[worst+1:]...)
	}
	rest := width - gridIndent + gridGap
	stretchy := -1
	for k, i := range cols {
		rest -= natural[i] + gridGap
		widths = append(widths, natural[i])
		if g.columns[i].wrap {
			stretchy = k
		}
	}
	if rest < 0 && stretchy >= 0 {
		give := min(-rest, widths[stretchy]-min(minWrap, widths[stretchy]))
		widths[stretchy] -= give
		rest += give
	}
	if rest < 0 {
		widths[0] = max(4, widths[0]+rest)
	}
	return cols, widths
}

// line prints one row, on several lines if a cell wraps.
func (g *grid) line(cells []cell, cols, widths []int) []string {
	height := 1
	parts := make([][]string, len(cols))
	for k, i := range cols {
		text := cells[i].text
		if g.columns[i].wrap {
			parts[k] = wrapText(text, widths[k])
		} else {
			parts[k] = []string{ansi.Truncate(text, widths[k], "…")}
		}
		height = max(height, len(parts[k]))
	}
	var out []string
	for y := range height {
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", gridIndent))
		pending := 0 // spaces that are printed only if something follows
		for k, i := range cols {
			text := ""
			if y < len(parts[k]) {
				text = parts[k][y]
			}
			pad := max(0, widths[k]-ansi.StringWidth(text))
			if g.columns[i].right {
				pending += pad
				pad = 0
			}
			if text != "" {
				b.WriteString(strings.Repeat(" ", pending))
				b.WriteString(paint(cells[i].style, text))
				pending = 0
			}
			pending += pad + gridGap
		}
		out = append(out, b.String())
	}
	return out
}

func paint(s style, text string) string {
	if s == nil {
		return text
	}
	return s(text)
}

// wrapText breaks text into lines of at most width cells between words, and
// within a word only if it is wider than a line: before a dot, so that a chain of
// scopes stays readable, or else where it must be.
func wrapText(text string, width int) []string {
	width = max(width, 8)
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && ansi.StringWidth(line)+1+ansi.StringWidth(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " " + word
			continue
		}
		for ansi.StringWidth(word) > width {
			head := ansi.Truncate(word, width, "")
			if dot := strings.LastIndexByte(head, '.'); dot > len(head)/3 {
				head = head[:dot]
			}
			lines, word = append(lines, head), word[len(head):]
		}
		line = word
	}
	return append(lines, line)
}
