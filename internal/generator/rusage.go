package generator

import (
	"time"

	"golang.org/x/sys/unix"
)

// Busy returns a clock that runs while this process uses all of the CPU time that
// it may, and slower while it uses less.
func Busy() func() time.Duration {
	cores := ReadLimits().Cores
	return func() time.Duration { return time.Duration(ownCPU() / cores * float64(time.Second)) }
}

// ownCPU is the CPU time that this process has used, in seconds.
func ownCPU() float64 {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	seconds := func(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(r.Utime) + seconds(r.Stime)
}

// softFiles is how many file descriptors this process may have open, 0 if that
// is not known or not bounded.
func softFiles() uint64 {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || l.Cur >= 1<<40 {
		return 0
	}
	return uint64(l.Cur)
}
