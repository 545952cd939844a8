package verdict

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A response time that gets longer and longer is told from one that does not, with its interval.
func TestGrowthOfLoad(t *testing.T) {
	const perHour = 90 * ms // that it grows
	rng := rand.New(rand.NewPCG(3, 4))
	load := func(gap time.Duration, grows time.Duration) []arrival {
		var out []arrival
		for at := time.Duration(0); at < 300*sec; at += gap {
			noise := time.Duration(rng.ExpFloat64() * float64(2*ms))
			out = append(out, arrival{at: at, took: 10*ms + noise + time.Duration(float64(grows)*at.Hours())})
		}
		return out
	}
	for _, tt := range []struct {
		name, kpi  string
		load       []arrival
		confidence float64
		want       Outcome
		why        string
	}{
		{"it grows", "p50.growth > 60ms/h", load(20*ms, perHour), 0, Pass, ""},
		{"it grows too fast", "p50.growth < 30ms/h", load(20*ms, perHour), 0.95, Fail, "p50.growth was "},
		{"a mean", "mean.growth < 30ms/h", load(20*ms, perHour), 0.95, Fail, ""},
		{"it does not", "p50.growth < 30ms/h", load(20*ms, 0), 0.95, Pass, ""},
		{"who can say", "p90.growth < 89ms/h", load(100*ms, perHour), 0.95, Inconclusive, "with 95% confidence it is"},
		{"too few", "p99.growth < 5ms/h", load(600*ms, 0), 0, Inconclusive, "stretches of 100 or more, and 10 are needed"},
		{"of a part", "window(100s, 250s).service.p50.growth > 30ms/h", load(20*ms, perHour), 0, Pass, ""},
		{"of what was not asked", `request("checkout").p50.growth < 5ms/h`, load(20*ms, 0), 0, Inconclusive, "nothing was due"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, wrong := Compile(tt.kpi, names)
			if wrong != nil {
				t.Fatal(wrong)
			}
			rep, err := Judge([]Input{{Rule: r, Confidence: tt.confidence}}, run(300*sec, nil, r.Limits(), tt.load))
			if err != nil {
				t.Fatal(err)
			}
			got := rep.Rules[0]
			if got.Outcome != tt.want || !strings.Contains(got.Why, tt.why) {
				t.Errorf("%s, observed %s, %q; want %s, %q", got.Outcome, got.Observed, got.Why, tt.want, tt.why)
			}
			if tt.name == "it grows" {
				const want = float64(perHour) / 3600
				if v := got.Value.Value; math.Abs(v-want) > want/3 {
					t.Errorf("grows by %v a second, want about %v", v, want)
				}
				if i := got.Interval; i == nil || *i.Low > want || *i.High < want {
					t.Errorf("interval %+v, want %v in it", i, want)
				}
			}
		})
	}
}
