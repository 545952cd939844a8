package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/verdict"
)

// parseJUnit reads strictly, as CI systems do.
func parseJUnit(t *testing.T, b []byte) junitSuite {
	t.Helper()
	var s junitSuite
	if err := xml.Unmarshal(b, &s); err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	return s
}

// junitCounts are the attributes of a suite that CI systems count by.
type junitCounts struct{ Tests, Failures, Errors, Skipped int }

func countsOf(s junitSuite) junitCounts {
	return junitCounts{s.Tests, s.Failures, s.Errors, s.Skipped}
}

func TestJUnitOutcomes(t *testing.T) {
	rule := func(s verdict.Severity, o verdict.Outcome) *Run {
		return &Run{Report: verdict.Report{Rules: []verdict.RuleResult{{KPI: "p99 < 1s", Severity: s, Outcome: o, Why: "why"}}}}
	}
	tests := []struct {
		name string
		run  *Run
		want junitCounts
	}{
		{"pass", rule(verdict.SeverityFail, verdict.Pass), junitCounts{1, 0, 0, 0}},
		{"fail", rule(verdict.SeverityFail, verdict.Fail), junitCounts{1, 1, 0, 0}},
		{"inconclusive", rule(verdict.SeverityFail, verdict.Inconclusive), junitCounts{1, 0, 1, 0}},
		{"no outcome is no pass", rule(verdict.SeverityFail, ""), junitCounts{1, 0, 1, 0}},
		{"warn", rule(verdict.SeverityWarn, verdict.Warn), junitCounts{1, 0, 0, 1}},
		{"warn that failed", rule(verdict.SeverityWarn, verdict.Fail), junitCounts{1, 0, 0, 1}},
		{"warn, inconclusive", rule(verdict.SeverityWarn, verdict.Inconclusive), junitCounts{1, 0, 0, 1}},
		{"no rules", &Run{}, junitCounts{1, 0, 0, 1}},
		{"invalid run", inconclusive(), junitCounts{5, 0, 1, 0}},
		{"interrupted", interrupted(), junitCounts{5, 0, 1, 0}},
		{"dirty", dirty(), junitCounts{5, 0, 1, 0}},
		{"dirty without a fault", &Run{Dirty: true}, junitCounts{1, 0, 1, 0}},
		{"not done", notDone(), junitCounts{1, 0, 1, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := WriteJUnit(&b, tt.run); err != nil {
				t.Fatal(err)
			}
			s := parseJUnit(t, b.Bytes())
			if diff := cmp.Diff(tt.want, countsOf(s)); diff != "" {
				t.Errorf("counts (-want +got):\n%s\n%s", diff, b.Bytes())
			}
		})
	}
}

// Whatever stands in a name or a reason, the file stays well-formed, and no
// text becomes markup.
func FuzzJUnit(f *testing.F) {
	f.Add("shop", "p99 < 1s", "observed", "why")
	f.Add("</testsuite>", `"]]><failure/>`, "\x00\x1b\xff", "a\r\nb\u2028\ufffe")
	f.Fuzz(func(t *testing.T, name, kpi, observed, why string) {
		r := &Run{Name: name, Engine: why, Dir: observed, Report: verdict.Report{
			Outcome: verdict.Fail,
			Why:     []string{why},
			Rules: []verdict.RuleResult{
				{KPI: kpi, Name: name, Severity: verdict.SeverityFail, Outcome: verdict.Fail, Observed: observed, Limit: observed, Why: why},
				{KPI: kpi, Severity: verdict.SeverityWarn, Outcome: verdict.Inconclusive, Observed: observed, Limit: observed, Why: why},
				{KPI: kpi, Severity: verdict.SeverityFail, Outcome: verdict.Pass, Observed: observed},
			},
		}}
		var b bytes.Buffer
		if err := WriteJUnit(&b, r); err != nil {
			t.Fatal(err)
		}
		s := parseJUnit(t, b.Bytes())
		if n := len(s.Cases); n != 4 {
			t.Errorf("%d cases, expected 4", n)
		}
		if diff := cmp.Diff(junitCounts{Tests: 4, Failures: 1, Errors: 1, Skipped: 1}, countsOf(s)); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
		elements := 0
		for d := xml.NewDecoder(&b); ; {
			tok, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := tok.(xml.StartElement); ok {
				elements++
			}
		}
		// suite, properties, 6 of them, 4 cases, failure, error, skipped, system-out, system-err
		if elements != 17 {
			t.Errorf("%d elements, expected 17", elements)
		}
	})
}
