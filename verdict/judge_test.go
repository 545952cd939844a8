package verdict

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

// mix is n arrivals, evenly over ten seconds: bad of them fail, and slow of
// them take slowly.
func mix(n, bad, slow int, slowly time.Duration) []arrival {
	var out []arrival
	for i := range n {
		a := arrival{at: time.Duration(i) * 10 * sec / time.Duration(n), took: 10 * ms}
		if i < bad {
			a.failed = true
		}
		if i >= n-slow {
			a.took = slowly
		}
		out = append(out, a)
	}
	return out
}

func TestOutcomes(t *testing.T) {
	tests := []struct {
		name     string
		rule     string
		arrivals []arrival
		want     Outcome
		observed string
		limit    string
		why      string // contained in Why
	}{
		{"latency holds", "p99 < 200ms", mix(1000, 0, 0, 0), Pass, "10ms", "< 200ms", ""},
		{"latency fails", "p99 < 200ms", mix(1000, 0, 11, sec), Fail, "1s", "< 200ms", "p99 was 1s, the rule wants < 200ms"},
		{"the rank below holds", "p99 < 200ms", mix(1000, 0, 10, sec), Pass, "10ms", "< 200ms", ""},
		{"limit on the left", "200ms > p99", mix(1000, 0, 11, sec), Fail, "1s", "< 200ms", "p99 was 1s"},
		{"errors hold at the limit", "error_rate <= 0.1%", mix(1000, 1, 0, 0), Pass, "0.1%", "<= 0.1%", ""},
		{"errors equal to the limit", "error_rate < 0.1%", mix(1000, 1, 0, 0), Fail, "0.1%", "< 0.1%", "error_rate was 0.1%"},
		{"errors just above", "error_rate <= 0.1%", mix(9990, 10, 0, 0), Fail, "just above 0.1%", "<= 0.1%", ""},
		{"availability at the limit", "availability >= 99.99%", mix(10000, 1, 0, 0), Pass, "99.99%", ">= 99.99%", ""},
		{"availability below", "availability >= 99.99%", mix(10000, 2, 0, 0), Fail, "99.98%", ">= 99.99%", ""},
		// The last is answered as the run ends.
		{"rate", "rps >= 99/s", mix(1000, 0, 0, 0), Pass, "99.9/s", ">= 99/s", ""},
		{"rate of a backlog", "rps >= 50/s", mix(1000, 0, 900, 20*sec), Fail, "10/s", ">= 50/s", ""},
		{"a target that never answers has no rate", "rps > 0/s", with(mix(1000, 0, 0, 0), 1000, "timeout"), Fail, "0/s", "> 0/s", "rps was 0/s"},
		{"nor has one that refuses", "rps > 0/s", with(mix(1000, 0, 0, 0), 1000, "refused"), Fail, "0/s", "> 0/s", "rps was 0/s"},
		{"wrong answers are answers", "rps >= 99/s && throughput == 0/s", with(mix(1000, 0, 0, 0), 1000, "status"), Pass, "rps 100/s", ">= 99/s", ""},
		{"throughput", "throughput >= 99.9/s", mix(1000, 1, 0, 0), Fail, "99.8/s", ">= 99.9/s", ""},
		{"counts", "count == 1000 && done == 1000 && planned == 1k && unsent == 0 && errors == 7", mix(1000, 7, 0, 0), Pass, "count 1000", "== 1000", ""},
		{"bytes", "bytes_in == 100kB && bytes_out == 10kB", mix(1000, 0, 0, 0), Pass, "bytes_in 100kB", "== 100kB", ""},
		{"bytes exceed", "bytes_in < 50KiB", mix(1000, 0, 0, 0), Fail, "97.7KiB", "< 50KiB", ""},
		{"not equal", "errors != 7", mix(1000, 7, 0, 0), Fail, "7", "!= 7", ""},
		{"a fast error does not improve ok", "ok.p99 < 200ms", append(mix(1000, 0, 11, sec), arrival{took: 0, failed: true}), Fail, "1s", "< 200ms", "ok.p99 was 1s"},
		{"unsent counts as an error", "error_rate == 0%", append(mix(1000, 0, 0, 0), arrival{took: 5 * sec, unsent: true}), Fail, "0.1%", "== 0%", ""},
		{"unsent is in the percentiles", "max < 1s", append(mix(1000, 0, 0, 0), arrival{took: 5 * sec, unsent: true}), Fail, "5s", "< 1s", ""},
		{"interrupted is neither", "error_rate == 0%", append(mix(1000, 0, 0, 0), arrival{interrupted: true}), Pass, "0%", "== 0%", ""},
		{"chained comparison", "5ms < p99 < 200ms", mix(1000, 0, 0, 0), Pass, "p99 10ms", "> 5ms", ""},
		{"and shows what failed", "p99 < 200ms && error_rate < 1%", mix(1000, 50, 0, 0), Fail, "error_rate 5%", "< 1%", "error_rate was 5%, the rule wants < 1%"},
		{"or needs one", "p99 < 1ms || error_rate < 1%", mix(1000, 0, 0, 0), Pass, "error_rate 0%", "< 1%", ""},
		{"or with none", "p99 < 1ms or error_rate > 1%", mix(1000, 0, 0, 0), Fail, "p99 10ms", "< 1ms", "p99 was 10ms"},
		{"negation", "not (p99 < 200ms)", mix(1000, 0, 0, 0), Fail, "p99 10ms", ">= 200ms", "the rule wants >= 200ms"},
		{"arithmetic", "p99 < 2 * p50 + 1ms", mix(1000, 0, 0, 0), Pass, "10ms", "< 21ms", ""},
		{"ratio of two", "max / p50 < 3", mix(1000, 0, 1, sec), Fail, "100", "< 3", "the observed value was 100"},
		{"percentage of a metric", "p99 < 110% * p50", mix(1000, 0, 0, 0), Pass, "10ms", "< 11ms", ""},
		{"division by zero", "errors / errors < 1", mix(1000, 0, 0, 0), Inconclusive, "", "< 1", "divides by zero"},
		{"no data", "p99 < 200ms", nil, Inconclusive, "", "< 200ms", "nothing was due"},
		{"no errors without load is no pass", "errors == 0", nil, Inconclusive, "", "== 0", "nothing was due"},
		{"no good answer", "ok.mean < 1s", []arrival{{failed: true}}, Inconclusive, "", "< 1s", "no data for ok.mean"},
		{"no such request sent", `request("checkout").p99 < 1s`, mix(1000, 0, 0, 0), Inconclusive, "", "< 1s", "nothing was due"},
		{"no such stage in the run", `stage("spike").p99 < 1s`, mix(1000, 0, 0, 0), Inconclusive, "", "< 1s", "nothing was due"},
		{"too few samples", "p99 < 200ms", mix(99, 0, 0, 0), Inconclusive, "10ms", "< 200ms", "too few samples for p99: 99, and 100 are needed"},
		{"enough samples", "p99 < 200ms", mix(100, 0, 0, 0), Pass, "10ms", "< 200ms", ""},
		{"too few samples never fail either", "p99 < 1ms", mix(99, 0, 0, 0), Inconclusive, "10ms", "< 1ms", "too few samples"},
		{"too few for p99.99", "p99.99 < 200ms", mix(9999, 0, 0, 0), Inconclusive, "10ms", "< 200ms", "10000 are needed"},
		{"p50 needs two", "p50 < 200ms", mix(2, 0, 0, 0), Pass, "10ms", "< 200ms", ""},
		{"the greatest needs one", "max < 200ms", mix(1, 0, 0, 0), Pass, "10ms", "< 200ms", ""},
		{"an unknown does not save a failure", "error_rate < 1% && p99.99 < 1s", mix(100, 50, 0, 0), Fail, "error_rate 50%", "< 1%", ""},
		{"an unknown hangs a conjunction", "error_rate < 1% && p99.99 < 1s", mix(100, 0, 0, 0), Inconclusive, "p99.99 10ms", "< 1s", "too few samples"},
		{"an unknown does not spoil a disjunction", "error_rate < 1% || p99.99 < 1s", mix(100, 0, 0, 0), Pass, "error_rate 0%", "< 1%", ""},
		{"window", "window(0s, 5s).error_rate == 100% && window(5s, 10s).error_rate == 0%", mix(1000, 500, 0, 0), Pass, "window(0s, 5s).error_rate 100%", "== 100%", ""},
		{"window beyond the end", "window(60s, 90s).error_rate == 0%", mix(1000, 0, 0, 0), Inconclusive, "", "== 0%", "nothing was due"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := mustCompile(t, tt.rule)
			tl := run(10*sec, nil, r.Limits(), tt.arrivals)
			got := judgeOne(t, tt.rule, tl)
			if got.Outcome != tt.want || got.Observed != tt.observed || got.Limit != tt.limit {
				t.Errorf("got %s, observed %q, limit %q; want %s, %q, %q; why: %s", got.Outcome, got.Observed, got.Limit, tt.want, tt.observed, tt.limit, got.Why)
			}
			if !strings.Contains(got.Why, tt.why) || (got.Why == "") != (tt.want == Pass) {
				t.Errorf("why is %q, want it with %q", got.Why, tt.why)
			}
			if got.KPI != tt.rule || got.Severity != SeverityFail {
				t.Errorf("got rule %q of severity %q", got.KPI, got.Severity)
			}
		})
	}
}

// The histogram reads 199.95ms as 200.016ms; the count knows better.
func TestExactAtTheLimit(t *testing.T) {
	tests := []struct {
		took     time.Duration
		rule     string
		want     Outcome
		observed string
	}{
		{199_950 * time.Microsecond, "p99 < 200ms", Pass, "just below 200ms"},
		{200 * ms, "p99 < 200ms", Fail, "200ms"},
		{200 * ms, "p99 <= 200ms", Pass, "200ms"},
		{200 * ms, "p99 == 200ms", Pass, "200ms"},
		{200*ms + 1, "p99 <= 200ms", Fail, "just above 200ms"},
		{200*ms - 1, "p99 >= 200ms", Fail, "just below 200ms"},
		{199_950 * time.Microsecond, "200ms > p99", Pass, "just below 200ms"},
		{199_950 * time.Microsecond, "p99 < 2 * 100ms", Pass, "just below 200ms"},
		{199_950 * time.Microsecond, "max < 200ms", Pass, "just below 200ms"},
		{199_950 * time.Microsecond, "min < 200ms", Pass, "just below 200ms"},
		{199_950 * time.Microsecond, "service.p95 < 200ms", Pass, "just below 200ms"},
		{199_950 * time.Microsecond, "ok.p95 < 200ms", Pass, "just below 200ms"},
		{199_950 * time.Microsecond, "every(5s).p99 < 200ms", Pass, "just below 200ms (0s to 5s)"},
		// Without the count, the histogram decides, and reads too high.
		{199_950 * time.Microsecond, "p99 + 0s < 200ms", Fail, "just above 200ms"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s at %s", tt.rule, tt.took), func(t *testing.T) {
			arrivals := append(steady(0, 10*sec, 50, tt.took), arrival{at: sec, took: tt.took, failed: true})
			got := judgeOne(t, tt.rule, run(10*sec, nil, mustCompile(t, tt.rule).Limits(), arrivals))
			if got.Outcome != tt.want || got.Observed != tt.observed {
				t.Errorf("got %s (%s), want %s (%s)", got.Outcome, got.Observed, tt.want, tt.observed)
			}
			// A program that compares the two figures finds what the rule found.
			v, b := got.Value.Value, got.Bound.Value
			holds := map[string]bool{"<": v < b, "<=": v <= b, ">": v > b, ">=": v >= b, "==": v == b}[got.Op]
			if holds != (got.Outcome == Pass) {
				t.Errorf("%s, and %v %s %v for programs", got.Outcome, v, got.Op, b)
			}
		})
	}
}

// Everything that a report says of a run is checked against sums over its
// arrivals, for random runs.
func TestAgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 6 {
		end := 30 * sec
		from := time.Duration(rng.Int64N(int64(10 * sec)))
		to := from + time.Duration(rng.Int64N(int64(10*sec))) + 1
		faults := []timeline.Fault{fault("kill-api", from, to)}
		stages := []timeline.Stage{
			{Name: "warmup", Window: timeline.Window{To: 4500 * ms}},
			{Name: "steady", Window: timeline.Window{From: 4500 * ms, To: 20 * sec}, Judged: true},
			{Name: "spike", Window: timeline.Window{From: 20 * sec, To: end}, Judged: true},
		}
		var arrivals []arrival
		for range 3000 {
			a := arrival{at: time.Duration(rng.Int64N(int64(end))), took: time.Duration(rng.ExpFloat64() * float64(50*ms)),
				failed: rng.IntN(10) == 0, request: names.Requests[rng.IntN(2)]}
			a.unsent = !a.failed && rng.IntN(20) == 0
			for _, s := range stages {
				if s.Window.Contains(a.at) {
					a.stage = s.Name
				}
			}
			arrivals = append(arrivals, a)
		}
		judged := func(a arrival) bool { return a.stage != "warmup" }
		scopes := []struct {
			scope string
			len   time.Duration
			in    func(arrival) bool
			then  func(arrival) bool // of the time at which an answer came; nil: as in
		}{
			{"", 25500 * ms, judged, nil},
			{`stage("warmup").`, 4500 * ms, func(a arrival) bool { return a.stage == "warmup" }, nil},
			{`stage("steady").request("checkout").`, 15500 * ms, func(a arrival) bool { return a.stage == "steady" && a.request == "checkout" }, nil},
			{`request("browse").`, 25500 * ms, func(a arrival) bool { return judged(a) && a.request == "browse" }, nil},
			{`before("kill-api").`, max(0, from-4500*ms), func(a arrival) bool { return judged(a) && a.at+a.took < from },
				func(a arrival) bool { return judged(a) && a.at < from }},
			{`during("kill-api").`, to - max(from, min(to, 4500*ms)), func(a arrival) bool { return judged(a) && from <= a.at+a.took && a.at < to },
				func(a arrival) bool { return judged(a) && from <= a.at && a.at < to }},
			{`after("kill-api").`, end - max(to, 4500*ms), func(a arrival) bool { return judged(a) && a.at >= to }, nil},
			{`stage("spike").after("kill-api").`, 10 * sec, func(a arrival) bool { return a.stage == "spike" && a.at >= to }, nil},
			{`window(10s, 12s).`, 2 * sec, func(a arrival) bool { return a.at >= 10*sec && a.at < 12*sec }, nil},
			{`request("checkout").window(3s, 21s).`, 16500 * ms, func(a arrival) bool {
				return judged(a) && a.request == "checkout" && a.at >= 3*sec && a.at < 21*sec
			}, nil},
		}
		var inputs []Input
		var wants []func(string) bool
		for _, s := range scopes {
			var took []time.Duration
			var errs, done float64
			for _, a := range arrivals {
				if !s.in(a) {
					continue
				}
				took = append(took, a.took)
				if a.failed || a.unsent {
					errs++
				}
				if !a.unsent {
					done++
				}
			}
			n := float64(len(took))
			if len(took) < 100 {
				continue
			}
			slices.Sort(took)
			// An equality on the exact figure must hold, and be denied for the next one.
			exact := func(metric, literal, other string) {
				for rule, want := range map[string]bool{literal: true, other: false} {
					src := s.scope + metric + " == " + rule
					inputs = append(inputs, Input{KPI: src, Rule: mustCompile(t, src)})
					wants = append(wants, func(o string) bool { return (o == string(Pass)) == want })
				}
			}
			for _, p := range []struct {
				name string
				q    float64
			}{{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"max", 1}} {
				v := took[max(int(math.Ceil(p.q*n-1e-6)), 1)-1]
				exact(p.name, v.String(), (v + 1).String())
			}
			exact("errors", fmt.Sprint(errs), fmt.Sprint(errs+1))
			exact("count", fmt.Sprint(n), fmt.Sprint(n+1))
			exact("done", fmt.Sprint(done), fmt.Sprint(done+1))
			between := func(metric string, want float64, unit string) {
				src := fmt.Sprintf("%.9f%s < %s%s < %.9f%s", want*(1-1e-6), unit, s.scope, metric, want*(1+1e-6)+1e-9, unit)
				inputs = append(inputs, Input{KPI: src, Rule: mustCompile(t, src)})
				wants = append(wants, func(o string) bool { return o == string(Pass) })
			}
			then := s.then
			if then == nil {
				then = s.in
			}
			var answered, good float64
			for _, a := range arrivals {
				came := a // as if it had been due when it was answered
				came.at += a.took
				if i := slices.IndexFunc(stages, func(s timeline.Stage) bool { return s.Name == a.stage }); a.unsent || came.at >= stages[i].Window.To || !then(came) {
					continue
				}
				answered++
				if !a.failed {
					good++
				}
			}
			between("error_rate", errs/n*100, "%")
			between("availability", 100-errs/n*100, "%")
			if s.len > 0 && !strings.Contains(s.scope, "spike") {
				between("rps", answered/s.len.Seconds(), "/s")
				between("throughput", good/s.len.Seconds(), "/s")
			}
		}
		var limits []time.Duration
		for _, in := range inputs {
			limits = append(limits, in.Rule.Limits()...)
		}
		tl := runStages(end, stages, faults, limits, arrivals)
		rep, err := Judge(inputs, tl)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rep.Rules {
			if !wants[i](string(r.Outcome)) {
				t.Errorf("round %d, fault %v to %v: %s: %s, observed %s, %s", round, from, to, r.KPI, r.Outcome, r.Observed, r.Why)
			}
		}
		checkTotals(t, rep, arrivals, judged)
	}
}

func checkTotals(t *testing.T, rep Report, arrivals []arrival, judged func(arrival) bool) {
	t.Helper()
	var n, errs uint64
	for _, a := range arrivals {
		if judged(a) {
			n++
			if a.failed || a.unsent {
				errs++
			}
		}
	}
	if rep.Totals.Planned != n || rep.Totals.Errors != errs || rep.Totals.Done+rep.Totals.Unsent+rep.Totals.Interrupted != n {
		t.Errorf("totals %+v, want %d planned and %d errors", rep.Totals, n, errs)
	}
	var byStage, byRequest uint64
	for name, m := range rep.Stages {
		if name != "warmup" {
			byStage += m.Planned
		}
	}
	for _, m := range rep.Requests {
		byRequest += m.Planned
	}
	f := rep.Faults[0]
	if byStage != n || byRequest != n || f.Before.Planned+f.During.Planned+f.After.Planned != n {
		t.Errorf("stages have %d, requests %d, phases %d arrivals; want %d", byStage, byRequest, f.Before.Planned+f.During.Planned+f.After.Planned, n)
	}
	if w := rep.Stages["warmup"]; w.Planned+n != uint64(len(arrivals)) {
		t.Errorf("warmup has %d arrivals", w.Planned)
	}
}

func TestSeverityAndRunOutcome(t *testing.T) {
	good, bad, open := "p99 < 1s", "p99 < 1ms", "p99.99 < 1s"
	type in struct {
		rule     string
		severity Severity
	}
	tests := []struct {
		name  string
		rules []in
		want  Outcome
		each  []Outcome
	}{
		{"no rules", nil, Pass, nil},
		{"all pass", []in{{good, SeverityFail}, {good, SeverityWarn}}, Pass, []Outcome{Pass, Pass}},
		{"warning", []in{{good, SeverityFail}, {bad, SeverityWarn}}, Warn, []Outcome{Pass, Warn}},
		{"inconclusive beats warning", []in{{bad, SeverityWarn}, {open, SeverityFail}}, Inconclusive, []Outcome{Warn, Inconclusive}},
		{"inconclusive warning only warns", []in{{open, SeverityWarn}}, Warn, []Outcome{Inconclusive}},
		{"failure beats all", []in{{open, SeverityFail}, {bad, SeverityFail}, {bad, SeverityWarn}}, Fail, []Outcome{Inconclusive, Fail, Warn}},
		{"no severity means fail", []in{{bad, ""}}, Fail, []Outcome{Fail}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var inputs []Input
			for _, r := range tt.rules {
				inputs = append(inputs, Input{KPI: r.rule, Name: "n", Severity: r.severity, Rule: mustCompile(t, r.rule)})
			}
			rep, err := Judge(inputs, run(10*sec, nil, nil, mix(1000, 0, 0, 0)))
			if err != nil {
				t.Fatal(err)
			}
			var each []Outcome
			for _, r := range rep.Rules {
				each = append(each, r.Outcome)
			}
			if rep.Outcome != tt.want || !slices.Equal(each, tt.each) {
				t.Errorf("got %s of %s, want %s of %s", rep.Outcome, each, tt.want, tt.each)
			}
		})
	}
}

func TestValidity(t *testing.T) {
	late := func(as []arrival, from, to time.Duration) []arrival {
		out := slices.Clone(as)
		for i := range out {
			if out[i].at >= from && out[i].at < to {
				out[i].late, out[i].took = 80*ms, out[i].took+80*ms
			}
		}
		return out
	}
	base := mix(1000, 0, 0, 0)
	f := []timeline.Fault{fault("kill-api", 2*sec, 3*sec)}
	tests := []struct {
		name     string
		rule     string
		arrivals []arrival
		change   func(*timeline.Timeline)
		rule1    Outcome
		run      Outcome
		why      string // of the rule
		runWhy   []string
	}{
		{"on time", "p99 < 1s", base, nil, Pass, Pass, "", nil},
		{"late all along, and far from the limit", "p99 < 1s", late(base, 0, 10*sec), nil, Pass, Pass, "", nil},
		{"late, and failing but for that", "p99 < 50ms", late(base, 0, 10*sec), nil, Inconclusive, Inconclusive, "held up", nil},
		{"late, and failing all the same", "p99 < 1ms", late(base, 0, 10*sec), nil, Fail, Fail, "p99 was", nil},
		{"late here only", `during("kill-api").p99 < 50ms`, late(base, 2*sec, 2100*ms), nil, Inconclusive, Inconclusive, "held up", nil},
		{"late, and errors are none the less", `during("kill-api").error_rate < 5%`, late(base, 2*sec, 2100*ms), nil, Pass, Pass, "", nil},
		{"late elsewhere", `during("kill-api").error_rate < 5%`, late(base, 0, 100*ms), nil, Pass, Pass, "", nil},
		{"no budget, no complaint", "p99 < 1s", late(base, 0, 10*sec), func(tl *timeline.Timeline) { tl.LateBudget = 0 }, Pass, Pass, "", nil},
		{"interrupted", "p99 < 1s", base, func(tl *timeline.Timeline) { tl.Interrupted, tl.Duration = true, 9*sec }, Pass, Inconclusive, "",
			[]string{"the run was interrupted after 9s: what was recorded is not the whole of it"}},
		{"interrupted after the load", "p99 < 1s", base, func(tl *timeline.Timeline) { tl.Interrupted = true }, Pass, Inconclusive, "",
			[]string{"the run was interrupted while its last answers were waited for"}},
		{"interrupted after the load, with a ledger", "p99 < 1s", base, func(tl *timeline.Timeline) {
			tl.Interrupted = true
			tl.Subjects = []timeline.Declared{{Subject: timeline.Subject{Kind: timeline.LedgerSubject, Name: "orders"}}}
		}, Pass, Inconclusive, "", []string{"while its last answers were waited for, or its ledgers read back"}},
		{"interrupted and failed", "p99 < 1ms", base, func(tl *timeline.Timeline) { tl.Interrupted = true }, Fail, Fail, "p99 was", []string{"interrupted"}},
		{"fault unverified", "p99 < 1s", base, func(tl *timeline.Timeline) { tl.Faults[0].Verified = false }, Pass, Inconclusive, "",
			[]string{`the fault "kill-api" was not seen to act for as long as it was meant to (a fault that had no effect makes the run inconclusive, not green)`}},
		{"fault unverified, rule on it", `during("kill-api").error_rate < 5%`, base, func(tl *timeline.Timeline) { tl.Faults[0].Verified = false }, Inconclusive, Inconclusive,
			"not seen to act for as long", []string{"not seen to act"}},
		{"fault never effective", `after("kill-api").error_rate < 5%`, base, func(tl *timeline.Timeline) {
			tl.Faults[0].Verified, tl.Faults[0].Effective, tl.Faults[0].Error = false, nil, "engine is gone"
		}, Inconclusive, Inconclusive, `the fault "kill-api" was never seen to act: engine is gone`, []string{"engine is gone"}},
		{"fault never injected", `fault("kill-api").recovery < 5s`, base, func(tl *timeline.Timeline) {
			tl.Faults[0] = timeline.Fault{Name: "kill-api", State: timeline.Scheduled}
		}, Inconclusive, Inconclusive, "never injected", []string{"never injected"}},
		{"fault not in the run", `fault("slow-db").recovery < 5s`, base, nil, Inconclusive, Inconclusive, `the run has no fault "slow-db"`, nil},
		{"phase of a fault not in the run", `before("slow-db").p99 < 5s`, base, nil, Inconclusive, Inconclusive, `the run has no fault "slow-db"`, nil},
		{"no judged stage", "p99 < 1s", base, func(tl *timeline.Timeline) { tl.Stages[0].Judged = false }, Inconclusive, Inconclusive, "nothing was due", nil},
		{"unjudged stage by name", `stage("steady").p99 < 1s`, base, func(tl *timeline.Timeline) { tl.Stages[0].Judged = false }, Pass, Pass, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tl := run(10*sec, slices.Clone(f), nil, tt.arrivals)
			if tt.change != nil {
				tt.change(tl)
			}
			rep, err := Judge([]Input{{KPI: tt.rule, Rule: mustCompile(t, tt.rule)}}, tl)
			if err != nil {
				t.Fatal(err)
			}
			r := rep.Rules[0]
			if r.Outcome != tt.rule1 || rep.Outcome != tt.run || !strings.Contains(r.Why, tt.why) {
				t.Errorf("got rule %s (%s) and run %s, want %s (%s) and %s", r.Outcome, r.Why, rep.Outcome, tt.rule1, tt.why, tt.run)
			}
			if len(rep.Why) != len(tt.runWhy) {
				t.Fatalf("the run's why is %q, want %q", rep.Why, tt.runWhy)
			}
			for i, why := range tt.runWhy {
				if !strings.Contains(rep.Why[i], why) {
					t.Errorf("the run's why is %q, want %q", rep.Why[i], why)
				}
			}
		})
	}
}

func TestUnreadableIntervals(t *testing.T) {
	tl := run(sec, nil, nil, nil)
	broken := errors.New("disk on fire")
	tl.Intervals = func(yield func(timeline.Interval, error) bool) { yield(timeline.Interval{}, broken) }
	if _, err := Judge(nil, tl); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// A second judgement of the same timeline says the same, and the timeline's
// own histograms are not touched.
func TestJudgeIsRepeatable(t *testing.T) {
	rules := []Input{{KPI: "p99 < 200ms", Rule: mustCompile(t, "p99 < 200ms")}, {KPI: "every(2s).p95 < 1s", Rule: mustCompile(t, "every(2s).p95 < 1s")}}
	tl := run(10*sec, []timeline.Fault{fault("kill-api", 2*sec, 3*sec)}, []time.Duration{200 * ms}, mix(1000, 10, 20, sec))
	a, err := Judge(rules, tl)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Judge(rules, tl)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
}
