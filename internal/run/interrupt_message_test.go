package run

import "testing"

// The user is told what an interruption does, and of nothing that is not there.
func TestNotices(t *testing.T) {
	for _, c := range []struct {
		phase  phase
		n      int
		faults bool
		want   string
	}{
		{starting, 1, true, "interrupted before any load was sent: taking down what was started"},
		{starting, 2, true, "still taking down what was started"},
		{starting, 3, true, "still taking down what was started; this has its own deadline"},
		{sending, 1, true, "interrupted: stopping the load, undoing faults (again: do not wait for open requests)"},
		{sending, 1, false, "interrupted: stopping the load (again: do not wait for open requests)"},
		{sending, 2, true, "open requests are given up; still undoing faults"},
		{draining, 1, true, "interrupted: the load is over, still waiting for open requests (again: do not wait for them)"},
		{draining, 2, false, "open requests are given up; still taking down what was started"},
		{ending, 1, true, "interrupted: all answers are in; still undoing faults"},
		{readingBack, 1, true, "interrupted: writes are not read back any further; taking down what was started and judging"},
		{readingBack, 2, true, "still taking down what was started and judging"},
		{finishing, 1, true, "interrupted: all answers are in; still taking down what was started and judging"},
		{finishing, 2, true, "still taking down what was started and judging"},
		{ending, 3, false, "still taking down what was started; this has its own deadline"},
	} {
		if got := c.phase.interruptMessage(c.n, c.faults); got != c.want {
			t.Errorf("phase %d, interruption %d: %q, want %q", c.phase, c.n, got, c.want)
		}
	}
}
