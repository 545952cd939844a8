package rule

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

type syntaxKind int

const (
	syntaxOther    syntaxKind = iota // that expr has, and rules do not
	syntaxWord                       // a word alone, or a literal
	syntaxText                       // in quotes
	syntaxMember                     // parts: what stands before the point, and the word after it
	syntaxCall                       // parts: what stands before the parentheses, and the arguments
	syntaxOperator                   // parts: both sides
	syntaxSign                       // parts: what the operator stands before
)

// syntax is a node of a rule as it was parsed, before anything in it has a meaning. A
// chained comparison, 1ms < p99 < 2ms, is two that share the middle.
type syntax struct {
	kind  syntaxKind
	token token  // by which expr places it: of an operator, the operator
	text  string // the operator, or what stands between the quotes
	parts []*syntax
}

// parse has expr parse the rewritten rule.
func parse(src, rewritten string, tokens []token) (*syntax, *fielderr.Error) {
	p := &parsing{src: src, tokens: tokens, done: map[ast.Node]*syntax{}}
	for i := range rewritten {
		p.bytes = append(p.bytes, i)
	}
	for i, t := range tokens {
		// expr's parser notices this only a token later.
		if t.text == "." && (i+1 == len(tokens) || tokens[i+1].kind != tokenWord) {
			return nil, p.unexpected(i + 1)
		}
	}
	tree, err := parser.Parse(rewritten)
	if err == nil {
		return p.syntax(tree.Node), nil
	}
	fe, ok := errors.AsType[*file.Error](err)
	if !ok {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return nil, mistake(0, len(src), "this is not a rule", line)
	}
	i := p.tokenAt(fe.From)
	atEnd := strings.HasSuffix(fe.Message, "token EOF") ||
		strings.HasPrefix(fe.Message, "unexpected end")
	if atEnd {
		i = len(tokens)
	}
	return nil, p.unexpected(i)
}

// parsing is a rule that expr parses.
type parsing struct {
	src    string
	tokens []token
	bytes  []int // offset in bytes of each rune of the rewritten rule, as expr counts runes
	// done are the nodes that were translated: expr shares the middle of chained
	// comparisons, and were it translated twice, chains within chains would double the
	// tree with each level.
	done map[ast.Node]*syntax
}

// syntax translates a node of expr's tree.
func (p *parsing) syntax(node ast.Node) *syntax {
	if s, ok := p.done[node]; ok {
		return s
	}
	s := &syntax{token: p.tokenOf(node)}
	p.done[node] = s
	switch n := node.(type) {
	case *ast.IdentifierNode:
		s.kind = syntaxWord
	case *ast.StringNode:
		s.kind, s.text = syntaxText, n.Value
	case *ast.MemberNode:
		s.kind, s.parts = syntaxMember, []*syntax{p.syntax(n.Node), p.syntax(n.Property)}
	case *ast.CallNode:
		s.kind, s.parts = syntaxCall, []*syntax{p.syntax(n.Callee)}
		for _, a := range n.Arguments {
			s.parts = append(s.parts, p.syntax(a))
		}
	case *ast.BinaryNode:
		s.kind, s.text = syntaxOperator, n.Operator
		s.parts = []*syntax{p.syntax(n.Left), p.syntax(n.Right)}
	case *ast.UnaryNode:
		s.kind, s.text, s.parts = syntaxSign, n.Operator, []*syntax{p.syntax(n.Node)}
	}
	return s
}

// tokenAt returns the index of the token at a rune of the rewritten rule.
func (p *parsing) tokenAt(rune int) int {
	off := len(p.src)
	if rune < len(p.bytes) {
		off = p.bytes[rune]
	}
	i := slices.IndexFunc(p.tokens, func(t token) bool { return off < t.end })
	if i < 0 {
		return len(p.tokens)
	}
	return i
}

func (p *parsing) tokenOf(n ast.Node) token {
	if i := p.tokenAt(n.Location().From); i < len(p.tokens) {
		return p.tokens[i]
	}
	return token{off: len(p.src), end: len(p.src)}
}

// unexpected explains that token i, or the end, cannot stand where it does.
func (p *parsing) unexpected(i int) *fielderr.Error {
	open := 0
	for _, t := range p.tokens[:i] {
		switch t.text {
		case "(":
			open++
		case ")":
			open--
		}
	}
	var before *token
	after := ""
	if i > 0 {
		before = &p.tokens[i-1]
		after = " after " + before.text
	}
	operand := before != nil && (before.kind != tokenOperator || before.text == ")")
	want := "a metric or a limit"
	switch {
	case before != nil && before.text == ".":
		want = "a metric or a scope"
	case operand && open > 0:
		want = "an operator or )"
	case operand:
		want = "an operator such as <"
	}
	if i == len(p.tokens) {
		end := len(strings.TrimRight(p.src, " \t\r\n"))
		if operand && open > 0 {
			want = ")"
		}
		return mistake(end, 0,
			fmt.Sprintf("expected %s%s, found the end of the rule", want, after), "")
	}
	t := p.tokens[i]
	e := t.mistake(fmt.Sprintf("expected %s%s, found %s", want, after, t.text), "")
	switch {
	case operand && open == 0 && t.text == ")":
		e.Msg, e.Hint = "unexpected ), as no ( is open", "leave it out"
	case operand && t.kind == tokenWord && before.kind == tokenLiteral:
		e.Hint = "a number stands directly before its unit: " + literalUnitsHint
		if meant := quantity.Spelled(before.text + " " + t.text); meant != "" {
			e.Hint = "write " + meant
		}
	}
	return e
}
