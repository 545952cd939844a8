package verdict

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

// resolver turns the syntax tree of a rewritten rule into one whose leaves are
// quantities: literals become constants, a metric with its scopes becomes a
// variable that evaluation fills in.
type resolver struct {
	src    string
	tokens []token
	tree   string // the rewritten source
	bytes  []int  // offset in bytes of each rune of tree, as expr counts runes
	names  Names

	terms []term
	env   map[string]any
	spans map[ast.Node]span
	done  map[ast.Node]ast.Node
	err   *fielderr.Error
}

// span is a stretch of the source.
type span struct{ off, end int }

func newResolver(src, rewritten string, tokens []token, names Names) *resolver {
	r := &resolver{src: src, tokens: tokens, tree: rewritten, names: names,
		env: map[string]any{}, spans: map[ast.Node]span{}, done: map[ast.Node]ast.Node{}}
	for i := range rewritten {
		r.bytes = append(r.bytes, i)
	}
	return r
}

// parse has expr parse the rewritten rule.
func (r *resolver) parse() (*parser.Tree, *fielderr.Error) {
	for i, t := range r.tokens {
		// expr's parser notices this only a token later.
		if t.text == "." && (i+1 == len(r.tokens) || r.tokens[i+1].kind != tokenWord) {
			return nil, r.unexpected(i + 1)
		}
	}
	tree, err := parser.Parse(r.tree)
	if err == nil {
		return tree, nil
	}
	fe, ok := errors.AsType[*file.Error](err)
	if !ok {
		return nil, mistake(0, len(r.src), "this is not a rule", firstLine(err))
	}
	i := r.tokenAt(fe.From)
	if strings.HasSuffix(fe.Message, "token EOF") || strings.HasPrefix(fe.Message, "unexpected end") {
		i = len(r.tokens)
	}
	return nil, r.unexpected(i)
}

// unexpected explains that token i, or the end, cannot stand where it does.
func (r *resolver) unexpected(i int) *fielderr.Error {
	open := 0
	for _, t := range r.tokens[:i] {
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
		before = &r.tokens[i-1]
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
	if i == len(r.tokens) {
		end := len(strings.TrimRight(r.src, " \t\r\n"))
		if operand && open > 0 {
			want = ")"
		}
		return mistake(end, 0, fmt.Sprintf("expected %s%s, found the end of the rule", want, after), "")
	}
	t := r.tokens[i]
	e := mistake(t.off, t.end-t.off, fmt.Sprintf("expected %s%s, found %s", want, after, t.text), "")
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

// tokenAt returns the index of the token at a rune of the rewritten rule.
func (r *resolver) tokenAt(rune int) int {
	off := len(r.src)
	if rune < len(r.bytes) {
		off = r.bytes[rune]
	}
	i := slices.IndexFunc(r.tokens, func(t token) bool { return off < t.end })
	if i < 0 {
		return len(r.tokens)
	}
	return i
}

func (r *resolver) tokenOf(n ast.Node) token {
	if i := r.tokenAt(n.Location().From); i < len(r.tokens) {
		return r.tokens[i]
	}
	return token{off: len(r.src), end: len(r.src)}
}

func (r *resolver) fail(err *fielderr.Error) {
	if r.err == nil {
		r.err = err
	}
}

// resolve replaces what node stands for. expr's tree shares the middle of a
// chained comparison, 1ms < p99 < 2ms, hence the memory of what was done.
func (r *resolver) resolve(node *ast.Node) {
	if r.err != nil {
		return
	}
	if n, ok := r.done[*node]; ok {
		*node = n
		return
	}
	was := *node
	switch n := was.(type) {
	case *ast.IdentifierNode:
		if t := r.tokenOf(n); t.kind == tokenLiteral {
			c := &ast.ConstantNode{Value: t.literal}
			ast.Patch(node, c)
			r.spans[c] = span{t.off, t.end}
			break
		}
		r.chain(node)
	case *ast.MemberNode, *ast.CallNode:
		r.chain(node)
	case *ast.BinaryNode:
		r.binary(n)
	case *ast.UnaryNode:
		t := r.tokenOf(n)
		if n.Operator != "not" && n.Operator != "!" {
			r.fail(mistake(t.off, t.end-t.off, fmt.Sprintf("unexpected sign %s", n.Operator), "quantities are at least 0; subtract with p99 - 5ms"))
			return
		}
		r.resolve(&n.Node)
		negation := &ast.BinaryNode{Operator: notOperator, Left: n.Node, Right: &ast.ConstantNode{Value: judgement{}}}
		ast.Patch(node, negation)
		r.spans[negation] = span{t.off, t.end}
	case *ast.StringNode:
		t := r.tokenOf(n)
		r.fail(mistake(t.off, t.end-t.off, fmt.Sprintf("unexpected text %s", t.text), `text names a stage, request or fault in a scope: stage("steady").p99`))
	default:
		t := r.tokenOf(n)
		r.fail(mistake(t.off, t.end-t.off, fmt.Sprintf("unexpected %s", t.text), "a rule compares metrics with limits: p99 < 200ms"))
	}
	r.done[was], r.done[*node] = *node, *node
}

// binary resolves both sides of an operator. A comparison as an operand is
// refused before it is looked into: as the middle of a chain it would be
// shared, and chains within chains double the tree with each level.
func (r *resolver) binary(n *ast.BinaryNode) {
	logic := slices.Contains(logicOps, n.Operator)
	if !logic {
		for _, side := range []ast.Node{n.Left, n.Right} {
			t := r.tokenOf(side)
			if _, negation := side.(*ast.UnaryNode); negation && isLogical(side) {
				r.fail(mistake(t.off, t.end-t.off, fmt.Sprintf("%s denies only what stands next to it, which is no comparison", t.text),
					fmt.Sprintf("put the comparison in parentheses: %s (p99 < 200ms)", t.text)))
				return
			}
			if isLogical(side) {
				r.fail(mistake(t.off, t.end-t.off, fmt.Sprintf("expected a quantity beside %s, found a comparison", n.Operator),
					"join comparisons with && or ||"))
				return
			}
		}
	}
	r.resolve(&n.Left)
	r.resolve(&n.Right)
	if r.err == nil && slices.Contains(comparisonOps, n.Operator) && !hasTerm(n.Left) && !hasTerm(n.Right) {
		s := r.spanOf(n)
		r.fail(mistake(s.off, s.end-s.off, "a comparison of limits alone says nothing about the run", "compare a metric with a limit: p99 < 200ms"))
	}
}

func isLogical(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryNode:
		return slices.Contains(logicOps, n.Operator) || slices.Contains(comparisonOps, n.Operator)
	case *ast.UnaryNode:
		return n.Operator == "not" || n.Operator == "!"
	}
	return false
}

func hasTerm(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return true
	case *ast.BinaryNode:
		return hasTerm(n.Left) || hasTerm(n.Right)
	}
	return false
}

// step is a link of the chain during("x").service.p99.
type step struct {
	token token
	name  string
	call  bool
	args  []ast.Node
}

// chain replaces a metric with its scopes.
func (r *resolver) chain(node *ast.Node) {
	steps := r.steps(*node)
	if r.err != nil {
		return
	}
	var s scope
	var scopes int
	for scopes < len(steps) && steps[scopes].call {
		r.scope(&s, steps[scopes])
		if r.err != nil {
			return
		}
		scopes++
	}
	rest := steps[scopes:]
	if len(rest) == 0 {
		last := steps[len(steps)-1]
		metric := "p99"
		if s.fault != "" {
			metric = "recovery"
		}
		r.fail(mistake(last.token.off, last.token.end-last.token.off, fmt.Sprintf("expected a metric of %s", last.name),
			fmt.Sprintf("write %s.%s", scopeByName(last.name).Example, metric)))
		return
	}
	if i := slices.IndexFunc(rest, func(s step) bool { return s.call }); i >= 0 {
		r.fail(mistake(rest[i].token.off, len(rest[i].name), fmt.Sprintf("unexpected %s(...) after %s", rest[i].name, rest[i-1].name),
			"scopes come first and the metric last: "+scopeByName(rest[i].name).Example+"."+rest[0].name))
		return
	}
	m := r.metric(rest, scopes > 0)
	if r.err != nil {
		return
	}
	first, last := steps[0].token, steps[len(steps)-1].token
	at := rest[0].token
	switch alone := s.fault == "" || scopes == 1; {
	case !alone:
		r.fail(mistake(first.off, last.end-first.off, "fault(...) combines with no other scope", fmt.Sprintf("write fault(%q).%s", s.fault, m.Name)))
		return
	case m.OfFault && s.fault == "":
		r.fail(mistake(at.off, last.end-at.off, fmt.Sprintf("%s is asked of a fault", m.Name), fmt.Sprintf("write fault(%q).%s", append(slices.Clone(r.names.Faults), "kill-api")[0], m.Name)))
		return
	case !m.OfFault && s.fault != "":
		r.fail(mistake(at.off, last.end-at.off, fmt.Sprintf("%s is asked of load, not of a fault", m.Name),
			fmt.Sprintf("write before(%[1]q).%[2]s, during(%[1]q).%[2]s or after(%[1]q).%[2]s", s.fault, m.Name)))
		return
	case m.OfCall && s.flow != "":
		r.fail(mistake(at.off, last.end-at.off, fmt.Sprintf("%s is asked of requests, not of whole flows", m.Name),
			fmt.Sprintf("ask it of a step, such as request(%q).%s, or of all: %[2]s", s.flow+"/STEP", m.Name)))
		return
	}
	if i := slices.IndexFunc(r.terms, func(t term) bool { return t.scope.every != 0 }); i >= 0 && s.every != 0 && r.terms[i].scope.cut() != s.cut() {
		r.fail(mistake(first.off, last.end-first.off, "every(...) cuts another stretch here than in "+r.terms[i].text, "write two rules"))
		return
	}
	text := r.src[first.off:last.end]
	if _, ok := r.env[text]; !ok {
		r.env[text] = units[m.Unit].wrap(value{})
		r.terms = append(r.terms, term{text, m, s})
	}
	v := &ast.IdentifierNode{Value: text}
	ast.Patch(node, v)
	r.spans[v] = span{first.off, last.end}
}

// steps takes a chain apart, first link first.
func (r *resolver) steps(n ast.Node) []step {
	var out []step
	var call *ast.CallNode
	link := func(t token, name string) {
		s := step{token: t, name: name}
		if call != nil {
			s.call, s.args, call = true, call.Arguments, nil
		}
		out = append(out, s)
	}
	for {
		switch x := n.(type) {
		case *ast.CallNode:
			if call != nil {
				t := r.tokenOf(x)
				r.fail(mistake(t.off, t.end-t.off, "unexpected second parentheses after "+t.text, ""))
				return nil
			}
			call, n = x, x.Callee
			continue
		case *ast.MemberNode:
			t := r.tokenOf(x.Property)
			link(t, t.text)
			n = x.Node
			continue
		case *ast.IdentifierNode:
			if t := r.tokenOf(x); t.kind == tokenWord {
				link(t, t.text)
				slices.Reverse(out)
				return out
			}
		}
		t := r.tokenOf(n)
		r.fail(mistake(t.off, t.end-t.off, "expected a scope before the point, found "+t.text, `write a scope and a metric: stage("steady").p99`))
		return nil
	}
}

// scope narrows s by one link.
func (r *resolver) scope(s *scope, link step) {
	k := scopeByName(link.name)
	if k == nil {
		r.fail(unknownScope(link.token.off, link.name, r.src[link.token.off:]))
		return
	}
	if len(link.args) != k.count {
		r.fail(mistake(link.token.off, link.token.end-link.token.off, fmt.Sprintf("%s takes %s, found %d of %d arguments", k.Name, k.Args, len(link.args), k.count), "write "+k.Example))
		return
	}
	var args []argument
	for _, n := range link.args {
		t := r.tokenOf(n)
		a := argument{off: t.off, len: t.end - t.off}
		switch n := n.(type) {
		case *ast.StringNode:
			a.text = &n.Value
		case *ast.IdentifierNode:
			if d, ok := t.literal.(durationQ); ok {
				a.duration = new(time.Duration)
				*a.duration = asDuration(d.n)
			}
		}
		args = append(args, a)
	}
	if err := k.apply(s, args, r.names); err != nil {
		r.fail(err)
	}
}

// metric finds the metric that the links after the scopes name.
func (r *resolver) metric(links []step, inScope bool) *Metric {
	var parts []string
	for _, l := range links {
		parts = append(parts, l.name)
	}
	if m := metricByName(strings.Join(parts, ".")); m != nil {
		return m
	}
	first, last := links[0], links[len(links)-1]
	group := groupDoc(first.name) != ""
	switch {
	case group && len(links) == 1:
		r.fail(mistake(first.token.off, len(first.name), fmt.Sprintf("expected a metric after %s", first.name), fmt.Sprintf("write %s.p99", first.name)))
	case group:
		first, last := first.token, last.token
		e := &fielderr.Error{Offset: first.off, Len: last.end - first.off}
		var names []string
		for _, m := range metrics {
			if g, name, ok := strings.Cut(m.Name, "."); ok && g == first.text {
				names = append(names, name)
			}
		}
		name := strings.Join(parts[1:], ".")
		e.Msg, e.Hint = fmt.Sprintf("unknown metric %s.%s", first.text, name), fmt.Sprintf("%s has %s", first.text, strings.Join(names, ", "))
		near, isNear := suggest.Nearest(name, names)
		switch hint := foreignMetrics[plainWord(name)]; {
		case isPercentile(strings.SplitN(name, ".", 2)[0]):
			e.Hint = percentileHint(name)
		case strings.HasPrefix(hint, "write ") && slices.Contains(names, strings.FieldsFunc(hint[6:], func(c rune) bool { return c == ' ' || c == ',' })[0]):
			e.Hint = "write " + first.text + "." + hint[6:]
		case isNear && !strings.HasPrefix(near, "p"):
			e.Hint = fmt.Sprintf("did you mean %s.%s?", first.text, near)
		}
		r.fail(e)
	case len(links) > 1 && metricByName(first.name) != nil:
		r.fail(mistake(links[1].token.off, len(links[1].name), fmt.Sprintf("unexpected .%s after the metric %s", links[1].name, first.name), ""))
	default:
		e := unknownMetric(first.token.off, first.name, inScope)
		if hint, ok := foreignMetric(parts); ok {
			e.Len, e.Msg, e.Hint = last.token.end-first.token.off, fmt.Sprintf("unknown metric %s", strings.Join(parts, ".")), hint
		}
		if i := slices.IndexFunc(r.tokens, func(t token) bool { return t.off == first.token.off }); i >= 2 &&
			r.tokens[i-1].text == "/" && r.tokens[i-2].kind == tokenLiteral && slices.Contains([]string{"s", "m", "h"}, first.name) {
			e.Hint = fmt.Sprintf("a rate is written without a blank: %s/%s", r.tokens[i-2].text, first.name)
		}
		r.fail(e)
	}
	return nil
}

// spanOf is the stretch of the source that a resolved node came from.
func (r *resolver) spanOf(n ast.Node) span {
	if s, ok := r.spans[n]; ok {
		return s
	}
	out := span{len(r.src), 0}
	join := func(s span) { out = span{min(out.off, s.off), max(out.end, s.end)} }
	switch n := n.(type) {
	case *ast.BinaryNode:
		join(r.spanOf(n.Left))
		join(r.spanOf(n.Right))
	case *ast.CallNode:
		for _, a := range n.Arguments {
			join(r.spanOf(a))
		}
	default:
		t := r.tokenOf(n)
		return span{t.off, t.end}
	}
	return out
}
