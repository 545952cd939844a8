package planview

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

func TestUndecided(t *testing.T) {
	const file = `name: few
target: http://127.0.0.1:8080
services: { shop: { builtin: shop } }
attack:
  requests:
    - { name: browse, weight: 9, get: / }
    - { name: buy, weight: 1, get: /buy }
  stages:
    - { name: warmup, rate: 5/s, for: 2s }
    - { name: steady, RATE, for: 10s }
chaos:
  - { name: freeze, at: 4s, for: 1s, pause: { service: shop } }
verdict:
  - p50 < 1s
  - p99 < 1s
  - error_rate < 0.1%
  - errors == 0
  - request("buy").p95 < 1s
  - during("freeze").error_rate < 5%
  - stage("warmup").p95 < 1s
  - every(1s).rps > 1/s
  - connect.p50 < 1s
`
	for _, tt := range []struct {
		name, rate string
		want       []int
	}{
		{"a hundred arrivals and ten", "rate: 10/s", []int{2, 4, 5, 6}},
		{"enough but for the warm-up", "rate: 200/s", []int{6}},
		{"users, of whose arrivals only the run tells", "users: 2", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := scenario.Parse("f.yaml", []byte(strings.Replace(file, "RATE", tt.rate, 1)), goodEnv, scenario.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for i, why := range undecided(p, p.Rules, p.Attack.Duration()) {
				got = append(got, i)
				if !strings.Contains(why, "needed") {
					t.Errorf("rule %d: %q does not say how many are needed", i, why)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("undecided are the rules %v, want %v: %v", got, tt.want, undecided(p, p.Rules, p.Attack.Duration()))
			}
			var b strings.Builder
			if err := Print(&b, p); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(b.String(), "cannot be decided"); n != len(tt.want) {
				t.Errorf("check says so of %d rules, want %d:\n%s", n, len(tt.want), b.String())
			}
		})
	}
}

// TestForecastOfStopping: what the load before the first fault cannot decide, and what no second of
// it can tell, is said beforehand.
func TestForecastOfStopping(t *testing.T) {
	const file = `name: few
target: http://127.0.0.1:8080
services: { shop: { builtin: shop } }
attack:
  requests: [{ name: browse, get: / }]
  stages:
    - { name: warmup, rate: 50/s, for: 4s, judged: false }
    - { name: steady, rate: 20/s, for: 60s }
chaos:
  - { name: freeze, at: 10s, for: 1s, pause: { service: shop } }
observe: { services: [shop] }
hypothesis:
  - p50 < 1s
  - p99 < 1s
  - stage("warmup").p99 < 1s
abort:
  - error_rate > 50% for 1s
  - p99 > 2s for 5s
  - p99 > 2s for 10s
  - stage("warmup").p99 > 2s for 4s
  - service("shop").memory > 90%
  - rps < 30/s for 5s
  - service("shop").memory > 90% for 65s
  - error_rate > 200% for 5s
  - stage("warmup").error_rate > 50% for 4s
  - stage("warmup").error_rate > 50% for 5s
`
	p, err := scenario.Parse("f.yaml", []byte(file), goodEnv, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	indexes := func(of map[int]string) []int { return slices.Sorted(maps.Keys(of)) }
	few := undecided(p, p.Hypothesis, scenario.HypothesisUntil(p.Chaos))
	if got := indexes(few); !slices.Equal(got, []int{1}) {
		t.Errorf("undecided in the hypothesis are %v, want the second alone: %v", got, few)
	}
	alarms := forecastAlarms(p)
	if got := indexes(alarms); !slices.Equal(got, []int{1, 5, 6}) {
		t.Errorf("the forecast is of the abort rules %v, want the second and the last two: %v", got, alarms)
	}
	var b strings.Builder
	if err := Print(&b, p); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "it must hold for"); n != 2 {
		t.Errorf("of %d abort rules their time is found too long, want 2:\n%s", n, b.String())
	}
	for _, want := range []string{
		"remark: error_rate > 200% never holds: error_rate lies between 0% and 100%",
		"remark: it must hold for 5s, and stage warmup lasts 4s: only what is still open at the end",
		"cannot end this run: it must hold for 1m5s, and the load lasts 1m4s",
		"would end a run in which all goes well, after 9s: rps was 20/s", "cannot be judged with this load: too few samples for p99: 40 in 2s, and 100 are needed",
		"cannot be decided by this load: too few samples for p99: 80, and 100 are needed"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("expected %q in:\n%s", want, b.String())
		}
	}
}
