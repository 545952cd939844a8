package verdict

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// Recovery and outage by a probe, which is asked each half second for a minute and answers in
// 50 ms. Nothing else is asked: the stage is a pause.
func TestRecoveryByProbe(t *testing.T) {
	kill := fault("kill-api", 10*sec+100*ms, 14*sec+100*ms)
	late := fault("slow-db", 30*sec, 32*sec)
	d := func(d time.Duration) *time.Duration { return &d }
	w := func(from, to time.Duration) timeline.Window { return timeline.Window{From: from, To: to} }
	type result struct {
		Recovery, RecoveryUpTo *time.Duration
		NotRecovered, Degraded bool
		Open                   bool // RecoveryOpen
		Relapses               uint64
		Relapsed               time.Duration
		Outage, OutageUpTo     *time.Duration
		Outages                uint64
		Resolution             *time.Duration
		OutageOpen             bool
	}
	tests := []struct {
		name    string
		faults  []timeline.Fault
		fails   []timeline.Window // in which the probe fails that was due
		slow    time.Duration     // how long a failure takes
		missing []timeline.Window
		stable  time.Duration
		want    result
		why     string
		rules   map[string]Outcome
	}{
		{
			name: "well at once", fails: []timeline.Window{w(10*sec, 14*sec)}, stable: 5 * sec,
			// from the first failure, due 10.5s, to the first good answer, at 14.05s
			want: result{Recovery: d(0), Outage: d(3550 * ms), Outages: 1, Resolution: d(550 * ms)},
			rules: map[string]Outcome{
				`fault("kill-api").recovery < 1s`: Pass,
				`fault("kill-api").outage < 5s`:   Pass,
				`fault("kill-api").outage < 3s`:   Fail,
				`fault("kill-api").relapses == 0`: Pass,
			},
		},
		{
			name: "failing on", fails: []timeline.Window{w(10*sec, 20*sec)}, stable: 5 * sec,
			want: result{Recovery: d(20050*ms - 14100*ms), Outage: d(9550 * ms), Outages: 1, Resolution: d(550 * ms)},
		},
		{
			name: "slow failures are told late", fails: []timeline.Window{w(10*sec, 20*sec)},
			slow: 3 * sec, stable: 5 * sec,
			want: result{Recovery: d(20050*ms - 14100*ms), Outage: d(9950 * ms), Outages: 1, Resolution: d(550 * ms)},
		},
		{
			name: "a relapse", fails: []timeline.Window{w(10*sec, 20*sec), w(40*sec, 42*sec)}, stable: 5 * sec,
			want: result{Recovery: d(20050*ms - 14100*ms), Relapses: 1, Relapsed: 2050 * ms,
				Outage: d(9550*ms + 2050*ms), Outages: 2, Resolution: d(550 * ms)},
		},
		{
			name: "a hiccup before it was stable", fails: []timeline.Window{w(10*sec, 14*sec), w(16*sec, 17*sec)}, stable: 5 * sec,
			want: result{Recovery: d(17050*ms - 14100*ms), Outage: d(3550*ms + 1050*ms), Outages: 2, Resolution: d(550 * ms)},
		},
		{
			name: "failing to the end", fails: []timeline.Window{w(10*sec, 60*sec)}, stable: 5 * sec,
			want: result{Recovery: d(59550*ms - 14100*ms), NotRecovered: true, Degraded: true,
				Outage: d(49500 * ms), Outages: 1, Resolution: d(500 * ms), OutageOpen: true},
			why: `probe("health") still failed 45.5s after "kill-api" ended`,
		},
		{
			name: "normal for too short", fails: []timeline.Window{w(10*sec, 57*sec)}, stable: 5 * sec,
			want: result{Recovery: d(56550*ms - 14100*ms), NotRecovered: true,
				Outage: d(46550 * ms), Outages: 1, Resolution: d(550 * ms)},
			why: `then succeeded for 2.5s only, of 5s that are needed`,
		},
		{
			name: "the next fault", faults: []timeline.Fault{late}, fails: []timeline.Window{w(10*sec, 28*sec), w(30*sec, 32*sec)},
			stable: 5 * sec,
			want: result{Recovery: d(27550*ms - 14100*ms), NotRecovered: true,
				Outage: d(17550 * ms), Outages: 1, Resolution: d(550 * ms)},
			why: `only, of 5s that are needed`,
		},
		{
			name: "never down", stable: 5 * sec,
			want: result{Recovery: d(0), Outage: d(0), Resolution: d(500 * ms)},
		},
		{
			name: "never asked after it", fails: nil, missing: []timeline.Window{w(14*sec, 60*sec)}, stable: 5 * sec,
			want: result{Outage: d(0), OutageUpTo: d(46 * sec), Resolution: d(46*sec + 500*ms)},
			why:  `there was no answer to probe("health") after "kill-api" ended`,
		},
		{
			name: "missing while it may have been down", fails: []timeline.Window{w(10*sec, 14*sec)},
			missing: []timeline.Window{w(14*sec, 20*sec)}, stable: 5 * sec,
			want: result{Recovery: d(0), RecoveryUpTo: d(20050*ms - 14100*ms), Outage: d(9550 * ms), Outages: 1, Resolution: d(6550 * ms)},
			rules: map[string]Outcome{
				`fault("kill-api").recovery < 1s`: Inconclusive,
				`fault("kill-api").recovery < 7s`: Pass,
				`fault("kill-api").outage < 12s`:  Pass,
				`fault("kill-api").relapses == 0`: Inconclusive,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stages := []timeline.Stage{{Name: "s", Window: w(0, 60*sec), Judged: true, Idle: true}}
			tl := runStages(60*sec, stages, append([]timeline.Fault{kill}, tt.faults...), nil, nil)
			tl.NormalOf = map[string]timeline.Normal{"kill-api": {Probe: probe.Name, Stable: tt.stable}}
			var readings []timeline.Reading
			for at := time.Duration(0); at < 60*sec; at += 500 * ms {
				failures, took := 0.0, 50*ms
				if timeline.Windows(tt.fails).Contains(at) {
					failures, took = 1, max(tt.slow, took)
				}
				r := reading1(probe, "", at, took, 500*ms, timeline.Failures, failures)
				if timeline.Windows(tt.missing).Contains(at) {
					r = without(r, "no route")
				}
				readings = append(readings, r)
			}
			slices.SortStableFunc(readings, func(a, b timeline.Reading) int { return int(a.To - b.To) })
			var rules []Input
			for src := range tt.rules {
				rules = append(rules, Input{KPI: src, Rule: compileObserved(t, src)})
			}
			rep, err := Judge(rules, withReadings(tl, readings))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rep.Rules {
				if r.Outcome != tt.rules[r.KPI] {
					t.Errorf("%s: %s, expected %s: %s", r.KPI, r.Outcome, tt.rules[r.KPI], r.Why)
				}
			}
			f := rep.Faults[0]
			got := result{
				f.Recovery, f.RecoveryUpTo, f.NotRecovered, f.StillDegraded, f.RecoveryOpen, f.Relapses,
				f.RelapseTime, f.Outage, f.OutageUpTo, f.Outages, f.OutageResolution, f.OutageOpen,
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !strings.Contains(f.NotSeen, tt.why) || tt.why == "" && f.NotSeen != "" {
				t.Errorf("found %q, expected %q", f.NotSeen, tt.why)
			}
			if f.AskedOf != `probe("health")` || *f.AskedEvery != 500*ms {
				t.Errorf("asked of %s every %v", f.AskedOf, f.AskedEvery)
			}
		})
	}
}
