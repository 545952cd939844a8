package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// stage is a conductor on the fake clock of a synctest bubble.
type stage struct {
	*Conductor
	journal *memJournal
	start   time.Time

	mu     sync.Mutex
	marks  []time.Duration
	events []string
}

func newStage(cfg Config, faults ...ScheduledFault) *stage {
	s := &stage{journal: newMemJournal(), start: time.Now()}
	cfg.Run, cfg.Journal = "run", s.journal
	s.Conductor = NewConductor(cfg, faults)
	s.Bind(s.now, func() time.Duration {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.marks = append(s.marks, s.now())
		return s.now()
	}, func(e timeline.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, fmt.Sprintf("%s %s %s", e.At, e.Name, e.State))
	})
	return s
}

func (s *stage) now() time.Duration { return time.Since(s.start) }

// play runs for as long as a load would last.
func (s *stage) play(t *testing.T, length time.Duration) []timeline.Fault {
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	return s.Run(ctx)
}

// ending is how a fault went: what most tests look at in its record.
type ending struct {
	State               timeline.FaultState
	Effective, Reverted bool // there is an instant of it
	Verified, Dirty     bool
}

var (
	undone = ending{State: timeline.Reverted, Effective: true, Reverted: true, Verified: true}
	// withCaveat is undone too, and may not have been in force all the time.
	withCaveat = ending{State: timeline.Reverted, Effective: true, Reverted: true}
	// ineffective is a fault that never took effect, and left nothing behind.
	ineffective = ending{State: timeline.Failed, Reverted: true}
	stuck       = ending{State: timeline.Failed, Effective: true, Dirty: true}
)

// wantEnding says in what r differs from want, and that its error lacks says. Without says
// there must be no error.
func wantEnding(t *testing.T, r timeline.Fault, want ending, says string) {
	t.Helper()
	got := ending{r.State, r.Effective != nil, r.Reverted != nil, r.Verified, r.Dirty}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s ended otherwise (-want +got):\n%s", r.Name, diff)
	}
	if !strings.Contains(r.Error, says) || (says == "") != (r.Error == "") {
		t.Errorf("the error of %s is %q, want %q in it", r.Name, r.Error, says)
	}
}

func (s *stage) wantEmptyJournal(t *testing.T) {
	t.Helper()
	if n := s.journal.len(); n != 0 {
		t.Errorf("%d entries are left in the journal", n)
	}
}

func planned(name string, spec Spec, at, hold time.Duration, targets ...Target) ScheduledFault {
	kind := map[string]string{"*chaos.Kill": "kill", "*chaos.Pause": "pause", "*chaos.Latency": "latency"}[fmt.Sprintf("%T", spec)]
	return ScheduledFault{FaultPlan{Name: name, Kind: kind, At: at, Hold: hold, Services: []string{"api"}, Spec: spec}, targets}
}

func ptr(d time.Duration) *time.Duration { return &d }

const (
	s10 = 10 * time.Second
	s60 = 60 * time.Second
)

func sigkill() Spec { return &Kill{Signal: "SIGKILL"} }
