package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/verdict"
)

// mostFalse is the share of false passes that confidence: 95% may have.
const mostFalse = 0.05

// kind is a kind of rule.
type kind struct {
	name string // as it stands in the table
	// rule asks that a figure be so many times the true one; it holds in truth if that is more than
	// 1.
	rule func(w *world, times float64) string
	// truth is the true figure; 0: not one figure.
	truth func(w *world) float64
	// steady says that it is only asked of a world without bursts: what is true of one slice of
	// another nobody can say.
	steady bool
}

var kinds = []kind{
	{
		name: "`error_rate < L`",
		rule: func(w *world, times float64) string {
			return fmt.Sprintf("error_rate < %.8f%%", 100*times*w.errorRate())
		},
		truth: (*world).errorRate,
	},
	{
		name: "`availability > L`",
		rule: func(w *world, times float64) string {
			return fmt.Sprintf("availability > %.8f%%", 100*(1-times*w.errorRate()))
		},
		truth: func(w *world) float64 { return 1 - w.errorRate() },
	},
	percentile("p50", 0.50), percentile("p95", 0.95), percentile("p99", 0.99),
	{
		name: "`during(\"fault\").error_rate < L`",
		rule: func(w *world, times float64) string {
			return fmt.Sprintf(`during("fault").error_rate < %.8f%%`, 100*times*w.errorRate())
		},
		truth: (*world).errorRate,
	},
	{
		name: "`after(\"fault\").p95 < x * before(\"fault\").p95`",
		rule: func(_ *world, times float64) string {
			return fmt.Sprintf(`after("fault").p95 < %.8f * before("fault").p95`, times)
		},
	},
	{
		name: "`every(30s).error_rate < L`", steady: true,
		rule: func(w *world, times float64) string {
			return fmt.Sprintf("every(30s).error_rate < %.8f%%", 100*times*w.errorRate())
		},
	},
}

func percentile(name string, q float64) kind {
	return kind{
		name: fmt.Sprintf("`%s < L`", name),
		rule: func(w *world, times float64) string {
			return fmt.Sprintf("%s < %dns", name, int64(times*float64(w.quantile(q))))
		},
		truth: func(w *world) float64 { return float64(w.quantile(q)) },
	}
}

// limits are where the limit lies, as multiples of the true figure. At the true figure a rule with
// < does not hold.
var limits = []float64{0.5, 0.95, 1, 1.05, 2}

const (
	half = iota
	justUnder
	at
	justOver
	twice
)

// tally counts outcomes of one rule.
type tally struct {
	pass, fail, inconclusive int
	missed                   int // intervals that do not hold the truth
	intervals                int
}

// decisions judges runs of every world by every kind of rule, with and without confidence. It
// returns the table and what was wrong too often.
func decisions(runs int, seed uint64) (table string, wrong []string, err error) {
	var b strings.Builder
	b.WriteString("| rule | bursts | pass, limit 5 % under | pass, limit at the truth " +
		"| fail, limit 5 % over | **sure:** pass, 5 % under | pass, at the truth | fail, 5 % over " +
		"| undecided, 5 % over | undecided, twice | interval misses |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|\n")
	for i := range worlds {
		w := &worlds[i]
		point, sure, err := w.judge(runs, seed+uint64(i)<<32)
		if err != nil {
			return "", nil, err
		}
		for k := range kinds {
			if kinds[k].steady && w.bad > 0 {
				continue
			}
			p, s := point[k], sure[k]
			share := func(n int) string { return percent(n, runs) }
			misses := "–"
			if p[at].intervals > 0 {
				misses = percent(p[at].missed, p[at].intervals)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
				kinds[k].name, w.lastsFor,
				share(p[justUnder].pass), share(p[at].pass), share(p[justOver].fail),
				share(s[justUnder].pass), share(s[at].pass), share(s[justOver].fail),
				share(s[justOver].inconclusive), share(s[twice].inconclusive), misses)
			for l, times := range limits[:at+1] {
				if n := s[l].pass; !w.rare && float64(n) > mostFalse*float64(runs) {
					wrong = append(wrong, fmt.Sprintf(
						"%s, %s, limit at %v of the truth: %s false passes with confidence: 95%%",
						kinds[k].name, w.name, times, share(n)))
				}
			}
		}
	}
	return b.String(), wrong, nil
}

func percent(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of)) }

// judge judges runs of a world by every kind of rule and every limit, by what was observed and with
// confidence.
func (w *world) judge(runs int, seed uint64) (point, sure [][]tally, err error) {
	var inputs []verdict.Input
	var exact []time.Duration
	for k := range kinds {
		for _, times := range limits {
			text := kinds[k].rule(w, times)
			rule, wrong := verdict.Compile(text, verdict.Names{
				Stages: []string{"steady"}, Requests: []string{"home"}, Faults: []string{"fault"},
			})
			if wrong != nil {
				return nil, nil, fmt.Errorf("%s: %v", text, wrong)
			}
			exact = append(exact, rule.Limits()...)
			inputs = append(inputs,
				verdict.Input{KPI: text, Rule: rule},
				verdict.Input{KPI: text, Rule: rule, Confidence: 0.95})
		}
	}
	point, sure = tallies(), tallies()
	var mu sync.Mutex
	err = parallel(runs, func(i int) error {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		report, err := verdict.Judge(inputs, w.run(r, exact))
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for n := range report.Rules {
			k, l := n/2/len(limits), n/2%len(limits)
			to := &point[k][l]
			if n%2 == 1 {
				to = &sure[k][l]
			}
			to.add(&report.Rules[n], kinds[k], w)
		}
		return nil
	})
	return point, sure, err
}

func tallies() [][]tally {
	out := make([][]tally, len(kinds))
	for i := range out {
		out[i] = make([]tally, len(limits))
	}
	return out
}

func (t *tally) count(r *verdict.RuleResult) {
	switch r.Outcome {
	case verdict.Pass:
		t.pass++
	case verdict.Fail:
		t.fail++
	default:
		t.inconclusive++
	}
}

func (t *tally) add(r *verdict.RuleResult, k kind, w *world) {
	t.count(r)
	if k.truth == nil || r.Interval == nil {
		return
	}
	t.intervals++
	truth := k.truth(w)
	if low := r.Interval.Low; low != nil && truth < *low {
		t.missed++
	}
	if high := r.Interval.High; high != nil && truth > *high {
		t.missed++
	}
}
