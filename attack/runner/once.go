package runner

import (
	"context"
	"slices"

	"github.com/seed-1574e9de/ordeal/attack"
)

// Once sends each request of a plan once, but for the steps of flows, and then each flow, in the
// order of the plan: one caller, who does not think. Stages are not looked at. Everything is
// planned and recorded as Run does, and the results come in the order in which they were sent, the
// steps of a flow before the flow. Once ctx ends or Stop is closed nothing more is sent. An error
// says that the plan cannot be run; then nothing was sent.
func Once(ctx context.Context, p *attack.Plan, opt Options) error {
	quick := *p
	quick.Flows = slices.Clone(p.Flows)
	isStep := make(map[int]bool)
	for i := range quick.Flows {
		f := &quick.Flows[i]
		f.Steps = slices.Clone(f.Steps)
		for k := range f.Steps {
			f.Steps[k].Think = 0
			isStep[f.Steps[k].Request] = true
		}
	}
	a, err := newRun(ctx, &quick, opt)
	if err != nil {
		return err
	}
	defer a.sleeper.close()
	var all []attack.Arrival
	for i := range quick.Requests {
		if !isStep[i] {
			all = append(all, attack.Arrival{Request: i})
		}
	}
	for i := range quick.Flows {
		all = append(all, attack.Arrival{Request: i, IsFlow: true})
	}
	s := &recorderSlot{number: firstWorkerSlot}
	seq := uint64(0)
	for _, one := range all {
		if !a.until(0) {
			return nil
		}
		one.Seq, one.Intended = seq, a.Clock()
		seq++
		if one.IsFlow {
			seq += uint64(len(quick.Flows[one.Request].Steps))
		}
		a.announce(one)
		a.send(s, waiting{one, one.Intended}, nil)
	}
	return nil
}
