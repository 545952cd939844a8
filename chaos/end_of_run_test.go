package chaos

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestTheEndOfTheRun(t *testing.T) {
	// Injecting takes from 10s to 11s, holding to 16s, undoing to 18s.
	for _, tt := range []struct {
		name string
		hold time.Duration
		end  time.Duration
		want ending
		says string
	}{
		{"before it begins", 5 * time.Second, 9 * time.Second, ending{State: timeline.Scheduled}, ""},
		{"while it is injected", 5 * time.Second, 10500 * time.Millisecond, ineffective,
			"the run ended while it was being injected"},
		{"while it is in force", 5 * time.Second, 13 * time.Second, withCaveat,
			"the run ended when it had lasted 2s of 5s"},
		{"when it was planned to end", 5 * time.Second, 15 * time.Second, undone, ""},
		{"while it is undone", 5 * time.Second, 17 * time.Second, undone, ""},
		{"of a fault until the end", 0, 30 * time.Second, undone, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake("api-1")
				api.takes, api.startTakes = time.Second, 2*time.Second
				s := newStage(Config{}, planned("kill-api", sigkill(), s10, tt.hold, api))
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(tt.end, cancel)
				r := s.Run(ctx)[0]
				wantEnding(t, r, tt.want, tt.says)
				if !api.intact() || s.journal.len() != 0 {
					t.Errorf("left behind: %s, %d entries", api.look(), s.journal.len())
				}
				if api.undoContext != nil {
					t.Errorf("the undo was given a context that had ended: %v", api.undoContext)
				}
				if tt.want.Effective && tt.end < 16*time.Second && *r.Reverting != tt.end {
					t.Errorf("reverting from %v, want %v, at once", *r.Reverting, tt.end)
				}
			})
		})
	}
}
