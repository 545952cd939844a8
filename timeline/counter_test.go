package timeline_test

import (
	"maps"
	"testing"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestCountersAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for i, c := range timeline.Counters() {
		if c.Name == "" || c.Doc == "" || seen[c.Name] {
			t.Errorf("counter %d: %+v lacks a text, or is named twice", i, c)
		}
		seen[c.Name] = true
	}
}

func TestCountedIsReadBack(t *testing.T) {
	var none, c timeline.Counted
	if named := none.Named(); named != nil {
		t.Errorf("nothing was counted, and %v is written", named)
	}
	c.Add(&timeline.Counts{timeline.Redirects: 3})
	c.Merge(&timeline.Counted{timeline.Redirects: 4})
	if named := c.Named(); !maps.Equal(named, map[string]uint64{"redirects": 7}) {
		t.Errorf("%v is written, want 7 redirects", named)
	}
	written := c.Named()
	written["of a later version"] = 1
	if got := timeline.RestoreCounted(written); got != c {
		t.Errorf("read back %v, want %v", got, c)
	}
}
