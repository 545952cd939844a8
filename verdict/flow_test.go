package verdict

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// flows are whole flows beside requests: slow, and half of them wrong.
func flows(end time.Duration) []arrival {
	out := steady(0, end, 50, 10*ms)
	for i, a := range steady(0, end, 50, 900*ms) {
		a.flow, a.failed = "checkout", i%2 == 0
		out = append(out, a)
	}
	return out
}

// TestFlowsAreInNoTotals has flows that would fail every rule, were they counted
// among the requests, one of which has the name of a flow.
func TestFlowsAreInNoTotals(t *testing.T) {
	end := 20 * sec
	faults := []timeline.Fault{fault("kill-api", 5*sec, 6*sec)}
	for _, tt := range []struct {
		rule, observed string
		want           Outcome
	}{
		{"p99 < 200ms && error_rate == 0% && planned == 1000", "10ms", Pass},
		{"lag.p99 < 1s && service.p99 < 1s && rps < 51/s", "", Pass},
		{`stage("steady").count == 1000`, "1000", Pass},
		{`after("kill-api").p99 < 200ms`, "10ms", Pass},
		{`every(5s).error_rate == 0%`, "0%", Pass},
		{`fault("kill-api").recovery < 1s`, "0s", Pass},
		{`fault("kill-api").outage == 0s`, "0s", Pass},
		{`request("checkout").count == 0`, "", Inconclusive},
		{`flow("checkout").p99 < 200ms`, "900ms", Fail},
		{`flow("checkout").count == 1000`, "1000", Pass},
		{`flow("checkout").error_rate <= 50%`, "50%", Pass},
		{`stage("steady").flow("checkout").ok.count < 1`, "", ""},
		{`after("kill-api").flow("checkout").count == 700`, "700", Pass},
		{`every(5s).flow("checkout").error_rate < 50%`, "50%", Fail},
		{`window(0s, 10s).flow("checkout").planned == 500`, "500", Pass},
		{`flow("browse").p99 < 1s`, "", Inconclusive},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			rule, mistake := Compile(tt.rule, names)
			if tt.want == "" {
				if mistake == nil {
					t.Fatal("want a mistake, found none")
				}
				return
			}
			if mistake != nil {
				t.Fatal(mistake)
			}
			r := judgeOne(t, tt.rule, run(end, faults, rule.Limits(), flows(end)))
			if r.Outcome != tt.want || !strings.Contains(r.Observed, tt.observed) {
				t.Errorf("%s, observed %q: %s; want %s, %q", r.Outcome, r.Observed, r.Why, tt.want, tt.observed)
			}
		})
	}
}

func TestFlowsAreMeasured(t *testing.T) {
	rep, err := Judge(nil, run(20*sec, nil, nil, flows(20*sec)))
	if err != nil {
		t.Fatal(err)
	}
	m := rep.Flows["checkout"]
	if m.Planned != 1000 || m.Errors != 500 {
		t.Errorf("flow checkout: %d planned and %d errors, want 1000 and 500", m.Planned, m.Errors)
	}
	if m.Latency.P50 == nil || *m.Latency.P50 < 899*ms {
		t.Errorf("flow checkout: p50 %v, want 899ms or more", m.Latency.P50)
	}
	if m, ok := rep.Flows["browse"]; !ok || m.Planned != 0 {
		t.Errorf("flow browse: %+v, %v; want it there, and empty", m, ok)
	}
	for name, m := range map[string]Measure{"totals": rep.Totals, "stage steady": rep.Stages["steady"], "request browse": rep.Requests["browse"]} {
		if m.Planned != 1000 || m.Errors != 0 {
			t.Errorf("%s: %d planned, %d errors; want 1000 and none", name, m.Planned, m.Errors)
		}
	}
	if m := rep.Requests["checkout"]; m.Planned != 0 {
		t.Errorf("request checkout has %d arrivals of the flow of that name", m.Planned)
	}
}

// TestLateFlows has only flows be late: that says nothing of the requests.
func TestLateFlows(t *testing.T) {
	as := flows(20 * sec)
	for i := range as {
		if as[i].flow != "" {
			as[i].late, as[i].took = sec, as[i].took+sec
		}
	}
	rep, err := Judge([]Input{
		{KPI: "p99 < 1s", Rule: mustCompile(t, "p99 < 1s")},
		{KPI: "flow", Rule: mustCompile(t, `flow("checkout").p99 < 1s`)},
	}, run(20*sec, nil, nil, as))
	if err != nil {
		t.Fatal(err)
	}
	if rep.Why != nil || rep.Rules[0].Outcome != Pass {
		t.Errorf("the run: %v; the requests: %s; want nothing, and pass", rep.Why, rep.Rules[0].Outcome)
	}
	if r := rep.Rules[1]; r.Outcome != Inconclusive || !strings.Contains(r.Why, "late") {
		t.Errorf("the flow: %s, %s; want inconclusive, as the generator was late", r.Outcome, r.Why)
	}
}

func TestConnections(t *testing.T) {
	as := steady(0, 20*sec, 50, 10*ms)
	for i := range 200 {
		as[5*i].connect = 3 * ms
	}
	tl := run(20*sec, nil, []time.Duration{3 * ms}, as)
	for rule, want := range map[string]Outcome{
		"connect.count == 200": Pass, "connect.p99 <= 3ms": Pass, "connect.p99 < 3ms": Fail, "connect.max < 4ms": Pass,
		"connect.p99.9 < 4ms":  Inconclusive, // 1,000 are needed
		"handshake.count == 0": Pass, "handshake.mean < 1s": Inconclusive, "handshake.p50 < 1s": Inconclusive,
		`request("checkout").connect.count == 0`: Inconclusive, // nothing was due
	} {
		if r := judgeOne(t, rule, tl); r.Outcome != want {
			t.Errorf("%s: %s, %s; want %s", rule, r.Outcome, r.Why, want)
		}
	}
	rep, err := Judge(nil, tl)
	if err != nil {
		t.Fatal(err)
	}
	if m := rep.Totals.Phases[timeline.Connect]; m.Count != 200 || m.P99 == nil {
		t.Errorf("%d connections, p99 %v; want 200, with one", m.Count, m.P99)
	}
	if m := rep.Totals.Phases[timeline.Handshake]; m.Count != 0 || m.P99 != nil {
		t.Errorf("%d handshakes, p99 %v; want none", m.Count, m.P99)
	}
}

func TestCountersOfCalls(t *testing.T) {
	as := steady(0, 20*sec, 50, 10*ms)
	for i := range 100 {
		as[7*i].redirects = 2
	}
	tl := run(20*sec, nil, nil, as)
	for rule, want := range map[string]Outcome{
		"redirects == 200": Pass, "redirects < 200": Fail, "redirects / count < 0.3": Pass,
		`window(0s, 7s).redirects == 100`: Pass, `every(5s).redirects == 100`: Fail,
		`request("checkout").redirects == 0`: Inconclusive, // nothing was due
	} {
		if r := judgeOne(t, rule, tl); r.Outcome != want {
			t.Errorf("%s: %s, %s %s; want %s", rule, r.Outcome, r.Observed, r.Why, want)
		}
	}
	if _, mistake := Compile(`flow("checkout").redirects == 0`, names); mistake == nil {
		t.Error("whole flows have no calls, and nobody said so")
	}
	rep, err := Judge(nil, tl)
	if err != nil {
		t.Fatal(err)
	}
	if n := rep.Totals.Counted[timeline.Redirects]; n != 200 {
		t.Errorf("%d redirects in the totals, want 200", n)
	}
}

// TestRateOfWhatWasAnsweredThen has a service that stands still while it is
// paused, and answers all of it afterwards.
func TestRateOfWhatWasAnsweredThen(t *testing.T) {
	as := steady(0, 20*sec, 50, 10*ms)
	for i := range as {
		if a := &as[i]; a.at+a.took >= 5*sec && a.at < 10*sec {
			a.took = 10*sec + 5*ms - a.at
		}
	}
	tl := run(20*sec, []timeline.Fault{fault("kill-api", 5*sec, 10*sec)}, nil, as)
	for rule, want := range map[string]string{
		`during("kill-api").rps > 0/s`:         "0/s",
		`during("kill-api").throughput > 0/s`:  "0/s",
		`window(10s, 11s).rps < 60/s`:          "300/s", // 250 that waited, 50 of its own
		`before("kill-api").rps > 50/s`:        "50/s",
		`during("kill-api").availability < 1%`: "100%",
	} {
		if r := judgeOne(t, rule, tl); r.Observed != want {
			t.Errorf("%s: observed %s, want %s", rule, r.Observed, want)
		}
	}
}
