package run

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/verdict"
)

// TestHypothesisHolds: what fails or cannot be told keeps faults from being injected, unless the
// rule is said to warn only.
func TestHypothesisHolds(t *testing.T) {
	rule := func(o verdict.Outcome, s verdict.Severity) verdict.RuleResult {
		return verdict.RuleResult{KPI: "p99 < 1s", Outcome: o, Severity: s, Why: "it was so"}
	}
	for _, tt := range []struct {
		name    string
		results []verdict.RuleResult
		want    bool
	}{
		{"all pass", []verdict.RuleResult{rule(verdict.Pass, verdict.SeverityFail)}, true},
		{"one fails", []verdict.RuleResult{
			rule(verdict.Pass, verdict.SeverityFail), rule(verdict.Fail, verdict.SeverityFail),
		}, false},
		{"one cannot be told", []verdict.RuleResult{
			rule(verdict.Pass, verdict.SeverityFail), rule(verdict.Inconclusive, verdict.SeverityFail),
		}, false},
		{"one warns", []verdict.RuleResult{rule(verdict.Warn, verdict.SeverityWarn)}, true},
		{"one that warns cannot be told",
			[]verdict.RuleResult{rule(verdict.Inconclusive, verdict.SeverityWarn)}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hypothesisOf(tt.results, 3*time.Second)
			if h.Holds != tt.want || len(h.Rules) != len(tt.results) {
				t.Errorf("found %+v, want it to hold: %t", h, tt.want)
			}
			if says := strings.Contains(h.Why, "p99 < 1s: it was so"); says == tt.want {
				t.Errorf("the reason is %q", h.Why)
			}
		})
	}
}
