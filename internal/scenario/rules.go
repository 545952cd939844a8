package scenario

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// rulesFile is a list of rules: expressions, mappings with more settings, or
// the word default.
type rulesFile []ruleEntry

type ruleEntry struct {
	ruleFile
	scorecard bool // the default scorecard stands here
	kpi       *strictyaml.Node
	name      *strictyaml.Node // where its name stands; nil if it cannot have one
	source    strictyaml.Expansion

	confidence *strictyaml.Node // where it stands; nil if it does not
	minSamples *strictyaml.Node
	describes  *strictyaml.Node
}

const defaultScorecard = "default"

func (r *rulesFile) DecodeNode(
	d *strictyaml.Decoder,
	n *strictyaml.Node,
	f strictyaml.Field,
) (ok bool) {
	items := []*strictyaml.Node{n}
	switch {
	case n.Kind == strictyaml.List:
		items = n.Items
	case n.Kind == strictyaml.Text && n.Text == defaultScorecard:
	default:
		d.Failf(n.Span,
			"write a list of rules, such as - p99 < 200ms, or the word default",
			"%s: expected a list, found %s", f.Key, n.Describe())
		return false
	}
	ok = true
	for _, item := range items {
		e, read := readRule(d, item)
		if ok = ok && read; read {
			*r = append(*r, e)
		}
	}
	return ok
}

func readRule(d *strictyaml.Decoder, n *strictyaml.Node) (e ruleEntry, ok bool) {
	e.kpi = n
	switch {
	case n.Kind == strictyaml.Map:
		if !d.Decode(n, &e.ruleFile, "a rule") {
			return e, false
		}
		e.kpi, e.name = d.Where(&e.KPI, n), d.Where(&e.Name, n)
		e.confidence, _ = d.Find(&e.Confidence)
		e.minSamples, _ = d.Find(&e.MinSamples)
		e.describes, _ = d.Find(&e.Description)
	case n.IsScalar():
		grammar.SetDefaults(&e.ruleFile)
		e.scorecard = n.Text == defaultScorecard
	default:
		d.Failf(n.Span,
			"write a rule such as p99 < 200ms; put it in quotes if it starts with a sign",
			"expected a rule, found %s", n.Describe())
		return e, false
	}
	e.source, ok = d.Expand(e.kpi, noRunNames)
	e.KPI = e.source.Text
	return e, ok
}

func (r *rulesFile) NodeSchema(g *strictyaml.Grammar, _ strictyaml.Field) strictyaml.Schema {
	rule := g.Object(&ruleFile{}, false)
	return strictyaml.Schema{
		"anyOf": []strictyaml.Schema{
			{"const": defaultScorecard},
			strictyaml.ListOf(
				strictyaml.Schema{
					"anyOf": []strictyaml.Schema{{"type": "string", "minLength": 1}, rule},
				},
			),
		},
	}
}

// ruleNames lists what the scenario's rules may speak of, and the time that they may ask of.
func (b *builder) ruleNames(subjects []timeline.Declared) verdict.Names {
	names := ruleNames(b.file)
	names.Subjects = subjects
	if end, known := b.load(); known {
		names.End = end
	}
	return names
}

// compiler reads a rule: verdict.Compile, or one that refuses more.
type compiler func(src string, names verdict.Names) (*verdict.Rule, fielderr.List)

// compileRules compiles the rules of a list. A mistake in one is shown where it stands in the
// file, however the YAML is written and whatever variables are in it.
func (b *builder) compileRules(
	list rulesFile, names verdict.Names, compile compiler,
) []PlannedRule {
	var out []PlannedRule
	for i := range list {
		e := &list[i]
		for _, n := range []*strictyaml.Node{e.name, e.describes} {
			if n != nil {
				b.names.rejectSecret(n)
			}
		}
		if e.scorecard {
			for _, kpi := range verdict.Default(names) {
				rule, wrong := compile(kpi, names)
				for _, m := range wrong {
					b.Failf(e.kpi.Span,
						"write the rules out",
						"the rule %q of the default scorecard: %s", kpi, m)
				}
				if wrong == nil {
					out = append(
						out,
						PlannedRule{
							KPI: kpi, Severity: verdict.SeverityFail, Rule: rule,
							At: b.place(e.kpi),
						},
					)
				}
			}
			continue
		}
		rule, wrong := compile(e.KPI, names)
		hint := "a rule compares a metric with a limit, such as p99 < 200ms"
		if near, ok := suggest.Nearest(e.KPI, []string{defaultScorecard}); ok {
			hint = "did you mean the word " + near + "?"
			for i := range wrong {
				wrong[i].Hint = hint
			}
		}
		if b.wrongRule(e.kpi, e.source, wrong, hint); wrong != nil {
			continue
		}
		out = append(
			out,
			PlannedRule{
				KPI:      e.KPI,
				Name:     e.Name,
				Severity: verdict.Severity(e.Severity),

				Confidence:  e.Confidence,
				Description: e.Description,
				MinSamples:  uint64(e.MinSamples),
				Rule:        rule,
				At:          b.place(e.kpi),
			},
		)
		b.confidence(e, rule)
		if e.minSamples != nil && !rule.HasSamples() {
			b.Failf(e.minSamples.Span, "leave it out",
				"min_samples is of load and of what is observed, and %s is of faults alone", e.KPI)
		}
	}
	return out
}

// wrongRule shows the mistakes in a rule where they stand in the file; hint is that of those that
// have none.
func (b *builder) wrongRule(
	at *strictyaml.Node, source strictyaml.Expansion, wrong fielderr.List, hint string,
) {
	for _, m := range wrong {
		from, length := source.Raw(m.Offset, max(1, m.Len))
		b.Failf(b.Locate(at, from, length), cmp.Or(m.Hint, hint), "%s", m)
	}
}

// confidence checks how sure a rule is to be.
func (b *builder) confidence(e *ruleEntry, r *verdict.Rule) {
	if e.confidence == nil {
		return
	}
	switch every := r.Every(); {
	case e.Confidence < leastConfidence || e.Confidence >= 1:
		b.Failf(e.confidence.Span, "write 95%",
			"expected a confidence of %s or more, and less than 100%%, found %s",
			quantity.FormatFraction(leastConfidence), e.confidence.Text)
	case !r.HasInterval():
		b.Failf(e.confidence.Span,
			"leave it out, or ask for a percentile or a share, such as p99 or error_rate",
			"a confidence is of percentiles and shares, and %s has none", e.KPI)
	case every > 0 && every < verdict.LeastConfident:
		b.Failf(e.confidence.Span,
			fmt.Sprintf("write every(%s), or leave the confidence out",
				quantity.FormatDuration(verdict.LeastConfident)),
			"expected slices of %s or more with a confidence, found every(%s): "+
				"how sure they are is told by the seconds in them",
			quantity.FormatDuration(verdict.LeastConfident), quantity.FormatDuration(every))
	}
}

// leastConfidence is the least that a rule can ask for.
const leastConfidence = 0.5

// place is where a value stands in the file.
func (b *builder) place(n *strictyaml.Node) Place {
	if !b.InFile(n.Span) {
		return Place{}
	}
	return Place{File: b.Source.File(), Line: n.Line, Col: n.Col, Len: n.Len}
}

// ruleNames lists what rules may speak of; what has a mistake of its own counts,
// as its name is right.
func ruleNames(f *scenarioFile) verdict.Names {
	var n verdict.Names
	for i := range f.Attack.Stages {
		n.Stages = appendName(n.Stages, f.Attack.Stages[i].Name)
	}
	for i := range f.Attack.Requests {
		n.Requests = appendName(n.Requests, f.Attack.Requests[i].Name)
	}
	for i := range f.Attack.Flows {
		f := &f.Attack.Flows[i]
		n.Flows = appendName(n.Flows, f.Name)
		for k := range f.Steps {
			if name := stepName(f, &f.Steps[k]); f.Name != "" && f.Steps[k].Name != "" &&
				!slices.Contains(n.Requests, name) {
				n.Requests = append(n.Requests, name)
			}
		}
	}
	for i := range f.Chaos {
		n.Faults = appendName(n.Faults, f.Chaos[i].Name)
	}
	return n
}

func appendName(names []string, name string) []string {
	if name == "" {
		return names
	}
	return append(names, name)
}
