package strictyaml

import "unicode/utf8"

// place is a character of the file: line and col from 1.
type place struct{ line, col int }

// Locate returns the place in the file of n.Text[off:off+length], whichever way
// the scalar is written: plain, quoted, folded over lines, or as a block.
func (c *Source) Locate(n *Node, off, length int) Span {
	places := c.align(n)
	off = min(max(off, 0), len(n.Text))
	end := min(off+max(length, 0), len(n.Text))
	from, to := places[off], places[end]
	if to.line != from.line || to.col <= from.col {
		if end == off || to.line == from.line {
			return Span{from.line, from.col, 1}
		}
		// It goes on on the next line: underline the rest of this one.
		return Span{from.line, from.col, c.toEnd(from.line, from.col)}
	}
	return Span{from.line, from.col, to.col - from.col}
}

// lengthOf returns how many characters a scalar takes on its first line.
func (c *Source) lengthOf(n *Node) int {
	rest := c.runes[n.Line-1][n.Col-1:]
	if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return c.Locate(n, 0, len(n.Text)).Len
	}
	end := c.align(n)[len(n.Text)]
	if end.line == n.Line {
		return end.col - n.Col + 1 // with the closing quote
	}
	return c.toEnd(n.Line, n.Col)
}

// align walks the value and the source side by side and returns the place of
// each byte of the value, and of its end. Where the two cannot be matched, the
// last good place stands for the rest. The walk is kept for the next question, as a
// long value can hold a variable every few characters.
func (c *Source) align(n *Node) []place {
	if n != c.aligned.of || n.Text != c.aligned.text {
		c.aligned = alignment{n, n.Text, c.walk(n)}
	}
	return c.aligned.places
}

// alignment is where the bytes of a value stand in the file.
type alignment struct {
	of     *Node
	text   string
	places []place
}

func (c *Source) walk(n *Node) []place {
	out := make([]place, len(n.Text)+1)
	r := &reader{lines: c.runes, at: place{n.Line, n.Col}}
	quote := r.peek()
	switch quote {
	case '"', '\'':
		r.next()
	case '|', '>':
		if n.Kind == Text && n.Text != "" {
			r.at = place{n.Line + 1, 1}
		}
		quote = 0
	default:
		quote = 0
	}
	i := 0
	for i < len(n.Text) {
		v, size := utf8.DecodeRuneInString(n.Text[i:])
		start := r.at
		switch s := r.peek(); {
		case s == 0:
			size = len(n.Text) - i
		case quote == '"' && s == '\\':
			if folded := r.escape(); folded {
				continue
			}
		case quote == '\'' && s == '\'':
			r.next()
			r.next()
		case s == v:
			r.next()
		case blank(s) && blank(v):
			r.next()
		case blank(s):
			r.next()
			continue
		case blank(v):
			// A line break that folding made of nothing.
		default:
			size = len(n.Text) - i
		}
		for k := range size {
			out[i+k] = start
		}
		i += size
	}
	out[len(n.Text)] = r.at
	return out
}

func blank(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }

// reader walks the characters of the source lines.
type reader struct {
	lines [][]rune
	at    place
}

// peek returns the character at the reader's place, 0 at the end of the file.
func (r *reader) peek() rune {
	if r.at.line > len(r.lines) {
		return 0
	}
	line := r.lines[r.at.line-1]
	if r.at.col > len(line) {
		if r.at.line == len(r.lines) {
			return 0
		}
		return '\n'
	}
	return line[r.at.col-1]
}

func (r *reader) next() {
	if r.peek() == '\n' {
		r.at = place{r.at.line + 1, 1}
		return
	}
	r.at.col++
}

// escape steps over one escape of a double-quoted scalar. It says whether that
// stood for nothing: a folded line end.
func (r *reader) escape() (folded bool) {
	r.next()
	digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[r.peek()]
	if r.peek() == '\n' {
		for blank(r.peek()) {
			r.next()
		}
		return true
	}
	for range 1 + digits {
		r.next()
	}
	return false
}
