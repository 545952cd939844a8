package record

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestSamplesComeBack(t *testing.T) {
	clock := new(hand)
	c := config(t, clock.now)
	r := start(t, c)
	var want timeline.UsageLog
	for i := range 3 {
		at := time.Duration(i) * sec
		s := timeline.UsageWindow{
			Window: timeline.Window{From: at, To: at + sec}, Cores: 1.5, CPU: 0.25 * float64(i), CPUs: 2, Others: 0.5, Steal: 0.125, Busy: 0.75,
			GC: 0.01, GCPause: 20 * time.Microsecond, GCTotal: ms, RunQueue: 3 * ms,
			Files: 120, MaxFiles: 1024, Ports: 30, MaxPorts: 28232, Memory: 1 << 20,
		}
		clock.set(s.To)
		r.Usage(s)
		want.Add(s)
	}
	tl, err := r.Finish(3*sec, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Entries(), tl.Generator); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestLoadRefusesSamples(t *testing.T) {
	lines, log := recording(t, 35)
	lines = uncounted(t, lines)
	with := func(samples ...string) []byte {
		head, rest, _ := strings.Cut(string(lines), "\n")
		return []byte(head + "\n" + strings.Join(samples, "\n") + "\n" + rest)
	}
	sample := func(from, to int) string {
		return fmt.Sprintf(`{"type":"sample","sample":{"from":%d,"to":%d}}`, from, to)
	}
	for _, tc := range []struct {
		name  string
		lines []byte
		want  string // empty: is read
	}{
		{"in order", with(sample(0, 5), sample(5, 9), sample(20, 30)), ""},
		{"backward", with(sample(5, 5)), "timeline.jsonl:2: expected a sample with from < to that begins at 0s or later, found one from 5 to 5"},
		{"before the start", with(sample(-5, 5)), "timeline.jsonl:2: expected a sample with from < to"},
		{"overlapping", with(sample(0, 5), sample(4, 9)), "timeline.jsonl:3: expected a sample with from < to that begins at 5ns or later"},
		{"of wrong types", with(`{"type":"sample","sample":7}`), "timeline.jsonl:2: expected a sample of the generator: json:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tl, _, err := loadAll(t, t.TempDir(), tc.lines, log)
			switch {
			case tc.want == "" && (err != nil || len(tl.Generator) != 3):
				t.Errorf("got %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	if tl, _, err := loadAll(t, t.TempDir(), lines, log); err != nil || tl.Generator != nil {
		t.Errorf("a recording without samples has %v: %v", tl.Generator, err)
	}
}
