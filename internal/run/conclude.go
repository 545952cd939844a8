package run

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/record"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// conclude judges the timeline, writes the outputs and prints the report. tl is nil if no load was
// sent. broken is what went wrong beside the load, nil if nothing did.
func (r *runner) conclude(tl *timeline.Timeline, interrupted bool, broken error) (ExitCode, error) {
	sent := tl != nil
	if !sent {
		tl = emptyTimeline(r.plan.Name, time.Now())
		tl.Interrupted = interrupted
	}
	r.facts.End = r.ended(tl, sent, broken)
	held, err := r.facts.choose(r.dir, r.plan.Name, r.plan.Rules, tl, r.opt.Baselines,
		func(err error) { r.progress("warning: an accepted run is left out: %v", err) })
	if err == nil {
		err = held.write(r.dir)
	}
	if err != nil {
		return ExitBroken, errors.Join(broken, err)
	}
	out, err := r.facts.judge(identity{r.plan.Name, r.plan.Seed}, r.dir, r.plan.Rules, tl, held)
	if err != nil {
		return ExitBroken, errors.Join(broken, err)
	}
	out.LeftBehind = out.Dirty || r.left
	out.StopPlace = r.stopPlace(tl.Stopped)
	unwritten := r.facts.write(r.dir)
	if unwritten != nil {
		out.Problems = append(out.Problems, unwritten.Error())
		out.ExitCode = int(ExitBroken)
	}
	unwritten = errors.Join(unwritten, writeOutputs(r.dir, out))
	if unwritten != nil {
		r.facts.End.Problems = out.Problems
		// If this fails too, an error about missing files was printed already.
		_ = r.facts.write(r.dir)
	}
	if sent {
		show(out, r.opt.Stdout, r.opt.Stderr, r.opt.Color)
	} else {
		r.progress("run directory  %s", r.dir)
	}
	switch {
	case r.opt.AcceptIf == "" || !sent:
	case !passedAlone(out):
		r.progress("not accepted   only a run that passes is")
	default:
		kept, err := r.facts.accept(out, r.opt.Baselines, false)
		if err != nil {
			unwritten = errors.Join(unwritten, fmt.Errorf("the run could not be accepted: %w", err))
			out.ExitCode = int(ExitBroken)
		} else {
			r.progress("accepted       %s in %s", kept.ID, r.opt.Baselines)
			if kept.Unhealthy != "" {
				r.progress("               no later run is held against it, as its generator "+
					"was not well: %s", kept.Unhealthy)
			}
		}
	}
	if r.opt.Reported != nil {
		r.opt.Reported(out)
	}
	return ExitCode(out.ExitCode), errors.Join(broken, unwritten)
}

// stopPlace is where the rule stands that ended the load; nowhere if none did.
func (r *runner) stopPlace(stop *timeline.Stop) scenario.Place {
	if stop == nil {
		return scenario.Place{}
	}
	for i := range r.plan.Abort {
		a := &r.plan.Abort[i]
		if stop.By == timeline.StoppedByAlarm && a.When == stop.When && a.Name == stop.Name {
			return a.At
		}
	}
	if stop.By == timeline.StoppedByHypothesis && len(r.plan.Hypothesis) > 0 {
		return r.plan.Hypothesis[0].At
	}
	return scenario.Place{}
}

// ended has the facts about the end of the run that are not in its recording.
func (r *runner) ended(tl *timeline.Timeline, sent bool, broken error) *ended {
	e := &ended{Engine: r.attack.Engine}
	if e.Engine == "" { // the run ended before the engine was chosen
		e.Engine = r.plan.Attack.Engine
	}
	if r.settled {
		e.EngineWhy = r.attack.EngineWhy
	}
	if r.recorder != nil {
		e.Examples = r.examples()
		if r.recorder.Samples() > 0 {
			e.Samples = record.SamplesFile
		}
	}
	e.Ledgers = r.accounts
	if broken != nil {
		e.Problems = strings.Split(broken.Error(), "\n")
	}
	switch {
	case !sent:
		e.Unsent = &unsent{tl.Start, tl.Interrupted, r.plan.Subjects}
	case r.truncated:
		e.Truncated = &truncated{
			tl.Interrupted, tl.Stopped, tl.Hypothesis, tl.Faults, r.attack.Duration(),
		}
	}
	return e
}

// writeOutputs writes the files that are made from the verdict. If one cannot be written, it sets
// the exit code in out to ExitBroken and writes all of them, those written before included, with
// that code. A file whose second write fails too stays as it was.
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

// show prints the report. A reader that left, as head does, does not change the verdict.
func show(out *report.Run, stdout, stderr io.Writer, color bool) {
	style := report.Style{Color: color, Width: report.WidthOf(stdout)}
	if err := report.WriteTerminal(stdout, out, style); err != nil {
		fmt.Fprintf(
			stderr,
			"ordeal: the report could not be printed: %v; it is in %s\n",
			err,
			out.Dir,
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
