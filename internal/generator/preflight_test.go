package generator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/generator"
)

// rate is a constant rate, of which attack has a type that need not be known here.
type rate float64

func (rate) Validate(time.Duration) fielderr.List    { return nil }
func (r rate) Rate(_, _ time.Duration) arrivals.Rate { return arrivals.Rate(r) }
func (r rate) Expected(t, _ time.Duration) float64   { return float64(r) * t.Seconds() }

func TestPreflightWarnings(t *testing.T) {
	stage := func(r float64, d time.Duration) attack.Stage { return attack.Stage{For: d, Shape: rate(r)} }
	once := wire.Connections{NoKeepAlive: true}
	for _, tc := range []struct {
		name     string
		limits   generator.Limits
		plan     attack.Plan
		services int
		want     []string // contained, a line each
	}{
		{"all suffices", generator.Limits{Files: 1024, Ports: 28232}, attack.Plan{MaxInFlight: 900}, 2, nil},
		{"files to the last", generator.Limits{Files: 966}, attack.Plan{MaxInFlight: 900}, 2, nil},
		{"one file short", generator.Limits{Files: 965}, attack.Plan{MaxInFlight: 900}, 2,
			[]string{"at most 965 files may be open (ulimit -n), and 900 requests in flight need about 966: raise it with ulimit -n 1024, or set max_in_flight to 899 or less"}},
		{"a low limit", generator.Limits{Files: 1024}, attack.Plan{MaxInFlight: 2000}, 0, []string{"1,024 files may be open (ulimit -n), and 2,000 requests in flight need about 2,064: raise it with ulimit -n 4096, or set max_in_flight to 960 or less"}},
		{"no room at all", generator.Limits{Files: 50}, attack.Plan{MaxInFlight: 10}, 0, []string{"raise it with ulimit -n 1024"}},
		{"a limit that is not known", generator.Limits{}, attack.Plan{MaxInFlight: 1 << 20, Connections: once, Stages: []attack.Stage{stage(1e6, time.Hour)}}, 0, nil},
		{"many streams in few connections", generator.Limits{Files: 1024}, attack.Plan{MaxInFlight: 2000, Protocol: "h2c"}, 0, nil},

		{"ports with keepalive", generator.Limits{Ports: 100}, attack.Plan{Stages: []attack.Stage{stage(1000, time.Minute)}}, 0, nil},
		{"ports of a socket file", generator.Limits{Ports: 100}, attack.Plan{Connections: wire.Connections{NoKeepAlive: true, Unix: "/x"}, Stages: []attack.Stage{stage(1000, time.Minute)}}, 0, nil},
		{"ports suffice", generator.Limits{Ports: 28232}, attack.Plan{Connections: once, Stages: []attack.Stage{stage(470, time.Hour)}}, 0, nil},
		{"ports run out", generator.Limits{Ports: 28232}, attack.Plan{Connections: once, Stages: []attack.Stage{stage(471, time.Hour)}}, 0,
			[]string{"opens up to 28,260 connections within 60 s, and there are 28,232 local ports"}},
		{"a short run has too few", generator.Limits{Ports: 28232}, attack.Plan{Connections: once, Stages: []attack.Stage{stage(1000, 20*time.Second)}}, 0, nil},
		{"stages add up", generator.Limits{Ports: 28232}, attack.Plan{Connections: once, Stages: []attack.Stage{stage(1000, 20*time.Second), stage(1000, 20*time.Second)}}, 0,
			[]string{"up to 40,000 connections"}},
		{"the worst minute counts", generator.Limits{Ports: 28232}, attack.Plan{Connections: once, Stages: []attack.Stage{stage(10, time.Hour), stage(1000, 50*time.Second), stage(10, time.Hour)}}, 0,
			[]string{"up to 50,100 connections"}},
		{"flows ask more than once", generator.Limits{Ports: 28232}, attack.Plan{
			Connections: once, Stages: []attack.Stage{stage(300, time.Hour)},
			Flows: []attack.Flow{{Weight: 1, Steps: make([]attack.Step, 3)}, {Weight: 1, Steps: make([]attack.Step, 1)}},
		}, 0, []string{"up to 36,000 connections"}},
		{"both", generator.Limits{Files: 1024, Ports: 28232}, attack.Plan{MaxInFlight: 2000, Connections: once, Stages: []attack.Stage{stage(500, time.Minute)}}, 0, []string{"files", "ports"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := generator.PreflightWarnings(tc.limits, &tc.plan, tc.services)
			if len(got) != len(tc.want) {
				t.Fatalf("got %q, want %q", got, tc.want)
			}
			for i, want := range tc.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("got %q, want it with %q", got[i], want)
				}
			}
		})
	}
}
