package payload

import (
	"fmt"
	"html/template"
	"strings"
	texttemplate "text/template"
	"text/template/parse"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// Bounds of what the templates of one arrival make: templates can loop, call
// themselves and double a value, and so take all memory and time there is.
const (
	MaxRendered      = 32 << 20  // bytes of a value, a body, or URL and headers
	maxMade          = 64 << 20  // bytes of all values that functions make
	maxTemplateSteps = 1_000_000 // turns of loops and calls of defined templates
)

// boundError says that a template goes beyond a bound.
type boundError struct{ msg string }

func (e *boundError) Error() string { return e.msg }

var (
	ErrTooMuch = &boundError{
		fmt.Sprintf(
			"expected at most %d MiB, found more: the template makes too much of its values",
			MaxRendered>>20,
		),
	}
	errMade = &boundError{
		fmt.Sprintf(
			"expected values of at most %d MiB together, found more: the template makes too much of them",
			maxMade>>20,
		),
	}
	errSteps = &boundError{
		fmt.Sprintf(
			"expected at most %d turns of loops and calls of templates, found more",
			maxTemplateSteps,
		),
	}
)

// stepName is the name of the function that counts turns. Authors cannot type it by accident.
const stepName = "Ωstep"

// made is a value that a function made, if there is room for it.
func (d *Draw) made(s string) (string, error) {
	if d.work += len(s); d.work > maxMade {
		return "", errMade
	}
	return s, nil
}

// bounded are text/template's functions that make values, within bounds, and the
// counter of turns. What a call would make is estimated before it is made.
func (d *Draw) bounded() texttemplate.FuncMap {
	within := func(size int, f func() string) (string, error) {
		if size > MaxRendered {
			return "", ErrTooMuch
		}
		return d.made(f())
	}
	escaped := func(f func(...any) string) func(...any) (string, error) {
		return func(args ...any) (string, error) {
			return within(6*sizeOf(args), func() string { return f(args...) })
		}
	}
	return texttemplate.FuncMap{
		stepName: func() (string, error) {
			if d.steps++; d.steps > maxTemplateSteps {
				return "", errSteps
			}
			return "", nil
		},
		"print": func(args ...any) (string, error) {
			return within(sizeOf(args), func() string { return fmt.Sprint(args...) })
		},
		"println": func(args ...any) (string, error) {
			return within(sizeOf(args), func() string { return fmt.Sprintln(args...) })
		},
		"html":     escaped(template.HTMLEscaper),
		"js":       escaped(template.JSEscaper),
		"urlquery": escaped(template.URLQueryEscaper),
		"printf": func(format string, args ...any) (string, error) {
			out, err := within(
				formattedSize(format, args),
				func() string { return fmt.Sprintf(format, args...) },
			)
			if err == nil {
				err = misfit(out, format, args)
			}
			return out, err
		},
	}
}

// sizeOf is how many bytes values take as text, about.
func sizeOf(args []any) int {
	n := 0
	for _, a := range args {
		switch a := a.(type) {
		case string:
			n += len(a)
		case rawText:
			n += len(a)
		case int, int64, uint64, bool, nil:
			n += 24
		default:
			n += len(fmt.Sprint(a))
		}
	}
	return n
}

// formattedSize is the most that fmt.Sprintf makes, about. fmt itself takes widths of
// at most a million.
func formattedSize(format string, args []any) int {
	const widest, number = 1_000_000, 400
	each := sizeOf(args)
	if strings.ContainsAny(format, "qxXU#") {
		each *= 10
	}
	size := len(format) + each
	for i := 0; i < len(format) && size <= MaxRendered; i++ {
		if format[i] != '%' {
			continue
		}
		digits, width := 0, 0
		for i++; i < len(format) && isFormatFlag(format[i]); i++ {
			switch c := format[i]; {
			case c == '*':
				width = widest
			case c >= '0' && c <= '9':
				digits = min(10*digits+int(c-'0'), widest)
				width = max(width, digits)
			default:
				digits = 0
			}
		}
		size += each + width + number
	}
	return size
}

// misfit says what is wrong with the arguments of fmt.Sprintf, which reports mistakes within its
// result, as in "%!d(string=7)": such a text must not be sent to a target.
func misfit(out, format string, args []any) error {
	const mark = "%!"
	if !strings.Contains(out, mark) {
		return nil
	}
	// A percent sign in a value may look like such a mark together with the text behind it.
	const other = "\x00"
	clean := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case string:
			clean[i] = strings.ReplaceAll(a, "%", other)
		case rawText:
			clean[i] = strings.ReplaceAll(string(a), "%", other)
		default:
			if strings.Contains(fmt.Sprint(a), mark) {
				return nil // such as a whole row: not known
			}
			clean[i] = a
		}
	}
	_, found, ok := strings.Cut(fmt.Sprintf(withoutMarks(format), clean...), mark)
	if !ok {
		return nil
	}
	hint := ""
	if strings.Contains(found, "(string=") {
		hint = ": values of data are text, which %s and %q take"
	}
	return fmt.Errorf(
		"expected a format that fits its values, found %s%s%s",
		mark,
		plaintext.Clip(strings.ReplaceAll(found, other, "%"), 40),
		hint,
	)
}

// withoutMarks is a format whose own text has no percent sign before an
// exclamation mark.
func withoutMarks(format string) string {
	b := []byte(format)
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			continue
		}
		for i++; i < len(b) && isFormatFlag(b[i]); i++ {
		}
		if i+1 < len(b) && b[i] == '%' && b[i+1] == '!' {
			b[i+1] = 0
		}
	}
	return string(b)
}

// isFormatFlag says that c can stand between a percent sign and its verb.
func isFormatFlag(c byte) bool { return strings.IndexByte("+-# 0123456789.[]*", c) >= 0 }

// countSteps puts the counter at the beginning of each loop's turn and of each
// defined template.
func countSteps(t *texttemplate.Template) {
	done := map[*parse.ListNode]bool{}
	for _, part := range append(t.Templates(), t) {
		if part.Tree != nil && part.Root != nil && !done[part.Root] {
			done[part.Root] = true
			countIn(part.Root)
			countFirst(part.Root)
		}
	}
}

func countIn(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.IfNode:
			countIn(n.List)
			countIn(n.ElseList)
		case *parse.WithNode:
			countIn(n.List)
			countIn(n.ElseList)
		case *parse.RangeNode:
			countIn(n.List)
			countIn(n.ElseList)
			countFirst(n.List)
		}
	}
}

// countFirst puts the counter before what a list does.
func countFirst(l *parse.ListNode) {
	call := &parse.CommandNode{
		NodeType: parse.NodeCommand,
		Pos:      l.Pos,
		Args:     []parse.Node{parse.NewIdentifier(stepName).SetTree(nil).SetPos(l.Pos)},
	}
	count := &parse.ActionNode{
		NodeType: parse.NodeAction,
		Pos:      l.Pos,
		Pipe: &parse.PipeNode{
			NodeType: parse.NodePipe,
			Pos:      l.Pos,
			Cmds:     []*parse.CommandNode{call},
		},
	}
	l.Nodes = append([]parse.Node{count}, l.Nodes...)
}
