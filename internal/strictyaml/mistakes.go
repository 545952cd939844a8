package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong in a file, and where.
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

// Mistakes is everything that is wrong in one file, in order of position.
type Mistakes struct {
	List []Mistake
}

// Error renders all mistakes without colour, without a newline at the end.
func (m *Mistakes) Error() string {
	var b strings.Builder
	m.Render(&b, false)
	return strings.TrimSuffix(b.String(), "\n")
}

// Source is a text that is read, and what is wrong with it.
type Source struct {
	grammar *Grammar
	file    string // its name in messages
	text    string
	lines   []string
	runes   [][]rune // the lines, by character
	list    []Mistake
	seen    map[string]bool
	more    int            // times that one beyond MaxMistakes was found
	flags   map[int]string // lines that are no line of the file, but a flag's text
	// oneValue says that the text is a value within a line, so that indentation is not
	// what is wrong with it.
	oneValue bool

	aligned alignment // the last value that was looked for in the file
}

// MaxMistakes is how many are told: a file can have one in every few characters,
// each of which is shown with its whole line.
const MaxMistakes = 200

// lineBreaks are all one to YAML, but its library counts them otherwise, so that
// mistakes would be shown at other lines.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Source is a text of this grammar; file is its name in messages. A byte order mark
// is left out, and line ends of all systems are read as one.
func (g *Grammar) Source(file, text string) *Source {
	text = lineBreaks.Replace(strings.TrimPrefix(text, "\ufeff"))
	lines := strings.Split(text, "\n")
	runes := make([][]rune, len(lines))
	for i, l := range lines {
		runes[i] = []rune(l)
	}
	return &Source{
		grammar: g,
		file:    file,
		text:    text,
		lines:   lines,
		runes:   runes,
		seen:    map[string]bool{},
	}
}

// Failf notes a mistake. One and the same mistake at one place counts once: an
// alias leads to its anchor's place each time it is used.
func (c *Source) Failf(at Span, hint, format string, args ...any) {
	m := Mistake{
		File: c.file, Line: at.Line, Col: at.Col, Len: max(1, at.Len), Hint: hint, Msg: fmt.Sprintf(format, args...),
	}
	if at.Line >= 1 && at.Line <= len(c.lines) {
		m.Source = c.lines[at.Line-1]
	}
	key := fmt.Sprint(m.Line, ":", m.Col, ":", m.Msg)
	if c.seen[key] {
		return
	}
	if len(c.list) == MaxMistakes {
		c.more++
		return
	}
	c.seen[key] = true
	c.list = append(c.list, m)
}

// InFile says whether a place lies in the file, and not in a flag's text.
func (c *Source) InFile(at Span) bool {
	_, flag := c.flags[at.Line]
	return at.Line > 0 && !flag
}

// File is the text's name in messages.
func (c *Source) File() string { return c.file }

// toEnd is how many characters stand from col to the end of the line, without
// trailing blanks; at least 1.
func (c *Source) toEnd(line, col int) int {
	text := c.runes[line-1]
	end := len(text)
	for end > 0 && blank(text[end-1]) {
		end--
	}
	return max(1, end-col+1)
}

// Redactor hides what must not be shown.
type Redactor interface {
	Text(string) string
	SameWidth(string) string // as many characters as before, for source lines
}

// Err returns the mistakes as an error, *Mistakes, nil if there are none. With
// hide, what must not be shown is not in them.
func (c *Source) Err(hide Redactor) error {
	if len(c.list) == 0 {
		return nil
	}
	slices.SortStableFunc(c.list, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	for i := range c.list {
		m := &c.list[i]
		if flag, ok := c.flags[m.Line]; ok {
			m.File, m.Line = flag, 1
		}
		if hide != nil {
			m.Msg, m.Hint, m.Source = hide.Text(m.Msg), hide.Text(m.Hint), hide.SameWidth(m.Source)
		}
	}
	if c.more > 0 {
		c.list = append(c.list, Mistake{
			File: c.file, Len: 1, Msg: "there are more mistakes than these", Hint: "mend these first",
		})
	}
	return &Mistakes{List: c.list}
}
