package verdict

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// judgingRules ask for every kind of scope, alone and together.
var judgingRules = []string{
	`p95 < 100ms`,
	`ok.p50 < 10ms`,
	`error_rate < 1%`,
	`rps > 5/s`,
	`stage("steady").throughput > 10/s`,
	`request("browse").max < 3s`,
	`window(5s, 20s).errors == 0`,
	`p50 < 5 * before("kill-api").p50`,
	`before("kill-api").p90 < 100ms`,
	`during("kill-api").error_rate < 5%`,
	`after("kill-api").rps > 1/s`,
	`during("kill-api").after("slow-db").count > 10`,
	`before("slow-db").before("kill-api").p50 < 1s`,
	`fault("kill-api").recovery < 3s`,
	`fault("slow-db").outage < 1s`,
	`fault("slow-db").relapses == 0`,
	`every(1s).rps > 0.5/s`,
	`every(7s).p50 < 2s`,
	`every(10s).error_rate < 50%`,
	`stage("spike").every(3s).count > 3`,
	`during("slow-db").every(2s).error_rate < 90%`,
	`after("slow-db").every(5s).p50 < 1s`,
	`before("slow-db").every(3s).rps > 1/s`,
	`request("browse").every(4s).p50 < 2 * request("checkout").every(4s).p50`,
	`every(5s).p50 < 3 * p50`,
	`!(during("kill-api").p50 > 1s) || error_rate == 0%`,
	`apdex(20ms) > 0.9`,
	`p50.growth < 5ms/h`,
	`after("slow-db").mean.growth < 5s/h`,
	`request("browse").max.growth < 5s/h`,
	`during("kill-api").budget("99.9%", 1d) < 1%`,
	`worst(5s).p50 < 3 * p50`,
	`worst(4s).error_rate < 20% && after("slow-db").worst(3s).rps > 1/s`,
	`during("slow-db").worst(2s).error_rate < 90%`,
	`share(5s, p50 < 100ms && error_rate < 5%) >= 90%`,
	`stage("steady").share(3s, rps > 5/s) > 0.5 * share(3s, request("browse").count > 1)`,
	`before("kill-api").share(2s, p50 < 30ms) > 80%`,
}

func judgingInputs(t testing.TB) []Input {
	var out []Input
	for i, src := range judgingRules {
		in := Input{KPI: src, Rule: mustCompile(t, src)}
		out = append(out, in)
		if i%3 == 0 && in.Rule.HasInterval() {
			in.Confidence = 0.9
			out = append(out, in)
		}
	}
	return out
}

// planned is what is known of a run beforehand.
func planned(tl *timeline.Timeline) *timeline.Timeline {
	head := *tl
	head.Duration, head.Intervals = 0, nil
	head.Faults = factsAt(tl, -1, 0).Faults
	return &head
}

// factsAt is what is known at an instant, as the conductor tells it: when a fault began is told
// once it is proven, which takes some time, and when it ceased once it is undone.
func factsAt(tl *timeline.Timeline, now, proof time.Duration) Facts {
	known := func(at *time.Duration, after time.Duration) *time.Duration {
		if at == nil || *at+after > now {
			return nil
		}
		return at
	}
	faults := slices.Clone(tl.Faults)
	for i := range faults {
		f, whole := &faults[i], &tl.Faults[i]
		f.Verified, f.State = false, timeline.Scheduled
		f.Injecting = known(whole.Injecting, 0)
		f.Effective, f.Began = known(whole.Effective, proof), nil
		if f.Effective != nil {
			f.Began = whole.Began
		}
		f.Reverting = nil
		if f.Effective != nil {
			f.Reverting = known(whole.Reverting, 0)
		}
		f.Reverted, f.Ceased = known(whole.Reverted, 0), nil
		if f.Effective == nil {
			f.Reverted = nil
		}
		switch {
		case f.Reverted != nil:
			f.Ceased, f.State, f.Verified = whole.Ceased, whole.State, whole.Verified
		case f.Reverting != nil:
			f.State = timeline.Reverting
		case f.Effective != nil:
			f.State = timeline.Effective
		case f.Injecting != nil:
			f.State = timeline.Injecting
		}
	}
	return Facts{Faults: faults}
}

// noIntervals is for rules that are judged alone, without what none of them rests on.
var noIntervals = cmpopts.IgnoreFields(RuleResult{}, "Interval")

// What Judge finds in its second pass over the intervals is left out.
var judged = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.EquateNaNs(), cmpopts.IgnoreFields(RuleResult{}, "Worst"),
}

// TestJudgingInParts judges random runs as they go on, with reports in between: each report is
// that of judging at once what there was by then, and the last one that of judging the whole.
func TestJudgingInParts(t *testing.T) {
	seeds := 80
	if testing.Short() {
		seeds = 25
	}
	rules := judgingInputs(t)
	reports, inForce, waited := 0, 0, 0
	reasons := map[Reason]int{}
	for seed := range seeds {
		r := newModelRun(rand.New(rand.NewPCG(uint64(seed), 7)))
		rng := rand.New(rand.NewPCG(uint64(seed), 8))
		tl := runStages(r.end, r.stages, r.faults, []time.Duration{100 * ms, sec}, r.as)
		want, err := Judge(rules, tl)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range want.Rules {
			listed := slices.ContainsFunc(Reasons(), func(d ReasonDoc) bool { return d.Reason == r.Reason })
			if (r.Outcome == Inconclusive) != listed {
				t.Errorf("seed %d: %s is %s for the reason %q: %s", seed, r.KPI, r.Outcome, r.Reason, r.Why)
			}
			reasons[r.Reason]++
		}
		var all []timeline.Interval
		for iv := range tl.Intervals {
			all = append(all, iv)
		}
		j := NewJudging(rules, planned(tl))
		proof := time.Duration(rng.Int64N(int64(2 * sec)))
		var now time.Duration
		for k, iv := range all {
			// It is sealed once all its arrivals are over.
			now = max(now, lastOf(&iv)) + time.Duration(rng.Int64N(int64(sec)))
			facts := factsAt(tl, now, proof)
			if err := j.Learn(facts); err != nil {
				t.Fatal(err)
			}
			j.Add(iv)
			if len(j.held) > 0 {
				waited++
			}
			if rng.IntN(8) > 0 {
				continue
			}
			reports++
			got := j.Report()
			at := fmt.Sprintf("seed %d, %s of %s", seed, j.Until(), r.end)
			once := NewJudging(rules, planned(tl))
			if err := once.Learn(facts); err != nil {
				t.Fatal(err)
			}
			for _, iv := range all[:k+1] {
				once.Add(iv)
			}
			atOnce := once.Report()
			if diff := cmp.Diff(atOnce, got, judged); diff != "" {
				t.Fatalf("%s (-at once +in parts):\n%s", at, diff)
			}
			alone := j.Rules()
			if diff := cmp.Diff(got.Rules, alone, judged, noIntervals); diff != "" {
				t.Fatalf("%s (-of the report +rules alone):\n%s", at, diff)
			}
			if f := compareWithCut(t, rules, tl, all, facts, j.Until(), got); f > 0 {
				inForce++
			}
		}
		if err := j.End(tl); err != nil {
			t.Fatal(err)
		}
		got := j.Report()
		if diff := cmp.Diff(want, got, judged); diff != "" {
			t.Fatalf("seed %d (-at once +in parts):\n%s", seed, diff)
		}
	}
	t.Logf("%d reports, %d of them with a fault in force or to come; %d intervals waited for a fault",
		reports, inForce, waited)
	for _, r := range []Reason{ReasonNothingDue, ReasonTooFew, ReasonFault, ReasonNotSeen, ReasonTooEarly} {
		if reasons[r] < seeds/20 {
			t.Errorf("the reason %s came %d times: too few to tell", r, reasons[r])
		}
	}
	if reports < seeds || inForce < seeds/10 || waited < seeds/10 {
		t.Error("these are too few to tell")
	}
}

// compareWithCut compares a report with what Judge says of a run that ended there. It returns
// how many faults are not over: rules that name these are told otherwise.
func compareWithCut(
	t *testing.T, rules []Input, tl *timeline.Timeline, all []timeline.Interval,
	facts Facts, until time.Duration, got Report,
) (open int) {
	t.Helper()
	cut := *tl
	cut.Duration, cut.Faults = until, facts.Faults
	cut.Intervals = func(yield func(timeline.Interval, error) bool) {
		for _, iv := range all {
			if iv.To <= until && !yield(iv, nil) {
				return
			}
		}
	}
	want, err := Judge(rules, &cut)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range facts.Faults {
		if f.State != timeline.Reverted && f.State != timeline.Failed {
			open++
			names = append(names, f.Name)
		}
	}
	ignore := cmp.FilterValues(func(a, b RuleResult) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.Contains(a.KPI, n) })
	}, cmp.Ignore())
	notSeen := cmp.FilterPath(func(p cmp.Path) bool {
		return open > 0 && p.Last().String() == ".NotSeen"
	}, cmp.Ignore())
	if open > 0 {
		want.Why, got.Why, want.Outcome, got.Outcome = nil, nil, "", ""
	}
	if diff := cmp.Diff(want, got, judged, ignore, notSeen); diff != "" {
		t.Fatalf("until %s, %d faults open (-cut there +so far):\n%s", until, open, diff)
	}
	return open
}

func TestJudgingSaysHowFarAFaultIs(t *testing.T) {
	faults := []timeline.Fault{fault("kill-api", 5*sec, 10*sec)}
	tl := run(20*sec, faults, nil, steady(0, 20*sec, 100, 10*ms))
	rule := `during("kill-api").error_rate < 5%`
	j := NewJudging([]Input{{KPI: rule, Rule: mustCompile(t, rule)}}, planned(tl))
	for iv := range tl.Intervals {
		if err := j.Learn(factsAt(tl, iv.To+sec, 500*ms)); err != nil {
			t.Fatal(err)
		}
		j.Add(iv)
		rep := j.Report()
		want, why := Pass, ""
		switch {
		case iv.To < 4*sec:
			want, why = Inconclusive, "is still to come"
		case iv.To == 4*sec: // it was sealed as the fault began
			want, why = Inconclusive, "was not yet seen to act"
		case iv.To == 5*sec: // one arrival was open when it began
			want, why = Inconclusive, "too few samples"
		}
		if got := rep.Rules[0]; got.Outcome != want || !strings.Contains(got.Why, why) {
			t.Errorf("at %s: %s, %q; want %s, %q", iv.To, got.Outcome, got.Why, want, why)
		}
		if iv.To < 10*sec && rep.Why != nil {
			t.Errorf("at %s: %v", iv.To, rep.Why)
		}
	}
	if err := j.Learn(Facts{}); err == nil {
		t.Error("faults were forgotten, and nobody said so")
	}
}

// TestJudgingKeepsNoSlices has a long run in short slices: what is kept does not grow with it.
func TestJudgingKeepsNoSlices(t *testing.T) {
	as := steady(0, 300*sec, 10, 10*ms)
	for i := range as {
		if as[i].at >= 100*sec && as[i].at < 103*sec {
			as[i].took = 200 * ms
		}
	}
	tl := run(300*sec, nil, []time.Duration{100 * ms}, as)
	rule := "every(1s).max < 100ms"
	j := NewJudging([]Input{{KPI: rule, Rule: mustCompile(t, rule)}}, planned(tl))
	for iv := range tl.Intervals {
		j.Add(iv)
		kept := len(j.rules[0].final)
		for tracker := range j.c.trackers() {
			kept = max(kept, len(tracker.pieces))
		}
		if kept > 3 {
			t.Fatalf("%d slices are kept at %s", kept, iv.To)
		}
	}
	rules := j.Rules()
	want := "3 of 300 slices failed; worst from 1m40s to 1m41s"
	if got := rules[0]; got.Outcome != Fail || !strings.Contains(got.Why, want) {
		t.Errorf("%s, %q; want fail, %q", got.Outcome, got.Why, want)
	}
}
