package record

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// BenchmarkJudge reads and judges a recording of 900 stages of a second each, with
// 20 requests in each, as at the end of every run.
func BenchmarkJudge(b *testing.B) {
	const stages = 900
	clock := new(hand)
	c := config(b, clock.now)
	c.Stages = nil
	for i := range time.Duration(stages) {
		c.Stages = append(c.Stages, timeline.Stage{Name: fmt.Sprintf("s%d", i), Window: timeline.Window{From: i * sec, To: (i + 1) * sec}, Judged: true})
	}
	r := start(b, c)
	for k := range stages * 20 {
		at := time.Duration(k) * 50 * ms
		a := attack.Arrival{Intended: at, Stage: k / 20, Request: k % 2}
		clock.set(at)
		r.Planned(a)
		r.Record(0, &attack.Result{Arrival: a, Dispatched: at, Sent: at + 20*time.Microsecond, Done: at + time.Duration(1+k%17)*ms, Class: attack.Good, Code: 200})
		if k%20 == 0 {
			r.writeDue()
		}
	}
	clock.set(stages * sec)
	tl, err := r.Finish(stages*sec, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verdict.Judge(nil, tl); err != nil {
			b.Fatal(err)
		}
	}
}

// TestJudgedInParts judges recordings of the model's runs in parts, with answers that come late,
// intervals in several parts, flows, and what the generator itself may have made: each report is
// that of judging the same at once, and the last one that of judging the recording.
func TestJudgedInParts(t *testing.T) {
	reasons := map[verdict.Reason]int{}
	for seed := range uint64(8) {
		clock := new(hand)
		c := config(t, clock.now)
		r := start(t, c)
		_, end := simulate(t, r, clock, seed, 2000)
		marks := slices.Sorted(slices.Values(r.bounds.marks))
		fault := func(name string, from, to time.Duration) timeline.Fault {
			return timeline.Fault{
				Name: name, State: timeline.Reverted, Verified: true,
				Injecting: &from, Effective: &from, Reverting: &to, Reverted: &to,
			}
		}
		faults := []timeline.Fault{fault("kill-api", marks[0], marks[2]), fault("slow-db", marks[1], marks[4])}
		tl, err := r.Finish(end, false, faults)
		if err != nil {
			t.Fatal(err)
		}
		tl.Standstills = timeline.Windows{{From: 3100 * ms, To: 3300 * ms}}
		names := verdict.Names{Stages: []string{"warm up, slowly", "steady/état"}, Requests: c.Requests, Flows: c.Flows, Faults: []string{"kill-api", "slow-db"}}
		var rules []verdict.Input
		for _, src := range []string{
			"p95 < 200ms", "p50 < 60ms", "error_rate < 12%", "error_rate < 14.5%", "error_rate < 17%", "ok.p50 < 35ms", "ok.p75 < 70ms", "every(1s).p50 < 100ms", "every(2s).rps > 50/s", "mean < 1s", "stddev < 2s",
			`before("kill-api").p50 < 100ms`, `during("kill-api").unsent < 5`, `after("slow-db").connect.p50 < 2ms`,
			`during("slow-db").every(1s).error_rate < 50%`, `flow("browse").p90 < 3s`, `fault("kill-api").outage < 1s`, `fault("slow-db").recovery < 1s`,
		} {
			rule, mistake := verdict.Compile(src, names)
			if mistake != nil {
				t.Fatal(mistake)
			}
			rules = append(rules, verdict.Input{KPI: src, Rule: rule})
		}
		want, err := verdict.Judge(rules, tl)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range want.Rules {
			reasons[x.Reason]++
		}
		all := intervals(t, tl)
		report := (*verdict.Judging).Report
		rng := rand.New(rand.NewPCG(seed, 3))
		j := verdict.NewJudging(rules, tl)
		for k, iv := range all {
			j.Add(iv)
			if rng.IntN(3) > 0 {
				continue
			}
			got := report(j)
			atOnce := verdict.NewJudging(rules, tl)
			for _, iv := range all[:k+1] {
				atOnce.Add(iv)
			}
			if diff := gocmp.Diff(report(atOnce), got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(verdict.RuleResult{}, "Worst")); diff != "" {
				t.Fatalf("seed %d, until %v (-at once +in parts):\n%s", seed, iv.To, diff)
			}
		}
		if err := j.End(tl); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, report(j), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(verdict.RuleResult{}, "Worst")); diff != "" {
			t.Fatalf("seed %d (-of the recording +in parts):\n%s", seed, diff)
		}
	}
	if reasons[""] == 0 || reasons[verdict.ReasonGenerator] == 0 {
		t.Errorf("expected rules that are decided, and rules that the generator may have turned, found %v", reasons)
	}
}

var subjects = []timeline.Declared{
	{Subject: timeline.Subject{Kind: timeline.ServiceSubject, Name: "api"}, Watched: true},
	{Subject: timeline.Subject{Kind: timeline.ProbeSubject, Name: "health"}},
}

// hour is a recording of an hour with ten requests, three stages and five faults, and 100 arrivals
// a second. A service of two targets and a probe are observed each second.
func hour(b *testing.B, limits []time.Duration) *timeline.Timeline {
	clock := new(hand)
	c := config(b, clock.now)
	c.Limits, c.Subjects = limits, subjects
	c.Stages, c.Requests, c.Flows = nil, nil, nil
	for i := range time.Duration(3) {
		c.Stages = append(c.Stages, timeline.Stage{
			Name: fmt.Sprint("s", i), Judged: true,
			Window: timeline.Window{From: i * 1200 * sec, To: (i + 1) * 1200 * sec},
		})
	}
	for i := range 10 {
		c.Requests = append(c.Requests, fmt.Sprint("r", i))
	}
	r := start(b, c)
	rng := rand.New(rand.NewPCG(1, 2))
	for k := range 3600 * 100 {
		at := time.Duration(k) * 10 * ms
		a := attack.Arrival{Intended: at, Stage: k / 120_000, Request: k % 10}
		clock.set(at)
		r.Planned(a)
		r.Record(0, &attack.Result{
			Arrival: a, Dispatched: at, Sent: at + 20*time.Microsecond,
			Done:  at + time.Duration(rng.ExpFloat64()*float64(5*ms)),
			Class: attack.Good, Code: 200,
		})
		if k%100 == 0 {
			r.writeDue()
			r.Reading(probed(at, 0))
			for _, target := range []string{"api/1", "api/2"} {
				x := timeline.Reading{
					Window: timeline.Window{From: at, To: at}, Subject: subjects[0].Subject,
					Target: target, Every: sec,
				}
				x.Values.Set(timeline.CPU, rng.Float64())
				x.Values.Set(timeline.Memory, 0.3+rng.Float64()/10)
				r.Reading(x)
			}
		}
	}
	clock.set(3600 * sec)
	var faults []timeline.Fault
	for i := range time.Duration(5) {
		from, to := (i*600+300)*sec, (i*600+330)*sec
		faults = append(faults, timeline.Fault{
			Name: fmt.Sprint("f", i), State: timeline.Reverted, Verified: true, Injecting: &from,
			Began: &from, Effective: &from, Reverting: &to, Ceased: &to, Reverted: &to,
		})
	}
	tl, err := r.Finish(3600*sec, false, faults)
	if err != nil {
		b.Fatal(err)
	}
	return tl
}

// BenchmarkKeep gathers what is kept of a recording: compare does so for each run.
func BenchmarkKeep(b *testing.B) {
	tl := hour(b, []time.Duration{200 * ms, 50 * ms})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verdict.Keep(tl); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkJudgeHour judges an hour by 200 rules of all kinds, whose figures have intervals.
func BenchmarkJudgeHour(b *testing.B) {
	shapes := []string{
		`share(10s, p95 < 2{n}ms) >= 9{n}%`, `fault("{f}").recovery < 1{n}s`,
		`fault("{f}").outage < 1{n}s`, `p99 < 1.{n} * before("{f}").p99`,
		`service("api").cpu.max < 9{n}%`, `service("api").memory.p95 < 8{n}%`,
		`during("{f}").service("api").cpu.mean < 8{n}%`, `service("api").memory.growth < {n}%/h`,
		`probe("health").uptime >= 9{n}%`, `every(10s).probe("health").failures < 1{n}`,
		`apdex(10{n}ms) >= 0.9`,
	}
	for _, scope := range []string{
		"", `request("r{n}").`, `stage("{s}").`, `stage("{s}").request("r{n}").`,
		`before("{f}").`, `during("{f}").`, `after("{f}").`,
		`every(10s).`, `every(1m).`, `worst(10s).`,
	} {
		for _, rule := range []string{
			"p5{n} < 1{n}0ms", "p99 < 4{n}ms", "error_rate < 1{n}%", "rps > 1{n}/s",
			"ok.p9{n} < 30ms", "max < 2{n}s", "connect.p95 < 2ms", "lag.p99 < 9{n}ms",
		} {
			shapes = append(shapes, scope+rule)
		}
	}
	names := verdict.Names{Subjects: subjects}
	for i := range 10 {
		names.Requests = append(names.Requests, fmt.Sprint("r", i))
		if i < 3 {
			names.Stages = append(names.Stages, fmt.Sprint("s", i))
		}
		if i < 5 {
			names.Faults = append(names.Faults, fmt.Sprint("f", i))
		}
	}
	var rules []verdict.Input
	var limits []time.Duration
	for i := 0; len(rules) < 200; i++ {
		n := (i/len(shapes)*3 + i) % 10
		src := strings.NewReplacer(
			"{n}", fmt.Sprint(n), "{s}", fmt.Sprint("s", n%3), "{f}", fmt.Sprint("f", n%5),
		).Replace(shapes[i%len(shapes)])
		rule, mistake := verdict.Compile(src, names)
		if mistake != nil {
			b.Fatalf("%s: %v", src, mistake)
		}
		rules = append(rules, verdict.Input{KPI: src, Rule: rule})
		limits = append(limits, rule.Limits()...)
	}
	tl := hour(b, limits)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verdict.Judge(rules, tl); err != nil {
			b.Fatal(err)
		}
	}
}
