package process

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/cgroup"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
)

var _ target.Observable = (*Process)(nil)

// figures are what is measured of processes. The kernel does not tell traffic apart by
// processes, nor why one was killed.
func figures() []timeline.Figure {
	return []timeline.Figure{
		timeline.CPU, timeline.CPUCores, timeline.Memory, timeline.MemoryBytes,
		timeline.BlockRead, timeline.BlockWrite, timeline.Processes, timeline.Files,
		timeline.Restarts,
	}
}

// Observe implements target.Observable: what is measured is that of the whole process group.
func (p *Process) Observe(context.Context) (target.Watch, error) {
	if _, _, err := everyone(0); err != nil {
		return nil, err
	}
	return func(ctx context.Context, every time.Duration, to target.Watcher) {
		w := watch{of: p.alive, bounds: readBounds(), to: to}
		w.run(ctx, every)
	}, nil
}

// alive says which life the service is in, and the how manieth; false if it does not run.
func (p *Process) alive() (leader owner.Owner, nth int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil {
		return owner.Owner{}, p.lives, false
	}
	return p.child.id, p.lives, !p.child.dead()
}

// bounds are what a process of this machine can use at most: of the machine, or of the control
// group that ordeal is in, as what it starts is in it too.
type bounds struct{ cores, memory float64 }

func readBounds() bounds {
	b := bounds{cores: float64(runtime.NumCPU()), memory: machineMemory()}
	if cores := cgroup.CPUs(os.ReadFile); cores > 0 {
		b.cores = min(b.cores, cores)
	}
	if memory := cgroup.Memory(os.ReadFile); memory > 0 {
		b.memory = min(b.memory, memory)
	}
	return b
}

// watch follows what one service uses.
type watch struct {
	of     func() (leader owner.Owner, nth int, ok bool)
	bounds bounds
	to     target.Watcher

	leader owner.Owner
	nth    int
	last   group // nil if there is nothing to measure from
	told   time.Time
	memory memorySum
	files  fileCount
}

func (w *watch) run(ctx context.Context, every time.Duration) {
	w.told = time.Now()
	var ok bool
	if w.leader, w.nth, ok = w.of(); ok {
		var err error
		var at time.Time
		if w.last, at, err = groupOf(w.leader.PID, 0); err == nil {
			w.told = at
		}
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if time.Since(w.told) >= target.ShortestUse {
				w.look(every)
			}
			return
		case <-tick.C:
			w.look(every)
		}
	}
}

// look tells what was used since the last look.
func (w *watch) look(every time.Duration) {
	leader, nth, ok := w.of()
	restarts := nth - w.nth
	w.nth = nth
	use := target.Use{From: w.told, To: time.Now()}
	var now group
	var err error
	if ok {
		if now, use.To, err = groupOf(leader.PID, every); !use.To.After(w.told) {
			use.To = time.Now()
		}
	}
	use.Values.Set(timeline.Restarts, float64(restarts))
	switch {
	case !ok || err == nil && now.running() == 0:
		use.Missing, use.Idle, now = "it does not run", true, nil
	case err != nil:
		use.Missing = "its processes cannot be looked at: " + err.Error()
	case now.stopped():
		use.Missing, use.Idle = "it is paused", true
	case leader != w.leader:
		use.Missing, use.Idle = "it was started again", true
	case w.last == nil:
		use.Missing = "nothing was known of it before"
	default:
		w.measure(now, use.To.Sub(use.From), &use.Values)
	}
	w.leader, w.last, w.told = leader, now, use.To
	w.to.Used(use)
	if restarts > 0 {
		w.to.Happened(use.To, "restarted", "it was started again")
	}
}

// measure sets what was used from the last look to now.
func (w *watch) measure(now group, over time.Duration, v *timeline.Values) {
	used := now.since(w.last)
	seconds := over.Seconds()
	cores := used.cpu.Seconds() / seconds
	v.Set(timeline.CPUCores, cores)
	v.Set(timeline.CPU, cores/w.bounds.cores)
	memory := float64(w.memory.of(now))
	v.Set(timeline.MemoryBytes, memory)
	if w.bounds.memory > 0 {
		v.Set(timeline.Memory, memory/w.bounds.memory)
	}
	v.Set(timeline.Processes, float64(now.running()))
	if used.blocksKnown {
		v.Set(timeline.BlockRead, float64(used.read)/seconds)
		v.Set(timeline.BlockWrite, float64(used.written)/seconds)
	}
	if n, ok := w.files.of(now); ok {
		v.Set(timeline.Files, float64(n))
	}
}
