package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

type key struct {
	load
	tool string
}

// sitting is all that was measured in one go.
type sitting struct {
	Rounds                int
	Each                  time.Duration
	Rates                 []int
	Parts                 []string // those that were chosen
	Tools                 []tool   // the subject first
	Machine, Server, Date string
	Micro                 []benchmark
	MicroErr              string
	Reasons               map[string]string // why goals are missed, by ID

	runs    map[key][]outcome
	skipped map[key]string // why a tool was not measured, or not any more
}

// held is the share of the rate below which it counts as not held.
const held = 0.995

// hopeless is the share of a rate below which a peer is not asked for more.
const hopeless = 0.75

// disturbed is the share of the cores from which on others' work is said to
// have got into the figures.
const disturbed = 0.05

func (s *sitting) Chose(part string) bool { return slices.Contains(s.Parts, part) }

func (s *sitting) tool(name string) tool {
	if i := slices.IndexFunc(s.Tools, func(t tool) bool { return t.Name == name }); i >= 0 {
		return s.Tools[i]
	}
	return tool{Name: name, Missing: "not in this sitting"}
}

// giveUp says that a peer need not be measured, as it sent far less than it was
// asked for at a lower rate: it would only take time. ordeal is always asked.
func (s *sitting) giveUp(k key) bool {
	if k.Part != open || ours(k.tool) {
		return false
	}
	for _, r := range s.Rates {
		lower := k
		if lower.Rate = r; r >= k.Rate {
			continue
		}
		for _, o := range s.runs[lower] {
			if o.Err == "" && o.Rate < hopeless*float64(r) {
				s.skipped[k] = fmt.Sprintf(
					"not measured: sent %.0f %% of %s/s",
					100*o.Rate/float64(r),
					thousands(int64(r)),
				)
				return true
			}
		}
	}
	return false
}

func ours(tool string) bool { return strings.HasPrefix(tool, "ordeal ") }

// good are the runs that have figures.
func (s *sitting) good(l load, tool string) []outcome {
	return slices.DeleteFunc(
		slices.Clone(s.runs[key{l, tool}]),
		func(o outcome) bool { return o.Err != "" },
	)
}

// one is the run of a part that is measured once.
func (s *sitting) one(l load, tool string) (outcome, bool) {
	if good := s.good(l, tool); len(good) > 0 {
		return good[len(good)-1], true
	}
	return outcome{}, false
}

func median[T cmp.Ordered](of []outcome, f func(outcome) T) T {
	v := make([]T, len(of))
	for i, o := range of {
		v[i] = f(o)
	}
	return middle(v)
}

// middle is the median; the lower of two in the middle, as times cannot flatter
// anyone by a value that nobody measured.
func middle[T cmp.Ordered](v []T) T {
	v = slices.Sorted(slices.Values(v))
	return v[(len(v)-1)/2]
}

// ratio is the median of tool over base, round by round: what slowed a whole
// round down is in both. 0 if no round has both.
func (s *sitting) ratio(l load, tool, base string, f func(outcome) float64) float64 {
	a, b := s.runs[key{l, tool}], s.runs[key{l, base}]
	var v []float64
	for i := range min(len(a), len(b)) {
		if a[i].Err == "" && b[i].Err == "" && f(b[i]) > 0 {
			v = append(v, f(a[i])/f(b[i]))
		}
	}
	if len(v) == 0 {
		return 0
	}
	return middle(v)
}

func rateOf(o outcome) float64 { return o.Rate }
func p50Of(o outcome) float64  { return float64(o.P50) }
func p99Of(o outcome) float64  { return float64(o.P99) }
func cpu(o outcome) float64    { return o.CPU.Seconds() }

// cpuOfAnswer is CPU per good answer: a tool that sends less must not look cheap.
func cpuOfAnswer(o outcome) float64 { return o.CPU.Seconds() / float64(max(o.OK, 1)) }

// perCPU is good answers per CPU second; of a server that gives none, requests
// that came to an end.
func perCPU(o outcome) float64 {
	n := o.OK
	if n == 0 {
		n = o.Done
	}
	return float64(n) / max(o.CPU.Seconds(), 1e-9)
}

// quantile is one of those that are compared with a truth.
type quantile struct {
	name string
	of   func(quantiles) time.Duration
}

var compared = []quantile{
	{"p50", func(q quantiles) time.Duration { return q.P50 }},
	{"p90", func(q quantiles) time.Duration { return q.P90 }},
	{"p95", func(q quantiles) time.Duration { return q.P95 }},
	{"p99", func(q quantiles) time.Duration { return q.P99 }},
	{"p99.9", func(q quantiles) time.Duration { return q.P999 }},
	{"max", func(q quantiles) time.Duration { return q.Max }},
}

// right says that a percentile is within 1 ms or 1 % of the truth.
func right(got, truth time.Duration) bool {
	return (got - truth).Abs() <= max(time.Millisecond, truth/100)
}

// What arithmetic says of the stall test: a tenth of the arrivals fall into the
// stall and wait 1,000 to 0 ms, evenly.
var stallTruth = quantiles{P95: 500 * time.Millisecond, P99: 900 * time.Millisecond}

// withinPercent says that got is within 1 % of the truth.
func withinPercent(got, truth time.Duration) bool { return (got - truth).Abs() <= truth/100 }
