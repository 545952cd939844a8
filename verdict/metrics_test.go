package verdict

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
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
		{"ok.p0", time.Millisecond, 1},
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
	for _, name := range []string{"p0.0", "p100", "p05", "p99.90", "p99.", "p", "p-1", "p1e1", "x.p97", "fault.p97", "p9.9.9"} {
		if m := metricByName(name); m != nil {
			t.Errorf("%s is the metric %s", name, m.Name)
		}
	}
}

func TestDefaultCompiles(t *testing.T) {
	for _, src := range Default(Names{}) {
		if _, err := Compile(src, Names{}); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestMetrics(t *testing.T) {
	examples := map[rule.Unit]string{
		rule.Duration: "200ms", rule.Fraction: "5%", rule.Rate: "500/s",
		rule.Number: "10", rule.Bytes: "512MiB",
	}
	var seen []string
	for _, m := range Metrics() {
		if m.Name == "" || m.Doc == "" || m.eval == nil {
			t.Errorf("metric %+v lacks name, doc or eval", m)
		}
		if slices.Contains(seen, m.Name) {
			t.Errorf("metric %s is listed twice", m.Name)
		}
		seen = append(seen, m.Name)
		src := m.forRules().Usage()
		if m.OfFault {
			src = `fault("kill-api").` + src
		}
		if _, err := Compile(fmt.Sprintf("%s < %s", src, examples[m.Unit]), names); err != nil {
			t.Errorf("metric %s against its unit's example: %v", m.Name, err)
		}
		for unit, example := range examples {
			if unit == m.Unit {
				continue
			}
			if _, err := Compile(fmt.Sprintf("%s < %s", src, example), names); err == nil {
				t.Errorf("metric %s, a %s, was compared with %s", m.Name, m.Unit, example)
			}
		}
		row := "`" + strings.ReplaceAll(src, "kill-api", "x") + "`"
		if !strings.Contains(MetricTable(), row) {
			t.Errorf("metric %s is not in the table", m.Name)
		}
	}
}

// TestMoreSamplesOfConnections: sending more opens no more connections, as they
// are kept alive.
func TestMoreSamplesOfConnections(t *testing.T) {
	for name, want := range map[string]string{
		"connect.p99":   "keepalive: false",
		"handshake.p50": "keepalive: false",
		"service.p99":   "send more",
	} {
		if got := moreSamples(metricByName(name)); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", name, got, want)
		}
	}
}
