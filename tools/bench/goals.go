package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
)

// reached says how a goal stands.
type reached string

const (
	yes      reached = "yes"
	no       reached = "**no**"
	between  reached = "open" // the figure it is held against is a range, and it lies within
	unknown  reached = "–"
	notAsked         = "not measured; PARTS=%s adds it"
)

func either(ok bool) reached {
	if ok {
		return yes
	}
	return no
}

// goal is one of what ordeal is to reach. ID is what reasons.md calls it.
type goal struct {
	ID, Text, Measured string
	Reached            reached
}

// wrk2's figures, which cannot be had in this sitting, were measured earlier on
// such a machine at 5,000 to 100,000/s, after its calibration of ten seconds.
var (
	wrk2P50 = window{900 * time.Microsecond, 1200 * time.Microsecond}
	wrk2P99 = window{1700 * time.Microsecond, 2700 * time.Microsecond}
)

// goalRates are the rates of the open loop that goals name.
var goalRates = []int{5000, 20000, 50000, 100000}

const (
	memoryLimit  = 100 << 20
	memoryGrowth = 1.1
	memoryRate   = 100000
	tenMillion   = 10_000_000
)

// goals holds what was measured against what is to be reached.
func (s *sitting) goals() (out []goal) {
	subject := s.Tools[0].Name
	add := func(id, text, measured string, r reached) {
		out = append(out, goal{id, text, measured, r})
	}
	// absent adds a goal that nothing was measured for, and why.
	absent := func(id, text string, l load, tool string) {
		why := s.whyNot(l, tool)
		if s.Chose(l.Part) {
			why = tool + ": " + why
		}
		add(id, text, why, unknown)
	}

	for _, g := range []struct {
		peer  string
		least float64
	}{{"wrk", 0.85}, {"vegeta", 4}, {"k6", 9}} {
		id, text := "peak-"+g.peer, fmt.Sprintf("peak: ≥ %g × %s", g.least, g.peer)
		if x := s.ratio(atPeak(s), subject, g.peer, rateOf); x > 0 {
			add(id, text, fmt.Sprintf("%.2f ×", x), either(x >= g.least))
		} else if len(s.good(atPeak(s), subject)) == 0 {
			absent(id, text, atPeak(s), subject)
		} else {
			absent(id, text, atPeak(s), g.peer)
		}
	}

	for _, rate := range goalRates {
		l := atRate(s, rate)
		name := thousands(int64(rate)) + "/s: "
		id := fmt.Sprintf("rate-%d", rate)
		text := fmt.Sprintf("%s≥ %.1f %% of the rate", name, 100*held)
		good := s.good(l, subject)
		if len(good) == 0 {
			absent(id, text, l, subject)
		} else {
			share := median(good, rateOf) / float64(rate)
			add(id, text, fmt.Sprintf("%.1f %%", 100*share), either(share >= held))
		}
		for _, g := range []struct {
			id, text string
			most     float64
			wrk2     window
			of       func(quantiles) time.Duration
		}{
			{"p50", "p50 ≤ 0.2 × wrk2", 0.2, wrk2P50, func(q quantiles) time.Duration { return q.P50 }},
			{"p99", "p99 ≤ 1 × wrk2", 1, wrk2P99, func(q quantiles) time.Duration { return q.P99 }},
		} {
			id, text := fmt.Sprintf("%s-%d", g.id, rate), name+g.text
			if len(good) == 0 {
				absent(id, text, l, subject)
				continue
			}
			got := median(good, func(o outcome) time.Duration { return g.of(o.Held) })
			whole := median(good, func(o outcome) time.Duration { return g.of(o.quantiles) })
			high, low := float64(got)/float64(g.wrk2.from), float64(got)/float64(g.wrk2.to)
			r := between
			if high <= g.most {
				r = yes
			} else if low > g.most {
				r = no
			}
			add(
				id,
				text,
				fmt.Sprintf(
					"%.2f to %.2f ×: %s (with connecting %s)",
					low,
					high,
					short(got),
					short(whole),
				),
				r,
			)
		}
	}

	l := atRate(s, 20000)
	text := "20,000/s: ≤ 0.5 × the CPU seconds of vegeta"
	if x := s.ratio(l, subject, "vegeta", cpu); x > 0 {
		add(
			"cpu-20000",
			text,
			fmt.Sprintf(
				"%.2f ×, for each answer %.2f ×",
				x,
				s.ratio(l, subject, "vegeta", cpuOfAnswer),
			),
			either(x <= 0.5),
		)
	} else if len(s.good(l, subject)) == 0 {
		absent("cpu-20000", text, l, subject)
	} else {
		absent("cpu-20000", text, l, "vegeta")
	}

	for _, engine := range []string{"fast", "http", "vegeta"} {
		tool := "ordeal " + engine
		text := fmt.Sprintf(
			"stall: engine %s with 10 and 2,000 open: p95 and p99 within 1 %% of 500 and 900 ms",
			engine,
		)
		var measured []string
		ok := true
		for _, limit := range []int{10, 2000} {
			o, found := s.one(atStall(limit), tool)
			if !found {
				measured = nil
				absent("stall-"+engine, text, atStall(limit), tool)
				break
			}
			measured = append(
				measured,
				fmt.Sprintf("%s, %s", off(o.P95, stallTruth.P95), off(o.P99, stallTruth.P99)),
			)
			ok = ok && withinPercent(o.P95, stallTruth.P95) && withinPercent(o.P99, stallTruth.P99)
		}
		if measured != nil {
			add("stall-"+engine, text, strings.Join(measured, "; "), either(ok))
		}
	}

	for _, engine := range []string{"fast", "http", "vegeta"} {
		tool := "ordeal " + engine
		id, text := "distribution-"+engine, fmt.Sprintf(
			"known distribution: engine %s, all percentiles within 1 ms or 1 %%",
			engine,
		)
		if o, ok := s.one(atKnown(), tool); ok {
			worst, all := o.errors()
			add(id, text, "worst: "+worst, either(all))
		} else {
			absent(id, text, atKnown(), tool)
		}
	}

	for _, from := range []string{slowManner, busyManner, refusesManner} {
		l := against(s, from)
		id, text := "overload-"+from, fmt.Sprintf(
			"overload, server %s: per CPU second no fewer than vegeta",
			from,
		)
		if x := s.ratio(l, subject, "vegeta", perCPU); x > 0 {
			add(id, text, fmt.Sprintf("%.2f ×", x), either(x >= 1))
		} else if len(s.good(l, subject)) == 0 {
			absent(id, text, l, subject)
		} else {
			absent(id, text, l, "vegeta")
		}
	}

	before, ok := s.one(atMemory(aMillion), subject)
	after, ok2 := s.one(atMemory(tenMillions), subject)
	growth, size := "RSS after 10 million requests ≤ 1.1 × after 1 million", "RSS at 100,000/s < 100 MiB"
	if ok && ok2 {
		x := float64(after.RSS) / float64(max(before.RSS, 1))
		// Of requests that were not made nothing can be said.
		made := after.OK >= tenMillion && before.OK <= after.OK/5
		fast := after.Rate >= held*memoryRate
		add(
			"memory-growth",
			growth,
			fmt.Sprintf(
				"%.2f ×, with %s good answers after %s",
				x,
				thousands(after.OK),
				thousands(before.OK),
			),
			either(made && x <= memoryGrowth),
		)
		add(
			"memory-size",
			size,
			fmt.Sprintf("%d MiB at %s/s", after.RSS>>20, thousands(int64(after.Rate))),
			either(fast && after.RSS < memoryLimit),
		)
	} else {
		absent("memory-growth", growth, atMemory(tenMillions), subject)
		absent("memory-size", size, atMemory(tenMillions), subject)
	}
	return out
}

// whyNot says why there is no figure of a tool under a load.
func (s *sitting) whyNot(l load, tool string) string {
	k := key{l, tool}
	switch runs := s.runs[k]; {
	case !s.Chose(l.Part):
		return fmt.Sprintf(notAsked, l.Part)
	case s.tool(tool).why(l) != "":
		return s.tool(tool).why(l)
	case s.skipped[k] != "":
		return s.skipped[k]
	case len(runs) > 0:
		return "no figures: " + runs[0].Err
	case l.Part == open && !slices.Contains(s.Rates, l.Rate):
		return "not measured; RATES adds it"
	}
	return "not measured"
}

// off is a time and how far it is from the truth.
func off(got, truth time.Duration) string {
	return fmt.Sprintf("%s (%+.1f %%)", short(got), 100*float64(got-truth)/float64(truth))
}

// errors compares a run with what its server dealt: the worst percentile that the
// tool says, and whether all of them are right.
func (o outcome) errors() (worst string, all bool) {
	all = true
	most := -1.0
	for _, q := range compared {
		got, truth := q.of(o.quantiles), q.of(o.Dealt)
		if got == 0 {
			continue
		}
		all = all && right(got, truth)
		// In units of what is allowed.
		if e := float64((got - truth).Abs()) / float64(max(time.Millisecond, truth/100)); e > most {
			most, worst = e, fmt.Sprintf("%s %s", q.name, apart(got, truth))
		}
	}
	return worst, all
}

// apart is how far a time is from the truth, with its sign.
func apart(got, truth time.Duration) string {
	return fmt.Sprintf("%+.2f ms", float64(got-truth)/float64(time.Millisecond))
}

//go:embed reasons.md
var reasonsText string

// reasons reads the text of reasons.md: under each heading "## ID [ID ...]", why those goals
// were missed, as far as it is known.
func reasons(text string) map[string]string {
	out := make(map[string]string)
	var ids []string
	for line := range strings.Lines(text) {
		if head, ok := strings.CutPrefix(line, "## "); ok {
			ids = strings.Fields(head)
			continue
		}
		for _, id := range ids {
			out[id] += line
		}
	}
	for id := range out {
		out[id] = strings.Join(strings.Fields(out[id]), " ")
	}
	return out
}

// shortfall is what was missed and why.
type shortfall struct {
	Goals []goal
	Why   string
}

// shortfalls are the goals that were missed, those with one reason together; a
// reason for a goal that was reached is not in it.
func shortfalls(goals []goal, why map[string]string) (out []shortfall) {
	for _, g := range goals {
		if g.Reached != no && g.Reached != between {
			continue
		}
		if i := slices.IndexFunc(out, func(f shortfall) bool { return f.Why == why[g.ID] }); i >= 0 {
			out[i].Goals = append(out[i].Goals, g)
			continue
		}
		out = append(out, shortfall{[]goal{g}, why[g.ID]})
	}
	return out
}
