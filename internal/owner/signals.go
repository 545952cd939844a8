package owner

// Masks are the signals that a process ignores, catches and blocks; signal n is
// bit n-1.
type Masks struct {
	Ignored, Caught, Blocked uint64
	// Init says that it is the first process of a pid namespace: the kernel
	// keeps from it what it does not catch, but for SIGKILL and SIGSTOP that
	// come from outside of the namespace.
	Init bool
}

// Ignores says whether a signal has no effect on the process. One that is caught
// may end it or not.
func (m Masks) Ignores(sig int) bool {
	bit := uint64(1) << (sig - 1)
	const kill, stop = 9, 19
	if sig == kill || sig == stop {
		return false
	}
	// One that waits for a signal with sigwait(3) blocks it and does not catch it.
	return m.Ignored&bit != 0 || m.Init && (m.Caught|m.Blocked)&bit == 0
}
