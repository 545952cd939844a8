package attack

import (
	"fmt"
	"html/template"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
)

// Bounds of what the templates of one arrival make: templates can loop, call
// themselves and double a value, and so take all memory and time there is.
const (
	maxRendered      = 32 << 20  // bytes of a value, a body, or URL and headers
	maxMade          = 64 << 20  // bytes of all values that functions make
	maxTemplateSteps = 1_000_000 // turns of loops and calls of defined templates
)

// boundError says that a template goes beyond a bound.
type boundError struct{ msg string }

func (e *boundError) Error() string { return e.msg }

var (
	errRendered = &boundError{fmt.Sprintf("expected at most %d MiB, found more: the template makes too much of its values", maxRendered>>20)}
	errMade     = &boundError{fmt.Sprintf("expected values of at most %d MiB together, found more: the template makes too much of them", maxMade>>20)}
	errSteps    = &boundError{fmt.Sprintf("expected at most %d turns of loops and calls of templates, found more", maxTemplateSteps)}
)

// stepName is the function that counts turns, which authors do not know of.
const stepName = "Ωstep"

// made is a value that a function made, if there is room for it.
func (d *draw) made(s string) (string, error) {
	if d.work += len(s); d.work > maxMade {
		return "", errMade
	}
	return s, nil
}

// bounded are text/template's functions that make values, within bounds, and the
// counter of turns. What a call would make is estimated before it is made.
func (d *draw) bounded() texttemplate.FuncMap {
	within := func(size int, f func() string) (string, error) {
		if size > maxRendered {
			return "", errRendered
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
			return within(formattedSize(format, args), func() string { return fmt.Sprintf(format, args...) })
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
	for i := 0; i < len(format) && size <= maxRendered; i++ {
		if format[i] != '%' {
			continue
		}
		digits, width := 0, 0
		for i++; i < len(format) && strings.IndexByte("+-# 0123456789.[]*", format[i]) >= 0; i++ {
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
	call := &parse.CommandNode{NodeType: parse.NodeCommand, Pos: l.Pos, Args: []parse.Node{parse.NewIdentifier(stepName).SetTree(nil).SetPos(l.Pos)}}
	count := &parse.ActionNode{NodeType: parse.NodeAction, Pos: l.Pos, Pipe: &parse.PipeNode{NodeType: parse.NodePipe, Pos: l.Pos, Cmds: []*parse.CommandNode{call}}}
	l.Nodes = append([]parse.Node{count}, l.Nodes...)
}
