package verdict

import (
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// TestAnyPercentile: percentiles that are not listed read what the histogram
// holds, and need as many samples as those that are.
func TestAnyPercentile(t *testing.T) {
	var stats timeline.Stats
	for i := 1; i <= 1000; i++ {
		stats.OK.Record(time.Duration(i) * time.Millisecond)
	}
	for _, tc := range []struct {
		name    string
		want    time.Duration
		samples uint64
	}{
		{"ok.p12", 120 * time.Millisecond, 9},
		{"ok.p0.1", time.Millisecond, 1000},
		{"ok.p97.5", 975 * time.Millisecond, 40},
		{"ok.p98", 980 * time.Millisecond, 50},
		{"ok.p99.95", time.Second, 2000},
		{"p66.6", 666 * time.Millisecond, 3},
	} {
		m := metricByName(tc.name)
		if m == nil {
			t.Errorf("%s is no metric", tc.name)
			continue
		}
		got, ok := m.Eval(&View{Stats: &stats})
		if d := time.Duration(got); !ok || d < tc.want || d > tc.want+tc.want/500 {
			t.Errorf("%s is %v, want %v", tc.name, d, tc.want)
		}
		if m.Name != tc.name || m.MinSamples != tc.samples {
			t.Errorf("%s: named %s, needs %d samples, want %d", tc.name, m.Name, m.MinSamples, tc.samples)
		}
	}
	for _, name := range []string{"p0", "p100", "p05", "p99.90", "p99.", "p", "p-1", "p1e1", "x.p97", "fault.p97", "p9.9.9"} {
		if m := metricByName(name); m != nil {
			t.Errorf("%s is the metric %s", name, m.Name)
		}
	}
}
