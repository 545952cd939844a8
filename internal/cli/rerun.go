package cli

import (
	"context"
	"fmt"

	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

// rerunSuffix is what is added to the name of the run directory of --out for a second run.
const rerunSuffix = "-rerun"

// rerun carries out a plan, and once more if it failed and asks for that. It fails only if both
// runs do; one failure of two is a warning. The runs, of which there is one at least, are in order.
func (r *runs) rerun(
	soft, hard context.Context, file string, plan *scenario.Plan, dir string, opt run.Options,
) (all []report.One, code run.ExitCode, err error) {
	reported, code, err := r.one(soft, hard, plan, dir, opt)
	all = []report.One{{
		File: file, Name: plan.Name, Run: reported, ExitCode: int(code), Started: true,
	}}
	if plan.Rerun == 0 || code != run.ExitFail || err != nil || soft.Err() != nil {
		return all, code, err
	}
	fmt.Fprintln(opt.Stdout, "\nthe run failed, and is repeated once, as the scenario says rerun: 1")
	if dir != "" {
		dir += rerunSuffix
	}
	reported, code, err = r.one(soft, hard, plan, dir, opt)
	second := report.One{
		File: file, Name: plan.Name, Run: reported, ExitCode: int(code), Started: true,
	}
	switch code {
	case run.ExitPass:
		second.Why = "a warning: it failed at first, and passed when it was repeated"
		fmt.Fprintln(opt.Stdout, "\n"+second.Why)
	case run.ExitFail:
		second.Why = "it failed twice"
	default:
		second.Why = "it failed at first, and the second run has no verdict of its own"
	}
	return append(all, second), code, err
}
