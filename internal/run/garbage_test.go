package run

import (
	"runtime/debug"
	"testing"
)

func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{
		0:         4000,
		1 << 20:   4000,
		4 << 20:   1000,
		40 << 20:  100,
		400 << 20: 100,
	} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d bytes alive: expected %d, found %d", live, want, got)
		}
	}
}

func TestQuietIsUndone(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	t.Setenv("GOGC", "")
	restore := quiet()
	if got := debug.SetGCPercent(77); got <= 77 {
		t.Errorf("expected more room for garbage, found %d %%", got)
	}
	restore()
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("expected 77 %% again, found %d", got)
	}
	t.Setenv("GOGC", "50")
	defer quiet()()
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("GOGC was set, and %d %% came of it", got)
	}
}
