package timeline

import (
	"maps"
	"testing"
)

func TestCountersAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for i, c := range Counters() {
		if c.Name == "" || c.Doc == "" || seen[c.Name] {
			t.Errorf("counter %d: %+v lacks a text, or is named twice", i, c)
		}
		seen[c.Name] = true
	}
}

func TestCountedIsReadBack(t *testing.T) {
	var none, c Counted
	if named := none.Named(); named != nil {
		t.Errorf("nothing was counted, and %v is written", named)
	}
	c.Add(&Counts{Redirects: 3})
	c.Merge(&Counted{Redirects: 4})
	if named := c.Named(); !maps.Equal(named, map[string]uint64{"redirects": 7}) {
		t.Errorf("%v is written, want 7 redirects", named)
	}
	written := c.Named()
	written["of a later version"] = 1
	if got := RestoreCounted(written); got != c {
		t.Errorf("read back %v, want %v", got, c)
	}
}
