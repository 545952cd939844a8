package verdict

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// failing marks the arrivals of a stretch as failed.
func failing(as []arrival, from, to time.Duration) []arrival {
	out := slices.Clone(as)
	for i := range out {
		if out[i].at >= from && out[i].at < to {
			out[i].failed = true
		}
	}
	return out
}

// slow gives the arrivals of a stretch a response time.
func slow(as []arrival, from, to, took time.Duration) []arrival {
	out := slices.Clone(as)
	for i := range out {
		if out[i].at >= from && out[i].at < to {
			out[i].took = took
		}
	}
	return out
}

func TestRecovery(t *testing.T) {
	load := steady(0, 60*sec, 50, 10*ms)
	kill := fault("kill-api", 20*sec, 25500*ms)
	tests := []struct {
		name     string
		faults   []timeline.Fault
		arrivals []arrival
		want     time.Duration // −1: none
		not      bool          // recovered
		why      string
	}{
		{"at once", []timeline.Fault{kill}, failing(load, 20*sec, 25500*ms), 0, false, ""},
		{"errors for four seconds", []timeline.Fault{kill}, failing(load, 20*sec, 30*sec), 4500 * ms, false, ""},
		{"slow for four seconds", []timeline.Fault{kill}, slow(load, 20*sec, 30*sec, 31*ms), 4500 * ms, false, ""},
		{"a little slow is normal", []timeline.Fault{kill}, slow(load, 20*sec, 60*sec, 29*ms), 0, false, ""},
		{"what comes later is a relapse", []timeline.Fault{kill}, failing(load, 40*sec, 41*sec), 0, false, ""},
		{"unless it comes before it was normal for long", []timeline.Fault{kill}, failing(load, 29*sec, 30*sec), 4500 * ms, false, ""},
		{"errors that were there before are normal", []timeline.Fault{kill}, func() []arrival {
			as := slices.Clone(load)
			for i := range as {
				as[i].failed = i%10 == 0
			}
			return as
		}(), 0, false, ""},
		{"what another fault did before is not normal", []timeline.Fault{kill, fault("slow-db", 2*sec, 18*sec)}, func() []arrival {
			as := failing(load, 2*sec, 18*sec)
			for i := range as {
				as[i].failed = as[i].failed || as[i].at >= 20*sec && i%2 == 0
			}
			return as
		}(), 34500 * ms, true, "still degraded"},
		{"never", []timeline.Fault{kill}, failing(load, 20*sec, 60*sec), 34500 * ms, true, "still degraded 34.5s after"},
		{"two good slices are not yet for good", []timeline.Fault{kill}, failing(load, 20*sec, 58*sec), 32500 * ms, true, "still degraded"},
		{"nor is what is a little too short", []timeline.Fault{kill}, failing(load, 20*sec, 56*sec), 30500 * ms, true, "degraded until 30.5s after"},
		{"five seconds are", []timeline.Fault{kill}, failing(load, 20*sec, 55*sec), 29500 * ms, false, ""},
		{"too little is no recovery at once", []timeline.Fault{kill}, steady(0, 30*sec, 50, 10*ms), -1, false, "seen to be normal for 4.5s, of 5s"},
		{"the next fault is not this one's doing", []timeline.Fault{kill, fault("slow-db", 40*sec, 45*sec)}, slow(load, 40*sec, 50*sec, sec), 0, false, ""},
		{"nor is one in force at the same time", []timeline.Fault{kill, fault("slow-db", 22*sec, 32*sec)}, slow(load, 22*sec, 32*sec, sec), 0, false, ""},
		{"unless it stays after both", []timeline.Fault{kill, fault("slow-db", 22*sec, 32*sec)}, slow(load, 22*sec, 36*sec, sec), 10500 * ms, false, ""},
		{"the next fault comes too soon", []timeline.Fault{kill, fault("slow-db", 27*sec, 45*sec)}, load, -1, false, "too little load between"},
		{"no load after", []timeline.Fault{kill}, steady(0, 25*sec, 50, 10*ms), -1, false, "too little load between"},
		{"no load before", []timeline.Fault{kill}, steady(20*sec, 60*sec, 50, 10*ms), -1, false, "only 0, and 20 are needed"},
		{"never reverted", []timeline.Fault{{Name: "kill-api", Injecting: &kill.Planned, Effective: &kill.Planned, Verified: true}}, load, -1, false, "not reverted during the load"},
		{"few arrivals are joined", []timeline.Fault{kill}, func() []arrival {
			as := steady(0, 60*sec, 5, 10*ms)
			as[130].failed = true // at 26 s, one of five
			return as
		}(), 4500 * ms, false, ""},
		{"a stretch without load is left out", []timeline.Fault{kill}, append(steady(0, 26*sec, 50, 10*ms), steady(50*sec, 60*sec, 50, 10*ms)...), 0, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tl := run(60*sec, tt.faults, nil, tt.arrivals)
			rep, err := Judge(nil, tl)
			if err != nil {
				t.Fatal(err)
			}
			f := rep.Faults[0]
			got := time.Duration(-1)
			if f.Recovery != nil {
				got = *f.Recovery
			}
			if got != tt.want || f.NotRecovered != tt.not {
				t.Errorf("recovery is %v (not: %v), want %v (%v)", got, f.NotRecovered, tt.want, tt.not)
			}
			if tt.want < 0 {
				if r := judgeOne(t, `fault("kill-api").recovery < 10s`, tl); r.Outcome != Inconclusive || !strings.Contains(r.Why, tt.why) {
					t.Errorf("the rule is %s: %s; want inconclusive: %s", r.Outcome, r.Why, tt.why)
				}
			}
		})
	}
}

func TestRecoveryRules(t *testing.T) {
	load := steady(0, 60*sec, 50, 10*ms)
	kill := []timeline.Fault{fault("kill-api", 20*sec, 25*sec)}
	recovered := run(60*sec, kill, nil, failing(load, 20*sec, 30*sec))
	never := run(60*sec, kill, nil, failing(load, 20*sec, 60*sec))
	cut := run(60*sec, append(kill, fault("slow-db", 31*sec, 35*sec), fault("later", 40*sec, 45*sec)), nil, failing(load, 20*sec, 31*sec))
	tests := []struct {
		rule     string
		tl       *timeline.Timeline
		want     Outcome
		observed string
		why      string
	}{
		{`fault("kill-api").recovery < 10s`, recovered, Pass, "5s", ""},
		{`fault("kill-api").recovery < 5s`, recovered, Fail, "5s", "was 5s, the rule wants < 5s"},
		{`fault("kill-api").recovery <= 5s`, recovered, Pass, "5s", ""},
		{`fault("kill-api").recovery < 10s`, never, Fail, "more than 35s", "was more than 35s"},
		{`fault("kill-api").recovery < 35s`, never, Fail, "more than 35s", ""},
		{`fault("kill-api").recovery <= 35s`, never, Inconclusive, "more than 35s", "ended too early to tell"},
		{`fault("kill-api").recovery < 60s`, never, Inconclusive, "more than 35s", "ended too early to tell: all that is known is more than 35s"},
		{`60s > fault("kill-api").recovery`, never, Inconclusive, "more than 35s", "ended too early"},
		{`10s > fault("kill-api").recovery`, never, Fail, "more than 35s", ""},
		{`fault("kill-api").recovery > 10s`, never, Pass, "more than 35s", ""},
		{`fault("kill-api").recovery > 60s`, never, Inconclusive, "more than 35s", ""},
		{`2 * fault("kill-api").recovery < 60s`, never, Fail, "more than 1m10s", ""},
		{`100s - fault("kill-api").recovery < 60s`, never, Inconclusive, "", "had not ended"},
		{`fault("kill-api").recovery < 10s`, cut, Inconclusive, "more than 6s", `the next fault, "slow-db", began too early to tell: all that is known is more than 6s`},
		{`100s - fault("kill-api").recovery < 60s`, cut, Inconclusive, "", `had not ended when the next fault, "slow-db", began`},
		{`2 * fault("kill-api").recovery < 60s`, cut, Inconclusive, "more than 12s", `"slow-db", began`},
		{`fault("kill-api").recovery < 5s`, cut, Fail, "more than 6s", ""},
		{`fault("kill-api").recovery == 60s`, never, Inconclusive, "more than 35s", ""},
		{`fault("kill-api").recovery == 10s`, never, Fail, "more than 35s", ""},
		{`fault("kill-api").recovery != 10s`, never, Pass, "more than 35s", ""},
		{`fault("kill-api").outage == 10s`, recovered, Pass, "10s", ""},
		{`fault("kill-api").outage < 10s`, never, Fail, "more than 40s", ""},
		{`fault("kill-api").outage < 60s`, never, Inconclusive, "more than 40s", "ended too early to tell"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			got := judgeOne(t, tt.rule, tt.tl)
			if got.Outcome != tt.want || got.Observed != tt.observed || !strings.Contains(got.Why, tt.why) {
				t.Errorf("got %s, %q, %s; want %s, %q, %s", got.Outcome, got.Observed, got.Why, tt.want, tt.observed, tt.why)
			}
		})
	}
}

func TestSeveralInjectionsOfOneName(t *testing.T) {
	load := steady(0, 60*sec, 50, 10*ms)
	as := failing(failing(load, 10*sec, 12*sec), 30*sec, 36*sec)
	tl := run(60*sec, []timeline.Fault{fault("kill-api", 10*sec, 12*sec), fault("kill-api", 30*sec, 33*sec)}, nil, as)
	for _, rule := range []string{
		`before("kill-api").planned == 500 && before("kill-api").errors == 0`,
		`during("kill-api").planned == 250 && during("kill-api").error_rate == 100%`,
		`after("kill-api").planned == 2250 && after("kill-api").errors == 150`,
		`fault("kill-api").recovery == 3s`,
		`fault("kill-api").outage == 8s`,
	} {
		if got := judgeOne(t, rule, tl); got.Outcome != Pass {
			t.Errorf("%s: %s, observed %s; %s", rule, got.Outcome, got.Observed, got.Why)
		}
	}
	rep, err := Judge(nil, tl)
	if err != nil {
		t.Fatal(err)
	}
	if f := rep.Faults[1]; f.Before.Errors != 0 || f.Before.Planned != 500 || f.During.Planned != 150 {
		t.Errorf("the second record has %d planned and %d errors before, %d planned during", f.Before.Planned, f.Before.Errors, f.During.Planned)
	}
}

func TestImpact(t *testing.T) {
	load := steady(0, 60*sec, 50, 10*ms)
	kill := fault("kill-api", 20*sec, 25*sec)
	tests := []struct {
		name  string
		fault timeline.Fault
		load  []arrival
		want  string
	}{
		{"both", kill, slow(failing(load, 20*sec, 21*sec), 20*sec, 25*sec, 180*ms), "errors 0% → 20%, p95 10ms → 180ms"},
		{"no load during", kill, steady(0, 10*sec, 50, 10*ms), "no load during"},
		{"no load before", kill, steady(20*sec, 60*sec, 50, 10*ms), "errors 0%, p95 10ms (no load before)"},
		{"no load", kill, nil, "no load before or during"},
		{"never injected", timeline.Fault{Name: "kill-api"}, load, "never injected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rep, err := Judge(nil, run(60*sec, []timeline.Fault{tt.fault}, nil, tt.load))
			if err != nil {
				t.Fatal(err)
			}
			if got := rep.Faults[0].Impact; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestManyFaults: what a judge computes grows with the faults, but not with their cube.
func TestManyFaults(t *testing.T) {
	const n = 200
	var faults []timeline.Fault
	for i := range n {
		b := time.Duration(i)*3*sec + 10*sec
		faults = append(faults, fault(fmt.Sprintf("f%d", i), b, b+500*ms))
	}
	end := n*3*sec + 20*sec
	as := failing(steady(0, end, 10, 10*ms), 10*sec, 10500*ms) // the first one only
	tl := run(end, faults, nil, as)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rep, err := Judge(nil, tl)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 100 {
		t.Errorf("judging %d faults took %d MiB", n, took)
	}
	for i, f := range rep.Faults {
		if f.Before.Planned+f.During.Planned+f.After.Planned != rep.Totals.Planned {
			t.Fatalf("fault %d: %d before, %d during, %d after, of %d", i, f.Before.Planned, f.During.Planned, f.After.Planned, rep.Totals.Planned)
		}
	}
	// What met the first one is not normal for the others.
	if got := rep.Faults[1].Impact; got != "errors 0% → 0%, p95 10ms → 10ms" {
		t.Errorf("the impact of the second is %q", got)
	}
}
