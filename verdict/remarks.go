package verdict

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Remarks says what is odd about the rule though it is no mistake: a comparison that
// comes out the same however the run goes.
func (r *Rule) Remarks() []string { return slices.Clone(r.remarks) }

// remarksOn looks at comparisons of a lone metric with a limit. None is below 0,
// and a share is not above 100 %.
func remarksOn(f *finding) []string {
	var out []string
	for _, leaf := range f.leaves() {
		op, metric, limit, _ := leaf.sides()
		if metric.reading == nil || !limit.fixed || limit.missing.any() {
			continue
		}
		most, lies := math.Inf(1), "is never below 0"
		if metric.reading.metric.anything {
			continue
		}
		switch m := metric.reading.metric; {
		case m.ofAll:
			most, lies = 1, "lies between 0% and 100%"
		case m.ofScore:
			most, lies = 1, "lies between 0 and 1"
		}
		least := cmp.Compare(0, limit.n)
		always := holds(op, least)
		for c := least + 1; c <= cmp.Compare(most, limit.n); c++ {
			if holds(op, c) != always {
				always = unknown
			}
		}
		if always == unknown {
			continue
		}
		_, text := leaf.texts(false)
		out = append(
			out,
			fmt.Sprintf(
				"%s %s %s: %[1]s %[4]s",
				metric.reading.text,
				text,
				map[truth]string{yes: "always holds", no: "never holds"}[always],
				lies,
			),
		)
	}
	return out
}

// OnlyStage is the stage of which alone the rule asks; empty if there is none.
func (r *Rule) OnlyStage() string {
	only := ""
	for i := range r.terms {
		t := &r.terms[i]
		if t.observed != nil || t.share != nil || i > 0 && t.scope.Stage != only {
			return ""
		}
		only = t.scope.Stage
	}
	return only
}
