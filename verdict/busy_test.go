package verdict

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/standstill"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// busyRun is a run on a machine that stops the generator for 60 to 120 ms, one to three
// times a second, or as stops say, against a target that takes its time and answers some
// wrongly. Arrivals that are due in a stop go out when it ends, and answers that come in one
// are read then.
func busyRun(seed uint64, limits []time.Duration, takes time.Duration, wrong int, stops []standstill.Stop) *timeline.Timeline {
	const end = 20 * sec
	rng := rand.New(rand.NewPCG(seed, 3))
	if stops == nil {
		for at := time.Duration(0); at < end; {
			at += sec/3 + time.Duration(rng.Int64N(int64(2*sec/3)))
			stops = append(stops, standstill.Stop{From: at, To: at + 60*ms + time.Duration(rng.Int64N(int64(60*ms)))})
		}
	}
	inStop := func(t time.Duration) time.Duration { // when the generator runs again
		for _, s := range stops {
			if t >= s.From && t < s.To {
				return s.To
			}
		}
		return t
	}
	var out []arrival
	free := time.Duration(0) // of a target that answers one after the other
	for i := range int(end / (10 * ms)) {
		due := time.Duration(i) * 10 * ms
		acted := inStop(due)
		free = max(free, acted) + 2*ms
		done := inStop(max(free, acted+takes))
		a := arrival{at: due, took: done - due, late: acted - due}
		for _, s := range stops {
			if s.From < done && s.CaughtUp() > due {
				a.held = max(a.held, s.Len()-a.late)
				a.doubtful = a.doubtful || s.Len() >= standstill.Long
			}
		}
		a.held = min(a.held, a.took-a.late)
		if wrong > 0 && i%wrong == wrong-1 {
			a.kind = "status"
		} else {
			a.doubtful = false
		}
		out = append(out, a)
	}
	tl := run(end, nil, limits, out)
	for _, s := range stops {
		tl.Standstills = append(tl.Standstills, timeline.Window(s))
	}
	return tl
}

// A nightly gate on a busy machine: all runs are decided, and alike.
func TestBusyRunner(t *testing.T) {
	rules := []struct {
		text string
		// Of a target that is well, that answers 2 % wrongly, and that takes 300 ms.
		good, failing, sluggish Outcome
	}{
		{"p50 < 200ms", Pass, Pass, Fail},
		{"p99 < 400ms", Pass, Pass, ""},
		{"p99 < 100ms", "", "", Fail},
		{"mean < 200ms", Pass, Pass, Fail},
		{"service.p95 < 200ms", Pass, Pass, Fail},
		{"max < 1s", Pass, Pass, Pass},
		{"error_rate < 0.1%", Pass, Fail, Pass},
		{"availability > 99.9%", Pass, Fail, Pass},
		{"errors == 0", Pass, Fail, Pass},
		{"unsent == 0", Pass, Pass, Pass},
		{"rps > 90/s", Pass, Pass, Pass},
		{"throughput > 98.9/s", Pass, Fail, ""},
		{"rps > 200/s", Fail, Fail, Fail},
		{"every(5s).error_rate < 1%", Pass, Fail, Pass},
		{"every(5s).rps > 80/s", Pass, Pass, ""},
		{"window(5s, 15s).p50 < 200ms", Pass, Pass, Fail},
		{"p99 < 100 * p50", "", "", Pass},
		{"!(p50 > 200ms)", Pass, Pass, Fail},
	}
	var inputs []Input
	var limits []time.Duration
	for _, r := range rules {
		rule := mustCompile(t, r.text)
		inputs, limits = append(inputs, Input{KPI: r.text, Rule: rule}), append(limits, rule.Limits()...)
	}
	targets := []struct {
		name  string
		takes time.Duration
		wrong int
	}{{"good", 10 * ms, 0}, {"failing", 10 * ms, 50}, {"sluggish", 300 * ms, 0}}
	for k, target := range targets {
		for seed := range uint64(20) {
			rep, err := Judge(inputs, busyRun(seed, limits, target.takes, target.wrong, nil))
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range rules {
				want := []Outcome{r.good, r.failing, r.sluggish}[k]
				// Without one the limit is near.
				if got := rep.Rules[i]; want != "" && got.Outcome != want {
					t.Errorf("%s target, seed %d: %s is %s, want %s: %s", target.name, seed, r.text, got.Outcome, want, got.Why)
				}
			}
		}
	}
}

// A generator that stands still for two seconds convicts no healthy target: what it
// cannot decide is inconclusive, with the figure and its range.
func TestTwoSecondsOfStandstill(t *testing.T) {
	for _, text := range []string{
		"p50 < 100ms", "p99 < 100ms", "max < 100ms", "mean < 30ms", "service.max < 30ms", "error_rate < 0.1%", "errors == 0", "availability > 99.99%",
		"rps > 90/s", "every(1s).rps > 80/s", "every(1s).rps < 150/s", "every(1s).p95 < 100ms", "window(9s, 13s).p50 < 100ms", "p99 < 3 * p50", "stddev < 10ms",
	} {
		for seed := range uint64(5) {
			at := 9*sec + time.Duration(seed)*337*ms
			tl := busyRun(seed, mustCompile(t, text).Limits(), 10*ms, 0, []standstill.Stop{{From: at, To: at + 2*sec}})
			r := judgeOne(t, text, tl)
			if r.Outcome == Fail {
				t.Errorf("%s: %s", text, r.Why)
			}
			if r.Outcome == Inconclusive && (r.CouldBe == nil || r.Observed == "") {
				t.Errorf("%s: inconclusive, observed %q, could be %v", text, r.Observed, r.CouldBe)
			}
		}
	}
}

// What a long standstill brings down on a target at once may be refused; what is refused
// anyway, is.
func TestErrorsInTheWakeOfAStandstill(t *testing.T) {
	stops := []standstill.Stop{{From: 9 * sec, To: 11 * sec}}
	for wrong, want := range map[int]Outcome{50: Fail, 0: Pass} {
		tl := busyRun(1, nil, 10*ms, wrong, stops)
		if r := judgeOne(t, "error_rate < 0.1%", tl); r.Outcome != want {
			t.Errorf("one in %d: %s: %s", wrong, r.Outcome, r.Why)
		}
	}
	tl := busyRun(1, nil, 10*ms, 1050, stops) // one only, at 10.49 s
	if r := judgeOne(t, "errors == 0", tl); r.Outcome != Inconclusive || r.CouldBe == nil || r.CouldBe.Text != "0 to 1" {
		t.Errorf("one in the wake: %s: %s; could be %v", r.Outcome, r.Why, r.CouldBe)
	}
}

// Silence while ordeal itself stood still is no outage of the target's, and makes none of
// its outages longer for certain; nor does it put off its recovery.
func TestOutageAndStandstill(t *testing.T) {
	kill := fault("kill-api", 4*sec, 6*sec)
	load := failing(steady(0, 30*sec, 50, 10*ms), 4*sec, 6*sec)
	still := timeline.Window{From: 12 * sec, To: 14 * sec}
	for i := range load { // answers wait for a generator that does not read, and are in doubt
		if done := load[i].at + load[i].took; done > still.From && load[i].at < still.To {
			load[i].kind, load[i].took = "timeout", still.To-load[i].at
			load[i].held, load[i].doubtful = load[i].took-10*ms, true
		}
	}
	for _, tc := range []struct {
		rule   string
		stills timeline.Windows
		want   Outcome
	}{
		// Errors that the generator may have made are in doubt, whatever held it up.
		{`fault("kill-api").outage < 3s`, nil, Inconclusive},
		{`fault("kill-api").outage < 3s`, timeline.Windows{still}, Inconclusive},
		{`fault("kill-api").outage < 5s`, timeline.Windows{still}, Pass},
		{`fault("kill-api").outage < 1s`, timeline.Windows{still}, Fail},
		{`fault("kill-api").recovery < 1s`, timeline.Windows{still}, Pass},
		{`fault("kill-api").relapses == 0`, timeline.Windows{still}, Pass},
	} {
		tl := run(30*sec, []timeline.Fault{kill}, nil, load)
		tl.Standstills = tc.stills
		r := judgeOne(t, tc.rule, tl)
		if r.Outcome != tc.want {
			t.Errorf("%s, standstills %v: %s (%s): %s", tc.rule, tc.stills, r.Outcome, r.Observed, r.Why)
		}
		if r.Outcome == Inconclusive && (r.CouldBe == nil || r.CouldBe.Text != "2s to 4s") {
			t.Errorf("%s: could be %v", tc.rule, r.CouldBe)
		}
	}
}

// What happens in the wake of a long standstill may be ordeal's own doing, and may be the
// fault's: no rule passes on it.
func TestAnOutageInTheWakeOfAStandstill(t *testing.T) {
	kill := fault("kill-api", 4*sec, 6*sec)
	load := failing(steady(0, 40*sec, 50, 10*ms), 4*sec, 12*sec)
	for i := range load {
		load[i].doubtful = load[i].failed && load[i].at >= 5*sec
	}
	for _, tc := range []struct {
		rule    string
		want    Outcome
		couldBe string
	}{
		{`fault("kill-api").outage < 500ms`, Inconclusive, "0s to 8s"},
		{`fault("kill-api").outage < 4s`, Inconclusive, "0s to 8s"},
		{`fault("kill-api").outage < 9s`, Pass, ""},
		{`fault("kill-api").recovery < 1s`, Inconclusive, "0s to 7s"},
		{`fault("kill-api").recovery < 8s`, Pass, ""},
	} {
		tl := run(40*sec, []timeline.Fault{kill}, nil, load)
		tl.Standstills = timeline.Windows{{From: 3 * sec, To: 5 * sec}}
		r := judgeOne(t, tc.rule, tl)
		text := ""
		if r.CouldBe != nil {
			text = r.CouldBe.Text
		}
		if r.Outcome != tc.want || text != tc.couldBe {
			t.Errorf("%s: %s (%s, could be %q): %s", tc.rule, r.Outcome, r.Observed, text, r.Why)
		}
	}
}
