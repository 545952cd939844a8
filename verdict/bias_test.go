package verdict

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// sampled gives a run ten seconds of samples, which set changes.
func sampled(tl *timeline.Timeline, set func(second int, s *timeline.UsageWindow)) *timeline.Timeline {
	var l timeline.UsageLog
	for i := range 10 {
		at := time.Duration(i) * sec
		s := timeline.UsageWindow{
			Window: timeline.Window{From: at, To: at + sec}, Cores: 1, CPU: 0.3, CPUs: 2, Others: 0.1, Busy: 0.25,
			Files: 100, MaxFiles: 1024, Ports: 200, MaxPorts: 28232, RunQueue: 100 * time.Microsecond, GCPause: 50 * time.Microsecond,
		}
		set(i, &s)
		l.Add(s)
	}
	tl.Generator = l.Entries()
	return tl
}

func TestBottleneckOfLateness(t *testing.T) {
	idle := func(int, *timeline.UsageWindow) {}
	once := func(f func(*timeline.UsageWindow)) func(int, *timeline.UsageWindow) {
		return func(i int, s *timeline.UsageWindow) {
			if i == 4 {
				f(s)
			}
		}
	}
	late := steady(0, 10*sec, 100, ms)
	for i := range late {
		late[i].late, late[i].took = 80*ms, 81*ms
	}
	for _, tc := range []struct {
		name string
		set  func(int, *timeline.UsageWindow) // nil: nothing was sampled
		why  string
	}{
		{"no samples", nil, "p99 was 81ms, but could be 1ms to 81ms, as the generator held up 1000 of 1000 arrivals (it was up to 80ms late): lower the rate or give it more CPU"},
		{"nothing ran short", idle, "p99 was 81ms, but could be 1ms to 81ms, as the generator held up 1000 of 1000 arrivals (it was up to 80ms late): lower the rate or give it more CPU"},
		{"CPU", once(func(s *timeline.UsageWindow) { s.CPU, s.Cores = 1.004, 1 }),
			"(it was up to 80ms late); it used up to 100% of its CPU (1 of 1 cores): lower the rate, give it more CPU, or take engine fast"},
		{"CPU at times", once(func(s *timeline.UsageWindow) { s.CPU, s.Cores = 0.97, 1.5 }), "it used up to 97% of its CPU (1.5 of 1.5 cores): lower"},
		{"just not all of it", once(func(s *timeline.UsageWindow) { s.CPU = 0.94 }), "late): lower the rate or give"},
		{"others", once(func(s *timeline.UsageWindow) { s.Others, s.Busy = 0.7, 0.99 }), "it lost up to 70% of its cores to other processes: give it cores of its own"},
		{"others, and room beside them", once(func(s *timeline.UsageWindow) { s.Others, s.Busy = 0.7, 0.9 }), "late): lower the rate or give"},
		{"steal", once(func(s *timeline.UsageWindow) { s.Steal, s.Busy = 0.4, 1 }),
			"it lost up to 40% of its cores to other machines of the host (steal), lost up to 10% of its cores to other processes: run it on a machine that is less shared"},
		{"garbage collection", once(func(s *timeline.UsageWindow) { s.GCPause = 40 * ms }), "it had GC pauses up to 40ms: raise GOGC"},
		{"short pauses explain nothing", once(func(s *timeline.UsageWindow) { s.GCPause = 5 * ms }), "late): lower the rate or give"},
		{"run queue", once(func(s *timeline.UsageWindow) { s.RunQueue = 30 * ms }), "waited up to 30ms for a core (p99 of the run queue): lower"},
		{"several", once(func(s *timeline.UsageWindow) { s.CPU, s.Others, s.Busy, s.GCPause = 1, 0.5, 1, 40*ms }),
			"used up to 100% of its CPU (1 of 1 cores), lost up to 50% of its cores to other processes, had GC pauses up to 40ms: lower the rate, give it more CPU"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tl := run(10*sec, nil, []time.Duration{50 * ms}, late)
			if tc.set != nil {
				sampled(tl, tc.set)
			}
			tl.Stages[0].Judged = true
			rep, err := Judge([]Input{{Rule: mustCompile(t, "p99 < 50ms")}}, tl)
			if err != nil {
				t.Fatal(err)
			}
			if r := rep.Rules[0]; r.Outcome != Inconclusive || !strings.Contains(r.Why, tc.why) {
				t.Errorf("the rule is %s: %s; want it with %s", r.Outcome, r.Why, tc.why)
			}
			if rep.Outcome != Inconclusive || len(rep.Why) > 0 {
				t.Errorf("the run is %s: %q", rep.Outcome, rep.Why)
			}
		})
	}
}

// Only what was sampled in a rule's own scope explains its lateness.
func TestBottleneckIsOfTheScope(t *testing.T) {
	arrivals := steady(0, 10*sec, 100, ms)
	for i := range arrivals {
		arrivals[i].late, arrivals[i].took = 80*ms, 81*ms
	}
	tl := sampled(run(10*sec, nil, nil, arrivals), func(i int, s *timeline.UsageWindow) {
		if i == 2 || i == 4 {
			s.GCPause = 40 * ms
		}
	})
	for scope, named := range map[string]bool{"window(0s, 5s)": true, "window(5s, 10s)": false, "window(4s, 6s)": true} {
		r := judgeOne(t, scope+".p99 < 50ms", tl)
		if r.Outcome != Inconclusive || strings.Contains(r.Why, "GC pauses") != named {
			t.Errorf("%s: %s: %s", scope, r.Outcome, r.Why)
		}
	}
}

// with replaces the first n arrivals by some that failed this way, at once.
func with(as []arrival, n int, kind string) []arrival {
	out := slices.Clone(as)
	for i := range n {
		out[i].kind, out[i].took = kind, 0
	}
	return out
}

func TestLocalFailures(t *testing.T) {
	none := func(int, *timeline.UsageWindow) {}
	files := func(_ int, s *timeline.UsageWindow) { s.Files = 1024 }
	ports := func(_ int, s *timeline.UsageWindow) { s.Ports = 30000 }
	thousand := mix(1000, 0, 0, 0) // 100/s, each 10 ms
	for _, tc := range []struct {
		name     string
		rule     string
		arrivals []arrival
		set      func(int, *timeline.UsageWindow)
		want     Outcome
		why      string
	}{
		{"none", "error_rate == 0%", thousand, none, Pass, ""},
		{"they are errors", "errors == 3", with(thousand, 3, "local"), none, Inconclusive, "errors was 3, but could be 0 to 3, as 3 of 1000 arrivals failed on the generator's own machine"},
		{"files", "error_rate == 0%", with(thousand, 3, "local"), files, Inconclusive, "(out of file descriptors, 1024 of 1024), which says nothing of the target: raise ulimit -n"},
		{"ports", "error_rate == 0%", with(thousand, 3, "local"), ports, Inconclusive, "(out of local ports, 28232 of 28232), which says nothing of the target: keep connections alive"},
		{"not seen what", "error_rate == 0%", with(thousand, 3, "local"), none, Inconclusive, "(out of ports, files or memory)"},
		{"a pass does not hang on them", "error_rate < 1%", with(thousand, 3, "local"), files, Pass, ""},
		{"a failure hangs on them", "error_rate < 0.3%", with(thousand, 3, "local"), files, Inconclusive, "error_rate was 0.3%, but"},
		{"availability", "availability >= 99.9%", with(thousand, 3, "local"), files, Inconclusive, "availability was 99.7%, but"},
		{"availability fails anyway", "availability >= 99.9%", append(with(thousand, 3, "local"), with(thousand, 5, "status")[:5]...), files, Fail, ""},
		{"throughput", "throughput >= 99.8/s", with(thousand, 3, "local"), files, Inconclusive, "throughput was 99.6/s, but"},
		{"rps lacks them", "rps >= 99.9/s", with(thousand, 3, "local"), files, Inconclusive, "rps was 99.6/s, but"},
		{"rps without them", "rps >= 99.6/s", with(thousand, 3, "local"), files, Pass, ""},
		{"rps would fail with them", "rps > 99.9/s", with(thousand, 3, "local"), files, Fail, "rps was 99.6/s, the rule wants > 99.9/s"},
		{"an upper limit on rps", "rps < 99.8/s", with(thousand, 3, "local"), files, Inconclusive, "rps was 99.6/s, but"},
		{"too many: no lower limit on rps passes", "rps >= 90/s", with(thousand, 11, "local"), files, Inconclusive, ""},
		{"counts are facts", "count == 1000 && planned == 1000", with(thousand, 3, "local"), files, Pass, ""},
		{"unsent is not theirs", "unsent == 0", with(thousand, 3, "local"), files, Pass, ""},
		{"percentile with room", "p99 < 200ms", with(thousand, 10, "local"), files, Pass, ""},
		{"percentile without room", "p99 < 200ms", with(mix(1000, 0, 1, sec), 10, "local"), files, Inconclusive, "p99 was 10ms, but"},
		{"percentile at the limit, by count", "p50 <= 10ms", with(thousand, 10, "local"), files, Pass, ""},
		{"a slow target is slow anyway", "p99 < 200ms", with(mix(1000, 0, 100, sec), 10, "local"), files, Fail, "p99 was 1s"},
		{"they could have been the greatest", "max < 200ms", with(thousand, 1, "local"), files, Inconclusive, "max was 10ms, but could be 10ms or more, as 1 of 1000"},
		{"and the least", "min > 5ms", with(thousand, 1, "local"), files, Inconclusive, ""},
		{"the mean is open", "mean < 200ms", with(thousand, 1, "local"), files, Inconclusive, "mean was"},
		{"good answers", "ok.p90 < 200ms", with(thousand, 5, "local"), files, Pass, ""},
		{"too many: nothing can pass", "p50 < 200ms", with(thousand, 11, "local"), files, Inconclusive, "11 of 1000 arrivals failed"},
		{"too many: nor can a rate", "error_rate < 90%", with(thousand, 11, "local"), files, Inconclusive, ""},
		{"too many: what fails still fails", "p50 < 5ms", with(thousand, 11, "local"), files, Fail, ""},
		{"elsewhere", `request("checkout").error_rate == 0%`, append(with(thousand, 3, "local"), arrival{request: "checkout"}), files, Pass, ""},
		{"a combination that holds anyway", "error_rate == 0% || p50 < 200ms", with(thousand, 3, "local"), files, Pass, ""},
		{"skipped", "error_rate == 0%", with(thousand, 3, "skipped"), none, Inconclusive, "the generator was too late to send 3 of 1000 arrivals"},
		{"skipped are unsent", "unsent == 0", with(thousand, 3, "skipped"), none, Inconclusive, ""},
		{"skipped, with room", "error_rate < 1%", with(thousand, 3, "skipped"), none, Pass, ""},
		{"late", "error_rate == 0%", with(thousand, 3, "late"), none, Inconclusive, "the generator was too late to send 3 of 1000 arrivals"},
		{"late are unsent", "unsent == 0", with(thousand, 3, "late"), none, Inconclusive, ""},
		{"too many late", "error_rate < 90%", with(thousand, 11, "late"), none, Inconclusive, ""},
		{"computed", "error_rate + 1% < 1.1%", with(thousand, 3, "local"), files, Inconclusive, "error_rate was"},
		{"computed, with room", "2 * error_rate - 1% < 1%", with(thousand, 3, "local"), files, Pass, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tl := sampled(run(10*sec, nil, mustCompile(t, tc.rule).Limits(), tc.arrivals), tc.set)
			if r := judgeOne(t, tc.rule, tl); r.Outcome != tc.want || !strings.Contains(r.Why, tc.why) {
				t.Errorf("got %s: %s; want %s with %s", r.Outcome, r.Why, tc.want, tc.why)
			}
		})
	}
}

// endingWith has the last n arrivals fail this way.
func endingWith(as []arrival, kind string, n int) []arrival {
	out := slices.Clone(as)
	for i := range n {
		out[len(out)-1-i].kind = kind
	}
	return out
}

// Arrivals that the generator came to late: they may have taken less time, and errors
// that it may have made may have gone well.
func TestLateForAFew(t *testing.T) {
	// Of 1,000 arrivals of 10 ms each, 5 were late and took that much longer.
	late := mix(1000, 0, 0, 0)
	for i := range 5 {
		late[i].late, late[i].took = 300*ms, 310*ms
	}
	lost := func(kind string, n int) []arrival {
		as := slices.Clone(late)
		for i := range n {
			as[i].kind, as[i].doubtful = kind, kind == "timeout"
		}
		return as
	}
	kill := fault("kill-api", 4*sec, 5*sec)
	for _, tc := range []struct {
		name     string
		rule     string
		arrivals []arrival
		want     Outcome
		why      string
	}{
		{"a percentile above them", "p99.9 < 250ms", late, Inconclusive, "p99.9 was 310ms, but could be 10ms to 310ms, as the generator held up 5 of 1000 arrivals (it was up to 300ms late): lower the rate"},
		{"which holds all the same", "p99.9 < 350ms", late, Pass, ""},
		{"and which fails without them", "p99.9 < 5ms", late, Fail, ""},
		{"a percentile below them", "p99 < 9ms", late, Fail, ""},
		{"the greatest", "max < 250ms", late, Inconclusive, ""},
		{"the mean within their part", "mean < 11ms", late, Inconclusive, "mean was 11.5ms, but"},
		{"the mean beyond it", "mean < 9ms", late, Fail, ""},
		{"service time", "service.p50 < 9ms", late, Fail, ""},
		{"timeouts that it may have made", "error_rate < 0.1%", lost("timeout", 5), Inconclusive, "error_rate was 0.5%, but"},
		{"more timeouts than that", "error_rate < 0.1%", with(lost("timeout", 5), 7, "timeout"), Fail, ""},
		{"wrong answers", "error_rate < 0.1%", lost("status", 5), Fail, ""},
		{"good answers that may be missing", "ok.p99 < 9ms", lost("timeout", 1), Fail, ""},
		{"good answers with room", "ok.p50 < 20ms", lost("timeout", 1), Pass, ""},
		{"answers a second", "rps >= 100/s", late, Inconclusive, "rps was 99.9/s, but could be 99.9/s to 100/s"},
		{"more answers than arrivals", "rps >= 100.1/s", late, Fail, ""},
		{"more than they could be", "rps >= 101/s", late, Fail, ""},
		{"a fault's figures", `fault("kill-api").recovery < 4s`, late, Pass, ""},
		{"a fault's figures, and one was missed", `fault("kill-api").recovery < 4s`, lost("late", 1), Pass, ""},
		{"missed, and as many timeouts of others", "error_rate < 0.2%", endingWith(lost("late", 5), "timeout", 3), Fail, ""},
		{"missed, and fewer timeouts of others", "error_rate < 0.5%", endingWith(lost("late", 5), "timeout", 3), Inconclusive, "error_rate was 0.8%, but"},
		{"missed have their whole timeout already", "p99 < 250ms", lost("late", 5), Pass, ""},
		{"in the mean too", "mean < 20ms", lost("late", 5), Pass, ""},
		{"but not in service time", "service.p99.9 < 20ms", lost("late", 5), Inconclusive, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tl := run(10*sec, []timeline.Fault{kill}, mustCompile(t, tc.rule).Limits(), tc.arrivals)
			if r := judgeOne(t, tc.rule, tl); r.Outcome != tc.want || !strings.Contains(r.Why, tc.why) {
				t.Errorf("got %s: %s; want %s with %s", r.Outcome, r.Why, tc.want, tc.why)
			}
		})
	}
}

// A run that could not send more than a hundredth of its load is inconclusive,
// whatever its rules say.
func TestLoadThatWasNotSent(t *testing.T) {
	for n, want := range map[int]Outcome{0: Pass, 10: Pass, 11: Inconclusive} {
		rep, err := Judge(nil, run(10*sec, nil, nil, with(mix(1000, 0, 0, 0), n, "local")))
		if err != nil {
			t.Fatal(err)
		}
		if rep.Outcome != want || (len(rep.Why) > 0) != (want == Inconclusive) {
			t.Errorf("%d of 1000 failed locally: the run is %s: %q", n, rep.Outcome, rep.Why)
		}
		if rep.Totals.Errors != uint64(n) || rep.Generator.Local != uint64(n) {
			t.Errorf("%d errors and %d of the generator's own, want %d", rep.Totals.Errors, rep.Generator.Local, n)
		}
	}
}

func TestSaturatedGenerator(t *testing.T) {
	full := func(seconds int) func(int, *timeline.UsageWindow) {
		return func(i int, s *timeline.UsageWindow) {
			if i < seconds {
				s.CPU = 0.99
			}
		}
	}
	slowly := mix(1000, 0, 100, sec) // 10% take 1 s
	for _, tc := range []struct {
		name     string
		rule     string
		arrivals []arrival
		seconds  int // of ten with its CPU used up
		want     Outcome
		why      string
	}{
		{"upper limit on latency passes", "p99 < 2s", slowly, 10, Pass, ""},
		{"upper limit on latency fails", "p99 < 200ms", slowly, 10, Inconclusive, "p99 was 1s, but could be 0s to 1s, as the generator used 99% of its CPU (1 of 1 cores) for 100% of that time, so this may be its own doing: lower the rate"},
		{"limit on the left", "200ms > p99", slowly, 10, Inconclusive, "p99 was 1s, but"},
		{"for two seconds of ten", "p99 < 200ms", slowly, 2, Inconclusive, "for 20% of that time"},
		{"for one second of ten", "p99 < 200ms", slowly, 1, Fail, "p99 was 1s, the rule wants < 200ms"},
		{"never", "p99 < 200ms", slowly, 0, Fail, ""},
		{"equal to the limit", "p99 <= 1s", slowly, 10, Pass, ""},
		{"lower limit on latency holds no more", "p99 > 200ms", slowly, 10, Inconclusive, ""},
		{"lower limit on latency fails for certain", "p99 > 2s", slowly, 10, Fail, ""},
		{"negation", "!(p99 >= 200ms)", slowly, 10, Inconclusive, ""},
		{"the mean", "mean < 50ms", slowly, 10, Inconclusive, "mean was 109ms, but"},
		{"the mean passes", "mean < 200ms", slowly, 10, Pass, ""},
		{"the greatest", "max < 200ms", slowly, 10, Inconclusive, ""},
		{"service time", "service.p99 < 200ms", slowly, 10, Inconclusive, ""},
		{"lag", "lag.p99 < 200ms", slowly, 10, Pass, ""},
		{"good answers", "ok.p99 < 2s", slowly, 10, Pass, ""},
		{"good answers that became timeouts", "ok.p99 < 2s", with(slowly, 1, "timeout"), 10, Inconclusive, ""},
		{"spread is open either way", "stddev < 10s", slowly, 10, Inconclusive, ""},

		{"rate too low", "rps > 1000/s", slowly, 10, Inconclusive, "rps was 90/s, but could be 90/s or more, as the generator used"},
		{"rate high enough", "rps >= 90/s", slowly, 10, Pass, ""},
		{"timeouts are no answers, but may be the generator's", "rps > 85/s", with(slowly, 200, "timeout"), 10, Inconclusive, "rps was 70/s, but could be 70/s or more, as the generator used"},
		{"rate too low, with CPU to spare", "rps > 1000/s", slowly, 1, Fail, ""},
		{"throughput too low", "throughput > 1000/s", slowly, 10, Inconclusive, ""},
		{"upper limit on the rate", "rps < 1000/s", slowly, 10, Inconclusive, ""},
		{"upper limit on the rate fails", "rps < 10/s", slowly, 10, Fail, ""},

		{"wrong answers are the target's", "error_rate < 1%", with(slowly, 20, "status"), 10, Fail, "error_rate was 2%, the rule wants < 1%"},
		{"timeouts may be the generator's", "error_rate < 1%", with(slowly, 20, "timeout"), 10, Inconclusive, "error_rate was 2%, but"},
		{"answers that stalled may be the generator's", "error_rate < 1%", with(slowly, 20, "stalled"), 10, Inconclusive, "error_rate was 2%, but"},
		{"some of each", "error_rate < 1%", append(with(slowly, 15, "timeout"), with(slowly, 12, "status")[:12]...), 10, Fail, ""},
		{"availability", "availability >= 99%", with(slowly, 20, "timeout"), 10, Inconclusive, ""},
		{"unsent", "unsent == 0", append(slices.Clone(slowly), arrival{unsent: true}), 10, Inconclusive, ""},
		{"counts are facts", "count == 1000 && bytes_in > 0B", slowly, 10, Pass, ""},

		{"ratio of two", "p99 / p50 < 2", slowly, 10, Inconclusive, "p99 was"},
		{"sum", "p99 + p50 < 2s", slowly, 10, Pass, ""},
		{"difference", "p99 - p50 < 2s", slowly, 10, Pass, ""},
		{"difference that fails", "p99 - p50 < 100ms", slowly, 10, Inconclusive, ""},
		{"one part fails for certain", "p99 < 200ms && error_rate < 1%", with(slowly, 20, "status"), 10, Fail, "error_rate was"},
		{"in its own scope", "window(0s, 5s).p99 < 1ms", slowly, 5, Inconclusive, "for 100% of that time"},
		{"not in its own scope", "window(5s, 10s).p99 < 1ms", slowly, 5, Fail, ""},
		{"a slice that may be the generator's", "every(5s).p99 < 1ms", slowly, 10, Inconclusive, "from 5s to 10s: every(5s).p99 was 1s, but"},
		{"a slice that is not", "every(5s).p99 < 1ms", slowly, 5, Fail, "1 of 2 slices failed; worst from 5s to 10s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tl := sampled(run(10*sec, nil, mustCompile(t, tc.rule).Limits(), tc.arrivals), full(tc.seconds))
			r := judgeOne(t, tc.rule, tl)
			if r.Outcome != tc.want || !strings.Contains(r.Why, tc.why) {
				t.Errorf("got %s: %s; want %s with %s", r.Outcome, r.Why, tc.want, tc.why)
			}
			if r.Observed == "" {
				t.Error("what was observed is not shown")
			}
		})
	}
}

// A fault's figures rest on what was normal before it, which a busy generator
// may have raised: they can be off either way.
func TestSaturatedGeneratorAndFaults(t *testing.T) {
	load := steady(0, 10*sec, 100, 10*ms)
	kill := fault("kill-api", 4*sec, 5*sec)
	for seconds, want := range map[int]Outcome{0: Pass, 5: Inconclusive} {
		tl := sampled(run(10*sec, []timeline.Fault{kill}, nil, load), func(i int, s *timeline.UsageWindow) {
			if i < seconds {
				s.CPU = 1
			}
		})
		r := judgeOne(t, `fault("kill-api").recovery < 4s`, tl)
		if r.Outcome != want || (want == Inconclusive) != strings.Contains(r.Why, "of its CPU") {
			t.Errorf("busy for %d s: %s: %s", seconds, r.Outcome, r.Why)
		}
	}
}

// TestBoundsAgainstPoints compares what is said of ranges with what holds at
// points in them.
func TestBoundsAgainstPoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	ops := []string{"+", "-", "*", "/"}
	for range 20_000 {
		draw := func() value {
			v := value{n: float64(rng.IntN(7) - 3)}
			switch rng.IntN(4) {
			case 0:
				v.bounds = &bounds{lo: v.n - float64(rng.IntN(3)), hi: v.n + float64(rng.IntN(3)), why: doubt{"r", "why"}}
			case 1:
				v.bounds = &bounds{lo: math.Inf(-1), hi: v.n, why: doubt{"r", "why"}}
			case 2:
				v.atLeast = true
			}
			return v
		}
		x, y, limit := draw(), draw(), value{n: float64(rng.IntN(9) - 4), fixed: true}
		if x.bounds == nil && y.bounds == nil {
			continue
		}
		op, than := ops[rng.IntN(len(ops))], rule.Comparisons[rng.IntN(len(rule.Comparisons))]
		computed := arithmetic(op, x, y)
		got := compareValues(than, rule.Number, computed, limit)
		if got.truth == unknown {
			if !got.why.any() {
				t.Fatalf("%v %s %v %s %v is unknown without a reason", x, op, y, than, limit.n)
			}
			continue
		}
		for range 20 {
			point := func(v value) float64 {
				lo, hi := v.ends()
				lo, hi = max(lo, v.n-100), min(hi, v.n+100)
				return lo + math.Round(rng.Float64()*(hi-lo)*2)/2
			}
			a, b := point(x), point(y)
			if op == "/" && b == 0 {
				continue
			}
			r := map[string]float64{"+": a + b, "-": a - b, "*": a * b, "/": a / b}[op]
			c := 0
			if r < limit.n {
				c = -1
			} else if r > limit.n {
				c = 1
			}
			if holds(than, c) != got.truth {
				lx, hx := x.ends()
				ly, hy := y.ends()
				t.Fatalf("[%v, %v] %s [%v, %v] %s %v is said to be %v, but not for %v and %v", lx, hx, op, ly, hy, than, limit.n, got.truth, a, b)
			}
		}
	}
}
