package arrivals_test

import (
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
)

// A leader that wakes up a little late for each arrival keeps the planned pace, and
// twice that after a hold-up, until it has caught up.
func TestSpreadKeepsPace(t *testing.T) {
	const gap, wake = 50 * time.Microsecond, 60 * time.Microsecond
	table := arrivals.NewTimetable(oneStage(arrivals.Uniform, arrivals.Hold{20_000}, time.Second), true)
	table.NextStage()
	var now, due time.Duration // due: when the last arrival that was taken was
	drain := func() (n int) {
		for {
			a, ok := table.Take(now)
			if !ok {
				return n
			}
			due = a.Intended
			n++
		}
	}
	until := func(t time.Duration) {
		for now < t {
			if at, _ := table.Upcoming(); at > now {
				now = at + wake
			}
			drain()
		}
	}
	until(500 * time.Millisecond)
	if late := now - due; late > 2*wake+gap {
		t.Errorf("half a second of wake-ups that are %s late: expected to be no later than that, found %s", wake, late)
	}
	now += 100 * time.Millisecond
	if n := drain(); n != 1 {
		t.Errorf("after a hold-up expected one arrival at once, found %d", n)
	}
	from, planned := now, due
	until(now + 50*time.Millisecond)
	if pace := float64(due-planned) / float64(now-from); pace < 1.9 || pace > 2.1 {
		t.Errorf("expected twice the planned pace, found %.2f times", pace)
	}
	until(now + 60*time.Millisecond)
	if late := now - due; late > 2*wake+gap {
		t.Errorf("expected to have caught up, found %s", late)
	}
}
