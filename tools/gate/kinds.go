package main

import (
	"fmt"
	"strings"
	"time"
)

// kind is one scenario, how it is disturbed, and what must come out.
type kind struct {
	name string
	many bool // is run 20 times
	// scenario is the file; HOST:PORT of the targets stand in it as {good}, {failing},
	// {hanging} and {slow}.
	scenario string
	// stops are drawn for each run: see busy and once.
	stops func(*trial) stopper
	want  string   // the verdict
	fails []string // rules that must fail; all others must pass
	// mayDoubt says that rules may be inconclusive, if only none fails.
	mayDoubt bool
}

const load = `attack:
  arrivals: poisson
  timeout: 2s
  requests:
    - { name: browse, weight: 9, get: /products }
    - { name: search, weight: 1, get: /search?q=tea }
  stages:
    - { name: warmup, rate: 40/s, for: 1s, judged: false }
    - { name: steady, rate: 150/s, for: 9s }
`

// Each limit is some ten times what the good target takes, or far from what it does.
const rules = `verdict:
  - p50 < 300ms
  - p99 < 1s
  - mean < 300ms
  - error_rate < 0.1%
  - availability > 99.9%
  - errors == 0
  - rps > 75/s
  - request("browse").p95 < 1s
  - every(3s).error_rate < 1%
  - every(3s).rps > 60/s
  - window(2s, 8s).p95 < 1s
  - p95 < 100 * p50
`

const crowd = `attack:
  timeout: 2s
  requests:
    - { name: browse, get: /products }
  stages:
    - { name: crowd, users: 10, think: 50ms, for: 9s }
verdict:
  - p99 < 1s
  - error_rate < 0.2%
  - rps > 40/s
`

const broken = `services:
  shop: { builtin: shop }
  hop:  { link: { upstream: "${shop.addr}" } }
target: http://${hop.addr}
attack:
  timeout: 2s
  requests:
    - { name: browse, get: /products }
  stages:
    - { name: steady, rate: 60/s, for: 16s }
chaos:
  - { name: die, at: 3s, kill: { service: shop }, restart_after: 1s }
  - { name: slow, at: 11s, for: 2s, latency: { service: hop, delay: 30ms } }
verdict:
  - before("die").error_rate < 1%
  - after("die").error_rate < 1%
  - before("die").p95 < 1s
  - during("slow").p95 < 1s
  - during("slow").error_rate < 1%
  - after("slow").p95 < 1s
  - fault("die").recovery < 6s
  - fault("die").outage < 6s
  - fault("slow").outage < 1s
`

func kinds() []kind {
	through := func(scenario, target string) string {
		return "services:\n  hop: { link: { upstream: \"{" + target + "}\" } }\ntarget: http://${hop.addr}\n" + scenario
	}
	at := func(scenario, target string) string { return "target: http://{" + target + "}\n" + scenario }
	return []kind{
		{name: "good", many: true, scenario: at(load+rules, "good"), stops: busy, want: "pass"},
		{name: "bad", many: true, scenario: at(load+rules, "failing"), stops: busy, want: "fail",
			fails: []string{
				"error_rate < 0.1%",
				"availability > 99.9%",
				"errors == 0",
				"every(3s).error_rate < 1%",
			}},
		{
			name:     "bad-hangs",
			scenario: at(load+"verdict:\n  - error_rate < 0.1%\n  - p50 < 300ms\n", "hanging"),
			stops:    busy,
			want:     "fail",
			fails:    []string{"error_rate < 0.1%"},
		},
		{
			name:     "bad-slow",
			scenario: at(load+"verdict:\n  - p50 < 50ms\n  - error_rate < 0.1%\n", "slow"),
			stops:    busy,
			want:     "fail",
			fails:    []string{"p50 < 50ms"},
		},
		{name: "good-users", scenario: at(crowd, "good"), stops: busy, want: "pass"},
		{name: "good-faults", scenario: broken, stops: busy, want: "pass"},
		{
			name:     "stop-2s",
			scenario: at(load+rules, "good"),
			stops:    once,
			want:     "no failure",
			mayDoubt: true,
		},
		{
			name:     "stop-2s-link",
			scenario: through(load+rules, "good"),
			stops:    once,
			want:     "no failure",
			mayDoubt: true,
		},
		{
			name:     "stop-2s-users",
			scenario: at(crowd, "good"),
			stops:    once,
			want:     "no failure",
			mayDoubt: true,
		},
		{name: "stop-2s-faults", scenario: broken, stops: once, want: "no failure", mayDoubt: true},
	}
}

func names() string {
	var out []string
	for _, k := range kinds() {
		out = append(out, k.name)
	}
	return strings.Join(out, ", ")
}

// stopper says how long ordeal goes on until it is stopped next, and for how long then;
// false if it is left alone from now on.
type stopper func() (run, stop time.Duration, ok bool)

// busy stops ordeal for 60 to 120 ms, one to three times a second, as a crowded
// hypervisor does.
func busy(t *trial) stopper {
	rng := t.rng()
	return func() (time.Duration, time.Duration, bool) {
		stop := 60*time.Millisecond + time.Duration(rng.Int64N(int64(60*time.Millisecond)))
		period := time.Second/3 + time.Duration(rng.Int64N(int64(2*time.Second/3)))
		return period - stop, stop, true
	}
}

// once stops ordeal for 2 s, 4 to 6 s after its start.
func once(t *trial) stopper {
	rng, done := t.rng(), false
	return func() (time.Duration, time.Duration, bool) {
		if done {
			return 0, 0, false
		}
		done = true
		return 4*time.Second + time.Duration(
			rng.Int64N(int64(2*time.Second)),
		), 2 * time.Second, true
	}
}

// fill puts the targets' addresses into a scenario.
func (k *kind) fill(t *targets, seed int) string {
	s := fmt.Sprintf("name: gate %s\nseed: %d\n", k.name, seed) + k.scenario
	for name, addr := range t.addrs {
		s = strings.ReplaceAll(s, "{"+name+"}", addr)
	}
	return s
}
