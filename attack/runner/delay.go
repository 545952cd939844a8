package runner

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/standstill"
	"github.com/seed-1574e9de/ordeal/timeline"
)

const (
	// minDelay is the delay from which on an arrival counts as delayed by the generator. It is far
	// below what can be seen over a network or by a rule, and above the lateness of kernel timers.
	minDelay = 250 * time.Microsecond
	// doubtfulPart is what a timeout is divided by for the least delay that puts it in
	// doubt. A target that had nine tenths of the time and did not answer has timed out.
	doubtfulPart = 10
	// doubtfulMeans is how many times the mean of good answers the rest of the timeout
	// must be, without the delay. With less the timeout is in doubt at any delay: an
	// answer may have needed the part that the generator took.
	doubtfulMeans = 4
)

// setOwnDelay sets how much of the response time in r the generator itself may have made,
// and whether it may have made its error.
func (a *runner) setOwnDelay(s *recorderSlot, r *attack.Result) {
	late, now := r.Dispatched-r.Intended, r.Done
	if r.End == attack.Unsent {
		now = min(now, a.Clock()) // it was given up before its deadline
	}
	s.stops = a.Standstills.Touching(r.Intended, now, s.stops[:0])
	if late < minDelay && len(s.stops) == 0 || r.End == attack.Interrupted {
		return
	}
	delay, shaken := ownDelay(
		r,
		now,
		s.stops,
		a.Carries,
		a.action(&r.Arrival).headroom.service.quickest(),
	)
	if delay < minDelay {
		return
	}
	r.Delay = delay
	r.Doubtful = a.doubtful(s, r, shaken)
}

// ownDelay is how much sooner an arrival might have been done if the generator had never been held
// up, and whether the arrival was open while a standstill disturbed the target itself. stops are
// the standstills around its time. carries says that connections between other programs run through
// this process.
//
// The delay is the sum of what is known: the arrival was dispatched late, and its answer, if it was
// read as a standstill ended, may have been there since the standstill began. The delay is also at
// least as long as any standstill that was caught up with while the arrival was open: the requests
// that a standstill holds back meet the target all at once, and a queue that starts later by so
// much is done at most so much later. But no response time can be less than quickest, the quickest
// good answer seen.
func ownDelay(
	r *attack.Result,
	now time.Duration,
	stops []standstill.Stop,
	carries bool,
	quickest time.Duration,
) (delay time.Duration, shaken bool) {
	var unread, caughtUp, carried time.Duration
	for _, s := range stops {
		begun := max(s.From, r.Dispatched)
		if begun < min(s.To, now) && now <= s.To+max(s.Len()/4, standstill.Least) {
			unread = max(unread, now-begun)
		}
		if s.To < now {
			caughtUp = max(caughtUp, s.Len())
		}
		carried += max(0, min(s.To, now)-begun)
		shaken = shaken || carries || s.Len() >= standstill.Long
	}
	delay = r.Dispatched - r.Intended + unread
	if carries {
		delay = max(delay, r.Dispatched-r.Intended+carried)
	}
	late := max(0, r.Dispatched-r.Intended)
	return min(
		max(delay, caughtUp),
		max(late, r.Done-r.Intended-quickest),
		r.Done-r.Intended,
	), shaken
}

// doubtful says whether the generator may have made the error of r, whose Delay is known. Arrivals
// that it did not send in time, or for lack of ports or files, have kinds of their own and are not
// asked for.
func (a *runner) doubtful(s *recorderSlot, r *attack.Result, shaken bool) bool {
	action := a.action(&r.Arrival)
	switch kind := timeline.KindNamed(r.Kind); {
	case r.Kind == "" || kind.Own || kind.OfPlan:
		return false
	case kind.OfTime && kind.Answered: // it was answered, so its true time is known
		return shaken || r.Done-r.Intended-r.Delay <= s.within
	case kind.OfTime:
		if s.tooLate { // it is there: so it is known how late it came
			return shaken || r.Done-r.Intended-r.Delay <= action.timeout
		}
		mean, known := action.headroom.service.mean()
		return shaken || r.Delay >= action.timeout/doubtfulPart ||
			known && action.timeout-r.Delay <= doubtfulMeans*mean
	}
	return shaken
}
