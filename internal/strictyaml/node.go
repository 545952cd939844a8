package strictyaml

import (
	"fmt"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Kind is what a YAML value is.
type Kind uint8

// The kinds of values.
const (
	Null Kind = iota
	Text
	Number
	Bool
	Map
	List
)

// Span is a stretch of one line of the file: Line and Col from 1, Len in
// characters.
type Span struct{ Line, Col, Len int }

// Node is a YAML value with its place: aliases are followed, merge keys merged,
// and keys unique. Nodes are shared between an anchor and its aliases.
type Node struct {
	Kind Kind
	Span
	// Of a scalar, before variables are put in. Of a null, the word for it that was written, if
	// any.
	Text    string
	Plain   bool // a text without quotes
	Entries []Entry
	Items   []*Node
}

// Entry is a key of a mapping and its value.
type Entry struct{ Key, Value *Node }

// Describe says what a node is, for "expected …, found …".
func (n *Node) Describe() string {
	switch n.Kind {
	case Null:
		return "nothing"
	case Text:
		return fmt.Sprintf("%q", Shorten(n.Text))
	case Number:
		return "the number " + Shorten(n.Text)
	case Bool:
		return n.Text
	case Map:
		return "a mapping"
	}
	return "a list"
}

// Shorten cuts what is quoted in a message.
func Shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

// IsScalar says whether the node is a text, a number or a truth.
func (n *Node) IsScalar() bool {
	return n.Kind == Text || n.Kind == Number || n.Kind == Bool
}

// Get returns the value of a key.
func (n *Node) Get(key string) (*Node, bool) {
	for _, e := range n.Entries {
		if e.Key.Text == key {
			return e.Value, true
		}
	}
	return nil, false
}

// Below follows a path of keys and indices into the node, as far as it leads.
func (n *Node) Below(path fielderr.Path) *Node {
	for _, step := range path {
		next, ok := n.Get(step.Key)
		if step.Key == "" && step.Index < len(n.Items) {
			next, ok = n.Items[step.Index], true
		}
		if !ok {
			break
		}
		n = next
	}
	return n
}

// KeySpan is where a key of the mapping stands; the mapping's own place if it is
// not there.
func (n *Node) KeySpan(key string) Span {
	for _, e := range n.Entries {
		if e.Key.Text == key {
			return e.Key.Span
		}
	}
	return n.Span
}

// Written is a text or a list of texts as it may stand in the file, for hints;
// empty for anything else.
func (n *Node) Written() string {
	if n.IsScalar() {
		return Shorten(n.Text)
	}
	var words []string
	for _, item := range n.Items {
		if !item.IsScalar() {
			return ""
		}
		words = append(words, item.Text)
	}
	if len(words) == 0 {
		return ""
	}
	return Shorten("[" + strings.Join(words, ", ") + "]")
}
