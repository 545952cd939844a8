package verdict

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestDetection(t *testing.T) {
	kill, slow := fault("kill-api", 10*sec+100*ms, 14*sec), fault("slow-db", 30*sec, 35*sec)
	again := fault("kill-api", 45*sec, 47*sec)
	ask := func(at time.Duration, failures float64) timeline.Reading {
		return reading1(probe, "", at, 50*ms, 500*ms, timeline.Failures, failures)
	}
	// probing asks for a minute, and finds a failure in each of these stretches.
	probing := func(fails ...timeline.Window) []timeline.Reading {
		var out []timeline.Reading
		for at := time.Duration(0); at < 60*sec; at += 500 * ms {
			n := 0.0
			if timeline.Windows(fails).Contains(at) {
				n = 1
			}
			out = append(out, ask(at, n))
		}
		return out
	}
	change := func(all []timeline.Reading, from, to time.Duration, with func(timeline.Reading) (timeline.Reading, bool)) []timeline.Reading {
		var out []timeline.Reading
		for _, r := range all {
			keep := true
			if r.From >= from && r.From < to {
				r, keep = with(r)
			}
			if keep {
				out = append(out, r)
			}
		}
		return out
	}
	w := func(from, to time.Duration) timeline.Window { return timeline.Window{From: from, To: to} }
	missing := func(r timeline.Reading) (timeline.Reading, bool) { return without(r, "no route"), true }
	gone := func(r timeline.Reading) (timeline.Reading, bool) { return r, false }
	alerts := func(from time.Duration) []timeline.Reading {
		var out []timeline.Reading
		for at := time.Duration(0); at < 60*sec; at += 5 * sec {
			n := 0.0
			if at >= from {
				n = 2
			}
			out = append(out, reading1(metric, "", at, 0, 5*sec, timeline.MetricValue, n))
		}
		return out
	}
	both := func(a, b []timeline.Reading) []timeline.Reading {
		return append(append([]timeline.Reading{}, a...), b...)
	}
	for _, tt := range []struct {
		name     string
		rule     string
		faults   []timeline.Fault
		readings []timeline.Reading
		want     Outcome
		observed string
		why      string
	}{
		{"at once", `fault("kill-api").detection < 1s`, []timeline.Fault{kill}, probing(w(10500*ms, 14*sec)),
			Pass, `450ms (by probe("health"))`, ""},
		{"one that was under way", `fault("kill-api").detection < 1s`, []timeline.Fault{fault("kill-api", 10020*ms, 14*sec)},
			probing(w(10*sec, 14*sec)), Pass, `30ms (by probe("health"))`, ""},
		{"too late", `fault("kill-api").detection < 1s`, []timeline.Fault{kill}, probing(w(13*sec, 14*sec)),
			Fail, `2.95s (by probe("health"))`, ""},
		{"after it was undone", `fault("kill-api").detection < 10s`, []timeline.Fault{kill}, probing(w(18*sec, 19*sec)),
			Pass, `7.95s (by probe("health"))`, ""},
		{"never", `fault("kill-api").detection < 10s`, []timeline.Fault{kill}, probing(), Fail, "more than 49.9s", ""},
		{"not yet", `fault("kill-api").detection < 1h`, []timeline.Fault{kill}, probing(), Inconclusive, "more than 49.9s",
			"too early to tell"},
		{"another fault's", `fault("kill-api").detection < 1h`, []timeline.Fault{kill, slow}, probing(w(31*sec, 33*sec)),
			Inconclusive, "more than 19.9s", `the next fault, "slow-db", began too early to tell`},
		{"before it", `fault("kill-api").detection < 1h`, []timeline.Fault{kill}, probing(w(5*sec, 20*sec)),
			Inconclusive, "", "showed before it began"},
		{"before it, and again", `fault("kill-api").detection < 1h`, []timeline.Fault{kill},
			probing(w(5*sec, 11*sec), w(12*sec, 13*sec)), Pass, `1.95s (by probe("health"))`, ""},
		{"the longest of two", `fault("kill-api").detection < 1s`, []timeline.Fault{kill, again},
			probing(w(10500*ms, 14*sec), w(47*sec, 48*sec)), Fail, `2.05s (by probe("health"))`, ""},
		{"with data missing before", `fault("kill-api").detection < 2s`, []timeline.Fault{kill},
			change(probing(w(13*sec, 14*sec)), 11*sec, 12*sec, missing), Inconclusive, `2.95s (by probe("health"))`,
			"readings are missing"},
		{"with data missing before that turn nothing", `fault("kill-api").detection < 3s`, []timeline.Fault{kill},
			change(probing(w(13*sec, 14*sec)), 11*sec, 12*sec, missing), Pass, `2.95s (by probe("health"))`, ""},
		{"with nothing heard before", `fault("kill-api").detection < 2s`, []timeline.Fault{kill},
			change(probing(w(16*sec, 17*sec)), 10500*ms, 16*sec, gone), Inconclusive, `5.95s (by probe("health"))`,
			"readings are missing"},
		{"with nothing observed", `fault("kill-api").detection < 2s`, []timeline.Fault{kill}, nil, Inconclusive, "",
			"nothing was observed that could show"},
		{"by a metric", `fault("kill-api").detection(metric("queue") > 1) < 10s`, []timeline.Fault{kill},
			both(probing(w(10500*ms, 14*sec)), alerts(15*sec)), Pass, `4.9s (by metric("queue"))`, ""},
		{"by what is named alone", `fault("kill-api").detection(probe("health")) < 10s`, []timeline.Fault{kill},
			both(probing(), alerts(15*sec)), Fail, "more than 49.9s", ""},
		{"a fault that never was", `fault("kill-api").detection < 10s`,
			[]timeline.Fault{{Name: "kill-api", State: timeline.Failed}}, probing(), Inconclusive, "", "was never injected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tl := run(60*sec, tt.faults, nil, steady(0, 60*sec, 5, ms))
			rep, err := Judge([]Input{{Rule: compileObserved(t, tt.rule)}}, withReadings(tl, tt.readings))
			if err != nil {
				t.Fatal(err)
			}
			got := rep.Rules[0]
			if got.Outcome != tt.want || got.Observed != tt.observed {
				t.Errorf("%s, observed %q; want %s, %q (%s)", got.Outcome, got.Observed, tt.want, tt.observed, got.Why)
			}
			if !strings.Contains(got.Why, tt.why) {
				t.Errorf("why %q, want %q in it", got.Why, tt.why)
			}
		})
	}
	tl := run(60*sec, []timeline.Fault{kill}, nil, steady(0, 60*sec, 5, ms))
	rep, err := Judge(nil, withReadings(tl, probing(w(10500*ms, 14*sec))))
	if err != nil {
		t.Fatal(err)
	}
	if f := rep.Faults[0]; f.Detection == nil || *f.Detection != 450*ms || f.DetectedBy != `probe("health")` {
		t.Errorf("reported %v by %q, want 450ms by the probe", f.Detection, f.DetectedBy)
	}
}
