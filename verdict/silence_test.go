package verdict

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// waiting gives arrivals from an instant on no answer before their timeout.
func waiting(as []arrival, from, timeout time.Duration) []arrival {
	for i := range as {
		if as[i].at >= from {
			as[i].kind, as[i].took = "timeout", timeout
		}
	}
	return as
}

// crowd is users who ask every 60 ms, all of whom wait from an instant on, so that nothing comes
// due any more.
func crowd(until, from time.Duration) []arrival {
	var as []arrival
	for user := range 5 {
		at := time.Duration(user) * 7 * ms
		for ; at < from; at += 60 * ms {
			as = append(as, arrival{at: at, took: 10 * ms})
		}
		as = append(as, arrival{at: at, took: until - at + sec, kind: "timeout"})
	}
	return as
}

// TestSilenceNeedsNoArrivals: a service that says nothing until the load ends has not recovered,
// though too few arrivals came due to make a slice.
func TestSilenceNeedsNoArrivals(t *testing.T) {
	kill := []timeline.Fault{fault("kill-api", 20*sec, 22*sec)}
	tests := []struct {
		name     string
		load     []arrival
		rule     string
		want     Outcome
		observed string
	}{
		{"users who wait since the fault", crowd(40*sec, 20500*ms), `fault("kill-api").recovery < 5s`, Fail, "more than 18s"},
		{"users who wait since shortly after it", crowd(40*sec, 22100*ms), `fault("kill-api").recovery < 5s`, Fail, "more than 18s"},
		{"users who wait again", crowd(40*sec, 30*sec), `fault("kill-api").recovery < 5s`, Pass, "0s"},
		{"which is a relapse", crowd(40*sec, 30*sec), `fault("kill-api").relapses == 0`, Fail, "1"},
		{"two a second that are lost", waiting(steady(0, 40*sec, 2, 10*ms), 34*sec, 3*sec), `fault("kill-api").relapses == 0`, Fail, "1"},
		{"a few single errors are no silence", func() []arrival {
			as := steady(0, 40*sec, 2, 10*ms)
			as[73].failed = true
			return as
		}(), `fault("kill-api").relapses == 0`, Pass, "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := judgeOne(t, tt.rule, run(40*sec, kill, nil, tt.load))
			if got.Outcome != tt.want || got.Observed != tt.observed {
				t.Errorf("%s, observed %q: %s; want %s, %q", got.Outcome, got.Observed, got.Why, tt.want, tt.observed)
			}
		})
	}
}

// TestOutageBetweenArrivals: what no arrival met is not known, so that no rule passes by it.
func TestOutageBetweenArrivals(t *testing.T) {
	kill := []timeline.Fault{fault("kill-api", 20*sec, 24*sec)}
	sparse := func(wrong ...int) []arrival { // due at 2 s, 7 s, 12 s, 17 s, 22 s …
		var as []arrival
		for at := 2 * sec; at < 60*sec; at += 5 * sec {
			as = append(as, arrival{at: at, took: 10 * ms})
		}
		for _, i := range wrong {
			as[i].failed = true
		}
		return as
	}
	tests := []struct {
		name, rule, observed string
		load                 []arrival
		want                 Outcome
	}{
		{"nothing wrong was seen", `fault("kill-api").outage < 1s`, "0s", sparse(), Inconclusive},
		{"what is seen at all", `fault("kill-api").outage == 0s`, "0s", sparse(), Pass},
		{"what would have been seen", `fault("kill-api").outage < 6s`, "0s", sparse(), Pass},
		{"and be too long", `fault("kill-api").outage > 6s`, "0s", sparse(), Fail},
		{"one was lost, and others may have been", `fault("kill-api").outage < 6s`, "5s", sparse(4), Inconclusive},
		{"one was lost, which is enough", `fault("kill-api").outage < 5s`, "5s", sparse(4), Fail},
		{"one was lost, and no more can have been", `fault("kill-api").outage < 9s`, "5s", sparse(4), Pass},
		{"many a second", `fault("kill-api").outage < 50ms`, "0s", steady(0, 60*sec, 50, 10*ms), Pass},
		{"not so many", `fault("kill-api").outage < 50ms`, "0s", steady(0, 60*sec, 10, 10*ms), Inconclusive},
		{"down to the end", `fault("kill-api").outage < 60s`, "more than 40s", failing(steady(0, 60*sec, 50, 10*ms), 20*sec, 60*sec), Inconclusive},
		{"down to the end, and long enough", `fault("kill-api").outage > 30s`, "more than 40s", failing(steady(0, 60*sec, 50, 10*ms), 20*sec, 60*sec), Pass},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := judgeOne(t, tt.rule, run(60*sec, kill, nil, tt.load))
			if got.Outcome != tt.want || got.Observed != tt.observed {
				t.Errorf("%s, observed %q: %s; want %s, %q", got.Outcome, got.Observed, got.Why, tt.want, tt.observed)
			}
			if got.Outcome == Inconclusive && got.CouldBe == nil {
				t.Errorf("%s says not how far off it is: %s", tt.rule, got.Why)
			}
		})
	}
}

// TestPauseIsNoGap: in a stage that asks for nothing, nothing was missed.
func TestPauseIsNoGap(t *testing.T) {
	stages := []timeline.Stage{
		{Name: "steady", Window: timeline.Window{To: 30 * sec}, Judged: true},
		{Name: "warmup", Window: timeline.Window{From: 30 * sec, To: 40 * sec}, Judged: true, Idle: true},
		{Name: "spike", Window: timeline.Window{From: 40 * sec, To: 60 * sec}, Judged: true},
	}
	as := steady(0, 30*sec, 50, 10*ms)
	for _, a := range steady(40*sec, 60*sec, 50, 10*ms) {
		a.stage = "spike"
		as = append(as, a)
	}
	tl := runStages(60*sec, stages, []timeline.Fault{fault("kill-api", 20*sec, 24*sec)}, nil, as)
	if got := judgeOne(t, `fault("kill-api").outage < 1s`, tl); got.Outcome != Pass || strings.Contains(got.Why, "longer") {
		t.Errorf("%s, observed %s: %s", got.Outcome, got.Observed, got.Why)
	}
}
