package scenario

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a file. The YAML library takes time that grows with the square of
// the size, and a stack that grows with the depth.
const (
	maxSource = 128 << 10
	maxDepth  = 64
	maxNodes  = 100_000
)

type nodeKind uint8

const (
	nullNode nodeKind = iota
	textNode
	numberNode
	boolNode
	mapNode
	listNode
)

// node is a YAML value with its place: aliases are followed, merge keys merged,
// and keys unique. Nodes are shared between an anchor and its aliases.
type node struct {
	kind nodeKind
	span
	text    string // of a scalar, before variables are put in; of nothing, the word that says so, if any
	plain   bool   // a text without quotes
	entries []entry
	items   []*node
}

type entry struct{ key, value *node }

// describe says what a node is, for "expected …, found …".
func (n *node) describe() string {
	switch n.kind {
	case nullNode:
		return "nothing"
	case textNode:
		return fmt.Sprintf("%q", shorten(n.text))
	case numberNode:
		return "the number " + shorten(n.text)
	case boolNode:
		return n.text
	case mapNode:
		return "a mapping"
	}
	return "a list"
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

func (n *node) scalar() bool {
	return n.kind == textNode || n.kind == numberNode || n.kind == boolNode
}

// get returns the value of a key.
func (n *node) get(key string) (*node, bool) {
	for _, e := range n.entries {
		if e.key.text == key {
			return e.value, true
		}
	}
	return nil, false
}

// grower turns the YAML library's tree into nodes.
type grower struct {
	*collector
	anchors map[string]*node
	merged  int // mappings and keys that merge keys brought
}

// grow parses the file; nil if it is no YAML or holds nothing.
func (c *collector) grow(src string) *node {
	switch {
	case len(src) > maxSource:
		c.failf(span{}, "put long request lists into a file and name it under targets:", "the file has %d bytes, and at most %d are read", len(src), maxSource)
		return nil
	case !utf8.ValidString(src):
		for i, l := range c.lines {
			if at := invalidAt(l); at >= 0 {
				c.failf(span{i + 1, utf8.RuneCountInString(l[:at]) + 1, 1}, "save the file as UTF-8", "expected UTF-8 text, found the byte 0x%02x", l[at])
				return nil
			}
		}
	case tooDeep(src):
		c.failf(span{line: 1, col: 1}, "close every [ and {", "brackets are nested more than %d deep", maxDepth)
		return nil
	}
	if at, ok := c.stacked(); ok {
		c.failf(at, "a scenario needs no more than a handful of levels", "values are nested more than %d deep: a line begins so many within each other", maxDepth)
		return nil
	}
	file, err := parseYAML(shieldTemplates(src))
	if err != nil {
		// What is wrong is told of the file as it stands.
		if file, err = parseYAML(src); err != nil {
			c.syntax(src, err)
			return nil
		}
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType && doc.Body.Type() != ast.DirectiveType {
			bodies = append(bodies, doc.Body)
		}
	}
	g := grower{collector: c, anchors: map[string]*node{}}
	switch len(bodies) {
	case 0:
		c.failf(span{}, "ordeal init writes a scenario to start from", "the file is empty")
		return nil
	case 1:
		return g.node(bodies[0], 0)
	}
	second := g.node(bodies[1], 0)
	c.failf(second.span, "remove the --- line, or make two files", "expected one document, found a second one")
	return nil
}

// parseYAML shields the caller from panics of the YAML library: a scenario is
// untrusted input.
func parseYAML(src string) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("this is not YAML that can be read")
		}
	}()
	return parser.ParseBytes([]byte(src), 0, parser.AllowDuplicateMapKey())
}

// tooDeep guards the YAML library's recursion; it counts brackets in text too,
// of which no honest file has this many unclosed.
func tooDeep(src string) bool {
	depth := 0
	for _, r := range src {
		switch r {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		if depth > 8*maxDepth {
			return true
		}
	}
	return false
}

// stacked finds a line that begins value within value, "- - - -" or "&a &b &c":
// the YAML library's memory and time grow with the square of how many there are.
func (c *collector) stacked() (at span, found bool) {
	for i, line := range c.lines {
		depth := 0
		for word := range strings.FieldsSeq(line) {
			switch {
			case word == "-", word == "?", word == ":", word[0] == '&' && len(word) > 1, word[0] == '!':
				depth++
			default:
				depth = 0
			}
			if depth > maxDepth {
				return span{line: i + 1, col: 1}, true
			}
		}
	}
	return span{}, false
}

func invalidAt(s string) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// spanOf returns a token's place, pulled into the file where the library is
// off.
func (c *collector) spanOf(t *token.Token) span {
	if t == nil || t.Position == nil {
		return span{1, 1, 1}
	}
	line := min(max(t.Position.Line, 1), len(c.lines))
	col := min(max(t.Position.Column, 1), len(c.runes[line-1])+1)
	return span{line, col, c.toEnd(line, col)}
}

func (g *grower) node(y ast.Node, depth int) *node {
	if depth > maxDepth {
		at := g.spanOf(y.GetToken())
		g.failf(at, "a scenario needs no more than a handful of levels", "values are nested more than %d deep", maxDepth)
		return &node{span: at}
	}
	switch y := y.(type) {
	case *ast.MappingNode:
		return g.mapping(y.Values, y.Start, y.IsFlowStyle, depth)
	case *ast.MappingValueNode:
		return g.mapping([]*ast.MappingValueNode{y}, y.Start, false, depth)
	case *ast.SequenceNode:
		n := &node{kind: listNode, span: g.spanOf(y.Start)}
		n.len = 1
		for _, v := range y.Values {
			if v == nil {
				n.items = append(n.items, &node{span: n.span})
				continue
			}
			n.items = append(n.items, g.node(v, depth+1))
		}
		return n
	case *ast.AnchorNode:
		n := &node{span: g.spanOf(y.Start)}
		if y.Value != nil {
			n = g.node(y.Value, depth+1)
		}
		if y.Name != nil {
			g.anchors[y.Name.GetToken().Value] = n
		}
		return n
	case *ast.AliasNode:
		return g.alias(y)
	case *ast.TagNode:
		return g.tag(y, depth)
	case *ast.MappingKeyNode:
		if y.Value != nil {
			return g.node(y.Value, depth+1)
		}
	case *ast.LiteralNode:
		at := g.spanOf(y.Start)
		return &node{kind: textNode, span: at, text: unshielded(y.Value.Value)}
	case *ast.StringNode:
		n := &node{kind: textNode, span: g.spanOf(y.Token), text: unshielded(y.Value)}
		n.len = g.lengthOf(n)
		n.plain = y.Token.Type == token.StringType
		return n
	case *ast.BoolNode:
		return g.plain(boolNode, y.Token)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return g.plain(numberNode, y.GetToken())
	case *ast.MergeKeyNode:
		return g.plain(textNode, y.Token)
	case *ast.NullNode:
		n := &node{span: g.spanOf(y.Token)}
		n.len = 1
		if y.Token.Type != token.ImplicitNullType {
			n.text = y.Token.Value
		}
		return n
	}
	if y == nil {
		return &node{span: span{1, 1, 1}}
	}
	at := g.spanOf(y.GetToken())
	at.len = 1
	return &node{span: at}
}

func (g *grower) plain(kind nodeKind, t *token.Token) *node {
	n := &node{kind: kind, span: g.spanOf(t), text: t.Value}
	n.len = min(n.len, utf8.RuneCountInString(n.text))
	return n
}

func (g *grower) alias(y *ast.AliasNode) *node {
	at := g.spanOf(y.Start)
	name := ""
	if y.Value != nil {
		name = y.Value.GetToken().Value
	}
	at.len = 1 + utf8.RuneCountInString(name)
	if n, ok := g.anchors[name]; ok {
		return n
	}
	g.failf(at, "set it before, and outside of itself, with &"+name, "the anchor *%s is not known here", name)
	return &node{kind: mapNode, span: at}
}

func (g *grower) tag(y *ast.TagNode, depth int) *node {
	at := g.spanOf(y.Start)
	at.len = utf8.RuneCountInString(y.Start.Value)
	n := &node{span: at}
	if y.Value != nil {
		n = g.node(y.Value, depth+1)
	}
	switch y.Start.Value {
	case "!!str":
		if n.scalar() {
			c := *n
			c.kind = textNode
			return &c
		}
	case "!!int", "!!float", "!!bool":
		if n.kind == textNode && strings.HasPrefix(n.text, "{{") { // as without quotes, and YAML to every editor
			c := *n
			c.plain = true
			return &c
		}
	case "!!map", "!!seq", "!!null":
	default:
		g.failf(at, "put a value that starts with ! in quotes", "the tag %s has no meaning here", y.Start.Value)
	}
	return n
}

func (g *grower) mapping(values []*ast.MappingValueNode, start *token.Token, flow bool, depth int) *node {
	n := &node{kind: mapNode, span: g.spanOf(start)}
	n.len = 1
	var merged []*node
	lines := map[string]int{} // where each key stands
	for i, v := range values {
		if v.Key == nil {
			continue
		}
		key := g.node(v.Key, depth+1)
		if i == 0 && !flow {
			n.span = key.span
		}
		value := &node{span: key.span}
		if v.Value != nil {
			value = g.node(v.Value, depth+1)
		}
		if value.kind == nullNode {
			c := *value
			c.span, value = key.span, &c
		}
		switch {
		case v.Key.IsMergeKey():
			merged = append(merged, g.mergeable(value)...)
			continue
		case !key.scalar():
			g.failf(key.span, "use a plain word as the key", "expected a key, found %s", key.describe())
			continue
		}
		if line, dup := lines[key.text]; dup {
			g.failf(key.span, "remove one of the two", "the key %q is already set on line %d", key.text, line)
			continue
		}
		lines[key.text] = key.line
		n.entries = append(n.entries, entry{key, value})
	}
	for _, m := range merged {
		if g.merged += len(m.entries); g.merged > maxNodes {
			g.failf(n.span, "use fewer merge keys", "merge keys bring more than %d values", maxNodes)
			break
		}
		for _, e := range m.entries {
			if _, set := lines[e.key.text]; !set {
				lines[e.key.text] = e.key.line
				n.entries = append(n.entries, e)
			}
		}
	}
	return n
}

// mergeable returns the mappings that a merge key names.
func (g *grower) mergeable(n *node) []*node {
	if g.merged++; g.merged > maxNodes {
		g.failf(n.span, "use fewer merge keys", "merge keys bring more than %d values", maxNodes)
		return nil
	}
	switch n.kind {
	case mapNode:
		return []*node{n}
	case listNode:
		var out []*node
		for _, i := range n.items {
			out = append(out, g.mergeable(i)...)
		}
		return out
	}
	g.failf(n.span, "name an anchor that stands on a mapping: <<: *name", "expected a mapping to merge, found %s", n.describe())
	return nil
}
