package verdict

import (
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/confidence"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// Rule is a compiled rule. It is immutable and safe for concurrent use.
type Rule struct {
	source  string
	root    *rule.Node
	terms   []term
	limits  []time.Duration
	remarks []string
}

// term is a metric asked of a scope, as it occurs in a rule.
type term struct {
	text   string // as it is written
	metric *Metric
	scope  rule.Scope
	// observed is what is asked of a subject, of which metric has the name and the unit; nil:
	// the metric is asked of load or of a fault. limits are what it is compared with.
	observed *rule.Observed
	limits   []float64
	worse    rule.Direction // of worst(...)
	sign     *rule.Sign     // that shows a fault; nil: any
	share    *Rule          // of which slices it holds in; nil: it is no share
}

// Names is what a rule may name, and the time that it may ask of.
type Names = rule.Names

// Compile reads a rule. It finds every mistake that a rule can have: a rule
// that compiles can be judged on any timeline. Mistakes, of which there are none if
// there is a rule, point into src; one at the end of src has length 0. What follows
// the first mistake in a rule is not looked at.
func Compile(src string, names Names) (*Rule, fielderr.List) {
	return compile(src, names, func(rule.Term) (msg, hint string) { return "", "" })
}

// compile reads a rule that must not have terms that refused has something to say against.
func compile(
	src string, names Names, refused func(rule.Term) (msg, hint string),
) (*Rule, fielderr.List) {
	compiled, wrong := rule.Compile(src, names, registry{})
	if wrong == nil {
		wrong = compiled.Refuse(refused)
	}
	if wrong != nil {
		return nil, fielderr.List{*wrong}
	}
	return newRule(compiled), nil
}

// newRule gives a compiled rule its metrics.
func newRule(compiled *rule.Rule) *Rule {
	r := &Rule{source: compiled.Source, root: compiled.Root}
	for _, t := range compiled.Terms {
		r.terms = append(r.terms, newTerm(t))
	}
	r.limitTerms(r.root)
	f := r.evaluate(r.unmeasured())
	r.limits, r.remarks = exactLimits(f), remarksOn(f)
	for i := range r.terms {
		t := &r.terms[i]
		r.limits = append(r.limits, t.metric.counts...)
		if t.share != nil {
			r.limits = append(r.limits, t.share.limits...)
			r.remarks = append(r.remarks, t.share.remarks...)
		}
	}
	slices.Sort(r.limits)
	r.limits = slices.Compact(r.limits)
	return r
}

func newTerm(t rule.Term) term {
	made := term{
		text: t.Text, scope: t.Scope, observed: t.Observed, worse: t.Metric.Worse, sign: t.Sign,
	}
	switch {
	case t.Share != nil:
		made.share = newRule(t.Share)
		made.metric = &Metric{Name: t.Metric.Name, Unit: t.Metric.Unit, anything: true}
	case t.Observed != nil:
		made.metric = &Metric{
			Name: t.Metric.Name, Unit: t.Metric.Unit,
			anything: t.Observed.Figure == timeline.MetricValue ||
				t.Observed.Aggregate.Kind == rule.AggregateGrowth,
			grows: t.Observed.Aggregate.Kind == rule.AggregateGrowth,
		}
	default:
		made.metric = metricByName(t.Metric.Name)
	}
	if made.metric.with != nil {
		told := made.metric.with(t.Args)
		made.metric = &told
	}
	return made
}

// Observed are the figures of subjects that the rule asks for, in the order of the rule.
func (r *Rule) Observed() []*rule.Observed {
	var out []*rule.Observed
	for i := range r.terms {
		t := &r.terms[i]
		if t.observed != nil {
			out = append(out, t.observed)
		}
		if s := t.sign; s != nil {
			out = append(out,
				&rule.Observed{Subject: s.Subject, Target: s.Target, Figure: s.Figure})
		}
		if t.share != nil {
			out = append(out, t.share.Observed()...)
		}
	}
	return out
}

// registry tells the rule language which metrics there are.
type registry struct{}

func (registry) All() []rule.Metric { return listed }

func (registry) Find(name string) (rule.Metric, bool) {
	m := metricByName(name)
	if m == nil {
		return rule.Metric{}, false
	}
	return m.forRules(), true
}

// listed are the metrics of the registry, as the rule language knows them.
var listed = func() []rule.Metric {
	out := make([]rule.Metric, len(metrics))
	for i := range metrics {
		out[i] = metrics[i].forRules()
	}
	return out
}()

func (m *Metric) forRules() rule.Metric {
	return rule.Metric{
		Name: m.Name, Unit: m.Unit, OfFault: m.OfFault, OfCall: m.OfCall,
		Takes: m.takes, TakesSign: m.ofNotice, Worse: m.worse, Kept: m.kept(),
		Grows: m.growthOf != nil,
	}
}

// String returns the rule as it was written.
func (r *Rule) String() string { return r.source }

// Limits returns the limits of latencies that the rule names, sorted: where the
// recorder counts at them, the rule is decided by count and not by bucket.
func (r *Rule) Limits() []time.Duration { return slices.Clone(r.limits) }

// HasInterval says whether a percentile or a share is in the rule: it can ask for confidence.
func (r *Rule) HasInterval() bool {
	return slices.ContainsFunc(r.terms, func(t term) bool { return t.metric.hasInterval() })
}

// HasSamples says whether a figure of the rule is of samples: those of faults are not.
func (r *Rule) HasSamples() bool {
	return slices.ContainsFunc(r.terms, func(t term) bool { return t.scope.Fault == "" })
}

// LeastConfident is how long a scope must be at least for a rule that asks for confidence.
const LeastConfident = confidence.MinBlocks * blockLength

// unmeasured are the values of the rule's terms when nothing was measured.
func (r *Rule) unmeasured() []value {
	out := make([]value, len(r.terms))
	for i, t := range r.terms {
		out[i] = value{
			missing: doubtf(ReasonNoData, "nothing was measured"),
			reading: &reading{text: t.text, metric: t.metric},
		}
	}
	return out
}

// evaluate judges the rule on the values of its terms.
func (r *Rule) evaluate(terms []value) *finding { return judgeNode(r.root, terms) }

// judgeNode judges a condition.
func judgeNode(n *rule.Node, terms []value) *finding {
	switch n.Op {
	case rule.And, rule.Or:
		return combine(n.Op, judgeNode(n.Left, terms), judgeNode(n.Right, terms))
	case rule.Not:
		return negate(judgeNode(n.Left, terms))
	}
	return compareValues(n.Op, n.Unit, valueOf(n.Left, terms), valueOf(n.Right, terms))
}

// valueOf is the value of a quantity.
func valueOf(n *rule.Node, terms []value) value {
	switch {
	case n.Literal != nil:
		return value{n: n.Literal.Number, literal: n.Literal.Text, fixed: true}
	case n.Op == "":
		return terms[n.Term]
	}
	return arithmetic(n.Op, valueOf(n.Left, terms), valueOf(n.Right, terms))
}

// exactLimits collects what metrics with exact counts are compared with.
func exactLimits(f *finding) []time.Duration {
	var out []time.Duration
	for _, leaf := range f.leaves() {
		_, metric, limit, _ := leaf.sides()
		if metric.reading != nil && metric.reading.metric.dist != nil &&
			limit.fixed && !limit.missing.any() {
			out = append(out, rule.AsDuration(limit.n))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// limitTerms notes what the terms on subjects are compared with.
func (r *Rule) limitTerms(n *rule.Node) {
	if n.Op == "" {
		return
	}
	if n.Right != nil && slices.Contains(rule.Comparisons, n.Op) {
		for _, sides := range [][2]*rule.Node{{n.Left, n.Right}, {n.Right, n.Left}} {
			of, limit := sides[0], valueOf(sides[1], r.unmeasured())
			if of.Op == "" && of.Literal == nil && limit.fixed && !limit.missing.any() {
				t := &r.terms[of.Term]
				t.limits = insertLimit(t.limits, limit.n)
			}
		}
	}
	r.limitTerms(n.Left)
	if n.Right != nil {
		r.limitTerms(n.Right)
	}
}

// Every is the length of the slices in which the rule must hold, 0 if it is
// judged once.
func (r *Rule) Every() time.Duration {
	for _, t := range r.terms {
		if t.scope.Every != 0 && !t.scope.Worst {
			return t.scope.Every
		}
	}
	return 0
}

// composite says whether the rule has more than one comparison.
func (f *finding) composite() bool { return len(f.parts) > 0 }
