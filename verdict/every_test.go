package verdict

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestEvery(t *testing.T) {
	// Slow in 20 s to 24 s only: a whole-run p95 hides it.
	arrivals := slices.Concat(steady(0, 20*sec, 50, 10*ms), steady(20*sec, 24*sec, 50, 900*ms), steady(24*sec, 125*sec, 50, 20*ms))
	tl := run(125*sec, nil, nil, arrivals)
	if got := judgeOne(t, "p95 < 500ms", tl); got.Outcome != Pass {
		t.Errorf("the whole run: %s, %s", got.Outcome, got.Why)
	}
	tests := []struct {
		rule     string
		want     Outcome
		observed string
		why      string
	}{
		{"every(10s).p95 < 500ms", Fail, "900ms (20s to 30s)", "1 of 12 slices failed; worst from 20s to 30s: every(10s).p95 was 900ms"},
		{"every(60s).p50 < 500ms", Pass, "20ms (0s to 1m)", ""},
		{"every(10s).p50 > 15ms", Fail, "10ms (0s to 10s)", "2 of 12"},
		{"every(10s).p95 < 3 * p50", Fail, "901ms (20s to 30s)", "1 of 12"},
		{"every(10s).p99.9 < 1s", Inconclusive, "10ms (0s to 10s)", "from 0s to 10s: too few samples"},
		{"every(10s).p99.9 < 1s || every(10s).error_rate < 1%", Pass, "every(10s).error_rate 0% (0s to 10s)", ""},
		{`every(10s).p95 < 500ms && request("browse").every(10s).error_rate < 1%`, Fail, "every(10s).p95 901ms (20s to 30s)", "1 of 12"},
		{`request("checkout").every(10s).p95 < 1s`, Inconclusive, "", "nothing was due"},
		{`every(1000s).p95 < 500ms`, Pass, "20.5ms (0s to 2m5s)", ""},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			got := judgeOne(t, tt.rule, tl)
			if got.Outcome != tt.want || !strings.Contains(got.Why, tt.why) {
				t.Errorf("got %s, %s; want %s, %s", got.Outcome, got.Why, tt.want, tt.why)
			}
			// The histogram reads up to 0.1 % high: compare what is not digits.
			if strip(got.Observed) != strip(tt.observed) {
				t.Errorf("observed %q, want %q", got.Observed, tt.observed)
			}
		})
	}
}

// strip levels what the histogram reads high.
func strip(s string) string {
	return strings.NewReplacer("901ms", "900ms", "20.5ms", "20ms").Replace(s)
}

func TestEverySkipsWhereNothingIsDue(t *testing.T) {
	arrivals := append(steady(0, 10*sec, 50, 10*ms), steady(30*sec, 40*sec, 50, 10*ms)...)
	got := judgeOne(t, "every(10s).p95 < 500ms", run(40*sec, nil, nil, arrivals))
	if got.Outcome != Pass {
		t.Errorf("got %s: %s", got.Outcome, got.Why)
	}
}

func TestCutSlices(t *testing.T) {
	w := func(from, to time.Duration) timeline.Window { return timeline.Window{From: from, To: to} }
	tests := []struct {
		name   string
		ws     timeline.Windows
		length time.Duration
		want   []timeline.Window
	}{
		{"even", timeline.Windows{w(0, 30*sec)}, 10 * sec, []timeline.Window{w(0, 10*sec), w(10*sec, 20*sec), w(20*sec, 30*sec)}},
		{"the rest joins the last", timeline.Windows{w(0, 25*sec)}, 10 * sec, []timeline.Window{w(0, 10*sec), w(10*sec, 25*sec)}},
		{"shorter than a slice", timeline.Windows{w(5*sec, 7*sec)}, 10 * sec, []timeline.Window{w(5*sec, 7*sec)}},
		{"begins within a second", timeline.Windows{w(2500*ms, 20*sec)}, 5 * sec, []timeline.Window{w(2500*ms, 7*sec), w(7*sec, 12*sec), w(12*sec, 20*sec)}},
		{"two windows", timeline.Windows{w(0, 2*sec), w(3*sec, 5*sec)}, sec, []timeline.Window{w(0, sec), w(sec, 2*sec), w(3*sec, 4*sec), w(4*sec, 5*sec)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []timeline.Window
			for _, w := range tt.ws {
				for i := 0; len(got) == 0 || got[len(got)-1].To != w.To; i++ {
					got = append(got, cutSlice(w, tt.length, i))
				}
				if last := cutSlice(w, tt.length, sliceNumber(w, tt.length, w.To-1)); last != got[len(got)-1] {
					t.Errorf("the end of %v is in %v, want it in the last slice", w, last)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
