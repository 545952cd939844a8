package arrivals

import "time"

// CatchingUp is how late an arrival is at least that is taken after a hold-up: what
// is less, a timer is late by.
const CatchingUp = time.Millisecond

// Timetable is what is still to come: the beginnings of stages, and arrivals, in
// order of time.
type Timetable struct {
	// Stage is the index of the next stage to begin; the number of stages: the end.
	Stage int

	stages  []Stage
	spread  bool // what was held up comes at no more than twice the planned pace
	rest    *schedule
	arrival Arrival // the next, if more
	more    bool
	begin   time.Duration // of stage Stage, or the end

	// The last arrival that was taken: when it was due, and when it was to be taken.
	due, release time.Duration
}

// NewTimetable returns that of a load. With spread, what comes late as the
// generator was held up is taken at no more than twice the planned pace.
func NewTimetable(l *Load, spread bool) Timetable {
	t := Timetable{stages: l.Stages, spread: spread, rest: l.schedule()}
	t.arrival, t.more = t.rest.next()
	return t
}

// Upcoming is when something comes next, and whether that is the beginning of a
// stage.
func (t *Timetable) Upcoming() (at time.Duration, boundary bool) {
	if !t.more || t.arrival.Stage >= t.Stage {
		return t.begin, true
	}
	at = t.arrival.Intended
	if t.spread {
		// Twice the planned pace while behind, the planned one otherwise.
		at = max(at, t.release+(at-t.due)/2)
	}
	return at, false
}

// Behind is for how long the next arrival has been due.
func (t *Timetable) Behind(now time.Duration) time.Duration {
	at, boundary := t.Upcoming()
	if boundary {
		return 0
	}
	return now - at
}

// Take takes the next arrival if it is due.
func (t *Timetable) Take(now time.Duration) (Arrival, bool) {
	at, boundary := t.Upcoming()
	if boundary || at > now {
		return Arrival{}, false
	}
	taken := t.arrival
	// What the generator is late by as it wakes up must not add up from arrival to
	// arrival: only from a real hold-up does the pace begin anew.
	t.due, t.release = taken.Intended, at
	if now-at > CatchingUp {
		t.release = now
	}
	t.arrival, t.more = t.rest.next()
	return taken, true
}

// NextStage goes on to the next stage; it returns false at the end.
func (t *Timetable) NextStage() bool {
	if t.Stage == len(t.stages) {
		return false
	}
	t.begin += t.stages[t.Stage].For
	t.Stage++
	return true
}
