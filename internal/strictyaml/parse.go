package strictyaml

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// treeBuilder turns the YAML library's tree into nodes.
type treeBuilder struct {
	*Source
	failed  bool // there was a mistake
	anchors map[string]*Node
	merged  int // mappings and keys that merge keys brought
}

// Parse returns the value of the file; nil, with the mistake noted, if it is no
// YAML or holds nothing. The value can be whole and mistakes be noted nevertheless,
// such as a key that stands twice.
func (c *Source) Parse() *Node {
	n, _ := c.parse()
	return n
}

// parse is Parse; whole says that there is no mistake in the value.
func (c *Source) parse() (n *Node, whole bool) {
	src := c.text
	switch {
	case len(src) > MaxSource:
		c.Failf(Span{},
			c.grammar.Hints.TooLarge,
			"the file has %d bytes, and at most %d are read", len(src), MaxSource)
		return nil, false
	case !utf8.ValidString(src):
		for i, l := range c.lines {
			if at := invalidAt(l); at >= 0 {
				c.Failf(Span{i + 1, utf8.RuneCountInString(l[:at]) + 1, 1},
					"save the file as UTF-8",
					"expected UTF-8 text, found the byte 0x%02x", l[at])
				return nil, false
			}
		}
	case tooDeep(src):
		c.Failf(Span{Line: 1, Col: 1},
			"close every [ and {",
			"brackets are nested more than %d deep", maxDepth)
		return nil, false
	}
	if at, ok := c.stacked(); ok {
		c.Failf(at,
			c.grammar.Hints.TooDeep,
			"values are nested more than %d deep: a line begins so many within each other",
			maxDepth)
		return nil, false
	}
	file, err := parseYAML(c.grammar.shieldTemplates(src))
	if err != nil {
		// What is wrong is told of the file as it stands.
		if file, err = parseYAML(src); err != nil {
			c.syntax(src, err)
			return nil, false
		}
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType &&
			doc.Body.Type() != ast.DirectiveType {
			bodies = append(bodies, doc.Body)
		}
	}
	g := treeBuilder{Source: c, anchors: map[string]*Node{}}
	switch len(bodies) {
	case 0:
		c.Failf(Span{}, c.grammar.Hints.Empty, "the file is empty")
		return nil, false
	case 1:
		n := g.node(bodies[0], 0)
		return n, !g.failed
	}
	second := g.node(bodies[1], 0)
	c.Failf(second.Span,
		"remove the --- line, or make two files",
		"expected one document, found a second one")
	return nil, false
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
func (c *Source) stacked() (at Span, found bool) {
	for i, line := range c.lines {
		depth := 0
		for word := range strings.FieldsSeq(line) {
			switch {
			case word == "-",
				word == "?",
				word == ":",
				word[0] == '&' && len(word) > 1,
				word[0] == '!':
				depth++
			default:
				depth = 0
			}
			if depth > maxDepth {
				return Span{Line: i + 1, Col: 1}, true
			}
		}
	}
	return Span{}, false
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

// failf notes a mistake in the tree.
func (g *treeBuilder) failf(at Span, hint, format string, args ...any) {
	g.failed = true
	g.Failf(at, hint, format, args...)
}

// spanOf returns a token's place, pulled into the file where the library is
// off.
func (c *Source) spanOf(t *token.Token) Span {
	if t == nil || t.Position == nil {
		return Span{1, 1, 1}
	}
	line := min(max(t.Position.Line, 1), len(c.lines))
	col := min(max(t.Position.Column, 1), len(c.runes[line-1])+1)
	return Span{line, col, c.toEnd(line, col)}
}

func (g *treeBuilder) node(y ast.Node, depth int) *Node {
	if depth > maxDepth {
		at := g.spanOf(y.GetToken())
		g.failf(at, g.grammar.Hints.TooDeep, "values are nested more than %d deep", maxDepth)
		return &Node{Span: at}
	}
	switch y := y.(type) {
	case *ast.MappingNode:
		return g.mapping(y.Values, y.Start, y.IsFlowStyle, depth)
	case *ast.MappingValueNode:
		return g.mapping([]*ast.MappingValueNode{y}, y.Start, false, depth)
	case *ast.SequenceNode:
		n := &Node{Kind: List, Span: g.spanOf(y.Start)}
		n.Len = 1
		for _, v := range y.Values {
			if v == nil {
				n.Items = append(n.Items, &Node{Span: n.Span})
				continue
			}
			n.Items = append(n.Items, g.node(v, depth+1))
		}
		return n
	case *ast.AnchorNode:
		n := &Node{Span: g.spanOf(y.Start)}
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
		return &Node{Kind: Text, Span: at, Text: unshielded(y.Value.Value)}
	case *ast.StringNode:
		n := &Node{Kind: Text, Span: g.spanOf(y.Token), Text: unshielded(y.Value)}
		n.Len = g.lengthOf(n)
		n.Plain = y.Token.Type == token.StringType
		return n
	case *ast.BoolNode:
		return g.plain(Bool, y.Token)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return g.plain(Number, y.GetToken())
	case *ast.MergeKeyNode:
		return g.plain(Text, y.Token)
	case *ast.NullNode:
		n := &Node{Span: g.spanOf(y.Token)}
		n.Len = 1
		if y.Token.Type != token.ImplicitNullType {
			n.Text = y.Token.Value
		}
		return n
	}
	if y == nil {
		return &Node{Span: Span{1, 1, 1}}
	}
	at := g.spanOf(y.GetToken())
	at.Len = 1
	return &Node{Span: at}
}

func (g *treeBuilder) plain(kind Kind, t *token.Token) *Node {
	n := &Node{Kind: kind, Span: g.spanOf(t), Text: t.Value}
	n.Len = min(n.Len, utf8.RuneCountInString(n.Text))
	return n
}

func (g *treeBuilder) alias(y *ast.AliasNode) *Node {
	at := g.spanOf(y.Start)
	name := ""
	if y.Value != nil {
		name = y.Value.GetToken().Value
	}
	at.Len = 1 + utf8.RuneCountInString(name)
	if n, ok := g.anchors[name]; ok {
		return n
	}
	g.failf(at,
		"set it before, and outside of itself, with &"+name,
		"the anchor *%s is not known here", name)
	return &Node{Kind: Map, Span: at}
}

func (g *treeBuilder) tag(y *ast.TagNode, depth int) *Node {
	at := g.spanOf(y.Start)
	at.Len = utf8.RuneCountInString(y.Start.Value)
	n := &Node{Span: at}
	if y.Value != nil {
		n = g.node(y.Value, depth+1)
	}
	switch y.Start.Value {
	case "!!str":
		if n.IsScalar() {
			c := *n
			c.Kind = Text
			return &c
		}
	case "!!int", "!!float", "!!bool":
		if n.Kind == Text &&
			strings.HasPrefix(n.Text, "{{") { // as without quotes, and YAML to every editor
			c := *n
			c.Plain = true
			return &c
		}
	case "!!map", "!!seq", "!!null":
	default:
		g.failf(at,
			"put a value that starts with ! in quotes",
			"the tag %s has no meaning here", y.Start.Value)
	}
	return n
}

func (g *treeBuilder) mapping(
	values []*ast.MappingValueNode,
	start *token.Token,
	flow bool,
	depth int,
) *Node {
	n := &Node{Kind: Map, Span: g.spanOf(start)}
	n.Len = 1
	var merged []*Node
	lines := map[string]int{} // where each key stands
	for i, v := range values {
		if v.Key == nil {
			continue
		}
		key := g.node(v.Key, depth+1)
		if i == 0 && !flow {
			n.Span = key.Span
		}
		value := &Node{Span: key.Span}
		if v.Value != nil {
			value = g.node(v.Value, depth+1)
		}
		if value.Kind == Null {
			c := *value
			c.Span, value = key.Span, &c
		}
		switch {
		case v.Key.IsMergeKey():
			merged = append(merged, g.mergeable(value)...)
			continue
		case !key.IsScalar():
			g.failf(key.Span,
				"use a plain word as the key",
				"expected a key, found %s", key.Describe())
			continue
		}
		if line, dup := lines[key.Text]; dup {
			g.failf(key.Span,
				"remove one of the two",
				"the key %q is already set on line %d", key.Text, line)
			continue
		}
		lines[key.Text] = key.Line
		n.Entries = append(n.Entries, Entry{key, value})
	}
	for _, m := range merged {
		if g.merged += len(m.Entries); g.merged > maxNodes {
			g.failf(n.Span,
				"use fewer merge keys",
				"merge keys bring more than %d values", maxNodes)
			break
		}
		for _, e := range m.Entries {
			if _, set := lines[e.Key.Text]; !set {
				lines[e.Key.Text] = e.Key.Line
				n.Entries = append(n.Entries, e)
			}
		}
	}
	return n
}

// mergeable returns the mappings that a merge key names.
func (g *treeBuilder) mergeable(n *Node) []*Node {
	if g.merged++; g.merged > maxNodes {
		g.failf(n.Span, "use fewer merge keys", "merge keys bring more than %d values", maxNodes)
		return nil
	}
	switch n.Kind {
	case Map:
		return []*Node{n}
	case List:
		var out []*Node
		for _, i := range n.Items {
			out = append(out, g.mergeable(i)...)
		}
		return out
	}
	g.failf(n.Span,
		"name an anchor that stands on a mapping: <<: *name",
		"expected a mapping to merge, found %s", n.Describe())
	return nil
}
