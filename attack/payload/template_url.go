package payload

import (
	"fmt"
	"slices"
	"text/template"
	"text/template/parse"
)

// In values that templates put into a URL, all but letters, digits and -._~ is percent-encoded, so
// that a slash or a question mark in a value does not change the URL's parts. The values . and ..
// are encoded too, as they would lead to another folder. The rest of the URL stays as it was
// written.

// rawText is a value that is not encoded: what the template function raw returns.
type rawText string

// urlValueName is the name of the function that encodes the values of a URL. Authors cannot type it
// by accident.
const urlValueName = "Ωurl"

func urlValue(v any) string {
	if raw, ok := v.(rawText); ok {
		return string(raw)
	}
	return string(encodeFrom([]byte(fmt.Sprint(v)), 0))
}

// encodeAll makes all values that a template, and the templates defined in it, put in go through
// urlValue.
func encodeAll(t *template.Template) {
	done := map[*parse.ListNode]bool{}
	for _, part := range append(t.Templates(), t) {
		if part.Tree != nil && part.Root != nil && !done[part.Root] {
			done[part.Root] = true
			encodeValues(part.Root)
		}
	}
}

// encodeValues makes all values that a node puts in go through urlValue.
func encodeValues(n parse.Node) {
	list := func(l *parse.ListNode) {
		if l != nil {
			for _, n := range l.Nodes {
				encodeValues(n)
			}
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		list(n)
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			call := parse.NewIdentifier(urlValueName).SetTree(nil).SetPos(n.Pos)
			n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{call}})
		}
	case *parse.IfNode:
		list(n.List)
		list(n.ElseList)
	case *parse.RangeNode:
		list(n.List)
		list(n.ElseList)
	case *parse.WithNode:
		list(n.List)
		list(n.ElseList)
	}
}

// encodeFrom percent-encodes b from at on. It needs no memory if there is nothing
// to encode, and b's own if that is large enough.
func encodeFrom(b []byte, at int) []byte {
	dots := string(b[at:]) == "." || string(b[at:]) == ".."
	n := 0
	for _, c := range b[at:] {
		if dots || !inQuery[c] {
			n++
		}
	}
	if n == 0 {
		return b
	}
	from, to := len(b), len(b)+2*n
	b = slices.Grow(b, 2*n)[:to]
	// From the back, so that nothing is overwritten before it has moved.
	for n > 0 {
		from--
		c := b[from]
		if !dots && inQuery[c] {
			to--
			b[to] = c
			continue
		}
		n--
		to -= 3
		b[to], b[to+1], b[to+2] = '%', UpperHex[c>>4], UpperHex[c&15]
	}
	return b
}
