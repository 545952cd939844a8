package run

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// stopped is why ordeal itself ended the load, if it did. It is safe for concurrent use.
type stopped struct {
	mu      sync.Mutex
	soft    context.Context // ends when the load does, for whatever reason
	stop    func()
	giveUp  func()      // of open requests
	drain   *time.Timer // until giveUp; nil: the load was not ended
	because *timeline.Stop
}

// drainTime is how long open requests are waited for once ordeal itself has ended the load: what
// hangs is why it did, more often than not.
const drainTime = 5 * time.Second

// then has the load ended by stop, open requests given up some time later by giveUp, and nothing
// noted any more once soft has ended.
func (s *stopped) then(soft context.Context, stop, giveUp func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.soft, s.stop, s.giveUp = soft, stop, giveUp
}

// over says that nothing is open any more.
func (s *stopped) over() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drain != nil {
		s.drain.Stop()
	}
}

// end ends the load. It returns false if the load was ended already: that is why, then.
func (s *stopped) end(why timeline.Stop) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.because != nil || s.soft.Err() != nil {
		return false
	}
	s.because = &why
	s.stop()
	s.drain = time.AfterFunc(drainTime, s.giveUp)
	return true
}

// why is nil if ordeal did not end the load.
func (s *stopped) why() *timeline.Stop {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.because
}

// alarmWatch judges the alarms of the run second by second.
type alarmWatch struct {
	alarms *verdict.Alarms

	mu    sync.Mutex
	notes []string         // for the live status: what holds by now
	stood timeline.Windows // when ordeal itself stood still, not yet looked at
	ended bool             // nothing is judged any more, so stood is not kept
}

func (r *runner) newAlarmWatch(stages []timeline.Stage) *alarmWatch {
	var list []verdict.Alarm
	for i := range r.plan.Abort {
		list = append(list, r.plan.Abort[i].Alarm())
	}
	return &alarmWatch{alarms: verdict.NewAlarms(list, stages), ended: len(list) == 0}
}

// stoodStill notes that ordeal itself did not run: what it saw of that time says nothing of the
// target.
func (a *alarmWatch) stoodStill(w timeline.Window) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ended {
		a.stood = append(a.stood, w)
	}
}

// blind says whether ordeal stood still for so long in a second, or in the one before it, from
// which it may not have caught up, that the second says more of ordeal than of the target.
func (a *alarmWatch) blind(second timeline.Window) bool {
	second.From -= time.Second
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.stood) > 0 && a.stood[0].To <= second.From {
		a.stood = a.stood[1:]
	}
	return a.stood.Intersect(timeline.Windows{second}).Len() >= blindFor
}

// blindFor is the time of two seconds in which ordeal must have stood still for the later one to
// count for nothing.
const blindFor = 500 * time.Millisecond

// judge takes in the seconds that are over, and returns the first alarm that trips.
func (a *alarmWatch) judge(seconds []timeline.Second, end time.Duration) *verdict.Tripped {
	for _, s := range seconds {
		switch {
		case s.To > end: // of what follows the load, nothing is asked
			return nil
		case a.blind(s.Window):
			a.alarms.Skip()
			continue
		}
		if tripped := a.alarms.Judge(s); len(tripped) > 0 {
			return &tripped[0]
		}
	}
	return nil
}

// afterSecond is how long after the end of a second its results are looked at: those that came in
// its last moment have been recorded by then.
const afterSecond = 20 * time.Millisecond

// note says which alarms hold by now.
func (a *alarmWatch) note(of []scenario.PlannedAlarm) {
	var notes []string
	holding := a.alarms.Holding()
	for _, i := range slices.Sorted(maps.Keys(holding)) {
		notes = append(notes, fmt.Sprintf("abort rule %s has held for %s of %s",
			cmp.Or(of[i].Name, of[i].When), quantity.FormatDuration(holding[i]),
			quantity.FormatDuration(of[i].For)))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notes = notes
}

// noted is what note said last.
func (a *alarmWatch) noted() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.notes
}

// end frees what was kept for the next judgement: there will be none.
func (a *alarmWatch) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended, a.stood, a.notes = true, nil, nil
}

// watchAlarms judges the alarms once a second until ctx ends or one trips, which ends the load.
func (r *runner) watchAlarms(
	ctx context.Context, clock func() time.Duration, a *alarmWatch, live *report.LiveStatus,
) {
	readings := r.recorder.FollowReadings()
	defer readings.Close()
	defer a.end()
	end := r.attack.Duration()
	for {
		now := clock()
		next := now.Truncate(time.Second) + time.Second + afterSecond
		timer := time.NewTimer(next - now)
		select {
		case <-ctx.Done():
			timer.Stop()
			r.tellUntold(clock, a)
			return
		case <-timer.C:
		}
		for x, err := range readings.New() {
			if err != nil {
				break // the recorder reports it; what is not known trips nothing
			}
			a.alarms.AddReading(x)
		}
		t := a.judge(r.recorder.Seconds(), end)
		a.note(r.plan.Abort)
		if t == nil {
			continue
		}
		stop := r.alarmStop(t, clock())
		if r.stopped.end(stop) {
			r.event(timeline.Event{At: stop.At, Type: "abort", Name: t.Name, Detail: stop.Why})
			live.Event(r.plan.Redact("abort: " + t.String()))
		}
		return
	}
}

// tellUntold notes the alarms that could not be judged at any time: they were no safeguard.
func (r *runner) tellUntold(clock func() time.Duration, a *alarmWatch) {
	untold := a.alarms.Untold()
	for _, i := range slices.Sorted(maps.Keys(untold)) {
		p := &r.plan.Abort[i]
		r.event(timeline.Event{
			At: clock(), Type: "abort", Name: cmp.Or(p.Name, p.When), State: timeline.NeverJudged,
			Detail: untold[i],
		})
	}
}

// alarmStop says why an alarm ended the run.
func (r *runner) alarmStop(t *verdict.Tripped, at time.Duration) timeline.Stop {
	after := quantity.FormatDuration(at.Truncate(time.Millisecond))
	why := fmt.Sprintf("aborted after %s: %s", after, t)
	if t.Description != "" {
		why += "; " + t.Description
	}
	redact := r.plan.Redact
	return timeline.Stop{
		By: timeline.StoppedByAlarm, At: at, When: redact(t.When), For: t.For,
		Name: redact(t.Name), Description: redact(t.Description), Observed: t.Observed,
		Why: redact(why),
	}
}
