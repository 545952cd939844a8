package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// outcome is one run as the tool and the kernel saw it.
type outcome struct {
	figures
	Dealt quantiles     // by a server that knows; the zero value of one that does not
	CPU   time.Duration // user and system time of the generator
	RSS   int64         // bytes, at most
	// Share of the two cores that neither generator nor server used, but was used.
	Others float64
	Err    string // why there are no figures
	Doubt  string // what the tool itself says against them
}

func (o outcome) String() string {
	if o.Err != "" {
		return o.Err
	}
	return fmt.Sprintf(
		"%s/s  p50 %s  p99 %s  CPU %s  %s MiB  others %.0f%%",
		thousands(int64(o.Rate)),
		short(o.P50),
		short(o.P99),
		short(o.CPU),
		thousands(o.RSS>>20),
		100*o.Others,
	)
}

// measure runs one tool once.
func measure(ctx context.Context, taskset string, t tool, j job, server int) (o outcome) {
	fail := func(err error) outcome { return outcome{Err: public(err.Error())} }
	if err := errors.Join(os.RemoveAll(j.Dir), os.MkdirAll(j.Dir, 0o700)); err != nil {
		return fail(err)
	}
	c, err := t.start(j)
	if err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeout(ctx, j.For+30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(
		ctx,
		taskset,
		append([]string{"-c", fmt.Sprint(generatorCore)}, c.Args...)...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdin = strings.NewReader(c.Stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr

	before, servedBefore := busy(), cpuOf(server)
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	peak := watchRSS(cmd.Process.Pid)
	err = cmd.Wait()
	took := time.Since(begin)
	o.RSS = peak()
	o.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	others := busy() - before - o.CPU - (cpuOf(server) - servedBefore)
	o.Others = max(0, others.Seconds()/(2*took.Seconds()))
	if ctx.Err() != nil {
		return fail(fmt.Errorf("not done %s after its time", 30*time.Second))
	}
	if err != nil {
		doubt := ""
		if t.doubts != nil {
			doubt = t.doubts(cmd.ProcessState.ExitCode())
		}
		if o.Doubt = doubt; doubt == "" {
			return fail(
				fmt.Errorf("%w: %s", err, lastLine(append(stdout.Bytes(), stderr.Bytes()...))),
			)
		}
	}
	text := stdout.Bytes()
	if t.after != nil {
		if text, err = t.after(ctx, j); err != nil {
			return fail(err)
		}
	}
	if o.figures, err = t.parse(text); err != nil {
		return fail(err)
	}
	if err := o.check(j.hostile()); err != nil {
		return fail(err)
	}
	return o
}

// watchRSS follows a process's peak memory until the returned function is
// called. The rusage of a child would not do: Linux counts the memory of the
// one who forked it, too.
func watchRSS(pid int) (peak func() int64) {
	var most int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
				most = max(most, highWater(b))
			}
		}
	}()
	return func() int64 { close(stop); <-done; return most }
}

// highWater is VmHWM of /proc/PID/status in bytes; 0 if it is not there.
func highWater(status []byte) int64 {
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// tick is the unit of CPU times in /proc: Linux shows user space 100 a second.
const tick = 10 * time.Millisecond

// busy is the time that the two cores have worked for processes.
func busy() time.Duration {
	b, _ := os.ReadFile("/proc/stat")
	return busyIn(b, generatorCore, serverCore)
}

// busyIn adds up user, nice and system time of cores in /proc/stat, interrupts,
// and what a hypervisor took. Interrupts belong in: kernels count those that a
// process's packets cause as that process's own time, too, and without them
// the work of others hid behind the difference.
func busyIn(stat []byte, cores ...int) (sum time.Duration) {
	for line := range strings.Lines(string(stat)) {
		f := strings.Fields(line)
		for _, c := range cores {
			if len(f) > 8 && f[0] == fmt.Sprintf("cpu%d", c) {
				for _, i := range []int{1, 2, 3, 6, 7, 8} {
					n, _ := strconv.ParseInt(f[i], 10, 64)
					sum += time.Duration(n) * tick
				}
			}
		}
	}
	return sum
}

// cpuOf is the CPU time of a running process.
func cpuOf(pid int) time.Duration {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, tail, _ := bytes.Cut(b, []byte(") ")) // the name may hold blanks
	f := strings.Fields(string(tail))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * tick
}
