package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/suggest"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Observed is what a term asks of a subject.
type Observed struct {
	Subject   timeline.Subject
	Target    string // one of several that a service has; empty: all of them
	Figure    timeline.Figure
	Aggregate Aggregate
	// MoreIsBetter says that of several targets the one that reads least is the worst.
	MoreIsBetter bool
}

// subjectScopes are the entries of timeline.SubjectKinds in the registry of scopes.
func subjectScopes() []ScopeKind {
	examples := map[timeline.SubjectKind]string{
		timeline.ServiceSubject: "api", timeline.ProbeSubject: "health",
		timeline.MetricSubject: "queue_depth", timeline.LedgerSubject: "orders",
	}
	var out []ScopeKind
	for _, k := range timeline.SubjectKinds() {
		doc := k.Doc + ", for its figures; of load it says nothing"
		if k.Kind == timeline.ServiceSubject {
			doc += "; of several targets the worst counts, and `service(\"api/api-1\")` is one of them"
		}
		out = append(out,
			named(string(k.Kind), string(k.Kind), examples[k.Kind], doc, applySubject(k.Kind)))
	}
	return out
}

func applySubject(kind timeline.SubjectKind) func(*Scope, argument, Names) *fielderr.Error {
	return func(s *Scope, a argument, n Names) *fielderr.Error {
		if s.Subject != nil {
			return mistake(a.off, a.len,
				fmt.Sprintf("a second subject beside %s", s.Subject), "leave one out")
		}
		found, target := n.subject(kind, *a.text)
		if found == nil {
			var known []string
			for _, x := range n.Subjects {
				if x.Kind == kind {
					known = append(known, x.Name)
				}
			}
			return unknownName(a.off, a.len, string(kind), *a.text, known)
		}
		s.Subject, s.Target = found, target
		return nil
	}
}

// subject finds a subject, and which of its targets is meant: service("api/api-1").
func (n Names) subject(
	kind timeline.SubjectKind, name string,
) (found *timeline.Declared, target string) {
	find := func(name string) *timeline.Declared {
		i := slices.IndexFunc(n.Subjects, func(s timeline.Declared) bool {
			return s.Kind == kind && s.Name == name
		})
		if i < 0 {
			return nil
		}
		return &n.Subjects[i]
	}
	if s := find(name); s != nil {
		return s, ""
	}
	if service, target, ok := strings.Cut(name, "/"); ok && target != "" &&
		kind == timeline.ServiceSubject {
		return find(service), target
	}
	return nil, ""
}

// figure finds the figure of a subject, and its aggregate, that the links after the scopes name.
func (r *resolver) figure(s *Scope, links []step) (Metric, *Observed) {
	of := s.Subject.String()
	if s.Target != "" {
		of = fmt.Sprintf("%s(%q)", s.Subject.Kind, s.Subject.Name+"/"+s.Target)
	}
	first, last := links[0], links[len(links)-1]
	whole := span{first.token.off, last.token.end}
	fail := func(at span, msg, hint string) (Metric, *Observed) {
		r.fail(mistake(at.off, at.end-at.off, msg, hint))
		return Metric{}, nil
	}
	kind := s.Subject.Kind.Row()
	if part := len(s.Phases) + len(s.Windows); kind.WholeRun &&
		(part > 0 || s.Stage != "" || s.Every > 0) {
		return fail(whole, of+" has figures of the whole run only",
			fmt.Sprintf("write %s.%s, without what stands before it", of, first.name))
	}
	figure, ok := timeline.FigureOf(kind.Kind, first.name)
	rest := links[1:]
	if !ok && kind.HasOwn {
		if _, isAggregate := aggregateByName(first.name); isAggregate {
			figure, ok, rest = kind.Own, true, links
		}
	}
	if !ok {
		msg, hint := r.unknownFigure(kind, first.name, of)
		return fail(first.token.span(), msg, hint)
	}
	row := figure.Row()
	o := &Observed{Subject: s.Subject.Subject, Target: s.Target, Figure: figure,
		MoreIsBetter: row.MoreIsBetter}
	unit := UnitOf(row.Unit)
	if row.Unit == "" {
		unit = UnitOf(s.Subject.Unit)
	}
	switch {
	case len(rest) > 1:
		return fail(rest[1].token.span(),
			fmt.Sprintf("unexpected .%s after %s", rest[1].name, rest[0].name), "")
	case len(rest) == 1 && row.Fold != timeline.Level:
		what := "the number of what happened"
		if row.Fold == timeline.ByTime {
			what = "a share of the time"
		}
		return fail(rest[0].token.span(),
			fmt.Sprintf("%s is %s and has no %s", row.Name, what, rest[0].name),
			fmt.Sprintf("write %s.%s", of, row.Name))
	case len(rest) == 1:
		if o.Aggregate, ok = aggregateByName(rest[0].name); !ok {
			msg, hint := unknownAggregate(rest[0].name)
			return fail(rest[0].token.span(), msg, hint)
		}
	case row.Fold != timeline.Level:
	case figure == timeline.MetricValue:
		return fail(whole, fmt.Sprintf("expected which %s of %s is meant", row.Name, of),
			fmt.Sprintf("write %s.last, .max, .min, .mean or a percentile", of))
	case row.MoreIsBetter:
		o.Aggregate.Kind = AggregateMin
	default:
		o.Aggregate.Kind = AggregateMax
	}
	if o.Aggregate.Kind == AggregateGrowth {
		if unit, ok = unit.Growth(); !ok {
			return fail(whole, fmt.Sprintf("the growth of %s is not asked: it is a rate itself",
				row.Name), "ask for its max, or a percentile")
		}
	}
	name := row.Name
	for _, l := range rest {
		name += "." + l.name
	}
	worse := MoreIsWorse
	if o.Aggregate.Kind == AggregateMin || row.MoreIsBetter && o.Aggregate.Kind != AggregateMax {
		worse = LessIsWorse
	}
	return Metric{Name: name, Unit: unit, Worse: worse}, o
}

// figuresOf lists the figures of a kind of subject by name.
func figuresOf(kind timeline.SubjectKind) (names []string) {
	for _, f := range timeline.Figures() {
		if f.Kind == kind {
			names = append(names, f.Name)
		}
	}
	return names
}

// unknownFigure says what is wrong with a word that stands where a figure of a subject should.
func (r *resolver) unknownFigure(kind timeline.ObservedKind, name, of string) (msg, hint string) {
	names := figuresOf(kind.Kind)
	msg = fmt.Sprintf("unknown figure %s of a %s", name, kind.Kind)
	hint = fmt.Sprintf("a %s has %s", kind.Kind, strings.Join(names, ", "))
	if kind.HasOwn {
		var aggregates []string
		for _, a := range Aggregates() {
			aggregates = append(aggregates, a.Name)
		}
		names = append(names, aggregates...)
		hint += "; or write " + strings.Join(aggregates, ", ")
	}
	_, isAggregate := aggregateByName(name)
	for _, k := range timeline.SubjectKinds() {
		if _, ok := timeline.FigureOf(k.Kind, name); ok {
			return fmt.Sprintf("%s is asked of a %s", name, k.Kind), hint
		}
	}
	switch near, ok := suggest.Nearest(name, names); {
	case isAggregate:
		return fmt.Sprintf("expected a figure of %s before %s", of, name),
			fmt.Sprintf("write %s.%s.%s", of, names[0], name)
	case r.words.isMetric(name):
		msg = fmt.Sprintf("%s is asked of load, not of a %s", name, kind.Kind)
	case ok:
		hint = fmt.Sprintf("did you mean %s.%s?", of, near)
	}
	return msg, hint
}

// unknownAggregate says what is wrong with a word that stands where an aggregate should.
func unknownAggregate(name string) (msg, hint string) {
	var names []string
	for _, a := range Aggregates() {
		names = append(names, a.Name)
	}
	msg, hint = "unknown aggregate "+name, "aggregates are "+strings.Join(names, ", ")
	if number, _, _ := strings.Cut(name, "."); IsPercentile(number) {
		return msg, percentileHint(name)
	}
	if foreign, ok := foreignMetrics[plainWord(name)]; ok {
		if word, _, _ := strings.Cut(strings.TrimPrefix(foreign, "write "), ","); slices.Contains(
			names, word) {
			return msg, "write " + word
		}
	}
	if near, ok := suggest.Nearest(name, names); ok {
		hint = "did you mean " + near + "?"
	}
	return msg, hint
}

// FigureTable is the manual's table of figures, in Markdown.
func FigureTable() string {
	var b strings.Builder
	b.WriteString("| figure | unit | aggregates | what is measured |\n|---|---|---|---|\n")
	for _, f := range timeline.Figures() {
		unit, aggregates := "as declared", "must be said"
		if f.Unit != "" {
			unit = UnitOf(f.Unit).String()
			aggregates = "any; without one the greatest"
			if f.MoreIsBetter {
				aggregates = "any; without one the least"
			}
		}
		switch f.Fold {
		case timeline.Sum:
			aggregates = "none: it is a sum"
		case timeline.ByTime:
			aggregates = "none: it is a share of the time"
		}
		fmt.Fprintf(&b, "| `%s(\"x\").%s` | %s | %s | %s |\n", f.Kind, f.Name, unit, aggregates, f.Doc)
	}
	return b.String()
}
