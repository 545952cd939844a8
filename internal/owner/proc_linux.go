package owner

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

var bootID = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
})

var space = sync.OnceValue(func() string {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return spaceID(link)
})

// spaceID reads pid:[4026531836].
func spaceID(link string) string {
	return strings.TrimSuffix(strings.TrimPrefix(link, "pid:["), "]")
}

// firstSpace is the id of the machine's first pid namespace, from which all
// others are seen: PROC_PID_INIT_INO in include/linux/proc_ns.h.
const firstSpace = "4026531836"

// SpaceGone says whether a pid namespace is known to have no process any more.
// Only root in the machine's first namespace can know that.
func SpaceGone(id string) bool {
	if id == "" || space() != firstSpace || os.Geteuid() != 0 {
		return false
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return false
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return false
	}
	for _, n := range names {
		if _, err := strconv.Atoi(n); err != nil {
			continue
		}
		link, err := os.Readlink("/proc/" + n + "/ns/pid")
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ESRCH):
			// it ended just now
		case err != nil:
			if !inThisSpace(n) { // even root may not look at some, such as process 1
				return false
			}
		case spaceID(link) == id:
			return false
		}
	}
	return true
}

// inThisSpace says whether a process is known to be in no pid namespace below
// this one: then it has one number alone.
func inThisSpace(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			return len(strings.Fields(numbers)) == 1
		}
	}
	return false
}

// machineID is what machine-id(5) says, "" where it says nothing.
func machineID() string {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		b, err := os.ReadFile(path)
		if id := strings.TrimSpace(string(b)); err == nil && id != "" && id != "uninitialized" {
			return id
		}
	}
	return ""
}

// Inspect looks at one process; ErrNoProcess if there is none with this id.
func Inspect(pid int) (Proc, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return Proc{}, ErrNoProcess
	}
	if err != nil {
		return Proc{}, err
	}
	return parseStat(pid, string(b))
}

// parseStat reads a line of /proc/<pid>/stat, see proc_pid_stat(5). The name,
// in brackets, may itself hold spaces and brackets: the last one closes it.
func parseStat(pid int, line string) (Proc, error) {
	f := strings.Fields(line[strings.LastIndexByte(line, ')')+1:]) // from field 3, the state
	if len(f) < 20 {
		return Proc{}, fmt.Errorf(
			"expected 22 fields or more in /proc/%d/stat, found %q",
			pid,
			line,
		)
	}
	group, err := strconv.Atoi(f[2])
	if err != nil {
		return Proc{}, fmt.Errorf("expected a process group in /proc/%d/stat, found %q", pid, f[2])
	}
	p := Proc{PID: pid, Group: group, Start: f[19]}
	switch f[0] {
	case "T", "t":
		p.State = Stopped
	case "Z", "X", "x":
		p.State = Zombie
	}
	return p, nil
}

// Group returns the processes of a process group, zombies included; none if
// the group is gone.
func Group(id int) ([]Proc, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var out []Proc
	for _, n := range names {
		pid, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		// A process that ended since the listing is none of the group's.
		if p, err := Inspect(pid); err == nil && p.Group == id {
			out = append(out, p)
		}
	}
	return out, nil
}
