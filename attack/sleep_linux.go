package attack

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// sharpen lets the kernel wake this thread within a microsecond of the time,
// in place of the usual 50 that it may add to save power.
func sharpen() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0) }

// blunt gives the thread its usual slack back, as others will use it.
func blunt() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }

// sleepThread puts the thread to sleep for d, and says whether it could.
func sleepThread(d time.Duration) bool {
	ts := unix.NsecToTimespec(int64(d))
	for {
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, &ts)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
		// A signal, of which the runtime sends many; ts holds the rest.
	}
}
