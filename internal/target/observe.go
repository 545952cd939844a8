package target

import (
	"context"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Observable is a chaos.Target whose use of its machine can be watched. What is measured
// stands in Kind.Can.Figures.
type Observable interface {
	chaos.Target
	// Observe finds out how the target is watched, and changes nothing. It fails if the
	// target cannot be watched at all, and says what to do.
	Observe(ctx context.Context) (Watch, error)
}

// ShortestUse is the shortest time of which what a target used is told when a Watch ends. Of a
// shorter one its share of CPU would be coarse, as it is counted in steps of 10 ms.
const ShortestUse = 500 * time.Millisecond

// Watch tells of what a target uses, about each every, until ctx ends, and then of the time since
// it told last, if that is ShortestUse or more. When it returns, all that it had started has
// ended. It goes on whatever becomes of the target: what cannot be told is told as missing.
type Watch func(ctx context.Context, every time.Duration, to Watcher)

// Watcher is told of one target, in order of time and by one goroutine at a time. It does not
// hold the Watch up.
type Watcher interface {
	// Used tells of what was used. The stretches follow each other without a gap.
	Used(u Use)
	// Happened tells of something at once: the state is one word or two, such as "removed".
	Happened(at time.Time, state, detail string)
}

// Use is what a target used between two moments. Sums, such as restarts, are those since the
// Use before.
type Use struct {
	From, To time.Time
	Values   timeline.Values
	// Missing says why what is not in Values is not known; "" if all is there that the
	// target has.
	Missing string
	// Idle says that what is missing is what a target that does not run, or is paused, has
	// none of.
	Idle bool
}
