// Package generator watches the generator of the load, which is this process:
// how much it uses of what its machine lets it use, and whether that is enough
// for a plan before any load is sent.
//
// A Meter reads, once a second, counters that the kernel and the Go runtime
// keep anyway, into buffers that it keeps: it costs some tens of microseconds a
// second. On Linux it reads /proc; on other systems what getrusage and the
// runtime tell, and what is not known is 0.
//
// Services that the run starts are processes of their own on the same machine:
// they count as others.
package generator

import (
	"math"
	"runtime"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// Limits are what the machine lets this process use; 0 is not known.
type Limits struct {
	// Cores is how many cores' worth of CPU time it may use: the least of its
	// affinity mask, GOMAXPROCS and the CPU quotas of its control groups.
	Cores float64
	CPUs  int    // in its affinity mask
	Files uint64 // open file descriptors: the soft limit, which Go has raised to the hard one
	Ports uint64 // local ports for outgoing connections to one address
}

// ReadLimits reads the limits as they stand.
func ReadLimits() Limits {
	l := readLimits()
	if l.CPUs == 0 {
		l.CPUs = runtime.NumCPU()
	}
	cores := float64(min(runtime.GOMAXPROCS(0), l.CPUs))
	if l.Cores <= 0 || l.Cores > cores {
		l.Cores = cores
	}
	return l
}

// usage is what has been used since the process, or the machine, started, and
// what is in use now.
type usage struct {
	cpu float64 // seconds of this process

	// Of the CPUs in the affinity mask, in the kernel's ticks; total is 0 where
	// they are not known.
	work, steal, total uint64

	files, ports, memory uint64
}

// difference is what was used in a window, by the counters at its beginning and at its end.
func difference(l *Limits, w timeline.Window, before, after *usage) timeline.UsageWindow {
	s := timeline.UsageWindow{
		Window: w, Cores: l.Cores,
		Files: after.files, MaxFiles: l.Files, Ports: after.ports, MaxPorts: l.Ports, Memory: after.memory,
	}
	seconds := w.Len().Seconds()
	if seconds <= 0 {
		return s
	}
	cpu := max(0, after.cpu-before.cpu) / seconds
	s.CPU = short(cpu / l.Cores)
	if after.total <= before.total {
		return s
	}
	ticks := float64(after.total - before.total)
	// Counters of a CPU may fall when it comes and goes.
	since := func(a, b uint64) float64 { return float64(a-min(a, b)) / ticks }
	work, own := since(after.work, before.work), cpu/float64(l.CPUs)
	s.CPUs = float64(l.CPUs)
	s.Others = short(max(0, work-own))
	s.Steal = short(since(after.steal, before.steal))
	s.Busy = short(max(work, own) + s.Steal)
	return s
}

// short leaves out digits of a share that mean nothing: it is written every
// second.
func short(share float64) float64 { return math.Round(share*1e4) / 1e4 }
