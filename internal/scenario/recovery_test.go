package scenario_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
)

const recoveryScenario = `name: recovery
services: { shop: { builtin: shop } }
target: http://${shop.addr}
attack:
  requests: [{ name: r, get: / }]
  stages: [{ name: s, rate: 10/s, for: 60s }]
RUN
chaos:
  - { name: crash, at: 5s, kill: { service: shop }, restart_after: 1s }
  - { name: again, at: 25s, kill: { service: shop }, restart_after: 1s FAULT }
`

func TestRecoveryThresholds(t *testing.T) {
	defaults := timeline.DefaultNormal()
	for _, tt := range []struct {
		name, run, fault string
		crash, again     timeline.Normal
	}{
		{"left out", "", "", defaults, defaults},
		{"as the default", "recovery: { errors: +1%, p95: 2x + 10ms, stable: 5s, min_arrivals: 20 }", "", defaults, defaults},
		{"for the run", "recovery: { errors: 5%, p95: 200ms, stable: 10s, min_arrivals: 50 }", "",
			timeline.Normal{Errors: timeline.Limit{Plus: 0.05}, P95: timeline.Limit{Plus: 200e6}, Stable: 10 * time.Second, MinArrivals: 50},
			timeline.Normal{Errors: timeline.Limit{Plus: 0.05}, P95: timeline.Limit{Plus: 200e6}, Stable: 10 * time.Second, MinArrivals: 50}},
		{"for a fault, which takes the rest from the run", "recovery: { stable: 10s }", `, recovery: { errors: 2x, p95: "+50ms" }`,
			timeline.Normal{Errors: defaults.Errors, P95: defaults.P95, Stable: 10 * time.Second, MinArrivals: 20},
			timeline.Normal{Errors: timeline.Limit{Factor: 2}, P95: timeline.Limit{Factor: 1, Plus: 50e6}, Stable: 10 * time.Second, MinArrivals: 20}},
		{"for a fault alone", "", ", recovery: { errors: 1.5x + 0.5%, stable: 2s }", defaults,
			timeline.Normal{Errors: timeline.Limit{Factor: 1.5, Plus: 0.005}, P95: defaults.P95, Stable: 2 * time.Second, MinArrivals: 20}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := strings.NewReplacer("RUN", tt.run, "FAULT", tt.fault).Replace(recoveryScenario)
			p, err := scenario.Parse("s.yaml", []byte(src), nil, scenario.Options{})
			if err != nil {
				t.Fatal(err)
			}
			tl := timeline.Timeline{NormalOf: p.RecoveryOf}
			if p.Recovery != nil {
				tl.Normal = *p.Recovery
			}
			if diff := cmp.Diff([]timeline.Normal{tt.crash, tt.again}, []timeline.Normal{tl.NormalAfter("crash"), tl.NormalAfter("again")}); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
