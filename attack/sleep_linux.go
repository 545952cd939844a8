package attack

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// sleepThread puts the present thread to sleep for d, and says whether it
// could. It has the kernel wake it within a microsecond of the time, in place of
// the usual 50 that it may add to save power. The thread keeps that setting,
// which does no harm: Go's own timers are not that precise.
func sleepThread(d time.Duration) bool {
	if unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0) != nil {
		return false
	}
	ts := unix.NsecToTimespec(int64(d))
	for {
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, &ts)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
		// A signal, of which the runtime sends many; ts holds the rest.
	}
}
