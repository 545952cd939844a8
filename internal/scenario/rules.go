package scenario

import (
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/verdict"
)

// rules compiles every rule. A mistake in one is shown where it stands in the
// file, however the YAML is written and whatever variables are in it. end is that of
// the load, which is not known if there are mistakes elsewhere.
func (b *builder) rules(end time.Duration) []PlannedRule {
	names := b.names()
	if b.fails == 0 {
		names.End = end
	}
	var out []PlannedRule
	for i := range b.file.Verdict {
		e := &b.file.Verdict[i]
		if e.scorecard {
			for _, kpi := range verdict.Default() {
				rule, err := verdict.Compile(kpi, names)
				if err != nil {
					b.failf(e.kpi.span, "write the rules out", "the rule %q of the default scorecard: %s", kpi, err.Msg)
					continue
				}
				out = append(out, PlannedRule{KPI: kpi, Severity: verdict.SeverityFail, Rule: rule})
			}
			continue
		}
		if e.named != nil {
			b.openName(e.named)
		}
		rule, err := verdict.Compile(e.KPI, names)
		if err != nil {
			from, length := e.source.raw(err.Offset, max(1, err.Len))
			hint := err.Hint
			if near, ok := nearest(e.KPI, []string{defaultScorecard}); ok {
				hint = "did you mean the word " + near + "?"
			}
			if hint == "" {
				hint = "a rule compares a metric with a limit, such as p99 < 200ms"
			}
			b.failf(b.locate(e.kpi, from, length), hint, "%s", err.Msg)
			continue
		}
		out = append(out, PlannedRule{KPI: e.KPI, Name: e.Name, Severity: verdict.Severity(e.Severity), Rule: rule})
	}
	return out
}

// names lists what rules may speak of; what has a mistake of its own counts,
// as its name is right.
func (b *builder) names() verdict.Names {
	var n verdict.Names
	for i := range b.file.Attack.Stages {
		n.Stages = appendName(n.Stages, b.file.Attack.Stages[i].Name)
	}
	for i := range b.file.Attack.Requests {
		n.Requests = appendName(n.Requests, b.file.Attack.Requests[i].Name)
	}
	for i := range b.file.Attack.Flows {
		f := &b.file.Attack.Flows[i]
		n.Flows = appendName(n.Flows, f.Name)
		for k := range f.Steps {
			if name := stepName(f, &f.Steps[k]); f.Name != "" && f.Steps[k].Name != "" && !slices.Contains(n.Requests, name) {
				n.Requests = append(n.Requests, name)
			}
		}
	}
	for i := range b.file.Chaos {
		n.Faults = appendName(n.Faults, b.file.Chaos[i].Name)
	}
	return n
}

func appendName(names []string, name string) []string {
	if name == "" {
		return names
	}
	return append(names, name)
}
