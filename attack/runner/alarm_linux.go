package runner

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// alarm is a timer of the kernel (timerfd) that Go's network poller waits for
// along with all connections. So waiting takes no thread, unlike a sleep in the
// kernel: on one core two threads of one generator take turns by the kernel's
// time slices of some milliseconds. It is used by one goroutine at a time.
type alarm struct {
	file *os.File
	raw  syscall.RawConn
	turn func(fd uintptr) bool
	spec unix.ItimerSpec
	set  bool
	err  error
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	a := &alarm{file: os.NewFile(uintptr(fd), "timerfd")}
	if a.raw, err = a.file.SyscallConn(); err != nil {
		a.file.Close()
		return nil, err
	}
	a.turn = func(fd uintptr) bool {
		if a.set {
			return true // it rang
		}
		// The poller has been told that this goroutine waits, so nothing is missed.
		// Setting it anew makes an alarm that rang before silent: it need not be read.
		a.set = true
		a.err = unix.TimerfdSettime(int(fd), 0, &a.spec, nil)
		return a.err != nil
	}
	return a, nil
}

// wait returns after d.
func (a *alarm) wait(d time.Duration) error {
	a.spec.Value = unix.NsecToTimespec(int64(d))
	a.set, a.err = false, nil
	if err := a.raw.Read(a.turn); err != nil {
		return err
	}
	return a.err
}

func (a *alarm) close() { a.file.Close() }
