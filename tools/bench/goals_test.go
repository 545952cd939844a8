package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	ms = time.Millisecond
	us = time.Microsecond
)

// figuresOf makes an outcome whose percentiles are multiples of p50.
func figuresOf(rate float64, p50 time.Duration, cpu time.Duration) outcome {
	q := quantiles{P50: p50, P90: 2 * p50, P95: 3 * p50, P99: 4 * p50, P999: 5 * p50, Max: 6 * p50}
	return outcome{figures: figures{quantiles: q, Held: q, Rate: rate, OK: int64(rate), Done: int64(rate)}, CPU: cpu, RSS: 40 << 20}
}

func with(o outcome, change func(*outcome)) outcome { change(&o); return o }

// fullSitting holds every part, with goals reached, missed, open and unknown.
func fullSitting() *sitting {
	s := &sitting{
		Rounds: 3, Each: 3 * time.Second, Rates: []int{5000, 20000, 50000}, Parts: partNames(),
		Machine: "2 cores, a CPU", Server: "nginx 1", Date: "2026-01-02",
		Tools: []tool{
			{Name: "ordeal fast", Version: "v1", How: "fast"}, {Name: "ordeal http", Version: "the same", How: "http"}, {Name: "ordeal vegeta", Version: "the same", How: "vegeta"},
			{Name: "wrk", Version: "4", How: "-c50", Open: "wrk has no open loop"}, {Name: "vegeta", Version: "v12", How: "defaults"},
			{Name: "hey", Version: "v0", How: "-c 50"}, {Name: "k6", Missing: "missing: no proxy"},
			{Name: "bombardier", Version: "v1", How: "-c 50"}, {Name: "fortio", Version: "v1", How: "-c 50"}, {Name: "plow", Missing: "missing: no module"}, {Name: "wrk2", Missing: "not measured: no package"},
		},
		Micro:    []benchmark{{"attack", "Engines/plain/fast", 13102, 0, 0}, {"record", "Record", 130.4, 16, -1}},
		MicroErr: "go test -bench: exit status 1: FAIL",
		Reasons:  map[string]string{"peak-vegeta": "It is slow.", "p50-20000": "It is late.", "p99-20000": "It is late.", "peak-wrk": "Reached, so not printed."},
		runs:     make(map[key][]outcome), skipped: make(map[key]string),
	}
	put := func(l load, tool string, runs ...outcome) { s.runs[key{l, tool}] = runs }
	p := atPeak(s)
	put(p, "ordeal fast", figuresOf(90000, 500*us, 3*time.Second), figuresOf(100000, 450*us, 3*time.Second), figuresOf(95000, 470*us, 3*time.Second))
	put(p, "ordeal http", figuresOf(40000, ms, 3*time.Second), figuresOf(40000, ms, 3*time.Second), outcome{Err: "exit status 1: boom"})
	put(p, "wrk", figuresOf(100000, 400*us, 3*time.Second), figuresOf(100000, 400*us, 3*time.Second), figuresOf(100000, 400*us, 3*time.Second))
	put(p, "vegeta", figuresOf(30000, ms, 3*time.Second), figuresOf(30000, ms, 3*time.Second), figuresOf(30000, ms, 3*time.Second))

	put(p, "bombardier", figuresOf(50000, ms, 3*time.Second), figuresOf(50000, ms, 3*time.Second), figuresOf(50000, ms, 3*time.Second))

	put(atRate(s, 5000), "ordeal fast", figuresOf(4990, 100*us, time.Second), figuresOf(4991, 150*us, time.Second), with(figuresOf(4992, 110*us, time.Second), func(o *outcome) { o.Doubt = "had doubts" }))
	put(atRate(s, 5000), "vegeta", figuresOf(2500, 90*us, 2*time.Second), outcome{Err: "exit status 1: boom"}, figuresOf(4999, 90*us, 2*time.Second))
	put(atRate(s, 20000), "ordeal fast", figuresOf(19000, 500*us, time.Second))
	put(atRate(s, 20000), "vegeta", figuresOf(4000, 3*time.Second, 4*time.Second))
	put(atRate(s, 50000), "ordeal fast", outcome{Err: "a"}, outcome{Err: "b"})
	s.skipped[key{atRate(s, 50000), "vegeta"}] = "not measured: sent 20 % of 20,000/s"

	for _, limit := range []int{10, 2000} {
		for _, engine := range []string{"ordeal fast", "ordeal http", "ordeal vegeta"} {
			put(atStall(limit), engine, outcome{figures: figures{quantiles: quantiles{P50: ms, P95: 502 * ms, P99: 897 * ms}, OK: 10000, Done: 10000}, Dealt: quantiles{P95: 501 * ms, P99: 897 * ms, Max: 999 * ms}})
		}
	}
	put(atStall(2000), "ordeal vegeta", outcome{figures: figures{quantiles: quantiles{P50: ms, P95: 502 * ms, P99: 930 * ms}, OK: 10000, Done: 10000}})
	put(atStall(10), "vegeta", outcome{figures: figures{quantiles: quantiles{P50: ms, P95: 600 * us, P99: 900 * us}, OK: 9900, Done: 9900}})

	put(atStall(10), "fortio", outcome{figures: figures{quantiles: quantiles{P50: ms, P95: ms, P99: ms}, OK: 10000, Done: 10000}, Dealt: quantiles{P95: 501 * ms, P99: 897 * ms, Max: 999 * ms}})

	truth := quantiles{P50: 10 * ms, P90: 10 * ms, P95: 50 * ms, P99: 50 * ms, P999: 200 * ms, Max: 500 * ms}
	near := quantiles{P50: 10*ms + 100*us, P90: 10*ms + 990*us, P95: 50 * ms, P99: 50 * ms, P999: 198 * ms, Max: 505 * ms}
	put(atKnown(), "ordeal fast", outcome{figures: figures{quantiles: near, OK: 10100, Done: 10100}, Dealt: truth})
	far := near
	far.P95 += 2 * ms
	put(atKnown(), "ordeal http", outcome{figures: figures{quantiles: far, OK: 10100, Done: 10100}, Dealt: truth})
	far.P999 = 0 // vegeta does not say
	put(atKnown(), "vegeta", outcome{figures: figures{quantiles: far, OK: 10100, Done: 10100}, Dealt: truth})

	put(against(s, slowManner), "ordeal fast", figuresOf(60000, ms, time.Second))
	put(against(s, slowManner), "vegeta", figuresOf(3000, ms, time.Second))
	put(against(s, busyManner), "ordeal fast", figuresOf(6000, ms, time.Second))
	put(against(s, busyManner), "vegeta", figuresOf(9000, ms, time.Second))
	put(against(s, refusesManner), "ordeal fast", outcome{figures: figures{Done: 60000, Failed: 60000}, CPU: time.Second})
	put(against(s, refusesManner), "vegeta", outcome{figures: figures{Done: 20000, Failed: 20000}, CPU: time.Second})

	put(atMemory(aMillion), "ordeal fast", with(figuresOf(99999, ms, time.Second), func(o *outcome) { o.RSS, o.OK = 50<<20, 1000000 }))
	put(atMemory(tenMillions), "ordeal fast", with(figuresOf(99998, ms, time.Second), func(o *outcome) { o.RSS, o.OK = 56<<20, 10000000 }))
	return s
}

func TestGoals(t *testing.T) {
	want := map[string]struct {
		reached  reached
		measured string
	}{
		"peak-wrk":            {yes, "0.95 ×"},
		"peak-vegeta":         {no, "3.17 ×"},
		"peak-k6":             {unknown, "k6: missing: no proxy"},
		"rate-5000":           {yes, "99.8 %"},
		"p50-5000":            {yes, "0.09 to 0.12 ×: 110 µs (with connecting 110 µs)"},
		"p99-5000":            {yes, "0.16 to 0.26 ×: 440 µs (with connecting 440 µs)"},
		"rate-20000":          {no, "95.0 %"},
		"p50-20000":           {no, "0.42 to 0.56 ×: 500 µs (with connecting 500 µs)"},
		"p99-20000":           {between, "0.74 to 1.18 ×: 2 ms (with connecting 2 ms)"},
		"rate-50000":          {unknown, "ordeal fast: no figures: a"},
		"rate-100000":         {unknown, "ordeal fast: not measured; RATES adds it"},
		"cpu-20000":           {yes, "0.25 ×, for each answer 0.05 ×"},
		"stall-fast":          {yes, "502 ms (+0.4 %), 897 ms (-0.3 %); 502 ms (+0.4 %), 897 ms (-0.3 %)"},
		"stall-vegeta":        {no, "502 ms (+0.4 %), 897 ms (-0.3 %); 502 ms (+0.4 %), 930 ms (+3.3 %)"},
		"distribution-fast":   {yes, "worst: p99.9 -2.00 ms"},
		"distribution-http":   {no, "worst: p95 +2.00 ms"},
		"distribution-vegeta": {unknown, "ordeal vegeta: not measured"},
		"overload-slow":       {yes, "20.00 ×"},
		"overload-busy":       {no, "0.67 ×"},
		"overload-refuses":    {yes, "3.00 ×"},
		"memory-growth":       {no, "1.12 ×, with 10,000,000 good answers after 1,000,000"},
		"memory-size":         {yes, "56 MiB at 99,998/s"},
	}
	s := fullSitting()
	seen := make(map[string]bool)
	for _, g := range s.goals() {
		if seen[g.ID] {
			t.Errorf("twice: %s", g.ID)
		}
		seen[g.ID] = true
		if w, ok := want[g.ID]; ok && (g.Reached != w.reached || g.Measured != w.measured) {
			t.Errorf("%s: %s, %q; want %s, %q", g.ID, g.Reached, g.Measured, w.reached, w.measured)
		}
	}
	for id := range want {
		if !seen[id] {
			t.Errorf("no goal %s", id)
		}
	}
}

// Little memory for few requests is nothing to be proud of.
func TestMemoryOfRequestsThatWereMade(t *testing.T) {
	for _, tt := range []struct {
		name         string
		ok           int64
		rate         float64
		rss          int64
		growth, size reached
	}{
		{"all of it", 10000000, 99999, 54, yes, yes},
		{"requests not made", 9999999, 99999, 54, no, yes},
		{"rate not held", 10000000, 50000, 54, yes, no},
		{"grew, and is large", 10000000, 99999, 101, no, no},
	} {
		s := fullSitting()
		s.runs[key{atMemory(tenMillions), "ordeal fast"}] = []outcome{{figures: figures{OK: tt.ok, Rate: tt.rate}, RSS: tt.rss << 20}}
		got := make(map[string]reached)
		for _, g := range s.goals() {
			got[g.ID] = g.Reached
		}
		if got["memory-growth"] != tt.growth || got["memory-size"] != tt.size {
			t.Errorf("%s: growth %s, size %s", tt.name, got["memory-growth"], got["memory-size"])
		}
	}
}

// Without figures every goal stands there all the same, and says what adds them.
func TestGoalsNotMeasured(t *testing.T) {
	s := &sitting{Rounds: 1, Each: time.Second, Rates: []int{5000}, Parts: []string{micro}, Tools: fullSitting().Tools}
	all := s.goals()
	if len(all) != len(fullSitting().goals()) {
		t.Errorf("%d goals", len(all))
	}
	for _, g := range all {
		if g.Reached != unknown || !strings.HasPrefix(g.Measured, "not measured; PARTS=") {
			t.Errorf("%s: %s, %q", g.ID, g.Reached, g.Measured)
		}
	}
}

// Every reason names goals that there are.
func TestReasonsNameGoals(t *testing.T) {
	var ids []string
	for _, g := range fullSitting().goals() {
		ids = append(ids, g.ID)
	}
	for id, why := range reasons(reasonsText) {
		if !slices.Contains(ids, id) {
			t.Errorf("reasons.md: no goal %q; there are %s", id, strings.Join(ids, ", "))
		}
		if why == "" {
			t.Errorf("reasons.md: nothing below %s", id)
		}
	}
}

// A reason is printed while its goal is missed, once for all goals that share it.
func TestShortfalls(t *testing.T) {
	why := reasons("For people.\n\n## a b\nOne\nreason.\n\n## c\nAnother.\n")
	if want := map[string]string{"a": "One reason.", "b": "One reason.", "c": "Another."}; !maps.Equal(why, want) {
		t.Fatalf("got  %q\nwant %q", why, want)
	}
	a, b, c, d := goal{ID: "a", Reached: no}, goal{ID: "b", Reached: between}, goal{ID: "c", Reached: yes}, goal{ID: "d", Reached: no}
	e := goal{ID: "e", Reached: unknown}
	got := shortfalls([]goal{a, d, b, c, e}, why)
	want := []shortfall{{[]goal{a, b}, "One reason."}, {[]goal{d}, ""}}
	if !slices.EqualFunc(got, want, func(x, y shortfall) bool { return x.Why == y.Why && slices.Equal(x.Goals, y.Goals) }) {
		t.Errorf("got %+v", got)
	}
}

// A peer that fails at a rate is not asked for more; ordeal always is.
func TestGiveUp(t *testing.T) {
	s := &sitting{Each: time.Second, Rates: []int{100, 1000, 5000}, runs: make(map[key][]outcome), skipped: make(map[key]string)}
	for _, name := range []string{"vegeta", "ordeal fast"} {
		s.runs[key{atRate(s, 1000), name}] = []outcome{figuresOf(990, ms, 0), figuresOf(700, ms, 0)}
	}
	s.runs[key{atRate(s, 1000), "hey"}] = []outcome{figuresOf(760, ms, 0), {Err: "no figures"}}
	for _, tt := range []struct {
		tool string
		l    load
		want bool
	}{
		{"vegeta", atRate(s, 5000), true},
		{"vegeta", atRate(s, 1000), false}, // its own rate goes on being measured
		{"vegeta", atRate(s, 100), false},
		{"vegeta", atPeak(s), false},
		{"vegeta", against(s, slowManner), false},
		{"hey", atRate(s, 5000), false},
		{"ordeal fast", atRate(s, 5000), false},
	} {
		if got := s.giveUp(key{tt.l, tt.tool}); got != tt.want {
			t.Errorf("%s at %v: %v", tt.tool, tt.l, got)
		}
	}
	if got := s.skipped[key{atRate(s, 5000), "vegeta"}]; got != "not measured: sent 70 % of 1,000/s" {
		t.Error(got)
	}
}
