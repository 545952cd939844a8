package verdict

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// Times above timeline.Highest stand as that in every histogram: rules say so, in place
// of taking ten minutes for the truth, unless an exact count decides.
func TestTimesAboveTheHighestAreClamped(t *testing.T) {
	const above = 12 * time.Minute
	few, many := mix(1000, 0, 3, above), mix(1000, 0, 600, above)
	for _, c := range []struct {
		name, rule string
		arrivals   []arrival
		want       Outcome
		observed   string
	}{
		{"max beyond a limit below", "max < 11m30s", few, Fail, "more than 10m"},
		{"max within an exact limit", "max < 13m", few, Pass, "more than 10m"},
		{"max against a figure", "max < 100000 * p50", few, Inconclusive, "more than 10m"},
		{"max over what was reached anyway", "max > 1m", few, Pass, "more than 10m"},
		{"mean may be above", "mean < 5s", few, Inconclusive, "more than 1.81s"},
		{"mean is above", "mean < 1s", few, Fail, "more than 1.81s"},
		{"mean over a lower limit", "mean > 1s", few, Pass, "more than 1.81s"},
		{"spread", "stddev < 1h", few, Inconclusive, ""},
		{"a percentile below them", "p99 < 200ms", few, Pass, "10ms"},
		{"a percentile among them, exactly", "p50 < 11m", many, Fail, "more than 10m"},
		{"a percentile among them, within", "p50 <= 12m", many, Pass, "more than 10m"},
		{"a percentile among them against a figure", "p50 < 2 * p95", many, Inconclusive, "more than 10m"},
		{"of good answers", "ok.max < 11m", few, Fail, "more than 10m"},
		{"none at all", "mean < 5s", mix(1000, 0, 3, 9*time.Minute), Pass, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rule := mustCompile(t, c.rule)
			tl := run(20*time.Second, nil, rule.Limits(), c.arrivals)
			rep, err := Judge([]Input{{KPI: c.rule, Rule: rule}}, tl)
			if err != nil {
				t.Fatal(err)
			}
			got := rep.Rules[0]
			if got.Outcome != c.want || c.observed != "" && got.Observed != c.observed {
				t.Errorf("expected %s and %q, found %+v", c.want, c.observed, got)
			}
			if got.Outcome == Inconclusive && !strings.Contains(got.Why, "longer than 10m") {
				t.Errorf("expected the reason, found %q", got.Why)
			}
			var clamped uint64
			for _, a := range c.arrivals {
				if a.took > timeline.Highest {
					clamped++
				}
			}
			if rep.Totals.Clamped != clamped {
				t.Errorf("expected %d clamped times in the totals, found %d", clamped, rep.Totals.Clamped)
			}
		})
	}
}

// Figures for programs are those that people read, with their units.
func TestFiguresForPrograms(t *testing.T) {
	for _, c := range []struct {
		rule         string
		op           string
		value, bound Figure
	}{
		{"p99 < 200ms", "<", Figure{10e6, "ns", false}, Figure{200e6, "ns", false}},
		{"200ms > p99", "<", Figure{10e6, "ns", false}, Figure{200e6, "ns", false}},
		{"!(p99 >= 200ms)", "<", Figure{10e6, "ns", false}, Figure{200e6, "ns", false}},
		{"error_rate <= 5%", "<=", Figure{0.03, "fraction", false}, Figure{0.05, "fraction", false}},
		{"rps > 10/s", ">", Figure{99.9, "per_second", false}, Figure{10, "per_second", false}},
		{"errors == 30", "==", Figure{30, "number", false}, Figure{30, "number", false}},
		{"bytes_in < 1MiB", "<", Figure{100_000, "bytes", false}, Figure{1 << 20, "bytes", false}},
		{"p99 < 200ms && errors < 10", "<", Figure{30, "number", false}, Figure{10, "number", false}},
	} {
		rule := mustCompile(t, c.rule)
		rep, err := Judge([]Input{{KPI: c.rule, Rule: rule}}, run(10*time.Second, nil, rule.Limits(), mix(1000, 30, 0, 0)))
		if err != nil {
			t.Fatal(err)
		}
		got := rep.Rules[0]
		near := func(f *Figure, want Figure) bool {
			return f != nil && f.Unit == want.Unit && f.AtLeast == want.AtLeast && f.Value >= want.Value*0.999 && f.Value <= want.Value*1.001
		}
		if got.Op != c.op || !near(got.Value, c.value) || !near(got.Bound, c.bound) {
			t.Errorf("%s: expected %s %+v %+v, found %s %+v %+v", c.rule, c.op, c.value, c.bound, got.Op, got.Value, got.Bound)
		}
	}
	rule := mustCompile(t, `stage("warmup").p99 < 1s`)
	rep, err := Judge([]Input{{Rule: rule}}, run(10*time.Second, nil, rule.Limits(), mix(1000, 0, 0, 0)))
	if err != nil || rep.Rules[0].Value != nil {
		t.Errorf("expected no figure of nothing, found %+v, %v", rep.Rules[0], err)
	}
}

// Whatever part the generator had in the errors, no good answer took longer than its
// timeout: a rule that says so is decided.
func TestGoodAnswersAreWithinTheirTimeout(t *testing.T) {
	arrivals := mix(1000, 0, 0, 0)
	for i := range 100 {
		arrivals[i*10].kind, arrivals[i*10].took, arrivals[i*10].doubtful = "timeout", 300*time.Millisecond, true
		arrivals[i*10].late = 60 * time.Millisecond
	}
	for _, c := range []struct {
		rule    string
		longest time.Duration
		want    Outcome
	}{
		{"ok.max <= 300ms", 300 * time.Millisecond, Pass},
		{"ok.max < 300ms", 300 * time.Millisecond, Inconclusive},
		{"ok.max <= 300ms", 0, Inconclusive},
		{"ok.p99 < 310ms", 300 * time.Millisecond, Pass},
	} {
		rule := mustCompile(t, c.rule)
		tl := run(10*time.Second, nil, rule.Limits(), arrivals)
		tl.Longest = c.longest
		rep, err := Judge([]Input{{KPI: c.rule, Rule: rule}}, tl)
		if err != nil {
			t.Fatal(err)
		}
		if got := rep.Rules[0]; got.Outcome != c.want {
			t.Errorf("%s, timeout %s: expected %s, found %+v", c.rule, c.longest, c.want, got)
		}
	}
}
