package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// Mistake is one thing that is wrong in a scenario file, and where.
type Mistake struct {
	File string
	// Line and Col count from 1, Col in characters; both are 0 if the mistake is
	// not in one place, such as a file that cannot be read.
	Line, Col int
	Len       int    // characters to underline, at least 1
	Msg       string // what was expected and what was found
	Hint      string // what to do
	Source    string // the offending line
}

// Mistakes is everything that is wrong in one scenario file, in order of
// position. It is the only error that Load and Parse return.
type Mistakes struct {
	List []Mistake
}

// Error renders all mistakes without colour, without a newline at the end.
func (m *Mistakes) Error() string {
	var b strings.Builder
	m.Render(&b, false)
	return strings.TrimSuffix(b.String(), "\n")
}

// span is a stretch of one line of the file: line and col from 1, len in
// characters.
type span struct{ line, col, len int }

// collector gathers the mistakes of one file.
type collector struct {
	file  string
	lines []string
	runes [][]rune // the lines, by character
	list  []Mistake
	seen  map[string]bool
	flags map[int]string // lines that are no line of the file, but a flag's text
	// fails counts calls of failf, repetitions too: whether reading a value went
	// well is told by whether it grew, as the list may hold the mistake already.
	fails int
	more  int // times that one beyond maxMistakes was found

	aligned alignment // the last value that was looked for in the file
}

// maxMistakes is how many are told: a file can have one in every few characters,
// each of which is shown with its whole line.
const maxMistakes = 200

func newCollector(file string, src []byte) *collector {
	lines := strings.Split(string(src), "\n")
	runes := make([][]rune, len(lines))
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(l, "\r")
		runes[i] = []rune(lines[i])
	}
	return &collector{file: file, lines: lines, runes: runes, seen: map[string]bool{}}
}

// failf adds a mistake. One and the same mistake at one place counts once: an
// alias leads to its anchor's place each time it is used.
func (c *collector) failf(at span, hint, format string, args ...any) {
	c.fails++
	m := Mistake{File: c.file, Line: at.line, Col: at.col, Len: max(1, at.len), Hint: hint, Msg: fmt.Sprintf(format, args...)}
	if at.line >= 1 && at.line <= len(c.lines) {
		m.Source = c.lines[at.line-1]
	}
	key := fmt.Sprint(m.Line, ":", m.Col, ":", m.Msg)
	if c.seen[key] {
		return
	}
	if len(c.list) == maxMistakes {
		c.more++
		return
	}
	c.seen[key] = true
	c.list = append(c.list, m)
}

// toEnd is how many characters stand from col to the end of the line, without
// trailing blanks; at least 1.
func (c *collector) toEnd(line, col int) int {
	text := c.runes[line-1]
	end := len(text)
	for end > 0 && blank(text[end-1]) {
		end--
	}
	return max(1, end-col+1)
}

// result returns the mistakes as an error, nil if there are none. No secret is
// left in them.
func (c *collector) result(secrets []string) error {
	if len(c.list) == 0 {
		return nil
	}
	slices.SortStableFunc(c.list, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	redact := secret.NewRedactor(secrets)
	for i := range c.list {
		m := &c.list[i]
		if flag, ok := c.flags[m.Line]; ok {
			m.File, m.Line = flag, 1
		}
		m.Msg, m.Hint, m.Source = redact.Text(m.Msg), redact.Text(m.Hint), redact.SameWidth(m.Source)
	}
	if c.more > 0 {
		c.list = append(c.list, Mistake{File: c.file, Len: 1, Msg: "there are more mistakes than these", Hint: "mend these first"})
	}
	return &Mistakes{List: c.list}
}
