package report

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/verdict"
)

// A run can pass while every answer is bad, if no rule asks: the report says so.
func TestErrorsThatNoRuleAsksAbout(t *testing.T) {
	const advice = "no rule asks about errors"
	for _, c := range []struct {
		name   string
		failed uint64
		kpis   []string
		want   bool
	}{
		{"only latency", 10, []string{"p99 < 1s", `request("checkout").p95 < 1s`}, true},
		{"error rate", 10, []string{"p99 < 1s", "error_rate < 20%"}, false},
		{"availability, scoped", 10, []string{`request("a").availability > 99%`}, false},
		{"a request of that name is no metric", 10, []string{`request("my_errors").p99 < 1s`}, true},
		{"no rules", 10, nil, false},
		{"no errors", 0, []string{"p99 < 1s"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := passed()
			r.Report.Totals = newMeasure(1000, c.failed, 0, 10, latency(1*ms, 2*ms, 3*ms, 4*ms, 5*ms, 6*ms))
			r.Report.Rules = nil
			for _, k := range c.kpis {
				r.Report.Rules = append(r.Report.Rules, verdict.RuleResult{KPI: k, Outcome: verdict.Pass})
			}
			if got := strings.Contains(printed(t, r), advice); got != c.want {
				t.Errorf("advice was given: %v, want %v", got, c.want)
			}
		})
	}
}

func TestErrorsHaveAnExample(t *testing.T) {
	r := passed()
	r.Report.Totals = newMeasure(1000, 10, 0, 10, latency(1*ms, 2*ms, 3*ms, 4*ms, 5*ms, time.Second))
	r.Examples = map[string]string{"status 502": "expected status 200, found 502"}
	if got, want := printed(t, r), "status 502, such as: expected status 200, found 502"; !strings.Contains(got, want) {
		t.Errorf("the report lacks %q:\n%s", want, got)
	}
}

func printed(t *testing.T, r *Run) string {
	t.Helper()
	var b strings.Builder
	if err := WriteTerminal(&b, r, Style{Width: 200}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
