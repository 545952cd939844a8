package run

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/owner"
)

// prepareChaos draws the targets of every fault and makes sure that each can
// be injected and undone, before any load is sent.
func (r *runner) prepareChaos(ctx context.Context, me owner.Owner) error {
	var planned []chaos.ScheduledFault
	for _, p := range r.plan.Chaos {
		var candidates []chaos.Target
		for _, name := range p.Services {
			candidates = append(candidates, r.services.targets[name]...)
		}
		if len(candidates) == 0 {
			return fmt.Errorf("fault %s: %v has nothing that could be broken", p.Name, p.Services)
		}
		slices.SortFunc(candidates, func(a, b chaos.Target) int {
			if a.Name() < b.Name() {
				return -1
			}
			return 1
		})
		picked, err := chaos.Choose(p, candidates, r.plan.Seed)
		if err != nil {
			return fmt.Errorf("fault %s: %w", p.Name, err)
		}
		planned = append(planned, chaos.ScheduledFault{Plan: p, Targets: picked})
	}
	r.conductor = chaos.NewConductor(chaos.Config{
		Run: r.id, Owner: me, Journal: r.journal, InjectTimeout: injectTimeout, RevertTimeout: revertTimeout,
	}, planned)
	if err := r.conductor.Preflight(ctx); err != nil {
		return err
	}
	for _, w := range r.conductor.Warnings(ctx) {
		r.progress("warning: %s", w)
	}
	return nil
}
