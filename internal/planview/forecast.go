package planview

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// forecastMost is how many arrivals a plan may have that rules are tried on: with
// more there are enough for all but the rarest, and trying takes time.
const forecastMost = 200_000

// answersIn is how fast the answers of the made-up run come.
const answersIn = time.Millisecond

// undecided says which rules no run of the plan could decide, as too few arrivals
// are due in what they look at, by the index of the rule. It judges a made-up run up to end.
func undecided(p *scenario.Plan, list []scenario.PlannedRule, end time.Duration) map[int]string {
	tl := madeUpRun(p, end)
	if tl == nil || len(list) == 0 {
		return nil
	}
	var rules []verdict.Input
	for i := range list {
		rules = append(rules, list[i].Input())
	}
	few, err := verdict.TooFew(rules, tl)
	if err != nil {
		return nil // made-up intervals can always be read
	}
	return few
}

// forecastAlarms says of abort rules, by their index, that no second of a run of the plan could
// tell anything of them, as too few arrivals are due, that they would end a run in which all
// goes well, as less is asked than they want, or that they want more time than the load has.
func forecastAlarms(p *scenario.Plan) map[int]string {
	load := p.Attack.Duration()
	out := forecastAlarmsOf(p, madeUpRun(p, load))
	for i := range p.Abort {
		if want := p.Abort[i].For; want > load {
			out[i] = fmt.Sprintf("cannot end this run: it must hold for %s, and the load lasts %s",
				quantity.FormatDuration(want), quantity.FormatDuration(load))
		}
	}
	return out
}

// forecastAlarmsOf is what a made-up run tells of abort rules: nothing if there is none.
func forecastAlarmsOf(p *scenario.Plan, tl *timeline.Timeline) map[int]string {
	out := map[int]string{}
	if tl == nil || len(p.Abort) == 0 {
		return out
	}
	var list []verdict.Alarm
	for i := range p.Abort {
		list = append(list, p.Abort[i].Alarm())
	}
	alarms := verdict.NewAlarms(list, tl.Stages)
	for second := range seconds(tl) {
		for _, t := range alarms.Judge(second) {
			if out[t.Index] == "" {
				out[t.Index] = fmt.Sprintf("would end a run in which all goes well, after %s: %s",
					quantity.FormatDuration(t.At), t.Observed)
			}
		}
	}
	for i, why := range alarms.Untold() {
		out[i] = "cannot be judged with this load: " + why
	}
	for i := range p.Abort {
		if len(p.Abort[i].Rule.Observed()) > 0 {
			delete(out, i) // what is observed is not made up
		}
	}
	return out
}

// seconds are those of a made-up run, whose answers come in the second in which they were due.
func seconds(tl *timeline.Timeline) iter.Seq[timeline.Second] {
	return func(yield func(timeline.Second) bool) {
		var now timeline.Second
		for iv := range tl.Intervals {
			from := iv.From.Truncate(time.Second)
			if now.To > 0 && now.From != from {
				if !yield(now) {
					return
				}
				now.Cells = nil
			}
			now.From, now.To = from, from+time.Second
			for _, c := range iv.Cells {
				now.Cells = append(now.Cells, timeline.SecondCell{Key: c.Key, Stats: c.Stats})
			}
		}
		if now.To <= tl.Duration { // the last one is whole
			yield(now)
		}
	}
}

// madeUpRun is a run of the plan up to end: each arrival at its time, with a good answer at once,
// and each fault as planned. It is nil of a plan with a closed stage, whose arrivals only the run
// tells, and of one with too many arrivals.
func madeUpRun(p *scenario.Plan, end time.Duration) *timeline.Timeline {
	stages := p.Attack.Windows()
	if p.Arrivals.Count > forecastMost ||
		slices.ContainsFunc(stages, func(s timeline.Stage) bool { return s.Closed }) {
		return nil
	}
	tl := &timeline.Timeline{
		Name:       p.Name,
		Duration:   end,
		Stages:     stages,
		LateBudget: p.Attack.LateBudget,
		Faults:     plannedFaults(p, end),
	}
	for _, r := range p.Attack.Requests {
		tl.Requests = append(tl.Requests, r.Name)
	}
	for _, f := range p.Attack.Flows {
		tl.Flows = append(tl.Flows, f.Name)
	}
	tl.Intervals, tl.Readings = madeUp(p, tl), madeUpReadings(p, tl.Duration)
	return tl
}

// plannedFaults are the faults of a run in which all goes as planned.
func plannedFaults(p *scenario.Plan, end time.Duration) []timeline.Fault {
	var out []timeline.Fault
	for _, f := range p.Chaos {
		from, to := min(f.At, end), end
		if f.Hold > 0 {
			to = min(f.At+f.Hold, end)
		}
		out = append(out, timeline.Fault{
			Name: f.Name, Kind: f.Kind, Planned: f.At, State: timeline.Reverted, Verified: true,
			Injecting: &from, Began: &from, Effective: &from, Reverting: &to, Ceased: &to, Reverted: &to,
		})
	}
	return out
}

// madeUp are the intervals of a run in which every answer is good and comes at
// once, cut where a recorder cuts.
func madeUp(p *scenario.Plan, tl *timeline.Timeline) func(func(timeline.Interval, error) bool) {
	cuts := []time.Duration{tl.Duration}
	for at := time.Duration(0); at < tl.Duration; at += time.Second {
		cuts = append(cuts, at)
	}
	for _, f := range tl.Faults {
		cuts = append(cuts, *f.Began, *f.Ceased)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	return func(yield func(timeline.Interval, error) bool) {
		i := 0
		iv := timeline.Interval{
			Window: timeline.Window{From: cuts[0], To: cuts[min(1, len(cuts)-1)]},
		}
		cells := map[timeline.Key]*timeline.Stats{}
		// next hands the interval over and begins the one after it.
		next := func() bool {
			for k, s := range cells {
				iv.Cells = append(iv.Cells, timeline.Cell{Key: k, Stats: s})
			}
			slices.SortFunc(iv.Cells, timeline.Cell.Compare)
			ok := yield(iv, nil)
			i++
			clear(cells)
			if i < len(cuts)-1 {
				iv = timeline.Interval{Window: timeline.Window{From: cuts[i], To: cuts[i+1]}}
			}
			return ok
		}
		for a := range p.Attack.Schedule() {
			if a.Intended >= tl.Duration {
				break
			}
			for i < len(cuts)-2 && a.Intended >= cuts[i+1] {
				if !next() {
					return
				}
			}
			answer(p, &iv, cells, tl, a)
		}
		for i < len(cuts)-1 {
			if !next() {
				return
			}
		}
	}
}

// answer puts one arrival with a good answer into an interval.
func answer(
	p *scenario.Plan,
	iv *timeline.Interval,
	cells map[timeline.Key]*timeline.Stats,
	tl *timeline.Timeline,
	a attack.Arrival,
) {
	stage := &tl.Stages[a.Stage]
	put := func(k timeline.Key) {
		s := cells[k]
		if s == nil {
			s = timeline.NewStats(nil)
			cells[k] = s
		}
		s.Planned++
		s.Done++
		s.Answered++
		s.AnsweredOK++
		s.Last = max(s.Last, a.Intended+answersIn)
		s.OK.Record(answersIn)
		s.Service.Record(answersIn)
		for i := range s.Phases {
			s.Phases[i].Record(answersIn)
		}
		s.Lag.Record(0)
		s.Late.Record(0)
	}
	if a.IsFlow {
		flow := &p.Attack.Flows[a.Request]
		put(timeline.Key{Stage: stage.Name, Request: flow.Name, IsFlow: true})
		for _, step := range flow.Steps {
			put(timeline.Key{Stage: stage.Name, Request: p.Attack.Requests[step.Request].Name})
		}
	} else {
		put(timeline.Key{Stage: stage.Name, Request: p.Attack.Requests[a.Request].Name})
	}
	if stage.Judged {
		iv.Beats = timeline.MergeBeats(iv.Beats, timeline.Beat{
			Due: a.Intended, Last: a.Intended, Good: 1, Best: answersIn, Came: a.Intended + answersIn,
		})
	}
}
