package run

import (
	"bufio"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// system is the kernel's release, what kind of CPU there is, and the memory in bytes.
func system() (kernel, model string, memory uint64) {
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		kernel = unix.ByteSliceToString(u.Release[:])
	}
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) == nil {
		memory = uint64(s.Totalram) * uint64(max(s.Unit, 1))
	}
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return kernel, "", memory
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok &&
			strings.TrimSpace(name) == "model name" {
			return kernel, strings.TrimSpace(value), memory
		}
	}
	return kernel, "", memory
}
