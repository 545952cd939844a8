package container

import (
	"encoding/json"
	"math"
	"os"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// recorded are the two counters of a file of testdata.
func recorded(t *testing.T, file string) (before, now *counters) {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	before, now = new(counters), new(counters)
	for _, c := range []*counters{before, now} {
		if err := d.Decode(c); err != nil {
			t.Fatal(err)
		}
	}
	return before, now
}

// The figures are those that docker stats prints of the same answers.
func TestMeasure(t *testing.T) {
	half := &container.HostConfig{Resources: container.Resources{NanoCPUs: 5e8}}
	for _, tt := range []struct {
		name, file string
		limits     limits
		change     func(before, now *counters)
		want       map[timeline.Figure]float64
	}{
		{name: "version 1", file: "stats-v1.jsonl", limits: limitsOf(&container.HostConfig{Resources: container.Resources{NanoCPUs: 1e9}}, 1),
			want: map[timeline.Figure]float64{
				timeline.CPU: 200524030.0 / 1990000000 * 2, timeline.CPUCores: 200524030.0 / 1990000000 * 2,
				timeline.MemoryBytes: 28577792 - 6729728, timeline.Memory: (28577792.0 - 6729728) / 209715200,
				timeline.NetOut: 0, timeline.BlockRead: 0, timeline.BlockWrite: 0, timeline.Processes: 4,
			}},
		{name: "version 2", file: "stats-v2.jsonl",
			want: map[timeline.Figure]float64{
				timeline.CPU: 0.125, timeline.CPUCores: 0.5,
				timeline.MemoryBytes: 83562496 - 48271360, timeline.Memory: (83562496.0 - 48271360) / (8 << 30),
				timeline.NetIn: 2000, timeline.NetOut: 0, timeline.BlockRead: 0, timeline.BlockWrite: 4096, timeline.Processes: 12,
			}},
		{name: "a share of its limit", file: "stats-v2.jsonl", limits: limitsOf(half, 0),
			want: map[timeline.Figure]float64{timeline.CPU: 1, timeline.CPUCores: 0.5}},
		{name: "a limit above what there is", file: "stats-v2.jsonl", limits: limits{cores: 64},
			want: map[timeline.Figure]float64{timeline.CPU: 0.125}},
		{name: "an engine that tells no limit", file: "stats-v2.jsonl", limits: limits{machine: 4 << 30},
			change: func(_, now *counters) { now.Memory.Limit = math.MaxUint64 },
			want:   map[timeline.Figure]float64{timeline.Memory: (83562496.0 - 48271360) / (4 << 30)}},
		{name: "since it was started", file: "stats-v2.jsonl",
			change: func(before, now *counters) { *before = *born(now.Read.Add(-time.Second)) },
			want: map[timeline.Figure]float64{timeline.CPUCores: 1.663809, timeline.NetIn: 5100,
				timeline.BlockRead: 4096, timeline.BlockWrite: 8192}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, now := recorded(t, tt.file)
			if tt.change != nil {
				tt.change(before, now)
			}
			var got timeline.Values
			tt.limits.measure(before, now, &got)
			for f, want := range tt.want {
				if v, ok := got.Get(f); !ok || math.Abs(v-want) > 1e-9*max(1, want) {
					t.Errorf("%s is %v, %t, want %v", f, v, ok, want)
				}
			}
		})
	}
}

// What is not known is not 0.
func TestMeasureOfNothing(t *testing.T) {
	var v timeline.Values
	limits{}.measure(&counters{}, &counters{}, &v)
	for _, f := range []timeline.Figure{timeline.CPU, timeline.CPUCores, timeline.Memory, timeline.NetIn, timeline.BlockRead} {
		if n, ok := v.Get(f); ok {
			t.Errorf("%s is %v of nothing", f, n)
		}
	}
	if (&counters{}).running() {
		t.Error("what tells nothing runs")
	}
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		of   container.Resources
		want float64
	}{
		{container.Resources{}, 0},
		{container.Resources{NanoCPUs: 15e8}, 1.5},
		{container.Resources{CPUQuota: 50_000}, 0.5},
		{container.Resources{CPUQuota: 50_000, CPUPeriod: 25_000}, 2},
		{container.Resources{CPUQuota: -1}, 0},
		{container.Resources{CpusetCpus: "0-2,5"}, 4},
		{container.Resources{CpusetCpus: "0", NanoCPUs: 2e9}, 1},
		{container.Resources{CpusetCpus: "many"}, 0},
	} {
		if got := limitsOf(&container.HostConfig{Resources: tt.of}, 0).cores; got != tt.want {
			t.Errorf("%+v: %v cores, want %v", tt.of, got, tt.want)
		}
	}
}
