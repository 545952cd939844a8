package run

import (
	"runtime/debug"
	"testing"
)

func TestRoomForGarbage(t *testing.T) {
	for _, tt := range []struct {
		name             string
		before           room
		allocated, alive uint64
		want             room
	}{
		{"as much as is made until the next collection", 10 << 20, 1 << 20, 4 << 20, 20 << 20},
		{"less, but not at once", 40 << 20, 1 << 20, 4 << 20, 32 << 20},
		{"never more than the most", 10 << 20, 1 << 40, 4 << 20, mostRoom},
		{"or than is alive", 10 << 20, 1 << 40, 400 << 20, 400 << 20},
		{"never less than the least", leastRoom, 0, 4 << 20, leastRoom},
		{"or than a share of what is alive", leastRoom, 0, 400 << 20, 100 << 20},
	} {
		if got := tt.before.next(tt.allocated, tt.alive); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	// From what is not known to what is in half a minute.
	r := room(mostRoom)
	for range 30 {
		r = r.next(50_000, 4<<20)
	}
	if r != leastRoom {
		t.Errorf("after 30 s of 50 kB/s: %d", r)
	}
}

func TestRoomInPercent(t *testing.T) {
	for _, tt := range []struct {
		room  room
		alive uint64
		want  int
	}{{40 << 20, 4 << 20, 1000}, {2 << 20, 8 << 20, 25}, {40 << 20, 0, 1000}} {
		if got := tt.room.percent(tt.alive); got != tt.want {
			t.Errorf("%d of %d alive: %d %%, want %d", tt.room, tt.alive, got, tt.want)
		}
	}
}

func TestQuietIsUndone(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	t.Setenv("GOGC", "")
	restore := tuneGC()
	if got := debug.SetGCPercent(77); got <= 77 {
		t.Errorf("expected more room for garbage, found %d %%", got)
	}
	restore()
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("expected 77 %% again, found %d", got)
	}
	t.Setenv("GOGC", "50")
	defer tuneGC()()
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("GOGC was set, and %d %% came of it", got)
	}
}
