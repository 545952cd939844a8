package run

import (
	"context"
	"sync"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// liveRules judges rules while the load is sent: those of the verdict for the live status, which
// has no part in the run's verdict, as that is judged from the recording; and the hypothesis.
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

// newLiveRules begins to judge rules on the run that c is recorded by.
func (r *runner) newLiveRules(c *record.Config, rules []scenario.PlannedRule) *liveRules {
	l := &liveRules{ended: len(rules) == 0, faults: func() []timeline.Fault {
		var out []timeline.Fault
		for _, f := range r.conductor.Faults() {
			out = append(out, f.Fault)
		}
		return out
	}}
	l.judging = verdict.NewJudging(inputs(rules, nil), &timeline.Timeline{
		Name: c.Name, Start: c.Start, Stages: c.Stages, Requests: c.Requests, Flows: c.Flows,
		Faults: l.faults(), Subjects: c.Subjects,
		LateBudget: c.LateBudget, Longest: c.Grace, Normal: c.Normal, NormalOf: c.NormalOf,
	})
	return l
}

// judge judges the rules until ctx ends, and keeps how they stand.
func (l *liveRules) judge(ctx context.Context, recorder *record.Recorder) {
	var next time.Time
	l.follow(ctx, recorder, func(timeline.Interval) (more bool) {
		begun := time.Now()
		if begun.Before(next) {
			return true
		}
		l.show(l.judging.Rules())
		cost := time.Since(begun)
		next = begun.Add(max(liveEvery, liveShare*cost))
		return true
	})
}

// follow reads the sealed intervals until ctx ends, and calls each with every one that it has taken
// in, until that wants no more. If it is late it catches up from the recording, and slows nobody.
func (l *liveRules) follow(
	ctx context.Context, recorder *record.Recorder, each func(timeline.Interval) (more bool),
) {
	defer l.end()
	readings := recorder.FollowReadings()
	defer readings.Close()
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
		if l.judging.Add(sealed.Interval); !each(sealed.Interval) {
			return
		}
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
