package cli

import (
	"context"
	"fmt"
	"io"
	"log"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/baseline"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

// runs is what ordeal run was asked for.
type runs struct {
	*streams
	from  source
	to    reporting
	out   string
	keep  int
	live  bool
	over  bool
	share bool
	smoke bool

	baselines string
	acceptIf  string
	repeat    int

	start starter
}

// starter carries out a plan, as run.Run does.
type starter func(soft, hard context.Context, plan *scenario.Plan, opt run.Options) (
	run.ExitCode, error)

// args checks the command line.
func (r *runs) args(cmd *cobra.Command, args []string) error {
	if err := r.from.args(-1)(cmd, args); err != nil {
		return err
	}
	if accept := cmd.Flags().Changed("accept-if"); accept && r.acceptIf != acceptPass {
		return fmt.Errorf("expected --accept-if to be %s, found %q\n%s",
			acceptPass, r.acceptIf, seeHelp(cmd))
	}
	if n := r.repeat; n < 1 {
		return fmt.Errorf("expected --repeat to be 1 or more, found %d\n%s", n, seeHelp(cmd))
	}
	if r.repeat > 1 && len(args) > 1 {
		return fmt.Errorf("--repeat is for one scenario, found %d files\n%s", len(args), seeHelp(cmd))
	}
	switch keep := cmd.Flags().Changed("keep"); {
	case r.smoke && (keep || r.out != "" || r.over || r.acceptIf != ""):
		return fmt.Errorf("--smoke writes no run directory: --out, --replace, --keep and "+
			"--accept-if say nothing of it\n%s", seeHelp(cmd))
	case keep && r.keep < 1:
		return fmt.Errorf("expected --keep to be 1 or more, found %d\n%s", r.keep, seeHelp(cmd))
	case keep && r.out != "":
		return fmt.Errorf("--keep is of the run directories in runs/, and --out names another "+
			"place\n%s", seeHelp(cmd))
	}
	return nil
}

// run reads all scenarios, and then runs one after the other.
func (r *runs) run(cmd *cobra.Command, args []string) error {
	files := r.from.names(cmd, args)
	plans, err := r.plans(cmd, files)
	if err != nil {
		return err
	}
	dirs := r.dirs(files)
	if r.repeat > 1 {
		dirs = r.repeatedDirs()
	}
	for i, dir := range dirs {
		if dir == "" {
			continue
		}
		wanted := []string{dir}
		if r.repeat <= 1 && plans[i].Rerun > 0 {
			wanted = append(wanted, dir+rerunSuffix)
		}
		for _, dir := range wanted {
			if err := run.CanHave(dir, r.over); err != nil {
				return &exit{run.ExitUsage, err}
			}
		}
	}
	// net/http logs what rude servers do; here that is counted as errors, and
	// lines from elsewhere would tear the live status.
	log.SetOutput(io.Discard)
	soft, hard, interrupts, stop := signals()
	defer stop()
	opt := run.Options{
		Version: versionName(), Interrupts: interrupts, Replace: r.over, Share: r.share,
		Baselines: baseline.Folder(r.baselines), AcceptIf: r.acceptIf,
		Stdout: r.people().out, Stderr: r.err,
		Terminal: r.people().terminal() && r.live, Color: r.people().color(r.people().out),
	}
	if r.smoke {
		return r.tryOnce(soft, hard, plans, opt)
	}
	if r.repeat > 1 {
		all, code, err := r.repeated(soft, hard, files[0], plans[0], dirs, opt)
		r.prune(all)
		return ended(code, err)
	}
	if len(plans) == 1 {
		all, code, err := r.rerun(soft, hard, files[0], plans[0], dirs[0], opt)
		if len(all) > 1 {
			r.to.several(r.streams, all)
		}
		r.prune(all)
		return ended(code, err)
	}
	all, code := r.several(soft, hard, files, plans, dirs, opt)
	r.prune(all)
	return ended(code, nil)
}

// tryOnce tries everything in the plans once, one plan after the other.
func (r *runs) tryOnce(
	soft, hard context.Context, plans []*scenario.Plan, opt run.Options,
) error {
	var codes []run.ExitCode
	for _, plan := range plans {
		code, err := run.Smoke(soft, hard, plan, opt)
		if len(plans) == 1 {
			return ended(code, err)
		}
		if codes = append(codes, code); err != nil {
			tell(r.streams, &exit{code, err})
		}
		if code == run.ExitInterrupted {
			break
		}
	}
	return ended(run.Worst(codes), nil)
}

func (r *runs) people() *streams { return r.to.people(r.streams) }

func ended(code run.ExitCode, err error) error {
	if err != nil || code != run.ExitPass {
		return &exit{code, err}
	}
	return nil
}

// plans reads all scenarios, and tells all mistakes in any of them.
func (r *runs) plans(cmd *cobra.Command, files []string) ([]*scenario.Plan, error) {
	var plans []*scenario.Plan
	wrong := false
	for _, file := range files {
		plan, err := r.from.plan(cmd, file)
		r.to.annotate.mistakes(r.streams, r.people().out, err)
		switch {
		case err == nil:
			plans = append(plans, plan)
		case len(files) == 1:
			return nil, &exit{run.ExitUsage, err}
		default:
			tell(r.streams, err)
			wrong = true
		}
	}
	if wrong {
		return nil, &exit{code: run.ExitUsage}
	}
	return plans, nil
}

// dirs are the run directories, as far as they are named: of several files, one for each.
func (r *runs) dirs(files []string) []string {
	out := make([]string, len(files))
	taken := map[string]bool{}
	for i, file := range files {
		switch {
		case r.out == "":
			continue
		case len(files) == 1:
			out[i] = r.out
			continue
		}
		base := filepath.Base(file)
		base = filepath.Join(r.out, strings.TrimSuffix(base, filepath.Ext(base)))
		out[i] = base
		for n := 2; taken[out[i]]; n++ {
			out[i] = fmt.Sprintf("%s-%d", base, n)
		}
		taken[out[i]] = true
	}
	return out
}

// one carries out a plan and says what came out.
func (r *runs) one(
	soft, hard context.Context, plan *scenario.Plan, dir string, opt run.Options,
) (reported *report.Run, code run.ExitCode, err error) {
	opt.Out = dir
	opt.Reported = func(out *report.Run) {
		reported = out
		r.to.report(r.streams, out)
	}
	code, err = r.start(soft, hard, plan, opt)
	return reported, code, err
}

// several carries out plans one after the other. What is interrupted, or leaves something
// behind that would be in the way of what follows, is the last.
func (r *runs) several(
	soft, hard context.Context, files []string, plans []*scenario.Plan, dirs []string,
	opt run.Options,
) ([]report.One, run.ExitCode) {
	var all []report.One
	var codes []run.ExitCode
	why := ""
	for i, plan := range plans {
		if why == "" && soft.Err() != nil {
			why = "it was interrupted before"
			codes = append(codes, run.ExitInterrupted)
		}
		if why != "" {
			all = append(all, report.One{File: files[i], Name: plan.Name, Why: why})
			continue
		}
		fmt.Fprintf(opt.Stdout, "\nrun %d of %d: %s\n", i+1, len(plans),
			plaintext.Line(filepath.Base(files[i])))
		ran, code, err := r.rerun(soft, hard, files[i], plan, dirs[i], opt)
		codes = append(codes, code)
		last := &ran[len(ran)-1]
		if err != nil {
			tell(r.streams, &exit{code, err})
			if last.Run == nil {
				last.Why = err.Error()
			}
		}
		if last.Run != nil && last.Run.LeftBehind {
			why = "the run before may have left something in force: ordeal heal undoes it"
		}
		all = append(all, ran...)
	}
	r.to.several(r.streams, all)
	return all, run.Worst(codes)
}

// prune removes earlier runs, if that was asked for. That it fails is no matter of the verdict.
func (r *runs) prune(all []report.One) {
	if r.keep == 0 {
		return
	}
	var made []string
	for _, o := range all {
		if o.Run != nil {
			made = append(made, o.Run.Dir)
		}
	}
	removed, err := run.Keep(r.keep, made)
	if len(removed) > 0 {
		fmt.Fprintf(r.people().out, "earlier runs that were removed from runs/: %d\n", len(removed))
	}
	if err != nil {
		tell(r.streams, err)
	}
}

// tell prints an error: mistakes with their places, and the errors of a run one by one.
func tell(s *streams, err error) {
	if m, ok := mistakes(err); ok {
		m.Render(s.err, s.color(s.err))
		return
	}
	for _, e := range causes(err) {
		fmt.Fprintf(s.err, "ordeal: %s\n", plaintext.Lines(e.Error()))
	}
}
