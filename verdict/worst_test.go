package verdict

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// A run of a minute in which checkout goes wrong, slowly, while a fault is in force, and browse
// once.
func TestWorst(t *testing.T) {
	var all []arrival
	for i := range 60 * 20 {
		a := arrival{at: sec / 20 * time.Duration(i), took: 10 * ms, request: "browse"}
		if i%2 == 1 {
			a.request = "checkout"
		}
		if a.at >= 30*sec && a.at < 33*sec && a.request == "checkout" {
			a.failed, a.took = true, 400*ms
		}
		if i == 31*20 {
			a.failed = true
		}
		all = append(all, a)
	}
	begin, over := 29500*ms, 33500*ms
	fault := timeline.Fault{
		Name: "kill-api", State: timeline.Reverted, Verified: true, Injecting: &begin, Began: &begin,
		Effective: &begin, Reverting: &over, Ceased: &over, Reverted: &over,
	}
	tl := run(60*sec, []timeline.Fault{fault}, []time.Duration{100 * ms}, all)
	at := timeline.Window{From: 30 * sec, To: 32 * sec}
	for _, tc := range []struct {
		rule string
		want *Worst
	}{
		{"error_rate < 1%", &Worst{
			Window: at, Value: Figure{Value: 21.0 / 40, Unit: "fraction"}, Observed: "52.5%",
			Requests: []Contribution{{"checkout", 20, 20}, {"browse", 1, 20}},
		}},
		{"p99 < 100ms", &Worst{
			Window: at, Value: Figure{Value: 400031743, Unit: "ns"}, Observed: "400ms",
			Requests: []Contribution{{"checkout", 20, 20}},
		}},
		{"availability > 99%", &Worst{
			Window: at, Value: Figure{Value: 19.0 / 40, Unit: "fraction"}, Observed: "47.5%",
			Requests: []Contribution{{"checkout", 20, 20}, {"browse", 1, 20}},
		}},
		{"every(10s).error_rate < 1%", &Worst{
			Window: timeline.Window{From: 30 * sec, To: 40 * sec},
			Value:  Figure{Value: 31.0 / 200, Unit: "fraction"}, Observed: "15.5%",
			Requests: []Contribution{{"checkout", 30, 100}, {"browse", 1, 100}},
		}},
		{`request("checkout").error_rate < 1%`, &Worst{
			Window: at, Value: Figure{Value: 1, Unit: "fraction"}, Observed: "100%",
		}},
		{"error_rate < 10%", nil}, // passes
		{`fault("kill-api").recovery < 0s`, nil},
		{`rps > 1000/s`, &Worst{
			// Answers come later.
			Window: at, Value: Figure{Value: 18, Unit: "per_second"}, Observed: "18/s",
			Requests: []Contribution{{"checkout", 20, 20}, {"browse", 1, 20}},
		}},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			report, err := Judge([]Input{{Rule: mustCompile(t, tc.rule)}}, tl)
			if err != nil {
				t.Fatal(err)
			}
			if tc.want != nil {
				tc.want.Stages = []string{"steady"}
				tc.want.Faults = []string{"kill-api"}
			}
			if diff := cmp.Diff(tc.want, report.Rules[0].Worst); diff != "" {
				t.Errorf("%s: -want +got\n%s", report.Rules[0].Why, diff)
			}
		})
	}
}

func TestWorstForPeople(t *testing.T) {
	w := &Worst{
		Window: timeline.Window{From: 30 * sec, To: 32 * sec}, Observed: "52.5%",
		Stages: []string{"steady", "spike"}, Faults: []string{"kill-api"},
		Requests: []Contribution{{"checkout", 20, 20}, {"browse", 1, 20}},
	}
	const want = "worst from 30s to 32s (stage steady, spike; fault kill-api): 52.5%; " +
		"checkout 20 of 20, browse 1 of 20"
	if got := w.String(); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}
