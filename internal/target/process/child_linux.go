package process

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// parentDeathKills says that a child does not outlive its ordeal.
const parentDeathKills = true

// dieWithParent has the kernel kill the child when the thread that starts it ends.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

// awaitEnd returns when a child is dead, and leaves it to be waited for.
func awaitEnd(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

const (
	// rescan is the longest time after which a group is listed again, as one of
	// its members may have started another.
	rescan = time.Second
	// settled is how long a group must be seen empty: a list of processes is not
	// taken at one instant, and one that forks and ends may slip through it.
	settled = 5 * time.Millisecond
)

// awaitGroup returns when no process of a group lives any more, but for its dead
// leader, which must not have been waited for. left is called once if others
// live on.
func awaitGroup(group int, left func()) {
	empty := 0
	for {
		members := living(group)
		if len(members) == 0 {
			if empty++; empty > 1 {
				return
			}
			time.Sleep(settled)
			continue
		}
		if empty = 0; left != nil {
			left()
			left = nil
		}
		awaitOne(members)
	}
}

// living lists the processes of a group that have not ended.
func living(group int) []int {
	ps, err := owner.Group(group)
	if err != nil {
		return nil // without /proc nothing can be known, nor found out later
	}
	var out []int
	for _, p := range ps {
		if !p.Ended() {
			out = append(out, p.PID)
		}
	}
	return out
}

// awaitOne returns when one of the processes has ended, or after rescan.
func awaitOne(pids []int) {
	var fds []unix.PollFd
	defer func() {
		for _, f := range fds {
			unix.Close(int(f.Fd))
		}
	}()
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			if errors.Is(err, unix.ESRCH) {
				return
			}
			time.Sleep(10 * settled) // a kernel before 5.3, or no descriptor left
			return
		}
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	unix.Poll(fds, int(rescan/time.Millisecond))
}

// exitStatus says how a process ended that is not waited for yet, "" if that is
// not known. It is the last field of proc_pid_stat(5).
func exitStatus(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	f := strings.Fields(string(b))
	code, err := strconv.Atoi(f[len(f)-1])
	if err != nil {
		return ""
	}
	if s := syscall.WaitStatus(code); s.Signaled() {
		return "signal: " + s.Signal().String()
	}
	return "exit status " + strconv.Itoa(syscall.WaitStatus(code).ExitStatus())
}

// ignores says whether every living process of a group ignores a signal.
func ignores(group int, sig syscall.Signal) bool {
	members := living(group)
	for _, pid := range members {
		m, err := owner.SignalMasks(pid)
		if err != nil || !m.Ignores(int(sig)) {
			return false
		}
	}
	return len(members) > 0
}
