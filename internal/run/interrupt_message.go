package run

// phase is how far a run came: what an interruption does depends on it.
type phase int32

const (
	starting phase = iota // no load was sent yet
	sending
	draining    // the load is over, its last answers are waited for
	ending      // all answers are in: faults are undone
	readingBack // faults are undone: ledgers are read back
	finishing   // faults are undone: what was started is taken down, rules are judged
)

// interruptMessage says what the n-th interruption does; n is 1 or more.
func (p phase) interruptMessage(n int, faults bool) string {
	undoing := "taking down what was started"
	switch {
	case p == finishing || p == readingBack:
		undoing = "taking down what was started and judging"
	case faults && p != starting:
		undoing = "undoing faults"
	}
	switch {
	case n > 2:
		return "still " + undoing + "; this has its own deadline"
	case n == 2 && (p == sending || p == draining):
		return "open requests are given up; still " + undoing
	case n == 2:
		return "still " + undoing
	case p == starting:
		return "interrupted before any load was sent: taking down what was started"
	case p == draining:
		return "interrupted: the load is over, still waiting for open requests (again: do not wait for them)"
	case p == readingBack:
		return "interrupted: writes are not read back any further; " + undoing
	case p == ending || p == finishing:
		return "interrupted: all answers are in; still " + undoing
	case faults:
		return "interrupted: stopping the load, undoing faults (again: do not wait for open requests)"
	}
	return "interrupted: stopping the load (again: do not wait for open requests)"
}
