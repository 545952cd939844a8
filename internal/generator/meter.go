package generator

import (
	"context"
	"math"
	"runtime/metrics"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

const (
	// every is the length of a window.
	every = time.Second
	// shortest is the shortest window worth measuring: the kernel counts CPU time
	// by ticks of up to 10 ms.
	shortest = 200 * time.Millisecond
)

// What the Go runtime tells: indices into Meter.metrics.
const (
	gcPauses = iota
	latencies
	gcAssist
	gcDedicated
	gcPaused
	heapTotal
	heapReleased
)

// Meter measures what this process uses. It is for one goroutine at a time.
type Meter struct {
	limits  Limits
	system  system
	metrics []metrics.Sample

	at              time.Duration
	last            usage
	gc              float64  // seconds of CPU
	pauses, waiting []uint64 // counts of the histograms, as they were
}

// NewMeter returns a meter whose first window begins at now. Close ends it.
func NewMeter(now time.Duration) *Meter {
	s := &Meter{limits: ReadLimits(), at: now, metrics: []metrics.Sample{
		gcPauses:     {Name: "/sched/pauses/total/gc:seconds"},
		latencies:    {Name: "/sched/latencies:seconds"},
		gcAssist:     {Name: "/cpu/classes/gc/mark/assist:cpu-seconds"},
		gcDedicated:  {Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"},
		gcPaused:     {Name: "/cpu/classes/gc/pause:cpu-seconds"},
		heapTotal:    {Name: "/memory/classes/total:bytes"},
		heapReleased: {Name: "/memory/classes/heap/released:bytes"},
	}}
	s.system.open()
	s.take(now) // what it says is of no window; it sets where differences begin
	return s
}

// Close closes the files that the meter holds open.
func (s *Meter) Close() { s.system.close() }

// Run hands a window to sink every second, by clock, until ctx ends, and then one of the rest of
// the time.
func (s *Meter) Run(ctx context.Context, clock func() time.Duration, sink func(timeline.UsageWindow)) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			if now := clock(); now-s.at >= shortest {
				sink(s.take(now))
			}
			return
		case <-t.C:
			// After a stop of the machine two ticks may come together.
			if now := clock(); now-s.at >= shortest {
				sink(s.take(now))
			}
		}
	}
}

// take returns the window since the last one.
func (s *Meter) take(now time.Duration) timeline.UsageWindow {
	metrics.Read(s.metrics)
	var u usage
	s.system.read(&u)
	if u.memory == 0 {
		u.memory = s.count(heapTotal) - min(s.count(heapTotal), s.count(heapReleased))
	}
	out := difference(&s.limits, timeline.Window{From: s.at, To: now}, &s.last, &u)

	// The runtime sums the time of its collector up when a cycle ends: a window has that of the
	// cycles that ended in it.
	gc := s.seconds(gcAssist) + s.seconds(gcDedicated) + s.seconds(gcPaused)
	if w := out.Len().Seconds(); w > 0 {
		out.GC = short(max(0, gc-s.gc) / w / s.limits.Cores)
	}
	if h := s.histogram(gcPauses); h != nil {
		out.GCPause, out.GCTotal = quantileSince(h, s.pauses, 1), sumSince(h, s.pauses)
		s.pauses = append(s.pauses[:0], h.Counts...)
	}
	if h := s.histogram(latencies); h != nil {
		out.RunQueue = quantileSince(h, s.waiting, 0.99)
		s.waiting = append(s.waiting[:0], h.Counts...)
	}
	s.at, s.last, s.gc = now, u, gc
	return out
}

func (s *Meter) count(i int) uint64 {
	if v := s.metrics[i].Value; v.Kind() == metrics.KindUint64 {
		return v.Uint64()
	}
	return 0
}

func (s *Meter) seconds(i int) float64 {
	if v := s.metrics[i].Value; v.Kind() == metrics.KindFloat64 {
		return v.Float64()
	}
	return 0
}

func (s *Meter) histogram(i int) *metrics.Float64Histogram {
	if v := s.metrics[i].Value; v.Kind() == metrics.KindFloat64Histogram {
		return v.Float64Histogram()
	}
	return nil
}

// quantileSince is the q-quantile of what came into h, of seconds, since its
// counts were before: the top of its bucket; 0 if nothing came.
func quantileSince(h *metrics.Float64Histogram, before []uint64, q float64) time.Duration {
	var all uint64
	for i := range h.Counts {
		all += since(h, before, i)
	}
	rank := timeline.Rank(q, all)
	if rank == 0 {
		return 0
	}
	for i := range h.Counts {
		n := since(h, before, i)
		if n < rank {
			rank -= n
			continue
		}
		top := h.Buckets[i+1]
		if math.IsInf(top, 1) {
			top = h.Buckets[i]
		}
		return inTime(top)
	}
	return 0
}

// sumSince is about the sum of what came into h since its counts were before,
// by the middle of its buckets.
func sumSince(h *metrics.Float64Histogram, before []uint64) time.Duration {
	sum := 0.0
	for i := range h.Counts {
		n := since(h, before, i)
		if n == 0 {
			continue
		}
		low, high := max(h.Buckets[i], 0), h.Buckets[i+1]
		if math.IsInf(high, 1) {
			high = low
		}
		sum += float64(n) * (low + high) / 2
	}
	return inTime(sum)
}

func since(h *metrics.Float64Histogram, before []uint64, i int) uint64 {
	if i >= len(before) {
		return h.Counts[i]
	}
	return h.Counts[i] - min(h.Counts[i], before[i])
}

func inTime(seconds float64) time.Duration {
	return time.Duration(max(0, min(seconds*1e9, 1<<62)))
}
