package verdict

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// spread are arrivals, so many a second over so many seconds, of which every k-th goes wrong.
func spread(seconds, perSecond, k int) []arrival {
	out := steady(0, time.Duration(seconds)*sec, perSecond, 10*ms)
	for i := range out {
		out[i].failed = k > 0 && i%k == k/2
	}
	return out
}

// burst are such arrivals of which as many go wrong, but all of them in one stretch.
func burst(seconds, perSecond, k int) []arrival {
	out := steady(0, time.Duration(seconds)*sec, perSecond, 10*ms)
	for i := range len(out) / k {
		out[len(out)/3+i].failed = true
	}
	return out
}

func TestConfidence(t *testing.T) {
	slow := spread(60, 100, 0) // a response time for each hundredth of a second
	for i := range slow {
		slow[i].took = time.Duration(i*37%1000+1) * ms / 10
	}
	for _, tc := range []struct {
		name     string
		rule     string
		arrivals []arrival
		point    Outcome // without confidence
		want     Outcome
		reason   Reason
	}{
		{"far below", "error_rate < 3%", spread(60, 100, 100), Pass, Pass, ""},
		{"below", "error_rate < 1.1%", spread(60, 100, 100), Pass, Inconclusive, ReasonConfidence},
		{"above", "error_rate < 0.9%", spread(60, 100, 100), Fail, Inconclusive, ReasonConfidence},
		{"far above", "error_rate < 0.4%", spread(60, 100, 100), Fail, Fail, ""},
		{"far below, but all at once", "error_rate < 3%", burst(60, 100, 100), Pass, Inconclusive, ReasonConfidence},
		{"none", "error_rate < 1%", spread(60, 100, 0), Pass, Pass, ""},
		{"none of few", "error_rate < 1%", spread(20, 10, 0), Pass, Inconclusive, ReasonConfidence},
		{"availability", "availability > 97%", spread(60, 100, 100), Pass, Pass, ""},
		{"availability, near", "availability > 98.9%", spread(60, 100, 100), Pass, Inconclusive, ReasonConfidence},
		{"percentile, far", "p90 < 95ms", slow, Pass, Pass, ""},
		{"percentile, near", "p90 < 90.5ms", slow, Pass, Inconclusive, ReasonConfidence},
		{"percentile, above", "p90 < 85ms", slow, Fail, Fail, ""},
		{"percentile of too few", "p99.9 < 1s", slow[:1500], Pass, Inconclusive, ReasonConfidence},
		{"a computed one", "2 * p90 < 190ms", slow, Pass, Pass, ""},
		{"a computed one, near", "2 * p90 < 181ms", slow, Pass, Inconclusive, ReasonConfidence},
		{"too short", "error_rate < 50%", spread(9, 100, 0), Pass, Inconclusive, ReasonTooFew},
		{"long enough", "error_rate < 50%", spread(10, 100, 0), Pass, Pass, ""},
		{"slices", "every(10s).error_rate < 3%", spread(60, 100, 100), Pass, Pass, ""},
		{"slices, near", "every(10s).error_rate < 1.1%", spread(60, 100, 100), Pass, Inconclusive, ReasonConfidence},
		{"none at all, which nobody can tell", "error_rate == 0%", spread(60, 100, 0), Pass, Inconclusive, ReasonConfidence},
	} {
		t.Run(tc.name, func(t *testing.T) {
			end := tc.arrivals[len(tc.arrivals)-1].at.Truncate(time.Second) + sec
			tl := run(end, nil, nil, tc.arrivals)
			in := Input{Rule: mustCompile(t, tc.rule)}
			sure := in
			sure.Confidence = 0.95
			report, err := Judge([]Input{in, sure}, tl)
			if err != nil {
				t.Fatal(err)
			}
			if got := report.Rules[0]; got.Outcome != tc.point {
				t.Errorf("without confidence %s (%s), want %s", got.Outcome, got.Why, tc.point)
			}
			got := report.Rules[1]
			if got.Outcome != tc.want || got.Reason != tc.reason {
				t.Errorf("%s (%s, %s), want %s (%s)", got.Outcome, got.Reason, got.Why, tc.want, tc.reason)
			}
			if tc.reason == ReasonConfidence && !strings.Contains(got.Why, "with 95% confidence") {
				t.Errorf("the reason is %q", got.Why)
			}
		})
	}
}

// The interval holds what was observed; how sure it is, the margin and the samples are told.
func TestRuleResultSaysWhatItRestsOn(t *testing.T) {
	tl := run(60*sec, nil, nil, spread(60, 100, 100))
	inputs := []Input{
		{Rule: mustCompile(t, "error_rate < 3%")},
		{Rule: mustCompile(t, "error_rate < 0.5%"), Confidence: 0.99},
		{Rule: mustCompile(t, "rps > 90/s")},
		{Rule: mustCompile(t, "p50 < 30ms")},
	}
	report, err := Judge(inputs, tl)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		level, margin float64
		unit          string
		samples       uint64
	}{
		{0.95, 0.02, "fraction", 6000},
		{0.99, -0.005, "fraction", 6000},
		{0, 10, "per_second", 6000},
		{0.95, 20e6, "ns", 6000},
	} {
		got := report.Rules[i]
		level := 0.0
		if got.Interval != nil {
			level = got.Interval.Level
			if v := got.Value.Value; v < *got.Interval.Low || v > *got.Interval.High {
				t.Errorf("%s: %v is not in %s", got.KPI, v, got.Interval.Text)
			}
		}
		if level != want.level || got.Samples != want.samples {
			t.Errorf("%s: level %v of %d samples, want %v of %d",
				got.KPI, level, got.Samples, want.level, want.samples)
		}
		if m := got.Margin; math.Abs(m.Value-want.margin) > 0.01*math.Abs(want.margin) || m.Unit != want.unit {
			t.Errorf("%s: margin %v, want %v %s", got.KPI, m, want.margin, want.unit)
		}
	}
}

// Memory is bounded: however long a scope is, it has some dozens of blocks, with all that came.
func TestBlocksAreBounded(t *testing.T) {
	for _, seconds := range []int{1, 9, 64, 65, 1000, 5000} {
		t.Run(fmt.Sprint(seconds), func(t *testing.T) {
			b := &blocks{families: []*family{{}}}
			for range seconds {
				b.elapse(time.Second)
				b.current().merge(&block{judged: 10, errors: 1, times: make([]timeline.Coarse, 1)})
			}
			if n := len(b.all); n > maxBlocks || seconds > maxBlocks && n < maxBlocks/2 {
				t.Errorf("%d blocks", n)
			}
			var judged, last uint64
			for i, x := range b.all {
				judged += x.judged
				if i > 0 && i < len(b.all)-1 && x.judged != last {
					t.Errorf("block %d is longer than the one before it", i)
				}
				last = x.judged
			}
			if judged != uint64(10*seconds) {
				t.Errorf("%d arrivals are in the blocks, want %d", judged, 10*seconds)
			}
		})
	}
}
