package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// hypothesis judges the rules that must hold before the first fault, and holds the faults back
// until that is known.
type hypothesis struct {
	rules *liveRules
	until time.Duration // up to when the load is judged
	known chan struct{} // closed once it is known whether it holds, or never will be
	holds bool          // of known
}

// newHypothesis returns nil if the scenario has none.
func (r *runner) newHypothesis(c *record.Config) *hypothesis {
	if len(r.plan.Hypothesis) == 0 {
		return nil
	}
	return &hypothesis{
		rules: r.newLiveRules(c, r.plan.Hypothesis),
		until: scenario.HypothesisUntil(r.plan.Chaos), known: make(chan struct{}),
	}
}

// admit waits until it is known whether the hypothesis holds; false if it does not, or the load
// ended before.
func (h *hypothesis) admit(ctx context.Context) bool {
	select {
	case <-h.known:
		return h.holds
	case <-ctx.Done():
		return false
	}
}

// judge judges the hypothesis once all that was due by then is over. If it does not hold, or that
// cannot be told, the load ends.
func (r *runner) judgeHypothesis(
	ctx context.Context, h *hypothesis, clock func() time.Duration, live *report.LiveStatus,
) {
	defer close(h.known)
	var results []verdict.RuleResult
	h.rules.follow(ctx, r.recorder, func(iv timeline.Interval) (more bool) {
		if iv.To < h.until {
			return true
		}
		results = h.rules.judging.Rules()
		return false
	})
	if ctx.Err() != nil && results == nil {
		return // the load ended first
	}
	found := hypothesisOf(results, h.until)
	if results == nil {
		found.Holds, found.Why = false, "it could not be judged, as the recording failed"
	}
	h.holds = found.Holds
	r.recorder.Hypothesis(found)
	state := "holds"
	if !h.holds {
		state = "does not hold"
	}
	at := clock()
	r.event(timeline.Event{At: at, Type: "hypothesis", State: state, Detail: found.Why})
	live.Event(r.plan.Redact("hypothesis " + state))
	if h.holds {
		return
	}
	r.stopped.end(timeline.Stop{
		By: timeline.StoppedByHypothesis, At: at, Why: r.plan.Redact(fmt.Sprintf(
			"nothing was broken, as the hypothesis did not hold before: %s", found.Why)),
	})
}

// hypothesisOf is what came of the rules of a hypothesis.
func hypothesisOf(results []verdict.RuleResult, until time.Duration) timeline.Hypothesis {
	h := timeline.Hypothesis{Until: until, Holds: true}
	var why []string
	for _, x := range results {
		h.Rules = append(h.Rules, timeline.HypothesisRule{
			KPI: x.KPI, Name: x.Name, Outcome: string(x.Outcome), Observed: x.Observed,
			Limit: x.Limit, Why: x.Why,
		})
		warns := x.Severity == verdict.SeverityWarn
		if warns || x.Outcome == verdict.Pass || x.Outcome == verdict.Warn {
			continue
		}
		h.Holds = false
		name := x.KPI
		if x.Name != "" {
			name = x.Name + " (" + x.KPI + ")"
		}
		why = append(why, name+": "+x.Why)
	}
	h.Why = strings.Join(why, "; ")
	if h.Holds {
		h.Why = "judged on the load up to " + quantity.FormatDuration(until)
	}
	return h
}
