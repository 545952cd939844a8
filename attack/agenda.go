package attack

import "time"

// agenda is what is still to come: the beginnings of stages, and arrivals, in
// order of time.
type agenda struct {
	plan     *Plan
	rest     *schedule
	arrival  Arrival // the next, if more
	more     bool
	stage    int           // the next to begin; the number of stages: the end
	begin    time.Duration // of that stage, or the end
	crossing bool          // somebody is telling of that beginning

	// The last arrival that was taken: when it was due, and when it was to be taken.
	due, release time.Duration
}

func newAgenda(p *Plan) agenda {
	g := agenda{plan: p, rest: p.schedule()}
	g.arrival, g.more = g.rest.next()
	return g
}

// upcoming is when something comes next, and whether that is the beginning of a
// stage.
func (g *agenda) upcoming() (at time.Duration, boundary bool) {
	if !g.more || g.arrival.Stage >= g.stage {
		return g.begin, true
	}
	at = g.arrival.Intended
	if g.plan.CatchUp == Spread {
		// Twice the planned pace while behind, the planned one otherwise.
		at = max(at, g.release+(at-g.due)/2)
	}
	return at, false
}

// behind is for how long the next arrival has been due.
func (g *agenda) behind(now time.Duration) time.Duration {
	at, boundary := g.upcoming()
	if boundary {
		return 0
	}
	return now - at
}

// take takes the next arrival if it is due.
func (g *agenda) take(now time.Duration) (Arrival, bool) {
	at, boundary := g.upcoming()
	if boundary || at > now {
		return Arrival{}, false
	}
	taken := g.arrival
	// What the generator is late by as it wakes up must not add up from arrival to
	// arrival: only from a real hold-up does the pace begin anew.
	g.due, g.release = taken.Intended, at
	if now-at > catchingUp {
		g.release = now
	}
	g.arrival, g.more = g.rest.next()
	return taken, true
}

// cross goes on to the next stage; it returns false at the end.
func (g *agenda) cross() bool {
	if g.stage == len(g.plan.Stages) {
		return false
	}
	g.begin += g.plan.Stages[g.stage].For
	g.stage++
	return true
}
