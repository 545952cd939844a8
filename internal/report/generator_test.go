package report

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

func TestGeneratorLine(t *testing.T) {
	late := verdict.Latency{P99: ptr(110 * time.Microsecond)}
	for _, tc := range []struct {
		name string
		in   *verdict.Generator
		want string
	}{
		{"nothing is known", nil, ""},
		{"nothing was due", &verdict.Generator{}, ""},
		{"no samples", &verdict.Generator{Late: late}, "generator: lateness p99 110µs"},
		{"all", passed().Report.Generator, "generator: CPU 34% mean, 61% max of 2 cores; lateness p99 110µs; GC pauses max 200µs; 120 of 65,536 files; at most 3% of ports"},
		{"a system that tells little", &verdict.Generator{Late: late, Usage: timeline.Usage{Samples: 3, Cores: 1, CPU: timeline.Share{Mean: 0.5, Max: 1.02}, Files: 7}},
			"generator: CPU 50% mean, 100% max of 1 core; lateness p99 110µs; GC pauses max 0s; 7 files"},
		{"held up", &verdict.Generator{Late: verdict.Latency{P99: ptr(62 * time.Millisecond)}, Budget: 50 * time.Millisecond, Delayed: 1234, Standstill: 3200 * time.Millisecond, Longest: 120 * time.Millisecond},
			"generator: lateness p99 62ms; 1,234 arrivals held up by it, so that their times may be too high; stood still for 3.2s in all, 120ms at the longest"},
		{"failures of its own", &verdict.Generator{Late: late, Local: 1234}, "generator: lateness p99 110µs; 1,234 arrivals failed on its own machine"},
		{"one", &verdict.Generator{Late: late, Local: 1, Usage: timeline.Usage{Files: 1}}, "generator: lateness p99 110µs; 1 file; 1 arrival failed on its own machine"},
	} {
		if got := generatorLine(tc.in); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestGeneratorNotes(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   timeline.UsageWindow
		want []string
	}{
		{"all is well", timeline.UsageWindow{Cores: 2, CPU: 0.94, Files: 899, MaxFiles: 1000, Ports: 8, MaxPorts: 10}, nil},
		{"limits are not known", timeline.UsageWindow{Cores: 2, Files: 1 << 20, Ports: 1 << 20}, nil},
		{"CPU", timeline.UsageWindow{Cores: 1.5, CPU: 0.95}, []string{"the generator uses 95% of its CPU (1.5 cores): response times may be its own doing"}},
		{"files", timeline.UsageWindow{Files: 900, MaxFiles: 1000}, []string{"the generator has 900 of 1,000 files open: raise ulimit -n or lower max_in_flight"}},
		{"ports", timeline.UsageWindow{Ports: 30000, MaxPorts: 28232}, []string{"this machine has 30,000 TCP sockets, open or in TIME_WAIT, and 28,232 local ports: new connections may find none free"}},
	} {
		if diff := cmp.Diff(tc.want, GeneratorNotes(&tc.in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
