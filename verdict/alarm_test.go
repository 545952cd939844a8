package verdict

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// liveSecond is what a test says of the arrivals of one request in one second.
type liveSecond struct {
	good, failed, unsent int
	took                 time.Duration         // of all of them
	open                 map[time.Duration]int // by the second in which they came due
}

func (l liveSecond) at(from time.Duration, key timeline.Key, limits []time.Duration) timeline.Second {
	s := timeline.Second{Window: timeline.Window{From: from, To: from + time.Second}}
	stats := timeline.NewStats(limits)
	stats.Done, stats.Failed = uint64(l.good+l.failed), uint64(l.failed)
	stats.Unsent, stats.Answered, stats.AnsweredOK = uint64(l.unsent), stats.Done, uint64(l.good)
	stats.Planned = stats.Done + stats.Unsent
	for range l.good {
		stats.OK.Record(l.took)
	}
	for range l.failed + l.unsent {
		stats.Err.Record(l.took)
	}
	c := timeline.SecondCell{Key: key, Stats: stats}
	for due := time.Duration(0); due <= from; due += time.Second {
		if n := l.open[due]; n > 0 {
			c.Open = append(c.Open, timeline.OpenArrivals{Due: due, N: uint64(n)})
		}
	}
	if stats.Planned > 0 || len(c.Open) > 0 {
		s.Cells = append(s.Cells, c)
	}
	return s
}

var liveNames = Names{
	Stages: []string{"steady", "warmup"}, Requests: []string{"browse"}, Flows: []string{"buy"},
	Faults: []string{"kill-api"},
	Subjects: []timeline.Declared{
		{Subject: timeline.Subject{Kind: timeline.ServiceSubject, Name: "api"}},
		{Subject: timeline.Subject{Kind: timeline.ProbeSubject, Name: "health"}},
	},
}

var liveStages = []timeline.Stage{
	{Name: "steady", Judged: true, Window: timeline.Window{To: time.Hour}},
	{Name: "warmup", Window: timeline.Window{From: time.Hour, To: 2 * time.Hour}},
}

func newTestAlarms(t testing.TB, when string, holds time.Duration) (*Alarms, *Rule) {
	t.Helper()
	r, wrong := CompileAlarm(when, liveNames)
	if wrong != nil {
		t.Fatalf("%s: %v", when, wrong)
	}
	return NewAlarms([]Alarm{{When: when, For: holds, Rule: r}}, liveStages), r
}

// trips returns the second at the end of which the alarm trips, -1 if it does not.
func trips(t *testing.T, when string, holds time.Duration, seconds []liveSecond) int {
	t.Helper()
	return tripsAt(t, when, holds, timeline.Key{Stage: "steady", Request: "browse"}, seconds)
}

func tripsAt(
	t *testing.T, when string, holds time.Duration, key timeline.Key, seconds []liveSecond,
) int {
	t.Helper()
	a, r := newTestAlarms(t, when, holds)
	for i, s := range seconds {
		from := time.Duration(i) * time.Second
		if tripped := a.Judge(s.at(from, key, r.Limits())); len(tripped) > 0 {
			return i + 1
		}
	}
	return -1
}

func repeat(n int, s liveSecond) []liveSecond {
	var out []liveSecond
	for range n {
		out = append(out, s)
	}
	return out
}

func seconds(parts ...[]liveSecond) (out []liveSecond) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// hanging is a target that never answers: n arrivals come due each second and stay open.
func hanging(length, n int) []liveSecond {
	var out []liveSecond
	open := map[time.Duration]int{}
	for i := range length {
		open[time.Duration(i)*time.Second] = n
		now := map[time.Duration]int{}
		for k, v := range open {
			now[k] = v
		}
		out = append(out, liveSecond{open: now})
	}
	return out
}

func TestAlarmHoldsForItsTime(t *testing.T) {
	good := liveSecond{good: 100, took: 5 * time.Millisecond}
	bad := liveSecond{failed: 100, took: time.Millisecond}
	nothing := liveSecond{}
	for _, tc := range []struct {
		name    string
		when    string
		holds   time.Duration
		seconds []liveSecond
		want    int // the second at the end of which it trips; -1: it does not
	}{
		{"at once", "error_rate > 50%", time.Second, repeat(3, bad), 1},
		{"ten seconds in a row", "error_rate > 50%", 10 * time.Second, repeat(20, bad), 10},
		{"not nine", "error_rate > 50%", 10 * time.Second, seconds(repeat(9, bad), repeat(9, good)), -1},
		{"a good second breaks it", "error_rate > 50%", 3 * time.Second,
			seconds(repeat(2, bad), repeat(1, good), repeat(5, bad)), 6},
		{"a pause neither breaks nor lengthens", "error_rate > 50%", 4 * time.Second,
			seconds(repeat(2, bad), repeat(2, nothing), repeat(5, bad)), 5},
		{"a long pause breaks", "error_rate > 50%", 4 * time.Second,
			seconds(repeat(2, bad), repeat(5, nothing), repeat(5, bad)), 11},
		{"nothing at all", "error_rate > 50%", time.Second, repeat(9, nothing), -1},
		{"sparse errors", "error_rate > 50%", 10 * time.Second,
			repeat(12, liveSecond{failed: 1}), 11}, // the first cannot be told from 50%
		{"one error of many", "errors > 0", time.Second,
			seconds(repeat(3, good), repeat(1, liveSecond{good: 99, failed: 1})), 4},
		{"unsent", "unsent > 0", 2 * time.Second,
			seconds(repeat(3, good), repeat(3, liveSecond{good: 9, unsent: 1})), 5},
		{"availability", "availability < 50%", 2 * time.Second, seconds(repeat(3, good), repeat(3, bad)), 5},
		{"few answers", "rps < 10/s", 3 * time.Second,
			seconds(repeat(3, good), repeat(4, liveSecond{good: 2})), 6},
		{"slow answers", "p99 > 2s", 3 * time.Second,
			seconds(repeat(3, good), repeat(4, liveSecond{good: 100, took: 3 * time.Second})), 6},
		{"exactly at the limit", "p99 > 2s", 3 * time.Second,
			repeat(9, liveSecond{good: 100, took: 2 * time.Second}), -1},
		// 20 of a second do not tell a p99, and those of five do.
		{"few samples", "p99 > 2s", 10 * time.Second,
			repeat(20, liveSecond{good: 20, took: 3 * time.Second}), 14},
		{"too few samples", "p99 > 2s", 4 * time.Second,
			repeat(20, liveSecond{good: 20, took: 3 * time.Second}), -1},
		{"one stray", "p99 > 2s", 10 * time.Second,
			seconds(repeat(3, good), repeat(1, liveSecond{good: 100, took: 3 * time.Second}), repeat(15, good)), -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := trips(t, tc.when, tc.holds, tc.seconds); got != tc.want {
				t.Errorf("%s for %s trips after second %d, want %d", tc.when, tc.holds, got, tc.want)
			}
		})
	}
}

// TestSilenceTrips: a target that answers nothing has no errors until timeouts come. What waits
// counts by then.
func TestSilenceTrips(t *testing.T) {
	good := repeat(3, liveSecond{good: 100, took: time.Millisecond})
	for _, tc := range []struct {
		name  string
		when  string
		holds time.Duration
		want  int
	}{
		// Of the first second of silence nothing can be told: what is open came due in it.
		{"error rate", "error_rate > 50%", 3 * time.Second, 4},
		{"availability", "availability < 90%", 3 * time.Second, 4},
		{"errors", "errors > 10", 3 * time.Second, 4},
		{"rps", "rps < 10/s", 3 * time.Second, 3},
		{"p99 counts what has waited longer", "p99 > 2s", 3 * time.Second, 6},
		{"good answers alone have no times", "ok.p99 > 2s", 3 * time.Second, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := trips(t, tc.when, tc.holds, hanging(20, 100)); got != tc.want {
				t.Errorf("it trips after second %d, want %d", got, tc.want)
			}
		})
	}
	t.Run("good answers beside those that wait", func(t *testing.T) {
		with := hanging(10, 1)
		for i := range with {
			with[i].good, with[i].took = 100, time.Millisecond
		}
		if got := trips(t, "error_rate > 1%", 3*time.Second, seconds(good, with)); got != -1 {
			t.Errorf("it trips after second %d, though answers are good", got)
		}
	})
}

func TestAlarmScopes(t *testing.T) {
	bad := repeat(5, liveSecond{failed: 100})
	steady := timeline.Key{Stage: "steady", Request: "browse"}
	for _, tc := range []struct {
		when string
		key  timeline.Key
		want int
	}{
		{"error_rate > 50%", steady, 2},
		{"error_rate > 50%", timeline.Key{Stage: "warmup", Request: "browse"}, -1}, // not judged
		{`stage("warmup").error_rate > 50%`, timeline.Key{Stage: "warmup", Request: "browse"}, 2},
		{`request("browse").error_rate > 50%`, steady, 2},
		{`request("browse").error_rate > 50%`, timeline.Key{Stage: "steady", Request: "pay"}, -1},
		{`flow("buy").error_rate > 50%`, steady, -1},
		{`flow("buy").error_rate > 50%`, timeline.Key{Stage: "steady", Request: "buy", IsFlow: true}, 2},
	} {
		if got := tripsAt(t, tc.when, 2*time.Second, tc.key, bad); got != tc.want {
			t.Errorf("%s of %v trips after second %d, want %d", tc.when, tc.key, got, tc.want)
		}
	}
}

func TestAlarmOnReadings(t *testing.T) {
	set := func(kind timeline.SubjectKind, name, target, figure string, v float64) timeline.Reading {
		f, ok := timeline.FigureOf(kind, figure)
		if !ok {
			t.Fatalf("there is no figure %s of a %s", figure, kind)
		}
		r := timeline.Reading{
			Subject: timeline.Subject{Kind: kind, Name: name}, Target: target, Every: time.Second,
		}
		r.Values.Set(f, v)
		return r
	}
	memory := func(target string, v float64) timeline.Reading {
		return set(timeline.ServiceSubject, "api", target, "memory", v)
	}
	missing := memory("", 0)
	missing.Values, missing.Missing = timeline.Values{}, "the engine does not answer"
	for _, tc := range []struct {
		name, when string
		readings   []timeline.Reading // in each second
		want       int
	}{
		{"above", `service("api").memory > 90%`, []timeline.Reading{memory("", 0.95)}, 3},
		{"below", `service("api").memory > 90%`, []timeline.Reading{memory("", 0.5)}, -1},
		{"the worst target", `service("api").memory > 90%`,
			[]timeline.Reading{memory("api-1", 0.5), memory("api-2", 0.95)}, 3},
		{"their mean", `service("api").memory.mean > 90%`,
			[]timeline.Reading{memory("api-1", 0.5), memory("api-2", 0.95)}, -1},
		{"one of them", `service("api/api-1").memory > 90%`,
			[]timeline.Reading{memory("api-1", 0.5), memory("api-2", 0.95)}, -1},
		{"no data trips nothing", `service("api").memory > 90%`, []timeline.Reading{missing}, -1},
		{"nobody looks", `service("api").memory > 90%`, nil, -1},
		{"a probe", `probe("health").failures > 0`,
			[]timeline.Reading{set(timeline.ProbeSubject, "health", "", "failures", 1)}, 3},
		{"uptime", `probe("health").uptime < 50%`,
			[]timeline.Reading{set(timeline.ProbeSubject, "health", "", "failures", 1)}, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, _ := newTestAlarms(t, tc.when, 3*time.Second)
			got := -1
			for i := range 6 {
				from := time.Duration(i) * time.Second
				for _, r := range tc.readings {
					r.From, r.To = from, from+time.Millisecond
					a.AddReading(r)
				}
				s := timeline.Second{Window: timeline.Window{From: from, To: from + time.Second}}
				if len(a.Judge(s)) > 0 {
					got = i + 1
					break
				}
			}
			if got != tc.want {
				t.Errorf("it trips after second %d, want %d", got, tc.want)
			}
		})
	}
}

// TestSkippedSeconds: what ordeal saw while it stood still breaks nothing and holds nothing.
func TestSkippedSeconds(t *testing.T) {
	a, r := newTestAlarms(t, "error_rate > 50%", 4*time.Second)
	key := timeline.Key{Stage: "steady", Request: "browse"}
	for i := range 10 {
		from := time.Duration(i) * time.Second
		if i == 2 || i == 3 {
			a.Skip()
			continue
		}
		if tripped := a.Judge(liveSecond{failed: 10}.at(from, key, r.Limits())); len(tripped) > 0 {
			if i != 4 {
				t.Errorf("it trips after second %d, want 5", i+1)
			}
			return
		}
	}
	t.Error("it does not trip")
}

// TestHolding: people who watch see for how long an alarm has held.
func TestHolding(t *testing.T) {
	a, r := newTestAlarms(t, "error_rate > 50%", 10*time.Second)
	key := timeline.Key{Stage: "steady", Request: "browse"}
	seconds := []liveSecond{{good: 10}, {failed: 10}, {failed: 10}, {good: 10}}
	for i, want := range []time.Duration{0, time.Second, 2 * time.Second, 0} {
		a.Judge(seconds[i].at(time.Duration(i)*time.Second, key, r.Limits()))
		if got := a.Holding()[0]; got != want {
			t.Errorf("after second %d it has held for %s, want %s", i+1, got, want)
		}
	}
}

func TestTrippedSaysWhatWasSeen(t *testing.T) {
	r, _ := CompileAlarm("error_rate > 50%", liveNames)
	alarm := Alarm{When: "error_rate > 50%", Name: "shop down", For: time.Second, Rule: r}
	a := NewAlarms([]Alarm{alarm}, liveStages)
	key := timeline.Key{Stage: "steady", Request: "browse"}
	tripped := a.Judge(liveSecond{good: 1, failed: 3}.at(0, key, nil))
	if len(tripped) != 1 {
		t.Fatalf("%d alarms tripped, want 1", len(tripped))
	}
	want := "shop down (error_rate > 50% for 1s): error_rate was 75% in the last second"
	if got := tripped[0].String(); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestCompileAlarmRefuses(t *testing.T) {
	for _, tc := range []struct{ src, at, msg string }{
		{`after("kill-api").error_rate > 5%`, `after("kill-api").error_rate`, "last seconds"},
		{`error_rate > 5% && during("kill-api").p99 > 1s`, `during("kill-api").p99`, "last seconds"},
		{`every(10s).p99 > 1s`, `every(10s).p99`, "last seconds"},
		{`window(1s, 2s).p99 > 1s`, `window(1s, 2s).p99`, "last seconds"},
		{`fault("kill-api").recovery > 1s`, `fault("kill-api").recovery`, "when the run is over"},
		{`p99 > 2 * baseline.p99`, `baseline.p99`, "earlier runs"},
		{`worst(10s).p99 > 1s`, `worst(10s).p99`, "last seconds"},
		{`connect.p99 > 1s`, `connect.p99`, "not known while"},
		{`service.p99 > 1s`, `service.p99`, "not known while"},
		{`planned > 1`, `planned`, "not known while"},
		{`service("api").memory.growth > 5%/h`, `service("api").memory.growth`, "too few readings"},
		{`service("api").cpu.p95 > 5%`, `service("api").cpu.p95`, "too few readings"},
		{`error_rat > 5%`, `error_rat`, "unknown metric"},
		{`p99 < 2s`, `p99 < 2s`, "while all is well"},
		{`!(error_rate > 1%)`, `!(error_rate > 1%)`, "while all is well"},
		{`availability > 99%`, `availability > 99%`, "while all is well"},
	} {
		_, wrong := CompileAlarm(tc.src, liveNames)
		if len(wrong) != 1 {
			t.Errorf("%s: found %v, want one mistake", tc.src, wrong)
			continue
		}
		m := wrong[0]
		if at := tc.src[m.Offset : m.Offset+m.Len]; at != tc.at {
			t.Errorf("%s: the mistake is at %q, want %q", tc.src, at, tc.at)
		}
		if !strings.Contains(m.Msg, tc.msg) {
			t.Errorf("%s: found %q, want %q in it", tc.src, m.Msg, tc.msg)
		}
	}
}

func TestCompileHypothesisRefuses(t *testing.T) {
	for src, ok := range map[string]bool{
		"p99 < 200ms":                        true,
		`stage("steady").error_rate < 1%`:    true,
		`every(10s).p99 < 1s`:                true,
		`p99 < 1.1 * baseline.p99`:           false,
		`worst(10s).p99 < 1s`:                true,
		`before("kill-api").p99 < 1s`:        false,
		`after("kill-api").p99 < 1s`:         false,
		`fault("kill-api").recovery < 1s`:    false,
		`p99 < 1.1 * during("kill-api").p99`: false,
	} {
		if _, wrong := CompileHypothesis(src, liveNames); (wrong == nil) != ok {
			t.Errorf("%s: found %v", src, wrong)
		}
	}
}

// BenchmarkAlarms judges a second of 200 alarms on ten requests of 1,000 arrivals each: it is to
// take less than a hundredth of a second.
func BenchmarkAlarms(b *testing.B) {
	whens := []string{
		"error_rate > %d%%", "p99 > %dms", `request("r%d").p99 > 2s`, `request("r%d").error_rate > 50%%`,
		"ok.p95 > %dms", "rps < %d/s", "unsent > %d", `availability < %d%%`,
	}
	names := Names{Stages: []string{"steady"}}
	for i := range 10 {
		names.Requests = append(names.Requests, fmt.Sprintf("r%d", i))
	}
	var list []Alarm
	var limits []time.Duration
	for i := range 200 {
		when := fmt.Sprintf(whens[i%len(whens)], i/len(whens)%10+20)
		when = strings.Replace(when, `"r2`, `"r`, 1)
		r, wrong := CompileAlarm(when, names)
		if wrong != nil {
			r, wrong = CompileAlarm(strings.Replace(when, `"r30"`, `"r0"`, 1), names)
		}
		if wrong != nil {
			b.Fatalf("%s: %v", when, wrong)
		}
		list = append(list, Alarm{When: when, For: time.Hour, Rule: r})
		limits = append(limits, r.Limits()...)
	}
	random := rand.New(rand.NewPCG(1, 2))
	second := timeline.Second{}
	for _, name := range names.Requests {
		stats := timeline.NewStats(limits)
		for range 1000 {
			took := time.Duration(random.ExpFloat64() * float64(20*time.Millisecond))
			stats.Planned, stats.Done = stats.Planned+1, stats.Done+1
			if random.IntN(100) == 0 {
				stats.Failed++
				stats.Err.Record(took)
				continue
			}
			stats.AnsweredOK++
			stats.OK.Record(took)
		}
		stats.Answered = stats.Done
		second.Cells = append(second.Cells, timeline.SecondCell{
			Key: timeline.Key{Stage: "steady", Request: name}, Stats: stats,
		})
	}
	a := NewAlarms(list, liveStages)
	for b.Loop() {
		second.From, second.To = second.To, second.To+time.Second
		a.Judge(second)
	}
	b.ReportMetric(100*float64(b.Elapsed())/float64(b.N)/float64(time.Second), "%core")
}

// TestStoppedRuns: an alarm fails a run whose rules pass on what was recorded, and a hypothesis
// that does not hold makes it inconclusive.
func TestStoppedRuns(t *testing.T) {
	for by, want := range map[timeline.StopReason]Outcome{
		timeline.StoppedByAlarm: Fail, timeline.StoppedByHypothesis: Inconclusive,
	} {
		tl := run(4*time.Second, nil, nil, steadily(4*time.Second))
		tl.Stopped = &timeline.Stop{By: by, At: 4 * time.Second, Why: "it was enough"}
		tl.Faults = []timeline.Fault{{Name: "kill-api", State: timeline.Scheduled}}
		r, _ := Compile("errors == 0", names)
		report, err := Judge([]Input{{Rule: r}}, tl)
		if err != nil {
			t.Fatal(err)
		}
		if report.Outcome != want {
			t.Errorf("stopped by %s: the run is %s, want %s", by, report.Outcome, want)
		}
		if report.Rules[0].Outcome != Pass {
			t.Errorf("stopped by %s: the rule is %s, want a pass", by, report.Rules[0].Outcome)
		}
		if len(report.Why) != 1 || report.Why[0] != "it was enough" {
			t.Errorf("stopped by %s: the reasons are %q", by, report.Why)
		}
	}
}

// steadily is a good answer every 10 ms.
func steadily(length time.Duration) (out []arrival) {
	for at := time.Duration(0); at < length; at += 10 * time.Millisecond {
		out = append(out, arrival{at: at, took: time.Millisecond})
	}
	return out
}
