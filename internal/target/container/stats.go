package container

import (
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// counters are what of the engine's statistics is looked at, at one moment of the engine's
// clock. All but memory and processes count up for as long as the container lives.
type counters struct {
	Read time.Time `json:"read"`
	CPU  struct {
		Usage struct {
			Total  uint64   `json:"total_usage"` // nanoseconds
			PerCPU []uint64 `json:"percpu_usage"`
		} `json:"cpu_usage"`
		System uint64 `json:"system_cpu_usage"` // nanoseconds of all CPUs, idle ones too
		Online int    `json:"online_cpus"`
	} `json:"cpu_stats"`
	Memory struct {
		Usage uint64 `json:"usage"`
		Limit uint64 `json:"limit"` // of the container, else of the machine
		Stats struct {
			InactiveV1 uint64 `json:"total_inactive_file"`
			InactiveV2 uint64 `json:"inactive_file"`
		} `json:"stats"`
	} `json:"memory_stats"`
	Networks map[string]struct {
		In  uint64 `json:"rx_bytes"`
		Out uint64 `json:"tx_bytes"`
	} `json:"networks"`
	Block struct {
		Bytes []struct {
			Op    string `json:"op"`
			Value uint64 `json:"value"`
		} `json:"io_service_bytes_recursive"`
	} `json:"blkio_stats"`
	Processes struct {
		Current uint64 `json:"current"`
	} `json:"pids_stats"`
}

// running says whether the container ran: of one that does not, the engine tells zeros.
func (c *counters) running() bool { return !c.Read.IsZero() && c.CPU.Usage.Total > 0 }

// online is how many CPUs there are, as docker stats counts them.
func (c *counters) online() int {
	if c.CPU.Online > 0 {
		return c.CPU.Online
	}
	return len(c.CPU.Usage.PerCPU)
}

// memory is the working set, as docker stats shows it: without the files that the kernel can
// drop at once, of control groups of version 1 and 2.
func (c *counters) memory() uint64 {
	m := &c.Memory
	for _, inactive := range []uint64{m.Stats.InactiveV1, m.Stats.InactiveV2} {
		if inactive > 0 && inactive < m.Usage {
			return m.Usage - inactive
		}
	}
	return m.Usage
}

func (c *counters) network() (in, out uint64) {
	for _, n := range c.Networks {
		in, out = in+n.In, out+n.Out
	}
	return in, out
}

func (c *counters) block() (read, write uint64) {
	for _, b := range c.Block.Bytes {
		switch strings.ToLower(b.Op) {
		case "read":
			read += b.Value
		case "write":
			write += b.Value
		}
	}
	return read, write
}

// born are the counters of a container at the moment when it began to run.
func born(at time.Time) *counters { return &counters{Read: at} }

// backwards says that counters of c are below those of before: they are not of the same life.
func (c *counters) backwards(before *counters) bool {
	return c.CPU.Usage.Total < before.CPU.Usage.Total || c.Read.Before(before.Read)
}

// limits are those of a container; 0: it has none.
type limits struct {
	cores   float64
	machine float64 // the machine's memory in bytes, for engines that tell no limit; 0: not known
}

// noLimit is what some engines tell as the limit of a container without one: more bytes than
// any machine has.
const noLimit = 1 << 60

func limitsOf(h *container.HostConfig, machine float64) limits {
	l := limits{machine: machine}
	add := func(cores float64) {
		if cores > 0 && (l.cores == 0 || cores < l.cores) {
			l.cores = cores
		}
	}
	add(float64(h.NanoCPUs) / 1e9)
	if h.CPUQuota > 0 {
		period := h.CPUPeriod
		if period == 0 {
			period = 100_000 // the kernel's
		}
		add(float64(h.CPUQuota) / float64(period))
	}
	add(float64(cpusIn(h.CpusetCpus)))
	return l
}

// cpusIn counts the CPUs of a list such as 0-2,5; 0 if it is none.
func cpusIn(list string) int {
	n := 0
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		first, err := strconv.Atoi(from)
		if err != nil {
			return 0
		}
		last := first
		if isRange {
			if last, err = strconv.Atoi(to); err != nil || last < first {
				return 0
			}
		}
		n += last - first + 1
	}
	return n
}

// measure sets what was used from before to now.
func (l limits) measure(before, now *counters, v *timeline.Values) {
	if online := now.online(); online > 0 {
		cores := coresUsed(before, now, float64(online))
		of := float64(online)
		if l.cores > 0 {
			of = min(of, l.cores)
		}
		v.Set(timeline.CPUCores, cores)
		v.Set(timeline.CPU, cores/of)
	}
	memory := float64(now.memory())
	v.Set(timeline.MemoryBytes, memory)
	limit := float64(now.Memory.Limit)
	if limit == 0 || limit >= noLimit {
		limit = l.machine
	}
	if limit > 0 {
		v.Set(timeline.Memory, memory/limit)
	}
	v.Set(timeline.Processes, float64(now.Processes.Current))
	seconds := elapsed(before, now)
	if seconds <= 0 {
		return
	}
	rate := func(f timeline.Figure, before, now uint64) {
		if now >= before { // a network that was taken away takes its counters along
			v.Set(f, float64(now-before)/seconds)
		}
	}
	if len(now.Networks) > 0 {
		inBefore, outBefore := before.network()
		in, out := now.network()
		rate(timeline.NetIn, inBefore, in)
		rate(timeline.NetOut, outBefore, out)
	}
	readBefore, writeBefore := before.block()
	read, write := now.block()
	rate(timeline.BlockRead, readBefore, read)
	rate(timeline.BlockWrite, writeBefore, write)
}

// elapsed is the time from before to now in seconds: by the time that all CPUs had, if it is
// known, as a clock can be set.
func elapsed(before, now *counters) float64 {
	if online := now.online(); online > 0 && before.CPU.System > 0 && now.CPU.System > before.CPU.System {
		return float64(now.CPU.System-before.CPU.System) / float64(online) / 1e9
	}
	return now.Read.Sub(before.Read).Seconds()
}

// coresUsed is how many cores' worth of CPU time was used, as docker stats has it: the
// container's time over that of the system, times the CPUs. Of the first stretch of a life the
// system's time is not known, nor where an engine does not tell it: then it is that of the
// clock.
func coresUsed(before, now *counters, online float64) float64 {
	used := float64(now.CPU.Usage.Total - before.CPU.Usage.Total)
	if before.CPU.System > 0 && now.CPU.System > before.CPU.System {
		return used / float64(now.CPU.System-before.CPU.System) * online
	}
	if passed := now.Read.Sub(before.Read); passed > 0 {
		return used / float64(passed)
	}
	return 0
}

// figures are what is measured of containers.
func figures() []timeline.Figure {
	return []timeline.Figure{
		timeline.CPU, timeline.CPUCores, timeline.Memory, timeline.MemoryBytes,
		timeline.NetIn, timeline.NetOut, timeline.BlockRead, timeline.BlockWrite,
		timeline.Processes, timeline.Healthy, timeline.Restarts, timeline.OOMKills,
	}
}
