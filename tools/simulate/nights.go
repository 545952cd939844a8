package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// A service that is run every night. What differs from night to night, and within one, is given;
// docs/verdicts.md says it in words.
const (
	nightLength   = 30 * time.Minute
	nightRate     = 50 // requests a second, one in ten of which is a checkout
	nightStep     = 10 * time.Second
	nightSpread   = 0.015 // of the logarithm of all times of a night
	wanderSpread  = 0.03  // of that of 10 s, half of which lasts into the next
	nightErrors   = 0.01  // of checkouts
	errorsSpread  = 0.10  // of the logarithm of their rate, from night to night
	slowdown      = 1.15  // planted
	slowFrom      = 3 * time.Minute
	moreErrors    = 0.02 // planted
	historyLength = 20
	quietNights   = 5 // of a series, that are judged without anything planted
)

const (
	mostAlarms  = 0.05 // of nights without anything planted
	leastAlarms = 0.95 // of those with it
)

// planted is what is wrong in a night.
type planted struct {
	slower bool // from slowFrom on
	errors bool
}

// night makes one up.
func night(r *rand.Rand, p planted, limits []time.Duration) *timeline.Timeline {
	tl := &timeline.Timeline{
		Name: "nightly", Duration: nightLength, LateBudget: time.Second,
		Stages: []timeline.Stage{
			{Name: "steady", Window: timeline.Window{To: nightLength}, Judged: true},
		},
		Requests: []string{"browse", "checkout"},
	}
	tonight := math.Exp(nightSpread * r.NormFloat64())
	errors := nightErrors * math.Exp(errorsSpread*r.NormFloat64())
	if p.errors {
		errors += moreErrors
	}
	var all []timeline.Interval
	wander := 0.0
	for at := time.Duration(0); at < nightLength; at += nightStep {
		wander = wander/2 + math.Sqrt(0.75)*wanderSpread*r.NormFloat64()
		typical := float64(median) * tonight * math.Exp(wander)
		if p.slower && at >= slowFrom {
			typical *= slowdown
		}
		browse, checkout := timeline.NewStats(limits), timeline.NewStats(limits)
		for i := range nightRate * int(nightStep/time.Second) {
			took := time.Duration(typical * math.Exp(sigma*r.NormFloat64()))
			s := browse
			if i%10 == 0 {
				s = checkout
			}
			s.Planned++
			s.Done++
			s.Answered++
			if s == checkout && r.Float64() < errors {
				s.Failed++
				s.Err.Record(took)
				continue
			}
			s.AnsweredOK++
			s.OK.Record(took)
		}
		all = append(all, timeline.Interval{
			Window: timeline.Window{From: at, To: at + nightStep},
			Cells: []timeline.Cell{
				{Key: timeline.Key{Stage: "steady", Request: "browse"}, Stats: browse},
				{Key: timeline.Key{Stage: "steady", Request: "checkout"}, Stats: checkout},
			},
		})
	}
	tl.Intervals = func(yield func(timeline.Interval, error) bool) {
		for _, iv := range all {
			if !yield(iv, nil) {
				return
			}
		}
	}
	return tl
}

// nightRules are judged every night.
var nightRules = []struct {
	name, kpi  string
	confidence float64
	wrong      planted // what they should find
}{
	{"`p99 < history(20).p99`", "p99 < history(20).p99", 0, planted{slower: true}},
	{
		"`request(\"checkout\").error_rate < history(20).request(\"checkout\").error_rate`",
		`request("checkout").error_rate < history(20).request("checkout").error_rate`,
		0, planted{errors: true},
	},
	{
		"the same with `confidence: 95%`",
		`request("checkout").error_rate < history(20).request("checkout").error_rate`,
		0.95, planted{errors: true},
	},
}

// nights judges series of nights. It returns the table and what was wrong too often.
func nights(series int, seed uint64) (table string, wrong []string, err error) {
	var inputs []verdict.Input
	names := verdict.Names{Stages: []string{"steady"}, Requests: []string{"browse", "checkout"}}
	for _, n := range nightRules {
		rule, mistakes := verdict.Compile(n.kpi, names)
		if mistakes != nil {
			return "", nil, fmt.Errorf("%s: %v", n.kpi, mistakes)
		}
		inputs = append(inputs, verdict.Input{KPI: n.kpi, Rule: rule, Confidence: n.confidence})
	}
	var mu sync.Mutex
	quiet := make([]tally, len(nightRules))
	bad := make([]tally, len(nightRules))
	err = parallel(series, func(i int) error {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		earlier := &verdict.Earlier{TooFew: "more nights are to come"}
		for range historyLength {
			past, err := verdict.Keep(night(r, planted{}, nil))
			if err != nil {
				return err
			}
			earlier.Accepted = append(earlier.Accepted, past)
		}
		judge := func(p planted, count func(n int, x *verdict.RuleResult)) error {
			asked := make([]verdict.Input, len(inputs))
			copy(asked, inputs)
			for n := range asked {
				asked[n].Earlier = earlier
			}
			report, err := verdict.Judge(asked, night(r, p, nil))
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for n := range report.Rules {
				count(n, &report.Rules[n])
			}
			return nil
		}
		for range quietNights {
			err := judge(planted{}, func(n int, x *verdict.RuleResult) { quiet[n].count(x) })
			if err != nil {
				return err
			}
		}
		for _, p := range []planted{{slower: true}, {errors: true}} {
			err := judge(p, func(n int, x *verdict.RuleResult) {
				if nightRules[n].wrong == p {
					bad[n].count(x)
				}
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	var b strings.Builder
	b.WriteString("| rule | planted | alarms with it | undecided with it | alarms without " +
		"| undecided without |\n|---|---|---|---|---|---|\n")
	for n, x := range nightRules {
		what := "p99 15 % slower from minute 3 on"
		if x.wrong.errors {
			what = "2 points more errors of one request in ten"
		}
		with, without := bad[n], quiet[n]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", x.name, what,
			percent(with.fail, series), percent(with.inconclusive, series),
			percent(without.fail, series*quietNights),
			percent(without.inconclusive, series*quietNights))
		if float64(with.fail) < leastAlarms*float64(series) {
			wrong = append(wrong, fmt.Sprintf("%s: alarms in %s of nights with %s, at least %.0f %% wanted",
				x.name, percent(with.fail, series), what, 100*leastAlarms))
		}
		if float64(without.fail) > mostAlarms*float64(series*quietNights) {
			wrong = append(wrong, fmt.Sprintf("%s: alarms in %s of nights without, at most %.0f %% wanted",
				x.name, percent(without.fail, series*quietNights), 100*mostAlarms))
		}
	}
	return b.String(), wrong, nil
}
