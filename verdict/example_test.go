package verdict_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

func ExampleCompile() {
	rule, _ := verdict.Compile(`stage("steady").p99 < 200ms`, verdict.Names{Stages: []string{"steady"}})
	fmt.Println("count exactly at", rule.Limits())
	// Output: count exactly at [200ms]
}

func ExampleCompile_mistake() {
	src := `during("kill-ap").error_rate < 5`
	_, wrong := verdict.Compile(src, verdict.Names{Faults: []string{"kill-api"}})
	for _, mistake := range wrong {
		fmt.Println(src)
		fmt.Println(strings.Repeat(" ", mistake.Offset) + strings.Repeat("^", max(1, mistake.Len)))
		fmt.Println(mistake)
		fmt.Println("hint:", mistake.Hint)
	}
	// Output:
	// during("kill-ap").error_rate < 5
	//        ^^^^^^^^^
	// unknown fault "kill-ap"
	// hint: did you mean "kill-api"? faults are "kill-api"
}

func ExampleJudge() {
	rule, _ := verdict.Compile("p95 < 200ms && error_rate < 1%", verdict.Names{})

	stats := timeline.NewStats(rule.Limits())
	for i := range 100 {
		stats.Planned++
		stats.Done++
		if i < 3 {
			stats.Failed++
			stats.Err.Record(time.Millisecond)
			continue
		}
		stats.OK.Record(50 * time.Millisecond)
	}
	second := timeline.Window{To: time.Second}
	run := &timeline.Timeline{
		Duration: time.Second,
		Stages:   []timeline.Stage{{Name: "steady", Window: second, Judged: true}},
		Intervals: func(yield func(timeline.Interval, error) bool) {
			cell := timeline.Cell{Key: timeline.Key{Stage: "steady", Request: "browse"}, Stats: stats}
			yield(timeline.Interval{Window: second, Cells: []timeline.Cell{cell}}, nil)
		},
	}

	report, err := verdict.Judge([]verdict.Input{{KPI: rule.String(), Rule: rule}}, run)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Outcome)
	fmt.Println(report.Rules[0].Why)
	// Output:
	// fail
	// error_rate was 3%, the rule wants < 1%
}

func ExampleJudging() {
	rule, _ := verdict.Compile("mean < 200ms", verdict.Names{})
	run := &timeline.Timeline{
		Stages: []timeline.Stage{{Name: "steady", Window: timeline.Window{To: 3 * time.Second}, Judged: true}},
	}
	judging := verdict.NewJudging([]verdict.Input{{KPI: rule.String(), Rule: rule}}, run)

	for second, took := range []time.Duration{50 * time.Millisecond, time.Second, 50 * time.Millisecond} {
		stats := timeline.NewStats(rule.Limits())
		for range 100 {
			stats.Planned++
			stats.Done++
			stats.OK.Record(took)
		}
		from := time.Duration(second) * time.Second
		judging.Add(timeline.Interval{
			Window: timeline.Window{From: from, To: from + time.Second},
			Cells:  []timeline.Cell{{Key: timeline.Key{Stage: "steady", Request: "browse"}, Stats: stats}},
		})
		report := judging.Report()
		fmt.Println("until", judging.Until(), report.Outcome, report.Rules[0].Observed)
	}
	// Output:
	// until 1s pass 50ms
	// until 2s fail 525ms
	// until 3s fail 367ms
}
