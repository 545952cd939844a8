package run

import (
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// recording is the recorder's configuration for the run.
func (r *runner) recording(
	clock func() time.Duration,
	start time.Time,
	stages []timeline.Stage,
) record.Config {
	c := record.Config{
		Dir: r.dir, Name: r.plan.Name, Seed: r.plan.Seed, Clock: clock, Start: start, Stages: stages,
		Limits: r.limits(), Grace: grace(&r.attack), LateBudget: r.attack.LateBudget,
		Redactor: r.plan.Redactor, Subjects: r.plan.Subjects, Seconds: len(r.plan.Abort) > 0,
	}
	if r.plan.Recovery != nil {
		c.Normal = *r.plan.Recovery
	}
	c.NormalOf = r.plan.RecoveryOf
	for _, req := range r.attack.Requests {
		c.Requests = append(c.Requests, req.Name)
	}
	for _, f := range r.attack.Flows {
		c.Flows = append(c.Flows, f.Name)
	}
	return c
}

// grace is how long after an arrival is due its result can come: the longest timeout, or the sum of
// the timeouts and think times of all steps of a flow if that is longer.
func grace(p *attack.Plan) time.Duration {
	timeout := func(i int) time.Duration {
		if i >= 0 && i < len(p.Requests) && p.Requests[i].Timeout > 0 {
			return p.Requests[i].Timeout
		}
		return p.Timeout
	}
	longest := p.Timeout
	for i := range p.Requests {
		longest = max(longest, timeout(i))
	}
	for _, f := range p.Flows {
		var whole time.Duration
		for _, s := range f.Steps {
			whole += timeout(s.Request) + s.Think
		}
		longest = max(longest, whole)
	}
	return longest
}
