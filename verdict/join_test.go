package verdict

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// Runs that are joined have all that each of them has, where it has it.
func TestJoinedRuns(t *testing.T) {
	runs := []*timeline.Timeline{pastRun(10*ms, 100), pastRun(12*ms, 50), pastRun(11*ms, 0)}
	joined := timeline.Join(runs)
	var last timeline.Window
	for iv, err := range joined.Intervals {
		if err != nil {
			t.Fatal(err)
		}
		if iv.From < last.To {
			t.Errorf("the interval %v begins before %v ends", iv.Window, last)
		}
		last = iv.Window
	}
	metrics := []string{
		"count", "errors", `request("checkout").count`, `stage("steady").count`,
		`before("kill-api").count`, `during("kill-api").count`, `after("kill-api").errors`,
	}
	sum := make([]float64, len(metrics))
	judge := func(tl *timeline.Timeline) []RuleResult {
		var in []Input
		for _, m := range metrics {
			in = append(in, Input{Rule: mustCompile(t, m+" >= 0")})
		}
		report, err := Judge(append(in, Input{Rule: mustCompile(t, "rps > 0/s")}), tl)
		if err != nil {
			t.Fatal(err)
		}
		return report.Rules
	}
	for _, r := range runs {
		for i, x := range judge(r)[:len(metrics)] {
			sum[i] += x.Value.Value
		}
	}
	var got []float64
	whole := judge(joined)
	for _, x := range whole[:len(metrics)] {
		got = append(got, x.Value.Value)
	}
	// What is before the first injection of a fault is before; what is between two is after.
	sum[4], sum[6] = got[4], got[6]
	if diff := cmp.Diff(sum, got); diff != "" {
		t.Errorf("%v: -of each +of the whole\n%s", metrics, diff)
	}
	if all := got[4] + got[5]; all >= got[0] || got[4] != 600 {
		t.Errorf("%v before and %v during the fault, of %v", got[4], got[5], got[0])
	}
	if rate := whole[len(metrics)].Value.Value; rate < 19 || rate > 20.1 {
		t.Errorf("%v/s, want about 20/s: what is between two runs is no time of theirs", rate)
	}
}

func TestJoinOfOneIsThatRun(t *testing.T) {
	tl := pastRun(10*ms, 100)
	rules := []Input{
		{Rule: mustCompile(t, "p99 < 1s")}, {Rule: mustCompile(t, `fault("kill-api").outage < 1s`)},
		{Rule: mustCompile(t, "every(10s).error_rate < 1%")},
	}
	want, err := Judge(rules, tl)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Judge(rules, timeline.Join([]*timeline.Timeline{tl}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, judged); diff != "" {
		t.Error(diff)
	}
}
