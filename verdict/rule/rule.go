// Package rule is the language of rules: p99 < 200ms, during("kill-api").error_rate < 5%.
//
// Compile turns a text into a tree of comparisons over quantities. It finds every mistake
// in it: a word that is none, a name that the scenario does not have, units that cannot be
// compared. It knows neither how a metric is read nor what a comparison says of a run: who
// compiles hands in which metrics there are, and evaluates the tree.
//
// The text is cut into tokens (lexer.go), read by the parser of expr-lang/expr (parse.go,
// the only file that knows it), given its metrics and scopes (resolve.go), and held to the
// units of its quantities (check.go).
package rule

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Metric is what the language needs to know of a metric.
type Metric struct {
	Name string
	Unit Unit
	// OfFault says that it is asked of a fault and not of a stretch of load.
	OfFault bool
	// OfCall says that it is of single calls: a whole flow has none.
	OfCall bool
	// Takes is what stands in its parentheses, in order: apdex(100ms); nil: it has none.
	Takes []Parameter
	// Grows says that it is how fast a figure grows over a scope, which has no slices then.
	Grows bool
	// TakesSign says that it can be told in parentheses what shows a fault.
	TakesSign bool
	// Worse says which figures of it are the worse ones.
	Worse Direction
	// Kept says that it can be asked of earlier runs.
	Kept bool
}

// Parameter is something that a metric is told: a quantity.
type Parameter struct {
	Name    string // for people: what it is
	Unit    Unit
	Example string // as it is written
	// Above and Below bound it, neither of them included; Below 0: it has no upper bound.
	Above, Below float64
}

// Direction is which of two figures is the worse one.
type Direction int

// The directions. Of a number of arrivals nobody knows.
const (
	NoDirection Direction = iota
	MoreIsWorse
	LessIsWorse
)

// Metrics are what rules can ask for.
type Metrics interface {
	// All returns those that are listed, in the order in which messages name them.
	All() []Metric
	// Find returns the metric of a name, also one that is not listed, such as p97.5.
	Find(name string) (Metric, bool)
}

// Names is what a rule may name, and the time that it may ask of; anything else is a
// mistake in it.
type Names struct {
	Stages   []string
	Requests []string // the steps of flows among them
	Flows    []string
	Faults   []string
	Subjects []timeline.Declared
	End      time.Duration // of the load; 0: not known
}

// Rule is a compiled rule. It does not change.
type Rule struct {
	Source string
	Root   *Node  // a condition
	Terms  []Term // each once, however often it occurs
}

// Term is a metric asked of a scope.
type Term struct {
	Text   string // as it is written
	Metric Metric
	Scope  Scope
	// Observed is what is asked of a subject, and Metric its name and unit; nil: the metric is
	// asked of load or of a fault.
	Observed *Observed
	Args     []float64 // what Metric.Takes
	Sign     *Sign     // what Metric.TakesSign; nil: nothing was said
	// Share is the condition of share(10s, CONDITION), all of whose terms are asked of slices; the
	// term is the share of these in which it holds. nil: it is no such term.
	Share *Rule
}

// The operators that join conditions. Whichever way a rule spells them, they are these in
// its tree.
const (
	And = "&&"
	Or  = "||"
	Not = "!"
)

// Node is a condition or a quantity in a rule.
//
// A condition has the operator And or Or with a condition on either side, Not with one on
// the left, or one of Comparisons with a quantity on either side. A quantity is a literal,
// a term, or has one of the operators + - * / with a quantity on either side.
type Node struct {
	Op          string // empty of a literal and of a term
	Left, Right *Node
	Unit        Unit     // of a quantity
	Literal     *Literal // nil of all but a literal
	Term        int      // of a term, its index in Rule.Terms

	span span  // what it is in the source; of a negation, its operator alone
	op   token // of Op
}

// Literal is a quantity that is written in a rule.
type Literal struct {
	Number float64 // in the measure of its unit
	Unit   Unit
	Text   string // as it is written
}

// Compile reads a rule. A mistake points into src; one at its end has length 0. What
// follows the first mistake is not looked at.
func Compile(src string, names Names, metrics Metrics) (*Rule, *fielderr.Error) {
	switch {
	case len(src) > MaxSource:
		return nil, mistake(MaxSource, len(src)-MaxSource,
			fmt.Sprintf("expected a rule of at most %d bytes, found %d", MaxSource, len(src)),
			"split it into several rules")
	case !utf8.ValidString(src):
		i := strings.IndexFunc(src, func(r rune) bool { return r == utf8.RuneError })
		return nil, mistake(max(i, 0), 1, "expected UTF-8 text, found other bytes", "")
	case strings.TrimSpace(src) == "":
		return nil, mistake(0, len(src), "expected a rule such as p99 < 200ms, found nothing", "")
	}
	words := vocabulary{metrics}
	tokens, rewritten, err := scan(src, words)
	if err != nil {
		return nil, err
	}
	tree, err := parse(src, rewritten, tokens)
	if err != nil {
		return nil, err
	}
	r := &resolver{src: src, tokens: tokens, words: words, names: names}
	root := r.resolve(tree)
	if r.err != nil {
		return nil, r.err
	}
	if err := r.check(root); err != nil {
		return nil, err
	}
	return &Rule{Source: src, Root: root, Terms: r.terms}, nil
}

// Refuse returns the mistake of the first term that refused has something to say against, in the
// order in which they stand in the rule; nil if there is none.
func (r *Rule) Refuse(refused func(Term) (msg, hint string)) *fielderr.Error {
	var found *fielderr.Error
	var look func(*Node)
	look = func(n *Node) {
		switch {
		case n == nil || found != nil || n.Literal != nil:
			return
		case n.Op != "":
			look(n.Left)
			look(n.Right)
			return
		}
		if msg, hint := refused(r.Terms[n.Term]); msg != "" {
			found = mistake(n.span.off, n.span.end-n.span.off, msg, hint)
		}
	}
	look(r.Root)
	return found
}

// mistake is one in a rule, of which so many bytes from off are wrong.
func mistake(off, length int, msg, hint string) *fielderr.Error {
	return &fielderr.Error{Offset: off, Len: length, Msg: msg, Hint: hint}
}

// vocabulary are the metrics that there are.
type vocabulary struct{ Metrics }

func (v vocabulary) isMetric(name string) bool {
	_, ok := v.Find(name)
	return ok
}

// isGroup says whether metrics of that group are listed: service of service.p99.
func (v vocabulary) isGroup(name string) bool {
	for _, m := range v.All() {
		if group, _, ok := strings.Cut(m.Name, "."); ok && group == name && !IsPercentile(group) {
			return true
		}
	}
	return false
}
