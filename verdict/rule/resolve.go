package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// resolver gives a parsed rule its meaning: what stands for a metric of a scope becomes a
// term, and what cannot stand where it does is a mistake. Units are looked at later, by
// check.
type resolver struct {
	src    string
	tokens []token
	words  vocabulary
	names  Names

	within Scope // of all terms: what stands before share(...), and its slices

	terms []Term
	err   *fielderr.Error // the first mistake
}

// span is a stretch of the source.
type span struct{ off, end int }

func (s span) join(o span) span { return span{min(s.off, o.off), max(s.end, o.end)} }

func (r *resolver) fail(err *fielderr.Error) {
	if r.err == nil {
		r.err = err
	}
}

// resolve returns what a node stands for; nil after a mistake.
func (r *resolver) resolve(s *syntax) *Node {
	if r.err != nil {
		return nil
	}
	t := s.token
	switch s.kind {
	case syntaxWord, syntaxMember, syntaxCall:
		if s.kind == syntaxWord && t.literal != nil {
			return &Node{Literal: t.literal, Unit: t.literal.Unit, span: t.span()}
		}
		return r.chain(s)
	case syntaxOperator:
		return r.operator(s)
	case syntaxSign:
		if s.isSign() {
			r.fail(t.mistake(fmt.Sprintf("unexpected sign %s", s.text),
				"quantities are at least 0; subtract with p99 - 5ms"))
			return nil
		}
		return &Node{Op: Not, Left: r.resolve(s.parts[0]), span: t.span(), op: t}
	case syntaxText:
		r.fail(t.mistake(fmt.Sprintf("unexpected text %s", t.text),
			`text names a stage, request or fault in a scope: stage("steady").p99`))
	default:
		r.fail(t.mistake(fmt.Sprintf("unexpected %s", t.text),
			"a rule compares metrics with limits: p99 < 200ms"))
	}
	return nil
}

// operator resolves both sides of an operator. A comparison as an operand is refused before
// it is looked into: as the middle of a chain it would be resolved twice, and chains within
// chains would double the work with each level.
func (r *resolver) operator(s *syntax) *Node {
	op := s.text
	switch op {
	case "and":
		op = And
	case "or":
		op = Or
	}
	if !isLogic(op) {
		for _, side := range s.parts {
			if !side.isCondition() {
				continue
			}
			t := side.token
			if side.kind == syntaxSign {
				r.fail(t.mistake(
					fmt.Sprintf("%s denies only what stands next to it, which is no comparison",
						t.text),
					fmt.Sprintf("put the comparison in parentheses: %s (p99 < 200ms)", t.text)))
				return nil
			}
			r.fail(t.mistake(
				fmt.Sprintf("expected a quantity beside %s, found a comparison", s.text),
				"join comparisons with && or ||"))
			return nil
		}
	}
	left := r.resolve(s.parts[0])
	right := r.resolve(s.parts[1])
	if r.err != nil {
		return nil
	}
	n := &Node{Op: op, Left: left, Right: right, span: left.span.join(right.span), op: s.token}
	if isComparison(op) && !left.hasTerm() && !right.hasTerm() {
		r.fail(mistake(n.span.off, n.span.end-n.span.off,
			"a comparison of limits alone says nothing about the run",
			"compare a metric with a limit: p99 < 200ms"))
	}
	return n
}

// isSign says whether s is a sign before a quantity, and not a negation.
func (s *syntax) isSign() bool {
	return s.kind == syntaxSign && s.text != "not" && s.text != "!"
}

// isCondition says whether s is a comparison, or made of comparisons.
func (s *syntax) isCondition() bool {
	switch s.kind {
	case syntaxOperator:
		return isComparison(s.text) || isLogic(s.text) || s.text == "and" || s.text == "or"
	case syntaxSign:
		return !s.isSign()
	}
	return false
}

// hasTerm says whether a quantity depends on the run.
func (n *Node) hasTerm() bool {
	if n.Op == "" {
		return n.Literal == nil
	}
	return n.Left.hasTerm() || n.Right.hasTerm()
}

// step is a link of the chain during("x").service.p99.
type step struct {
	token token
	name  string
	call  bool
	args  []*syntax
}

// isScope says whether a link narrows the scope of what follows.
func (r *resolver) isScope(link step) bool {
	if link.name == baselineWord {
		return !link.call
	}
	return link.call && !r.words.takesArguments(link.name) && link.name != shareForm
}

// chain resolves a metric with its scopes.
func (r *resolver) chain(node *syntax) *Node {
	steps := r.steps(node)
	if r.err != nil {
		return nil
	}
	s := r.within.clone()
	var scopes int
	for scopes < len(steps) && r.isScope(steps[scopes]) {
		if link := steps[scopes]; link.name == baselineWord {
			s.Baseline = true
		} else {
			r.scope(&s, link)
		}
		if r.err != nil {
			return nil
		}
		scopes++
	}
	rest := steps[scopes:]
	if len(rest) > 0 && rest[0].name == shareForm && rest[0].call {
		return r.share(&s, steps, scopes)
	}
	if len(rest) == 0 {
		r.fail(r.nothingAsked(&s, steps[len(steps)-1]))
		return nil
	}
	if i := slices.IndexFunc(rest, func(s step) bool { return s.call }); i >= 0 &&
		!r.words.takesArguments(rest[i].name) {
		r.fail(mistake(rest[i].token.off, len(rest[i].name),
			fmt.Sprintf("unexpected %s(...) after %s", rest[i].name, rest[i-1].name),
			misplacedHint(rest[i].name, rest[0].name)))
		return nil
	}
	first, last := steps[0].token, steps[len(steps)-1].token
	if s.Subject != nil {
		if s.Baseline || s.History > 0 {
			r.fail(mistake(first.off, last.end-first.off,
				fmt.Sprintf("%s is not kept of earlier runs, of which the load is", s.Subject),
				"leave it out"))
			return nil
		}
		if err := r.notOfSubjects(&s, steps[:scopes]); err != nil {
			r.fail(err)
			return nil
		}
		m, o := r.figure(&s, rest)
		if r.err != nil {
			return nil
		}
		if err := r.noWorst(&s, m, span{rest[0].token.off, last.end}); err != nil {
			r.fail(err)
			return nil
		}
		return r.term(Term{Text: r.src[first.off:last.end], Metric: m, Scope: s, Observed: o},
			span{first.off, last.end})
	}
	m := r.metric(rest, scopes > 0)
	if r.err != nil {
		return nil
	}
	args := r.arguments(m, rest[len(rest)-1])
	if r.err != nil {
		return nil
	}
	at := rest[0].token
	switch alone := s.Fault == "" || scopes == 1; {
	case !alone:
		r.fail(mistake(first.off, last.end-first.off, "fault(...) combines with no other scope",
			fmt.Sprintf("write fault(%q).%s", s.Fault, m.Name)))
		return nil
	case s.Fault != "" && r.within.Every > 0:
		r.fail(mistake(first.off, last.end-first.off,
			"share(...) is of slices of the run, and a fault is none of them",
			"write it beside share(...), joined with &&"))
		return nil
	case m.Grows && s.Every > 0:
		r.fail(mistake(first.off, last.end-first.off,
			fmt.Sprintf("%s is of the whole of a scope, and not of slices", m.Name),
			"leave every(...), worst(...) or share(...) out"))
		return nil
	case m.OfFault && s.Fault == "":
		r.fail(mistake(at.off, last.end-at.off, fmt.Sprintf("%s is asked of a fault", m.Name),
			fmt.Sprintf("write fault(%q).%s",
				append(slices.Clone(r.names.Faults), "kill-api")[0], m.Name)))
		return nil
	case !m.OfFault && s.Fault != "":
		r.fail(mistake(at.off, last.end-at.off,
			fmt.Sprintf("%s is asked of load, not of a fault", m.Name),
			fmt.Sprintf("write before(%[1]q).%[2]s, during(%[1]q).%[2]s or after(%[1]q).%[2]s",
				s.Fault, m.Name)))
		return nil
	case m.OfCall && s.Flow != "":
		r.fail(mistake(at.off, last.end-at.off,
			fmt.Sprintf("%s is asked of requests, not of whole flows", m.Name),
			fmt.Sprintf("ask it of a step, such as request(%q).%s, or of all: %[2]s",
				s.Flow+"/STEP", m.Name)))
		return nil
	}
	if err := r.noWorst(&s, m, span{at.off, last.end}); err != nil {
		r.fail(err)
		return nil
	}
	sign := r.sign(m, rest[len(rest)-1])
	if r.err != nil {
		return nil
	}
	end := last.end
	if len(args) > 0 || sign != nil {
		end = r.closing(last)
	}
	if s.Baseline || s.History > 0 {
		if err := r.earlier(&s, m, span{first.off, end}); err != nil {
			r.fail(err)
			return nil
		}
	}
	return r.term(Term{Text: r.src[first.off:end], Metric: m, Scope: s, Args: args, Sign: sign},
		span{first.off, end})
}

// term is the node of a term, which is kept once however often it occurs.
func (r *resolver) term(t Term, at span) *Node {
	if i := slices.IndexFunc(r.terms, func(t Term) bool { return t.Scope.sliced() }); i >= 0 &&
		t.Scope.sliced() && r.terms[i].Scope.cut() != t.Scope.cut() {
		r.fail(mistake(at.off, at.end-at.off,
			r.slicing()+" cuts another stretch here than in "+r.terms[i].Text, "write two rules"))
		return nil
	}
	i := slices.IndexFunc(r.terms, func(o Term) bool { return o.Text == t.Text })
	if i < 0 {
		i = len(r.terms)
		r.terms = append(r.terms, t)
	}
	return &Node{Term: i, Unit: t.Metric.Unit, span: at}
}

// slicing is what has the terms asked of slices.
func (r *resolver) slicing() string {
	if r.within.Every > 0 {
		return shareForm + "(...)"
	}
	return "every(...)"
}

// misplacedHint says where a word with parentheses belongs that follows a metric.
func misplacedHint(name, metric string) string {
	if s := scopeByName(name); s != nil {
		return fmt.Sprintf("scopes come first and the metric last: %s.%s", s.Example, metric)
	}
	return "write " + ShareExample + " >= 95%"
}

// nothingAsked is the mistake of a scope that nothing follows.
func (r *resolver) nothingAsked(s *Scope, last step) *fielderr.Error {
	what, example := "a metric", "p99"
	switch {
	case s.Baseline:
		return last.token.mistake("expected a metric of baseline", "write baseline.p99")
	case s.Fault != "":
		example = "recovery"
	case s.Subject != nil:
		what, example = "a figure", figuresOf(s.Subject.Kind)[0]
		if s.Subject.Kind == timeline.MetricSubject {
			example = "last"
		}
	}
	return last.token.mistake(fmt.Sprintf("expected %s of %s", what, last.name),
		fmt.Sprintf("write %s.%s", scopeByName(last.name).Example, example))
}

// notOfSubjects finds a scope that says nothing of what is observed beside the load.
func (r *resolver) notOfSubjects(s *Scope, scopes []step) *fielderr.Error {
	for _, l := range scopes {
		switch l.name {
		case "request", "flow":
			return l.token.mistake(
				fmt.Sprintf("%s(...) is a part of the load, of which %s says nothing", l.name,
					s.Subject),
				"leave it out; stage, before, during, after, every and window are scopes of both")
		case "fault":
			return l.token.mistake("fault(...) combines with no other scope",
				fmt.Sprintf("write before(%[1]q), during(%[1]q) or after(%[1]q) before %s",
					s.Fault, s.Subject))
		}
	}
	return nil
}

// steps takes a chain apart, first link first.
func (r *resolver) steps(s *syntax) []step {
	var out []step
	var call *syntax
	link := func(t token) {
		next := step{token: t, name: t.text}
		if call != nil {
			next.call, next.args, call = true, call.parts[1:], nil
		}
		out = append(out, next)
	}
	for {
		t := s.token
		switch {
		case s.kind == syntaxCall && call != nil:
			r.fail(t.mistake("unexpected second parentheses after "+t.text, ""))
			return nil
		case s.kind == syntaxCall:
			call, s = s, s.parts[0]
		case s.kind == syntaxMember:
			link(s.parts[1].token)
			s = s.parts[0]
		case s.kind == syntaxWord && t.kind == tokenWord:
			link(t)
			slices.Reverse(out)
			return out
		default:
			r.fail(t.mistake("expected a scope before the point, found "+t.text,
				`write a scope and a metric: stage("steady").p99`))
			return nil
		}
	}
}

// scope narrows s by one link.
func (r *resolver) scope(s *Scope, link step) {
	k := scopeByName(link.name)
	if k == nil {
		r.fail(r.words.unknownScope(link.token.off, link.name, r.src[link.token.off:]))
		return
	}
	if r.within.Every > 0 && (k.Name == "every" || k.Name == "worst") {
		r.fail(link.token.mistake("share(...) has slices already: there are none within them",
			"leave it out"))
		return
	}
	if len(link.args) != k.count {
		r.fail(link.token.mistake(
			fmt.Sprintf("%s takes %s, found %d of %d arguments",
				k.Name, k.Args, len(link.args), k.count),
			"write "+k.Example))
		return
	}
	var args []argument
	for _, n := range link.args {
		t := n.token
		a := argument{off: t.off, len: t.end - t.off}
		switch {
		case n.kind == syntaxText:
			a.text = &n.text
		case n.kind == syntaxWord && t.literal != nil && t.literal.Unit == Duration:
			d := AsDuration(t.literal.Number)
			a.duration = &d
		case n.kind == syntaxWord && t.literal != nil && t.literal.Unit == Number:
			a.number = &t.literal.Number
		}
		args = append(args, a)
	}
	if err := k.apply(s, args, r.names); err != nil {
		r.fail(err)
	}
}

// metric finds the metric that the links after the scopes name.
func (r *resolver) metric(links []step, inScope bool) Metric {
	var parts []string
	for _, l := range links {
		parts = append(parts, l.name)
	}
	if m, ok := r.words.Find(strings.Join(parts, ".")); ok {
		return m
	}
	first, last := links[0], links[len(links)-1]
	group := r.words.isGroup(first.name)
	switch {
	case group && len(links) == 1:
		r.fail(mistake(first.token.off, len(first.name),
			fmt.Sprintf("expected a metric after %s", first.name),
			fmt.Sprintf("write %s.p99", first.name)))
	case group:
		first, last := first.token, last.token
		e := &fielderr.Error{Offset: first.off, Len: last.end - first.off}
		var names []string
		for _, m := range r.words.All() {
			if g, name, ok := strings.Cut(m.Name, "."); ok && g == first.text {
				names = append(names, name)
			}
		}
		name := strings.Join(parts[1:], ".")
		e.Msg = fmt.Sprintf("unknown metric %s.%s", first.text, name)
		e.Hint = fmt.Sprintf("%s has %s", first.text, strings.Join(names, ", "))
		near, isNear := suggest.Nearest(name, names)
		switch hint := foreignMetrics[plainWord(name)]; {
		case IsPercentile(strings.SplitN(name, ".", 2)[0]):
			e.Hint = percentileHint(name)
		case strings.HasPrefix(hint, "write ") &&
			slices.Contains(names,
				strings.FieldsFunc(hint[6:], func(c rune) bool { return c == ' ' || c == ',' })[0]):
			e.Hint = "write " + first.text + "." + hint[6:]
		case isNear && !strings.HasPrefix(near, "p"):
			e.Hint = fmt.Sprintf("did you mean %s.%s?", first.text, near)
		}
		r.fail(e)
	case len(links) > 1 && r.words.isMetric(first.name):
		hint := ""
		switch _, near := suggest.Nearest(links[1].name, []string{"growth"}); {
		case near && r.words.isMetric(first.name+".growth"):
			hint = "did you mean " + first.name + ".growth?"
		case near:
			hint = "growth is asked of response times, p99.growth, and of what is observed"
		}
		r.fail(mistake(links[1].token.off, len(links[1].name),
			fmt.Sprintf("unexpected .%s after the metric %s", links[1].name, first.name), hint))
	default:
		e := r.words.unknownMetric(first.token.off, first.name, inScope)
		if hint, ok := r.words.foreignMetric(parts); ok {
			e.Len, e.Hint = last.token.end-first.token.off, hint
			e.Msg = "unknown metric " + strings.Join(parts, ".")
		}
		at := slices.IndexFunc(r.tokens, func(t token) bool { return t.off == first.token.off })
		if at >= 2 && r.tokens[at-1].text == "/" && r.tokens[at-2].kind == tokenLiteral &&
			slices.Contains([]string{"s", "m", "h"}, first.name) {
			e.Hint = fmt.Sprintf("a rate is written without a blank: %s/%s",
				r.tokens[at-2].text, first.name)
		}
		r.fail(e)
	}
	return Metric{}
}
