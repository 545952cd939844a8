package verdict

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/vm"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Rule is a compiled rule. It is immutable and safe for concurrent use.
type Rule struct {
	source  string
	program *vm.Program
	terms   []term
	limits  []time.Duration
	remarks []string
}

// term is a metric asked of a scope, as it occurs in a rule.
type term struct {
	text   string // as it is written
	metric *Metric
	scope  scope
}

// Compile reads a rule. It finds every mistake that a rule can have: a rule
// that compiles can be judged on any timeline. Mistakes, of which there are none if
// there is a rule, point into src; one at the end of src has length 0. What follows
// the first mistake in a rule is not looked at.
func Compile(src string, names Names) (*Rule, fielderr.List) {
	r, wrong := compile(src, names)
	if wrong != nil {
		return nil, fielderr.List{*wrong}
	}
	return r, nil
}

func compile(src string, names Names) (*Rule, *fielderr.Error) {
	switch {
	case len(src) > MaxSource:
		return nil, mistake(MaxSource, len(src)-MaxSource, fmt.Sprintf("expected a rule of at most %d bytes, found %d", MaxSource, len(src)), "split it into several rules")
	case !utf8.ValidString(src):
		i := strings.IndexFunc(src, func(r rune) bool { return r == utf8.RuneError })
		return nil, mistake(max(i, 0), 1, "expected UTF-8 text, found other bytes", "")
	case strings.TrimSpace(src) == "":
		return nil, mistake(0, len(src), "expected a rule such as p99 < 200ms, found nothing", "")
	}
	tokens, rewritten, err := scan(src)
	if err != nil {
		return nil, err
	}
	r := newResolver(src, rewritten, tokens, names)
	tree, err := r.parse()
	if err != nil {
		return nil, err
	}
	if r.resolve(&tree.Node); r.err != nil {
		return nil, r.err
	}

	// expr checks the units: where it finds no operator, it leaves the node as
	// it was, and explain says why. What it says itself is the safety net.
	config := conf.CreateNew()
	for _, option := range append(options(), expr.Env(r.env)) {
		option(config)
	}
	for name := range config.Disabled {
		delete(config.Builtins, name)
	}
	config.Check()
	_, unchecked := new(checker.Checker).PatchAndCheck(tree, config)
	if err := r.explain(tree.Node); err != nil {
		return nil, err
	}
	if unchecked != nil {
		return nil, mistake(0, len(src), "a rule compares metrics with limits, such as p99 < 200ms; this one does not compile", firstLine(unchecked))
	}
	program, failed := compiler.Compile(tree, config)
	if failed != nil {
		return nil, mistake(0, len(src), "a rule compares metrics with limits, such as p99 < 200ms; this one does not compile", firstLine(failed))
	}

	rule := &Rule{source: src, program: program, terms: r.terms}
	f, failed := rule.evaluate(rule.unmeasured())
	if failed != nil {
		return nil, mistake(0, len(src), "a rule compares metrics with limits, such as p99 < 200ms; this one cannot be evaluated", firstLine(failed))
	}
	rule.limits, rule.remarks = exactLimits(f), remarksOn(f)
	return rule, nil
}

// options are the same for all rules.
var options = sync.OnceValue(func() []expr.Option {
	return append(operators(), expr.DisableAllBuiltins(), expr.Optimize(false))
})

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// String returns the rule as it was written.
func (r *Rule) String() string { return r.source }

// Limits returns the limits of latencies that the rule names, sorted: where the
// recorder counts at them, the rule is decided by count and not by bucket.
func (r *Rule) Limits() []time.Duration { return slices.Clone(r.limits) }

// unmeasured are the values of the rule's terms when nothing was measured.
func (r *Rule) unmeasured() []value {
	out := make([]value, len(r.terms))
	for i := range r.terms {
		out[i] = value{missing: doubtf(ReasonNoData, "nothing was measured"), reading: &reading{text: r.terms[i].text, metric: r.terms[i].metric}}
	}
	return out
}

// evaluate judges the rule on the values of its terms.
func (r *Rule) evaluate(values []value) (*finding, error) {
	env := make(map[string]any, len(values))
	for i, t := range r.terms {
		env[t.text] = units[t.metric.Unit].wrap(values[i])
	}
	out, err := expr.Run(r.program, env)
	if err != nil {
		return nil, fmt.Errorf("evaluating %s: %w", r.source, err)
	}
	j, ok := out.(judgement)
	if !ok {
		return nil, fmt.Errorf("evaluating %s: expected a comparison, found %T", r.source, out)
	}
	return j.finding, nil
}

// exactLimits collects what metrics with exact counts are compared with.
func exactLimits(f *finding) []time.Duration {
	var out []time.Duration
	for _, leaf := range f.leaves() {
		_, metric, limit, _ := leaf.sides()
		if metric.reading != nil && metric.reading.metric.dist != nil && limit.fixed && !limit.missing.any() {
			out = append(out, asDuration(limit.n))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// every is the length of the slices in which the rule must hold, 0 if it is
// judged once.
func (r *Rule) every() time.Duration {
	for _, t := range r.terms {
		if t.scope.every != 0 {
			return t.scope.every
		}
	}
	return 0
}

// composite says whether the rule has more than one comparison.
func (f *finding) composite() bool { return len(f.parts) > 0 }
