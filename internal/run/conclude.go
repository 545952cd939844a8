package run

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// conclude judges the timeline, writes the outputs and prints the report. tl
// is nil if no load was sent; broken is what went wrong around the run, if
// anything did.
func (r *runner) conclude(tl *timeline.Timeline, interrupted bool, broken error) (ExitCode, error) {
	sent := tl != nil
	if !sent {
		tl = emptyTimeline(r.plan.Name, time.Now())
		tl.Interrupted = interrupted
	}
	judged, err := r.judge(tl)
	if err != nil {
		return ExitBroken, errors.Join(broken, err)
	}
	out := r.reported(tl, judged, broken)
	code := exitCode(judged.Outcome, tl.Interrupted, out.Dirty || broken != nil)
	out.ExitCode = int(code)
	unwritten := writeOutputs(r.dir, out)
	if unwritten != nil {
		code = ExitBroken
	}
	if sent {
		r.print(out)
	} else {
		r.progress("run directory  %s", r.dir)
	}
	return code, errors.Join(broken, unwritten)
}

// judge judges what was recorded.
func (r *runner) judge(tl *timeline.Timeline) (verdict.Report, error) {
	judged, err := verdict.Judge(r.rules(), tl)
	if err != nil {
		return verdict.Report{}, err
	}
	if r.truncated {
		judged.Why = append(
			judged.Why,
			fmt.Sprintf("the recording ends after %s of %s: what came later is in no figure",
				quantity.FormatDuration(tl.Duration), quantity.FormatDuration(r.attack.Duration())),
		)
		if judged.Outcome != verdict.Fail {
			judged.Outcome = verdict.Inconclusive
		}
	}
	return judged, nil
}

// reported is what there is to report of the run, but for its exit code.
func (r *runner) reported(tl *timeline.Timeline, judged verdict.Report, broken error) *report.Run {
	out := &report.Run{
		Name: r.plan.Name, Seed: r.plan.Seed, Engine: r.attack.Engine, Dir: r.dir, Report: judged, Timeline: tl,
		Version: r.opt.Version, Host: thisHost(),
		Source: report.Source{File: r.plan.File, SHA256: r.plan.FileSHA256, PlanSHA256: r.planSum},
		Dirty:  slices.ContainsFunc(tl.Faults, func(f timeline.Fault) bool { return f.Dirty }),
	}
	if r.attack.Engine == "" { // it was not got as far as that
		out.Engine = r.plan.Attack.Engine
	}
	if r.settled {
		out.EngineWhy = r.attack.EngineWhy
	}
	if r.recorder != nil {
		out.Examples = r.examples()
		if r.recorder.Samples() > 0 {
			out.Samples = record.SamplesFile
		}
	}
	if broken != nil {
		out.Problems = strings.Split(broken.Error(), "\n")
	}
	return out
}

// writeOutputs writes the files that are made of the verdict. If one cannot be written the exit
// code in out is ExitBroken, and the others say so: those that follow and those before, which are
// there as they were if that fails too.
func writeOutputs(dir string, out *report.Run) error {
	write := func(o report.Output) error {
		return writeFile(dir, o.File, func(w io.Writer) error { return o.Write(w, out) })
	}
	var errs []error
	var written []report.Output
	for _, o := range report.Outputs() {
		err := write(o)
		if err == nil {
			written = append(written, o)
			continue
		}
		errs = append(errs, err)
		out.Problems = append(out.Problems, err.Error())
		out.ExitCode = int(ExitBroken)
		for _, earlier := range written {
			if err := write(earlier); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// print shows the report. A reader that left, as head does, does not change the verdict.
func (r *runner) print(out *report.Run) {
	style := report.Style{Color: r.opt.Color, Width: report.WidthOf(r.opt.Stdout)}
	if err := report.WriteTerminal(r.opt.Stdout, out, style); err != nil {
		fmt.Fprintf(
			r.opt.Stderr,
			"ordeal: the report could not be printed: %v; it is in %s\n",
			err,
			r.dir,
		)
	}
}

// exitCode puts what must not be overlooked first: something left broken, then
// an interruption, then the verdict.
func exitCode(o verdict.Outcome, interrupted, broken bool) ExitCode {
	switch {
	case broken:
		return ExitBroken
	case interrupted:
		return ExitInterrupted
	case o == verdict.Fail:
		return ExitFail
	case o == verdict.Inconclusive:
		return ExitInconclusive
	}
	return ExitPass
}
