package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/seed-1574e9de/ordeal/internal/baseline"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

// repeatedDirs are the run directories of a plan that is run several times: 1, 2 and so on in that
// of --out.
func (r *runs) repeatedDirs() []string {
	out := make([]string, r.repeat)
	for i := range out {
		if r.out != "" {
			out[i] = filepath.Join(r.out, strconv.Itoa(i+1))
		}
	}
	return out
}

// repeated carries out a plan several times and judges the whole. What is interrupted, or could not
// be done or undone, is the last, and the whole is not judged.
func (r *runs) repeated(
	soft, hard context.Context, file string, plan *scenario.Plan, dirs []string, opt run.Options,
) (all []report.One, code run.ExitCode, err error) {
	var made []string
	for i, dir := range dirs {
		fmt.Fprintf(opt.Stdout, "\nrun %d of %d\n", i+1, len(dirs))
		reported, code, err := r.one(soft, hard, plan, dir, opt)
		all = append(all, report.One{
			File: file, Name: plan.Name, Run: reported, ExitCode: int(code), Started: true,
		})
		judged := code == run.ExitPass || code == run.ExitFail || code == run.ExitInconclusive
		if err != nil || !judged || reported == nil {
			r.to.several(r.streams, all)
			return all, code, err
		}
		made = append(made, reported.Dir)
		if soft.Err() != nil && i < len(dirs)-1 {
			r.to.several(r.streams, all)
			return all, run.ExitInterrupted, nil
		}
	}
	r.to.several(r.streams, all)
	whole, err := run.Whole(made, baseline.Folder(r.baselines), r.err)
	if err != nil {
		return all, run.ExitBroken, err
	}
	style := report.Style{Color: opt.Color, Width: report.WidthOf(opt.Stdout)}
	if err := report.WriteWhole(opt.Stdout, whole, len(dirs), style); err != nil {
		return all, run.ExitBroken, err
	}
	return all, run.ExitCode(whole.ExitCode), nil
}
