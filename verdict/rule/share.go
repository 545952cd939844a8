package rule

import (
	"fmt"
	"slices"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// shareForm is the word of share(10s, p99 < 200ms) >= 95%: the share of the slices in which a
// condition holds.
const shareForm = "share"

// ShareExample is how it is written.
const ShareExample = "share(10s, p99 < 200ms)"

// ShareDoc says what it is.
const ShareDoc = "share of the slices of that length, cut as every(...) cuts them, in which a " +
	"condition holds; scopes stand before it or in the condition, and narrow both"

// share resolves a chain that ends in share(...).
func (r *resolver) share(s *Scope, steps []step, scopes int) *Node {
	first, at := steps[0].token, steps[scopes]
	fail := func(e *fielderr.Error) *Node {
		r.fail(e)
		return nil
	}
	switch rest := steps[scopes+1:]; {
	case len(rest) > 0:
		return fail(rest[0].token.mistake(
			fmt.Sprintf("unexpected .%s after share(...)", rest[0].name),
			"scopes come first: during(\"kill-api\")."+ShareExample))
	case len(at.args) != 2:
		return fail(at.token.mistake(
			fmt.Sprintf("share takes a duration of whole seconds and a condition, found %d of 2 "+
				"arguments", len(at.args)), "write "+ShareExample+" >= 95%"))
	case !at.args[1].isCondition():
		return fail(at.args[1].token.mistake("expected a condition such as p99 < 200ms",
			"write "+ShareExample+" >= 95%"))
	case s.Fault != "" || s.Subject != nil:
		return fail(at.token.mistake("share(...) is of slices of the run: a fault or what is "+
			"observed stands in its condition", "write "+ShareExample+" >= 95%"))
	}
	outer := s.clone()
	cut := steps[scopes]
	cut.args = cut.args[:1]
	cut.name = "every"
	if r.scope(s, cut); r.err != nil {
		return nil
	}
	inner := &resolver{src: r.src, tokens: r.tokens, words: r.words, names: r.names, within: *s}
	root := inner.resolve(at.args[1])
	if inner.err == nil {
		inner.err = inner.check(root)
	}
	if inner.err != nil {
		return fail(inner.err)
	}
	end := r.closing(at.token)
	condition := &Rule{Source: r.src[root.span.off:root.span.end], Root: root, Terms: inner.terms}
	return r.term(Term{
		Text: r.src[first.off:end], Metric: Metric{Name: shareForm, Unit: Fraction}, Scope: outer,
		Share: condition,
	}, span{first.off, end})
}

// clone is a scope that can be narrowed without the other.
func (s Scope) clone() Scope {
	s.Phases, s.Windows = slices.Clone(s.Phases), slices.Clone(s.Windows)
	return s
}

// sliced says whether a rule must hold in each slice.
func (s Scope) sliced() bool { return s.Every != 0 && !s.Worst }

// noWorst finds that worst(...) is asked of a metric of which nobody knows what is worse.
func (r *resolver) noWorst(s *Scope, m Metric, at span) *fielderr.Error {
	if !s.Worst || m.Worse != NoDirection {
		return nil
	}
	return mistake(at.off, at.end-at.off,
		fmt.Sprintf("worst(...) needs a figure of which it is known what is worse: of %s it is not",
			m.Name), "write every(...), or ask for another figure")
}
