package verdict

import (
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/standstill"
	"github.com/seed-1574e9de/ordeal/timeline"
)

const (
	// keptWaiting is how much longer than normal an answer takes that counts as silence
	// and not as slowness.
	keptWaiting = time.Second
	// A stretch is an outage if it has so many arrivals, or is so long: single errors of a
	// service that goes on answering are none.
	outageArrivals = 5
	outageLength   = time.Second
)

// outages finds when a service was down, from the beats of the intervals in order. It keeps
// only what is open: memory does not grow with time. See docs/design/004-phases.md.
type outages struct {
	from, end time.Duration // the time in which outages count
	// end is where another fault begins: an outage open then is counted for that fault.
	nextFault bool
	asked     timeline.Windows     // judged time in which the plan asked for something
	stills    timeline.Windows     // time in which silence is ordeal's own: see spoiled
	normal    func() time.Duration // the response time up to which an answer is normal

	blameTarget bool // also for errors that the generator may have made

	early []timeline.Beat // due before from and still open then
	begun bool            // from has come, and early was looked at

	ups     []time.Duration // instants, still to come, at which a slow answer shows the service up
	down    bool            // an outage is open, which the next five fields describe
	first   time.Duration   // its beginning, from on
	last    time.Duration   // the last instant at which the service is known to have been down
	count   uint64          // arrivals that met it
	unknown time.Duration   // asked time just before first, of which nothing is known
	seen    time.Duration   // the last arrival since from

	arrivals   uint64 // those that say something
	total      time.Duration
	own        time.Duration // the part of total that may be ordeal's own doing
	stretches  uint64
	longest    time.Duration
	resolution time.Duration // at the edges of outages
	gap        time.Duration // the longest asked time between two arrivals
	missed     time.Duration // sum of unknown over all outages
	open       bool          // the service was down to the end: total is a lower bound
	found      func(w timeline.Window)
}

// add takes in the beats of the next interval.
func (o *outages) add(iv *timeline.Interval, middle time.Duration) {
	if middle >= o.end {
		return
	}
	for _, b := range iv.Beats {
		if o.blameTarget {
			b = b.AtWorst()
		}
		if b.Known() == 0 {
			continue
		}
		if o.nextFault && max(b.Failed, b.Came) >= o.end && (b.Good == 0 || b.Came >= o.end) {
			continue
		}
		if middle >= o.from {
			o.begin()
			o.beat(b)
			continue
		}
		if b.Failed >= o.from || b.Good > 0 && b.Came >= o.from {
			o.early = append(o.early, b)
		}
	}
}

// begin looks at the arrivals that were open at from.
func (o *outages) begin() {
	if o.begun {
		return
	}
	o.begun = true
	for _, b := range o.early {
		o.beat(b)
	}
	o.early = nil
	o.seen = max(o.seen, o.from)
}

// beat takes in the next beat.
func (o *outages) beat(b timeline.Beat) {
	at := max(b.Due, o.from)
	o.arrivals += b.Errors + b.Good
	o.upTo(at)
	normal := o.normal()
	switch {
	case b.Good == 0 || b.Best > normal+keptWaiting:
		if !o.down {
			o.down, o.first, o.last, o.count = true, at, at, 0
			o.unknown = o.askedIn(max(o.seen, o.from), at)
		}
		o.count += b.Errors + b.Good
		o.last = max(o.last, b.Last, b.Failed)
		if b.Good > 0 {
			o.last = max(o.last, b.Came-normal)
			o.ups = append(o.ups, max(at, b.Came-normal))
		}
	case b.Best > normal:
		o.ups = append(o.ups, max(at, b.Came-normal))
	case b.Due >= o.from:
		o.up(b.Due)
	}
	if o.begun && b.Due > o.from {
		o.between(at)
	}
	o.seen = max(o.seen, b.Last)
}

// between notes that nothing came due between the last arrival and an instant.
func (o *outages) between(at time.Duration) {
	if from := max(o.seen, o.from); at-from > o.gap { // few are: this costs nothing
		o.gap = max(o.gap, o.askedIn(from, at))
	}
}

// askedIn is how much of a stretch is judged time in which the plan asked for something.
func (o *outages) askedIn(from, to time.Duration) time.Duration {
	return timeline.Windows{{From: from, To: to}}.Intersect(o.asked).Len()
}

// upTo takes in the slow answers that show that the service was up again by an instant.
func (o *outages) upTo(at time.Duration) {
	if o.down {
		first := time.Duration(-1)
		for _, u := range o.ups {
			if u > o.first && u <= at && (first < 0 || u < first) {
				first = u
			}
		}
		if first >= 0 {
			o.up(first)
		}
	}
	o.ups = slices.DeleteFunc(o.ups, func(u time.Duration) bool { return u <= at })
}

// up says that the service was up at an instant.
func (o *outages) up(at time.Duration) {
	if !o.down {
		return
	}
	o.down = false
	w := timeline.Window{From: o.first, To: at}
	length := timeline.Windows{w}.Intersect(o.asked).Len()
	if o.count < outageArrivals && length < outageLength {
		return
	}
	o.total += length
	o.own += timeline.Windows{w}.Intersect(o.asked).Intersect(o.stills).Len()
	o.missed += o.unknown
	o.stretches++
	o.longest = max(o.longest, length)
	o.resolution = max(o.resolution, o.unknown, at-min(o.last, at))
	if o.found != nil {
		o.found(w)
	}
}

// clone is a copy that can be finished while o goes on.
func (o *outages) clone() outages {
	c := *o
	c.early, c.ups = slices.Clone(o.early), slices.Clone(o.ups)
	return c
}

// finish ends the time: an outage that is open then lasted until then.
func (o *outages) finish() {
	o.begin()
	o.upTo(o.end)
	if !o.down {
		o.between(o.end)
		return
	}
	before := o.stretches
	o.up(o.end)
	o.open = o.stretches > before
}

// spoiled is the time in which silence says nothing of the service: ordeal stood still, or was
// catching up after a long standstill.
func spoiled(stills timeline.Windows) timeline.Windows {
	out := slices.Clone(stills)
	for i, s := range out {
		if s.Len() >= standstill.Long {
			out[i].To = standstill.Stop(s).CaughtUp()
		}
	}
	return timeline.NewWindows(out...)
}

// blur is how far off the total may be at each edge of an outage: the longest stretch there of
// which nothing is known. Without outages it is the length that one could have had and still be
// taken for single errors.
func (o *outages) blur() time.Duration {
	if o.stretches == 0 {
		return max(o.gap, min(outageArrivals*o.gap, outageLength), timeline.BeatLength)
	}
	return max(o.resolution, timeline.BeatLength)
}

// unseen is how much longer the outages may have been than arrivals show.
func (o *outages) unseen() time.Duration {
	if o.stretches == 0 {
		return o.gap
	}
	return o.missed
}
