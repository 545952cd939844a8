package verdict

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// pastRun is a run of a minute with checkout slower than browse, and a fault that slows all down.
func pastRun(took time.Duration, errors int) *timeline.Timeline {
	var all []arrival
	for i := range 60 * 20 {
		a := arrival{at: sec / 20 * time.Duration(i), took: took, request: "browse"}
		if i%2 == 1 {
			a.request, a.took = "checkout", 2*took
		}
		a.failed = errors > 0 && i%errors == 0
		if a.at >= 30*sec && a.at < 35*sec {
			a.took *= 10
		}
		all = append(all, a)
	}
	begin, over := 30*sec, 35*sec
	return run(60*sec, []timeline.Fault{{
		Name: "kill-api", State: timeline.Reverted, Verified: true, Injecting: &begin, Began: &begin,
		Effective: &begin, Reverting: &over, Ceased: &over, Reverted: &over,
	}}, nil, all)
}

func keep(t *testing.T, id string, tl *timeline.Timeline) *Past {
	t.Helper()
	p, err := Keep(tl)
	if err != nil {
		t.Fatal(err)
	}
	p.ID = id
	return p
}

func TestRulesOnEarlierRuns(t *testing.T) {
	earlier := &Earlier{
		Baseline: keep(t, "base", pastRun(10*ms, 100)),
		TooFew:   "more are to come",
	}
	for i := range 5 {
		earlier.Accepted = append(earlier.Accepted,
			keep(t, fmt.Sprint("night-", i), pastRun(time.Duration(8+i)*ms, 100)))
	}
	now := pastRun(11*ms, 50)
	for _, tc := range []struct {
		rule string
		want Outcome
		in   string // the limit, or why there is none
	}{
		{"p50 < 1.2 * baseline.p50", Pass, "24ms"},
		{"p50 < 1.05 * baseline.p50", Fail, "21ms"},
		{`request("browse").p50 < request("browse").baseline.p50 + 2ms`, Pass, "12ms"},
		{`during("kill-api").p50 < baseline.during("kill-api").p50`, Fail, "100ms"},
		{`before("kill-api").p50 < baseline.after("kill-api").p50 * 2`, Pass, "20ms"},
		{`stage("steady").ok.p95 < 2 * baseline.stage("steady").ok.p95`, Pass, ""},
		{"error_rate < baseline.error_rate", Fail, "1%"},
		{"error_rate < 3 * baseline.error_rate", Pass, "3%"},
		{"availability > baseline.availability - 2%", Pass, "97%"},
		{"count == baseline.count", Pass, "1200"},
		{"every(10s).p50 < 11 * baseline.p50", Pass, "220ms"},
		{"p50 < history(5).p50", Pass, "24ms"},                // the worst of them
		{"p50 < history(2).p50", Fail, "18.7ms"},              // a tenth more than 17ms
		{"error_rate <= history(5).error_rate", Fail, "1.1%"}, // a tenth more
		{"availability >= history(5).availability", Fail, "98.9%"},
		{"p50 < history(6).p50", Inconclusive, "6 accepted runs are needed, and there are 5: more are to come"},
		{"p99.9 < 1.5 * baseline.p99.9", Pass, "300ms"},
		{"p99.99 < baseline.p99.99", Inconclusive, ""},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			in := Input{Rule: mustCompile(t, tc.rule), Earlier: earlier}
			report, err := Judge([]Input{in}, now)
			if err != nil {
				t.Fatal(err)
			}
			got := report.Rules[0]
			if got.Outcome != tc.want {
				t.Errorf("%s (limit %s, %s), want %s", got.Outcome, got.Limit, got.Why, tc.want)
			}
			if !strings.Contains(got.Limit+" "+got.Why, tc.in) {
				t.Errorf("limit %q, %s; want %q in it", got.Limit, got.Why, tc.in)
			}
		})
	}
}

// What is not there to be held against is named, and never a pass.
func TestNoEarlierRun(t *testing.T) {
	empty := &Past{ID: "empty"}
	for _, tc := range []struct {
		name    string
		earlier *Earlier
		tl      *timeline.Timeline
		why     string
	}{
		{"none", nil, pastRun(10*ms, 0), "no run was accepted"},
		{"none that fits", &Earlier{Lacking: "it had another load"}, pastRun(10*ms, 0), "another load"},
		{"one without the scope", &Earlier{Baseline: empty}, pastRun(10*ms, 0), "the run empty has no such scope"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := Input{Rule: mustCompile(t, "p50 < 100 * baseline.p50"), Earlier: tc.earlier}
			report, err := Judge([]Input{in}, tc.tl)
			if err != nil {
				t.Fatal(err)
			}
			got := report.Rules[0]
			if got.Outcome != Inconclusive || got.Reason != ReasonBaseline {
				t.Errorf("%s (%s), want inconclusive (%s)", got.Outcome, got.Reason, ReasonBaseline)
			}
			if !strings.Contains(got.Why, tc.why) {
				t.Errorf("why: %q, want %q in it", got.Why, tc.why)
			}
		})
	}
}

// A run whose own generator was not well is not held against any.
func TestUnhealthyRunIsHeldAgainstNone(t *testing.T) {
	var all []arrival
	for i := range 600 {
		all = append(all, arrival{at: sec / 10 * time.Duration(i), took: 300 * ms, late: 200 * ms})
	}
	in := Input{
		Rule:    mustCompile(t, "p50 < 100 * baseline.p50"),
		Earlier: &Earlier{Baseline: keep(t, "base", pastRun(10*ms, 0))},
	}
	report, err := Judge([]Input{in}, run(60*sec, nil, nil, all))
	if err != nil {
		t.Fatal(err)
	}
	got := report.Rules[0]
	if got.Reason != ReasonBaseline || !strings.Contains(got.Why, "late by 200ms at p99") {
		t.Errorf("%s: %q", got.Reason, got.Why)
	}
}

func TestHistoryLimit(t *testing.T) {
	for _, tc := range []struct {
		name    string
		figures []float64
		unit    rule.Unit
		worse   rule.Direction
		want    float64
	}{
		{"the worst", []float64{100e6, 130e6, 90e6}, rule.Duration, rule.MoreIsWorse, 130e6},
		{"a tenth more", []float64{100e6, 101e6, 102e6}, rule.Duration, rule.MoreIsWorse, 111.1e6},
		{"a millisecond more", []float64{2e6, 2e6}, rule.Duration, rule.MoreIsWorse, 3e6},
		{"none at all", []float64{0, 0, 0}, rule.Fraction, rule.MoreIsWorse, 0.001},
		{"shares", []float64{0.02, 0.03, 0.04}, rule.Fraction, rule.MoreIsWorse, 0.04},
		{"good shares", []float64{0.98, 0.98}, rule.Fraction, rule.LessIsWorse, 0.978},
		{"the worst good share", []float64{0.99, 0.90, 0.99}, rule.Fraction, rule.LessIsWorse, 0.90},
		{"rates", []float64{100, 100}, rule.Rate, rule.LessIsWorse, 90},
		{"one run", []float64{5}, rule.Number, rule.MoreIsWorse, 5.5},
	} {
		got := HistoryLimit(tc.figures, tc.unit, tc.worse)
		if d := got - tc.want; d > 1e-9*tc.want || d < -1e-9*tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
