package scenario

import (
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// HypothesisLead is how long before the first fault the load ends that the hypothesis is judged on:
// what came due later may not be over when the fault is due.
const HypothesisLead = 2 * time.Second

// HypothesisUntil is up to when the load is judged before the first of the faults is injected: a
// whole second.
func HypothesisUntil(faults []chaos.FaultPlan) time.Duration {
	first := faults[0].At
	for _, f := range faults {
		first = min(first, f.At)
	}
	return (first - HypothesisLead).Truncate(time.Second)
}

// hypothesis compiles the rules that must hold before the first fault.
func (b *builder) hypothesis(faults []chaos.FaultPlan, names verdict.Names) []PlannedRule {
	rules := b.compileRules(b.file.Hypothesis, names, verdict.CompileHypothesis)
	at, set := b.Find(&b.file.Hypothesis)
	if !set {
		return rules
	}
	if len(b.file.Chaos) == 0 {
		b.Failf(at.Span, "write the rules under verdict:, or what is to be broken under chaos:",
			"a hypothesis must hold before the first fault, and there is none")
		return rules
	}
	if len(faults) == len(b.file.Chaos) && HypothesisUntil(faults) < time.Second {
		b.Failf(at.Span, "let the first fault begin later",
			"the load before the first fault is too short for a hypothesis: expected a fault at "+
				"%s at the earliest, as the load is judged up to %s before it",
			quantity.FormatDuration(HypothesisLead+time.Second),
			quantity.FormatDuration(HypothesisLead))
	}
	return rules
}
