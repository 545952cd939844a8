package run

import (
	"context"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// liveRules judges the rules while the load is sent, for the live status. It has no part in the
// run's verdict, which is judged from the recording.
type liveRules struct {
	judging   *verdict.Judging
	faults    func() []timeline.Fault
	generator timeline.UsageLog
	stills    timeline.StandstillLog

	mu     sync.Mutex             // guards what follows
	usages []timeline.UsageWindow // not yet in generator
	stood  timeline.Windows       // not yet in stills
	shown  []report.LiveRule
	ended  bool // nothing is judged any more, so usages and stood are not kept
}

// newLiveRules begins to judge the run that c is recorded by.
func (r *runner) newLiveRules(c *record.Config) *liveRules {
	l := &liveRules{ended: len(r.plan.Rules) == 0, faults: func() []timeline.Fault {
		var out []timeline.Fault
		for _, f := range r.conductor.Faults() {
			out = append(out, f.Fault)
		}
		return out
	}}
	l.judging = verdict.NewJudging(inputs(r.plan.Rules), &timeline.Timeline{
		Name: c.Name, Start: c.Start, Stages: c.Stages, Requests: c.Requests, Flows: c.Flows,
		Faults: l.faults(), Subjects: c.Subjects,
		LateBudget: c.LateBudget, Longest: c.Grace, Normal: c.Normal, NormalOf: c.NormalOf,
	})
	return l
}

// judge reads the sealed intervals until ctx ends. If it is late it catches up from the recording,
// and slows nobody.
func (l *liveRules) judge(ctx context.Context, recorder *record.Recorder) {
	defer l.end()
	readings := recorder.FollowReadings()
	defer readings.Close()
	var next time.Time
	for sealed, err := range recorder.Subscribe(ctx) {
		seen := readings.New() // before what is learnt, which must be known of them
		if err != nil || l.learn() != nil {
			return // the recorder reports the error
		}
		for r, err := range seen {
			if err != nil {
				return
			}
			l.judging.AddReading(r)
		}
		l.judging.Add(sealed.Interval)
		begun := time.Now()
		if begun.Before(next) {
			continue
		}
		results := l.judging.Rules()
		l.show(results)
		cost := time.Since(begun)
		next = begun.Add(max(liveEvery, liveShare*cost))
	}
}

// The rules are judged at most once in liveEvery, and so rarely that judging takes at most one part
// in liveShare of a core: some rules take longer the longer the run lasts.
const (
	liveEvery = 500 * time.Millisecond
	liveShare = 50
)

func (l *liveRules) learn() error {
	faults := l.faults()
	l.mu.Lock()
	windows, stood := l.usages, l.stood
	l.usages, l.stood = nil, nil
	l.mu.Unlock()
	for _, s := range windows {
		l.generator.Add(s)
	}
	for _, w := range stood {
		l.stills.Add(w)
	}
	return l.judging.Learn(verdict.Facts{
		Faults: faults, Generator: l.generator.Entries(), Standstills: l.stills.Entries(),
	})
}

func (l *liveRules) show(results []verdict.RuleResult) {
	shown := make([]report.LiveRule, len(results))
	for i, x := range results {
		shown[i] = report.LiveRule{Rule: x.KPI, Outcome: x.Outcome, Observed: x.Observed}
		if x.Name != "" {
			shown[i].Rule = x.Name
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown = shown
}

// end frees what was kept for the next judgement: there will be none.
func (l *liveRules) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended, l.usages, l.stood = true, nil, nil
}

// state is how the rules stand.
func (l *liveRules) state() []report.LiveRule {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shown
}

func (l *liveRules) usage(s timeline.UsageWindow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.usages = append(l.usages, s)
	}
}

func (l *liveRules) standstill(w timeline.Window) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.stood = append(l.stood, w)
	}
}
