package arrivals

import "time"

// CatchingUp is the least lateness of an arrival that counts as catching up after a hold-up: timers
// alone are late by less.
const CatchingUp = time.Millisecond

// Timetable has the arrivals and the beginnings of stages that are still to come, in order of time.
type Timetable struct {
	// Stage is the index of the next stage to begin; the number of stages: the end.
	Stage int

	stages  []Stage
	spread  bool // late arrivals are taken at no more than twice the planned pace
	rest    *schedule
	arrival Arrival // the next, if more
	more    bool
	begin   time.Duration // of stage Stage, or the end

	// The last arrival that was taken: when it was due, and when it was to be taken.
	due, release time.Duration
}

// NewTimetable returns the timetable of a load. With spread, arrivals that are late because the
// generator was held up are taken at no more than twice the planned pace.
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
	// The small lateness of each wake-up must not add up from arrival to arrival: the pace begins
	// anew only after a real hold-up.
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
