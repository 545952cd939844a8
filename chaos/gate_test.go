package chaos

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// TestGate: no fault begins before the gate says so, and none at all if it says no.
func TestGate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		opens time.Duration // when it is known whether faults may begin
		may   bool
		state timeline.FaultState
		begun time.Duration
	}{
		{"open in time", time.Second, true, timeline.Reverted, 10 * time.Second},
		{"open late", 12 * time.Second, true, timeline.Reverted, 12 * time.Second},
		{"shut in time", time.Second, false, timeline.Scheduled, 0},
		{"shut late", 12 * time.Second, false, timeline.Scheduled, 0},
		{"not known when the run ends", time.Hour, true, timeline.Scheduled, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake("api-1")
				s := newStage(Config{}, planned("kill-api", sigkill(), s10, 5*time.Second, api))
				known := make(chan struct{})
				timer := time.AfterFunc(tt.opens, func() { close(known) })
				defer timer.Stop()
				s.BindGate(func(ctx context.Context) bool {
					select {
					case <-known:
						return tt.may
					case <-ctx.Done():
						return false
					}
				})
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				r := s.Run(ctx)[0]
				if r.State != tt.state {
					t.Errorf("the fault is %s, want %s", r.State, tt.state)
				}
				switch {
				case tt.state == timeline.Scheduled && r.Injecting != nil:
					t.Errorf("it was injected at %s", *r.Injecting)
				case tt.state != timeline.Scheduled && *r.Injecting != tt.begun:
					t.Errorf("it was injected at %s, want %s", *r.Injecting, tt.begun)
				}
			})
		})
	}
}
