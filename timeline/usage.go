package timeline

import (
	"cmp"
	"slices"
	"time"
)

// UsageWindow is what the generator, this process, used of its machine in a window of about a
// second. A figure that the operating system does not tell is 0.
type UsageWindow struct {
	Window
	// How many cores the process may use: the least of affinity mask, GOMAXPROCS and CPU quota.
	Cores float64 `json:"cores"`
	CPU   float64 `json:"cpu"` // CPU time it used, as a share of Cores

	// CPUs is the number of CPUs in its affinity mask, and these are shares of
	// their time: what other processes and interrupts took, what the hypervisor
	// gave to other machines, and all that was taken, its own included.
	CPUs   float64 `json:"cpus,omitempty"`
	Others float64 `json:"others,omitempty"`
	Steal  float64 `json:"steal,omitempty"`
	Busy   float64 `json:"busy,omitempty"`

	// CPU time of garbage collection that was not idle, as a share of Cores.
	GC float64 `json:"gc,omitempty"`
	// Greatest pause of all goroutines for garbage collection.
	GCPause time.Duration `json:"gc_pause,omitempty"`
	GCTotal time.Duration `json:"gc_total,omitempty"` // sum of these pauses
	// RunQueue is how long goroutines that could run waited for a core, at the
	// 99th percentile.
	RunQueue time.Duration `json:"run_queue,omitempty"`

	Files    uint64 `json:"files,omitempty"`     // open file descriptors
	MaxFiles uint64 `json:"max_files,omitempty"` // how many there can be: the soft limit
	// TCP sockets of its network namespace, open and in TIME_WAIT: no fewer than the local ports
	// taken.
	Ports uint64 `json:"ports,omitempty"`
	// How many local ports there are for outgoing connections to one address.
	MaxPorts uint64 `json:"max_ports,omitempty"`
	Memory   uint64 `json:"memory,omitempty"` // resident, in bytes
}

// Saturated is the share of a resource from which on it counts as used up.
const Saturated = 0.95

// Share is a share of something over time, in 0..1.
type Share struct {
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"` // of a UsageWindow
}

// Usage sums up UsageWindows: means over time, and maxima. The zero value is of no windows.
type Usage struct {
	Window                // from the beginning of the first window to the end of the last
	Time    time.Duration `json:"time"`    // covered by windows
	Samples uint64        `json:"samples"` // number of windows

	Cores  float64 `json:"cores"`
	CPU    Share   `json:"cpu"`
	CPUs   float64 `json:"cpus"`
	Others Share   `json:"others"`
	Steal  Share   `json:"steal"`
	Busy   Share   `json:"busy"`
	// Full is the length of the windows in which CPU was at Saturated or more.
	Full time.Duration `json:"full"`

	GC       Share         `json:"gc"`
	GCPause  time.Duration `json:"gc_pause"`  // greatest
	RunQueue time.Duration `json:"run_queue"` // greatest

	Files    uint64 `json:"files"` // greatest, as are all that follow
	MaxFiles uint64 `json:"max_files"`
	Ports    uint64 `json:"ports"`
	MaxPorts uint64 `json:"max_ports"`
	Memory   uint64 `json:"memory"`
}

// Usage returns the usage of this one window.
func (s *UsageWindow) Usage() Usage {
	one := func(v float64) Share { return Share{v, v} }
	u := Usage{
		Window: s.Window, Time: s.Len(), Samples: 1,
		Cores: s.Cores, CPU: one(s.CPU), CPUs: s.CPUs, Others: one(s.Others), Steal: one(s.Steal), Busy: one(s.Busy),
		GC: one(s.GC), GCPause: s.GCPause, RunQueue: s.RunQueue,
		Files: s.Files, MaxFiles: s.MaxFiles, Ports: s.Ports, MaxPorts: s.MaxPorts, Memory: s.Memory,
	}
	if s.CPU >= Saturated {
		u.Full = u.Time
	}
	return u
}

// Merge adds what o covers, which must not overlap with u.
func (u *Usage) Merge(o *Usage) {
	if o.Time <= 0 {
		return
	}
	if u.Time <= 0 {
		*u = *o
		return
	}
	a, b := float64(u.Time), float64(o.Time)
	share := func(x *Share, y Share) { *x = Share{(x.Mean*a + y.Mean*b) / (a + b), max(x.Max, y.Max)} }
	share(&u.CPU, o.CPU)
	share(&u.Others, o.Others)
	share(&u.Steal, o.Steal)
	share(&u.Busy, o.Busy)
	share(&u.GC, o.GC)
	u.From, u.To = min(u.From, o.From), max(u.To, o.To)
	u.Time += o.Time
	u.Samples += o.Samples
	u.Full += o.Full
	u.Cores, u.CPUs = max(u.Cores, o.Cores), max(u.CPUs, o.CPUs)
	u.GCPause, u.RunQueue = max(u.GCPause, o.GCPause), max(u.RunQueue, o.RunQueue)
	u.Files, u.MaxFiles = max(u.Files, o.Files), max(u.MaxFiles, o.MaxFiles)
	u.Ports, u.MaxPorts = max(u.Ports, o.Ports), max(u.MaxPorts, o.MaxPorts)
	u.Memory = max(u.Memory, o.Memory)
}

// within returns the part of u that lies in w: times shrink with it, and means
// and maxima are taken to be those of the whole.
func (u Usage) within(w Window) Usage {
	part := u.Intersect(w)
	if part == u.Window {
		return u
	}
	share := float64(part.Len()) / float64(max(u.Len(), 1))
	u.Window = part
	u.Time = time.Duration(float64(u.Time) * share)
	u.Full = time.Duration(float64(u.Full) * share)
	return u
}

// UsageWithin sums up what of us, which are sorted by time, lies in ws. An entry
// that lies in part of it counts by that part, but its maxima count whole.
func UsageWithin(us []Usage, ws Windows) Usage {
	var sum Usage
	for _, w := range ws {
		i, _ := slices.BinarySearchFunc(us, w.From, func(u Usage, at time.Duration) int {
			if u.To <= at {
				return -1
			}
			return cmp.Compare(u.From, at)
		})
		if i > 0 && us[i-1].To > w.From {
			i--
		}
		for ; i < len(us) && us[i].From < w.To; i++ {
			part := us[i].within(w)
			sum.Merge(&part)
		}
	}
	return sum
}

// MaxUsages is how many entries UsageLog keeps.
const MaxUsages = 4096

// UsageLog keeps windows in bounded memory. Up to MaxUsages it keeps every one;
// beyond, neighbours are merged, twice as many into an entry each time it is full:
// to the second for 68 minutes of windows, to 32 seconds for a day. The zero
// value is empty.
type UsageLog struct {
	entries []Usage
	per     uint64 // windows an entry; 0 counts as 1
}

// Add adds a window, which is later than those before it.
func (l *UsageLog) Add(s UsageWindow) {
	l.per = max(l.per, 1)
	u := s.Usage()
	if n := len(l.entries); n > 0 && l.entries[n-1].Samples < l.per {
		l.entries[n-1].Merge(&u)
		return
	}
	if len(l.entries) == MaxUsages {
		for i := range MaxUsages / 2 {
			l.entries[i] = l.entries[2*i]
			l.entries[i].Merge(&l.entries[2*i+1])
		}
		clear(l.entries[MaxUsages/2:])
		l.entries = l.entries[:MaxUsages/2]
		l.per *= 2
	}
	l.entries = append(l.entries, u)
}

// End is where the last window ended.
func (l *UsageLog) End() time.Duration {
	if len(l.entries) == 0 {
		return 0
	}
	return l.entries[len(l.entries)-1].To
}

// Entries returns what was kept, in order of time. The slice is shared.
func (l *UsageLog) Entries() []Usage { return l.entries }
