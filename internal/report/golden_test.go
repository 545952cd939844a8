package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-expected +found), see -update:\n%s", file, diff)
	}
}

func ptr[T any](v T) *T { return &v }

const ms = time.Millisecond

func latency(p50, p90, p95, p99, p999, highest time.Duration) verdict.Latency {
	return verdict.Latency{P50: &p50, P90: &p90, P95: &p95, P99: &p99, P999: &p999, Max: &highest, Mean: ptr((p50 + p90) / 2)}
}

func newMeasure(planned, failed, unsent uint64, seconds float64, l verdict.Latency) verdict.Measure {
	done := planned - unsent
	rate := float64(failed+unsent) / float64(planned)
	m := verdict.Measure{
		Planned: planned, Done: done, Unsent: unsent, Errors: failed + unsent, Seconds: seconds, RPS: float64(done) / seconds,
		BytesIn: planned * 400, BytesOut: planned * 90, ErrorRate: &rate, Availability: ptr(1 - rate),
		Latency: l, Service: l, Lag: latency(40*time.Microsecond, 60*time.Microsecond, 90*time.Microsecond, 210*time.Microsecond, 900*time.Microsecond, 3*ms),
	}
	if failed+unsent > 0 {
		m.Kinds = map[string]uint64{}
		if unsent > 0 {
			m.Kinds["unsent: no free slot before the timeout"] = unsent
		}
		if failed > 0 {
			m.Kinds["status 502"] = failed
		}
	}
	return m
}

// passed is a run in which all is well.
func passed() *Run {
	return &Run{
		Name: "shop survives a crash", Seed: 42, Engine: "http", Dir: "runs/20260102-030405-shop-survives-a-crash",
		Timeline: &timeline.Timeline{
			Name: "shop survives a crash", Start: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), Duration: 28 * time.Second,
			Stages: []timeline.Stage{
				{Name: "warmup", Window: timeline.Window{From: 0, To: 3 * time.Second}},
				{Name: "ramp", Window: timeline.Window{From: 3 * time.Second, To: 12 * time.Second}, Judged: true},
				{Name: "steady", Window: timeline.Window{From: 12 * time.Second, To: 28 * time.Second}, Judged: true},
			},
			Requests: []string{"browse", "checkout"},
		},
		Report: verdict.Report{
			Outcome: verdict.Pass,
			Totals:  newMeasure(6375, 0, 0, 25, latency(2140*time.Microsecond, 4*ms, 81*ms, 104*ms, 131*ms, 181*ms)),
			Stages: map[string]verdict.Measure{
				"warmup": newMeasure(150, 0, 0, 3, latency(2*ms, 3*ms, 4*ms, 9*ms, 12*ms, 12*ms)),
				"ramp":   newMeasure(1575, 0, 0, 9, latency(2*ms, 4*ms, 5*ms, 12*ms, 104*ms, 120*ms)),
				"steady": newMeasure(4800, 0, 0, 16, latency(2200*time.Microsecond, 79*ms, 85*ms, 106*ms, 140*ms, 181*ms)),
			},
			Requests: map[string]verdict.Measure{
				"checkout": newMeasure(640, 0, 0, 25, latency(2200*time.Microsecond, 4*ms, 80*ms, 104*ms, 140*ms, 181*ms)),
				"browse":   newMeasure(5735, 0, 0, 25, latency(2100*time.Microsecond, 4*ms, 81*ms, 104*ms, 131*ms, 160*ms)),
			},
			Faults: []verdict.FaultResult{
				{
					Fault: timeline.Fault{
						Name: "kill-api", Kind: "kill", Service: "api-1", Targets: []string{"api-1"}, Mechanism: "signal", Planned: 9 * time.Second,
						Injecting: ptr(9000*ms + 200*time.Microsecond), Effective: ptr(9004 * ms), Reverting: ptr(12004 * ms), Reverted: ptr(12131 * ms),
						State: timeline.Reverted, Evidence: []string{"api-1: pid 4711 is gone"}, Verified: true,
						Notes: []string{"container api-1 had the address 172.17.0.2 in the network bridge, and has 172.17.0.3 now"},
					},
					Impact: "errors 0% → 0%, p95 4.1ms → 6.2ms", Recovery: ptr(time.Duration(0)),
				},
				{
					Fault: timeline.Fault{
						Name: "slow-hop", Kind: "latency", Service: "hop-2", Targets: []string{"hop-2"}, Mechanism: "link", Planned: 18 * time.Second,
						Injecting: ptr(18000 * ms), Effective: ptr(18086 * ms), Reverting: ptr(22086 * ms), Reverted: ptr(22090 * ms),
						State: timeline.Reverted, Evidence: []string{"hop-2: round trip 0.1ms → 82ms"}, Verified: true,
					},
					Impact: "errors 0% → 0%, p95 4.4ms → 101ms", Recovery: ptr(412 * ms),
					Outage: ptr(time.Duration(0)), OutageResolution: ptr(2500 * ms), Relapses: 1, RelapseTime: 700 * ms,
					RelapseList: []timeline.Window{{From: 30 * time.Second, To: 30700 * ms}},
				},
			},
			Rules: []verdict.RuleResult{
				{KPI: "error_rate < 0.5%", Severity: verdict.SeverityFail, Outcome: verdict.Pass, Observed: "0%", Limit: "0.5%"},
				{KPI: "p99 < 400ms", Severity: verdict.SeverityFail, Outcome: verdict.Pass, Observed: "104ms", Limit: "400ms"},
				{KPI: `stage("steady").request("checkout").p95 < 300ms`, Severity: verdict.SeverityFail, Outcome: verdict.Pass, Observed: "80ms", Limit: "300ms"},
				{KPI: `fault("kill-api").recovery < 5s`, Severity: verdict.SeverityFail, Outcome: verdict.Pass, Observed: "0s", Limit: "5s"},
			},
			Generator: &verdict.Generator{
				Late:   latency(20*time.Microsecond, 40*time.Microsecond, 60*time.Microsecond, 110*time.Microsecond, 400*time.Microsecond, 2*ms),
				Budget: 50 * ms,
				Usage: timeline.Usage{
					Window: timeline.Window{From: 3 * time.Second, To: 28 * time.Second}, Time: 25 * time.Second, Samples: 25,
					Cores: 2, CPU: timeline.Share{Mean: 0.342, Max: 0.61}, CPUs: 2, Others: timeline.Share{Mean: 0.2, Max: 0.3}, Busy: timeline.Share{Mean: 0.55, Max: 0.7},
					GC: timeline.Share{Mean: 0.01, Max: 0.02}, GCPause: 200 * time.Microsecond, RunQueue: 150 * time.Microsecond,
					Files: 120, MaxFiles: 65536, Ports: 850, MaxPorts: 28232, Memory: 48 << 20,
				},
			},
		},
	}
}

// observing is a run beside which services, a probe and metrics were observed.
func observing() *Run {
	r := passed()
	level := func(f timeline.Figure, mean, least, p95, most float64) verdict.FigureMeasure {
		return verdict.FigureMeasure{Figure: f, Mean: &mean, Min: &least, P95: &p95, Max: &most, Last: &mean}
	}
	total := func(f timeline.Figure, n float64) verdict.FigureMeasure {
		return verdict.FigureMeasure{Figure: f, Total: &n}
	}
	few := level(timeline.MetricValue, float64(40*time.Hour), float64(40*time.Hour), 0, float64(40*time.Hour))
	few.P95 = nil
	r.Report.Faults[0].Detection, r.Report.Faults[0].DetectedBy = ptr(450*ms), `probe("stays-shut")`
	r.Report.Faults[0].AskedOf, r.Report.Faults[0].AskedEvery = `probe("stays-shut")`, ptr(500*ms)
	r.Report.Subjects = []verdict.SubjectMeasure{
		{
			Subject: timeline.Subject{Kind: timeline.ServiceSubject, Name: "api"}, Targets: []string{"api-1", "api-2"},
			Readings: 56, Missing: 2, Why: "the engine did not answer\nin 5s",
			Figures: []verdict.FigureMeasure{
				level(timeline.CPU, 0.234, 0.01, 0.61, 0.824), level(timeline.CPUCores, 0.468, 0.02, 1.22, 1.648),
				level(timeline.Memory, 0.31, 0.3, 0.36, 0.37), level(timeline.MemoryBytes, 82<<20, 80<<20, 94<<20, 95<<20),
				level(timeline.NetIn, 2<<20, 0, 3<<20, 4<<20), total(timeline.Healthy, 0.97),
				total(timeline.Restarts, 1), total(timeline.OOMKills, 0),
			},
		},
		{Subject: timeline.Subject{Kind: timeline.ServiceSubject, Name: "link"}, Readings: 28,
			Figures: []verdict.FigureMeasure{level(timeline.NetIn, 1<<20, 0, 2<<20, 3<<20)}},
		{
			Subject: timeline.Subject{Kind: timeline.ProbeSubject, Name: "stays-shut"}, Readings: 28,
			Figures: []verdict.FigureMeasure{
				total(timeline.Failures, 1), total(timeline.Uptime, 27.0/28),
				level(timeline.ProbeTime, float64(3*ms), float64(ms), float64(5*ms), float64(9*ms)),
			},
			FirstFailure: &verdict.ProbeFailure{
				At: 12 * time.Second, Detail: "expected status 401 or 403, found 200", Faults: []string{"kill-auth"},
			},
		},
		{Subject: timeline.Subject{Kind: timeline.MetricSubject, Name: "patch_age"}, Unit: timeline.UnitDuration,
			Readings: 1, Figures: []verdict.FigureMeasure{few}},
		{Subject: timeline.Subject{Kind: timeline.MetricSubject, Name: "queue_depth"}, Readings: 3, Missing: 3,
			Why: "connection refused"},
	}
	return r
}

// failed has a rule of every outcome, errors and unsent arrivals, a service that
// did not recover and a fault that did not take effect.
func failed() *Run {
	r := passed()
	r.ExitCode = 1
	r.Name = "shop without retries"
	r.Report.Outcome = verdict.Fail
	r.Report.Totals = newMeasure(123456, 812, 40, 25, latency(2140*time.Microsecond, 4*ms, 81*ms, 104*ms, 2400*ms, 5*time.Second))
	r.Report.Stages["steady"] = newMeasure(121731, 812, 40, 16, latency(2200*time.Microsecond, 79*ms, 85*ms, 106*ms, 2400*ms, 5*time.Second))
	f := &r.Report.Faults[0]
	f.NotRecovered, f.StillDegraded, f.NextFault = true, true, r.Report.Faults[1].Name
	f.Outage, f.Outages, f.OutageResolution = ptr(9750*ms), 2, ptr(2500*ms)
	f.During.Cut = 3
	r.Report.Faults[0].Recovery = ptr(15900 * ms)
	slow := &r.Report.Faults[1]
	slow.Effective, slow.Verified, slow.State = nil, false, timeline.Failed
	slow.Error = "expected a round trip of at least 60ms, found 0.2ms"
	slow.Impact, slow.Recovery = "", nil
	r.Report.Rules = append(r.Report.Rules[:2],
		verdict.RuleResult{
			KPI: `during("kill-api").error_rate < 0.5%`, Name: "no caller notices the crash", Description: "the gateway retries; see the runbook of api", Severity: verdict.SeverityFail, Outcome: verdict.Fail,
			Observed: "48.7%", Limit: "0.5%", Samples: 1667, Margin: &verdict.Figure{Value: -0.482, Unit: "fraction"},
			Interval: &verdict.Interval{Low: ptr(0.461), High: ptr(0.513), Level: 0.95, Text: "46.1% to 51.3%"},
			Worst: &verdict.Worst{
				Window: timeline.Window{From: 10 * time.Second, To: 12 * time.Second}, Value: verdict.Figure{Value: 0.914, Unit: "fraction"}, Observed: "91.4%",
				Stages: []string{"steady"}, Faults: []string{"kill-api"},
				Requests: []verdict.Contribution{{Name: "checkout", Bad: 402, All: 440}},
			},
			Why: `812 of 1667 requests failed from 9s to 12.1s, most of them with "status 502"`,
		},
		verdict.RuleResult{
			KPI: `during("slow-hop").p50 < 250ms`, Severity: verdict.SeverityFail, Outcome: verdict.Inconclusive,
			Limit: "250ms", Why: `the fault "slow-hop" did not take effect`,
		},
		verdict.RuleResult{KPI: "p99.9 < 1s", Severity: verdict.SeverityWarn, Outcome: verdict.Warn, Observed: "2.4s", Limit: "1s", Why: "124 of 123456 requests took longer"},
		verdict.RuleResult{KPI: "p99.99 < 2s", Severity: verdict.SeverityWarn, Outcome: verdict.Inconclusive, Observed: "5s", Limit: "2s", Why: "too few samples for p99.99: 6375, and 29956 are needed; send more",
			CouldBe: &verdict.Range{Low: ptr(4.2e9), Text: "4.2s or more", WithMore: true}, Samples: 6375,
			Interval: &verdict.Interval{Low: ptr(4.2e9), Level: 0.99, Text: "4.2s or more"}},
	)
	return r
}

func inconclusive() *Run {
	r := passed()
	r.ExitCode = 3
	r.Report.Outcome = verdict.Inconclusive
	r.Report.Why = []string{"the generator acted late: 38ms at p99, against a budget of 10ms; lower the rate, or give it more CPU"}
	return r
}

func interrupted() *Run {
	r := passed()
	r.ExitCode = 130
	r.Timeline.Interrupted = true
	r.Timeline.Duration = 14200 * ms
	r.Report.Outcome = verdict.Inconclusive
	r.Report.Why = []string{"the run was interrupted"}
	r.Report.Totals.Done, r.Report.Totals.Interrupted = 6370, 5
	r.Report.Faults = r.Report.Faults[:1]
	return r
}

// aborted is a run that an abort rule ended, after its hypothesis held.
func aborted() *Run {
	r := passed()
	r.ExitCode = 1
	r.Timeline.Duration = 14200 * ms
	why := "aborted after 14.2s: shop down (error_rate > 50% for 5s): error_rate was 97.3% in the last second; call the shop's team"
	r.Timeline.Stopped = &timeline.Stop{
		By: timeline.StoppedByAlarm, At: 14200 * ms, When: "error_rate > 50%", For: 5000 * ms,
		Name: "shop down", Description: "call the shop's team", Observed: "error_rate was 97.3%", Why: why,
	}
	r.Timeline.Hypothesis = &timeline.Hypothesis{
		Until: 3000 * ms, Holds: true, Why: "judged on the load up to 3s",
		Rules: []timeline.HypothesisRule{
			{KPI: "p99 < 200ms", Outcome: "pass", Observed: "12ms", Limit: "< 200ms"},
			{KPI: "error_rate < 1%", Name: "healthy", Outcome: "pass", Observed: "0%", Limit: "< 1%"},
		},
	}
	r.Timeline.Events = append(r.Timeline.Events, timeline.Event{
		At: 14200 * ms, Type: "abort", Name: "p99.9 > 2s", State: timeline.NeverJudged,
		Detail: "too few samples for p99.9: 600 in 2s, and 1000 are needed",
	})
	r.Report.Outcome = verdict.Fail
	r.Report.Why = []string{why}
	r.Report.Faults = r.Report.Faults[:1]
	return r
}

// unbroken is a run whose hypothesis did not hold.
func unbroken() *Run {
	r := passed()
	r.ExitCode = 3
	r.Timeline.Duration = 4100 * ms
	why := "nothing was broken, as the hypothesis did not hold before: error_rate < 1%: error_rate was 12%, the rule wants < 1%"
	r.Timeline.Stopped = &timeline.Stop{By: timeline.StoppedByHypothesis, At: 4100 * ms, Why: why}
	r.Timeline.Hypothesis = &timeline.Hypothesis{
		Until: 3000 * ms, Why: "error_rate < 1%: error_rate was 12%, the rule wants < 1%",
		Rules: []timeline.HypothesisRule{{
			KPI: "error_rate < 1%", Outcome: "fail", Observed: "12%", Limit: "< 1%",
			Why: "error_rate was 12%, the rule wants < 1%",
		}},
	}
	r.Report.Outcome = verdict.Inconclusive
	r.Report.Why = []string{why}
	r.Report.Faults = nil
	return r
}

func dirty() *Run {
	r := passed()
	r.ExitCode = 4
	r.Dirty = true
	f := &r.Report.Faults[1]
	f.Dirty, f.Reverted, f.State = true, nil, timeline.Failed
	f.Error = "expected a round trip below 20ms, found 81ms"
	f.Remedy = "run ordeal heal, or by hand: restart the container hop-2"
	return r
}

func notDone() *Run {
	return &Run{
		Name: "shop survives a crash", Seed: 42, Engine: "http", ExitCode: 4, Dir: "runs/20260102-030405-shop-survives-a-crash",
		Problems: []string{"service gateway was not ready within 10s: expected GET http://127.0.0.1:8080/healthz to answer 2xx, found connection refused"},
	}
}

func onlyMeasured() *Run {
	r := passed()
	r.Report.Rules, r.Report.Faults = nil, nil
	return r
}

// flowing has whole flows, a closed stage, connections that were opened, and
// samples of wrong answers.
func flowing() *Run {
	r := passed()
	r.Samples = "samples.jsonl"
	r.Timeline.Stages[2].Name, r.Timeline.Stages[2].Closed = "crowd", true
	r.Report.Stages["crowd"] = r.Report.Stages["steady"]
	delete(r.Report.Stages, "steady")
	r.Timeline.Requests = []string{"browse", "checkout/cart", "checkout/pay"}
	r.Report.Requests = map[string]verdict.Measure{
		"browse":        r.Report.Requests["browse"],
		"checkout/cart": newMeasure(640, 0, 0, 25, latency(2200*time.Microsecond, 4*ms, 80*ms, 104*ms, 140*ms, 181*ms)),
		"checkout/pay":  newMeasure(640, 3, 0, 25, latency(3200*time.Microsecond, 8*ms, 90*ms, 124*ms, 160*ms, 181*ms)),
	}
	r.Timeline.Flows = []string{"checkout", "browse"}
	r.Report.Flows = map[string]verdict.Measure{
		"browse":   newMeasure(12, 0, 0, 25, latency(5*ms, 12*ms, 170*ms, 228*ms, 300*ms, 362*ms)),
		"checkout": newMeasure(640, 3, 0, 25, latency(5*ms, 12*ms, 170*ms, 228*ms, 300*ms, 362*ms)),
	}
	m := &r.Report.Totals
	m.Counted[timeline.Redirects] = 1234
	m.Phases[timeline.Connect] = verdict.PhaseMeasure{
		Count: 1050, Latency: latency(100*time.Microsecond, 200*time.Microsecond, 250*time.Microsecond, 300*time.Microsecond, ms, 2*ms),
	}
	m.Phases[timeline.Handshake] = verdict.PhaseMeasure{
		Count: 1050, Latency: latency(ms, 1500*time.Microsecond, 1800*time.Microsecond, 2*ms, 4*ms, 5*ms),
	}
	return r
}

// strange has everything that layout and escaping can trip over.
func strange() *Run {
	r := failed()
	evil := "\x1b[31mred\x1b[0m <&\"'> \x00\xff 漢字 e\u0301\nsecond line"
	r.Name = evil
	r.Timeline.Stages[0].Name = "a stage with a name that is much too long for any table"
	r.Report.Stages = map[string]verdict.Measure{r.Timeline.Stages[0].Name: r.Report.Stages["warmup"], "漢字": {}, "steady": r.Report.Stages["steady"]}
	r.Report.Totals.Kinds = map[string]uint64{evil: 3, strings40("a long kind of error "): 3}
	r.Report.Rules[2].Name = evil
	r.Report.Rules[2].Why = evil
	r.Report.Rules[3].KPI = `stage("steady").request("a-request-with-a-long-name").during("a-fault-with-a-long-name-too").error_rate < 0.5%`
	r.Report.Faults[0].Targets = []string{"api-1", "api-2", "api-3", "api-4"}
	r.Report.Faults[0].Impact = evil
	return r
}

func strings40(s string) string { return string(bytes.Repeat([]byte(s), 40/len(s)+4)) }

func runs() map[string]*Run {
	return map[string]*Run{
		"passed": passed(), "failed": failed(), "inconclusive": inconclusive(), "interrupted": interrupted(),
		"dirty": dirty(), "not-done": notDone(), "only-measured": onlyMeasured(), "flowing": flowing(), "strange": strange(),
		"observing": observing(), "aborted": aborted(), "unbroken": unbroken(),
	}
}

func TestOutputsGolden(t *testing.T) {
	for name, r := range runs() {
		for _, o := range Outputs() {
			if o.File == ReportFile {
				continue // TestTerminalGolden has it
			}
			t.Run(name+"/"+o.Name, func(t *testing.T) {
				var b bytes.Buffer
				if err := o.Write(&b, r); err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+o.File, b.Bytes())
			})
		}
	}
}

// What every output must keep, those to come included.
func TestOutputsConform(t *testing.T) {
	names, files := map[string]bool{}, map[string]bool{}
	for _, o := range Outputs() {
		if o.Name == "" || o.Doc == "" {
			t.Errorf("output %q, file %q: it must have a name and an explanation, found %q", o.Name, o.File, o.Doc)
		}
		if filepath.Base(o.File) != o.File {
			t.Errorf("output %q, file %q: the file must be a name without a folder", o.Name, o.File)
		}
		if names[o.Name] {
			t.Errorf("output %q: another has this name", o.Name)
		}
		if files[o.File] {
			t.Errorf("output %q: another has the file %q", o.Name, o.File)
		}
		names[o.Name], files[o.File] = true, true
		for name, r := range runs() {
			var a, b bytes.Buffer
			if err := o.Write(&a, r); err != nil {
				t.Errorf("%s of %s: %v", o.File, name, err)
			}
			if err := o.Write(&b, r); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("%s of %s: two writes differ (%v)", o.File, name, err)
			}
			if err := o.Write(brokenWriter{}, r); err == nil {
				t.Errorf("%s of %s: a failed write gave no error", o.File, name)
			}
		}
		if err := o.Write(&bytes.Buffer{}, &Run{}); err != nil {
			t.Errorf("%s of an empty run: %v", o.File, err)
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }
