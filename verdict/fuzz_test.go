package verdict

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// A rule that compiles can be judged on an empty run and on any other.
func FuzzJudge(f *testing.F) {
	for _, src := range Default(Names{}) {
		f.Add(src)
	}
	for _, src := range []string{
		"p99.9 < 1.5s && error_rate < 0.1% or not (rps > 5k/s)",
		`stage("steady").request('checkout').ok.p95 < 2 * before("kill-api").p99 + 5ms`,
		`every(10s).p99 < 500ms`, `window(60s, 90s).max < 1s`, `fault("kill-api").recovery - 5s < fault("slow-db").outage / 2`,
		"10ms < p99 < 200ms", "bytes_in / bytes_out > 1.5", "110% * p50 > p99",
	} {
		f.Add(src)
	}
	empty := run(3*time.Second, nil, nil, nil)
	rng := rand.New(rand.NewPCG(3, 4))
	var arrivals []arrival
	for range 300 {
		arrivals = append(arrivals, arrival{at: time.Duration(rng.Int64N(int64(8 * sec))), took: time.Duration(rng.Int64N(int64(sec))),
			failed: rng.IntN(4) == 0, request: names.Requests[rng.IntN(2)]})
	}
	full := run(8*sec, []timeline.Fault{fault("kill-api", 2*sec, 3*sec), fault("slow-db", 6*sec, 7*sec)}, []time.Duration{200 * ms}, arrivals)
	f.Fuzz(func(t *testing.T, src string) {
		r, wrong := Compile(src, names)
		if wrong != nil {
			return
		}
		for _, tl := range []*timeline.Timeline{empty, full} {
			rep, err := Judge([]Input{{KPI: src, Rule: r}}, tl)
			if err != nil {
				t.Fatal(err)
			}
			got := rep.Rules[0]
			switch got.Outcome {
			case Pass:
				if got.Why != "" {
					t.Errorf("passed, and says why: %s", got.Why)
				}
				if tl == empty {
					t.Errorf("passed without data: %s", src)
				}
			case Fail, Inconclusive:
				if got.Why == "" {
					t.Errorf("%s without saying why", got.Outcome)
				}
			default:
				t.Errorf("outcome %q", got.Outcome)
			}
		}
	})
}
