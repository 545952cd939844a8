package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/baseline"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// acceptPass is the one thing that --accept-if can wait for.
const acceptPass = "pass"

// addBaselines adds the flag that names the folder of accepted runs.
func addBaselines(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "baselines", baseline.DefaultDir,
		"accepted runs, for rules such as p99 < 1.1 * baseline.p99, are in `DIR`")
	cobra.CheckErr(cmd.MarkFlagDirname("baselines"))
}

func newBaseline(s *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline accept | list | show | drop",
		Short: "Keep accepted runs, which later ones are held against",
		Long: `Keeps what matters of runs that were accepted as normal, some tens of KiB each, in a
folder that can be committed or cached. Rules hold later runs against them:

  p99 < 1.1 * baseline.p99     the run that is kept as normal: the last one that was
                               pinned, or else accepted
  p99 < history(20).p99        the worst of the last 20 that were accepted, and at
                               least a tenth and 1ms more than their median

A run is held against those alone that had the same load and faults (names, rules and
ports of this machine apart) on the same class of machine, with a generator that was
well. Without one the rule is inconclusive, and says why.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q for %s\n%s",
					args[0], cmd.CommandPath(), seeHelp(cmd))
			}
			return fmt.Errorf("%s needs a command\n%s", cmd.CommandPath(), seeHelp(cmd))
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(newBaselineAccept(s), newBaselineList(s), newBaselineShow(s), newBaselineDrop(s))
	return cmd
}

// exactly wants one argument.
func exactly(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s needs %s\n%s", cmd.CommandPath(), what, seeHelp(cmd))
		case len(args) > 1:
			return fmt.Errorf("unexpected argument %q\n%s", args[1], seeHelp(cmd))
		}
		return nil
	}
}

func newBaselineAccept(s *streams) *cobra.Command {
	var (
		dir    string
		pinned bool
	)
	cmd := &cobra.Command{
		Use:   "accept RUNDIR",
		Short: "Accept a recorded run as normal",
		Long: `Keeps what matters of a recorded run. It may have failed, as who accepts it decides
what is normal; one that was interrupted or could not be undone is refused. ordeal run
--accept-if pass does the same at the end of a run that passed.`,
		Args: exactly("a run directory"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(_ *cobra.Command, args []string) error {
			kept, code, err := run.Accept(args[0], baseline.Folder(dir), pinned)
			if err != nil {
				return &exit{code, err}
			}
			fmt.Fprintf(s.out, "accepted %s (%s, %s) in %s\n",
				kept.ID, plaintext.Line(kept.Name), kept.Verdict, dir)
			if kept.Unhealthy != "" {
				fmt.Fprintf(s.out, "no run will be held against it, as its generator was not well: %s\n",
					plaintext.Line(kept.Unhealthy))
			}
			return nil
		},
	}
	addBaselines(cmd, &dir)
	cmd.Flags().BoolVar(&pinned, "pin", false,
		"it stays the baseline though others are accepted later, until another one is pinned")
	return cmd
}

func newBaselineList(s *streams) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accepted runs, the latest first",
		Args:  files(0, 0),
		RunE: func(*cobra.Command, []string) error {
			runs, errs := baseline.Folder(dir).List()
			if len(runs) == 0 && len(errs) == 0 {
				fmt.Fprintf(s.out, "no accepted runs in %s\n", dir)
				return nil
			}
			w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "id\tscenario\tverdict\tp99\terror rate\tmachine\tnotes")
			for _, r := range runs {
				fmt.Fprintln(w, row(r))
			}
			if err := w.Flush(); err != nil {
				return &exit{run.ExitBroken, err}
			}
			for _, err := range errs {
				fmt.Fprintf(s.err, "ordeal: %s\n", plaintext.Line(err.Error()))
			}
			if len(errs) > 0 {
				return &exit{code: run.ExitUsage}
			}
			return nil
		},
	}
	addBaselines(cmd, &dir)
	return cmd
}

// row is a run in the list.
func row(r *baseline.Run) string {
	p99, errors := "-", "-"
	if past, err := r.Past(); err == nil && len(past.Scopes) > 0 {
		all := past.Scopes[0].Stats
		d := all.Response()
		if at, ok := d.Quantile(0.99); ok {
			p99 = quantity.FormatDuration(at)
		}
		if all.Judged() > 0 {
			errors = quantity.FormatFraction(float64(all.Errors()) / float64(all.Judged()))
		}
	}
	var notes []string
	if r.Pinned {
		notes = append(notes, "pinned")
	}
	if r.Unhealthy != "" {
		notes = append(notes, "generator not well")
	}
	if len(notes) == 0 {
		notes = []string{"-"}
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", r.ID, plaintext.Line(r.Name), r.Verdict,
		p99, errors, r.Machine, strings.Join(notes, ", "))
}

func newBaselineShow(s *streams) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show what is kept of an accepted run",
		Args:  exactly("the id of an accepted run, or its beginning"),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := baseline.Folder(dir).Find(args[0])
			if err != nil {
				return &exit{run.ExitUsage, err}
			}
			past, err := r.Past()
			if err != nil {
				return &exit{run.ExitUsage, err}
			}
			if err := show(s.out, r, past); err != nil {
				return &exit{run.ExitBroken, err}
			}
			return nil
		},
	}
	addBaselines(cmd, &dir)
	return cmd
}

func show(out io.Writer, r *baseline.Run, past *verdict.Past) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name string, value any) { fmt.Fprintf(w, "%s\t%v\n", name, value) }
	line("id", r.ID)
	line("scenario", plaintext.Line(r.Name))
	line("started", r.Started.Format(time.RFC3339))
	line("accepted", r.Accepted.Format(time.RFC3339))
	line("verdict", r.Verdict)
	line("pinned", r.Pinned)
	line("load", r.Load)
	line("faults", r.Faults)
	line("machine", r.Machine)
	health := "well"
	if r.Unhealthy != "" {
		health = plaintext.Line(r.Unhealthy)
	}
	line("generator", health)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	fmt.Fprintln(w, "scope\tplanned\terrors\trate\tp50\tp95\tp99\tblocks")
	for i := range past.Scopes {
		s := &past.Scopes[i]
		d := s.Stats.Response()
		at := func(q float64) string {
			t, ok := d.Quantile(q)
			if !ok {
				return "-"
			}
			return quantity.FormatDuration(t)
		}
		rate := "-"
		if s.Seconds > 0 {
			rate = quantity.FormatRate(float64(s.Stats.Answered) / s.Seconds)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%d\n", plaintext.Line(s.String()),
			s.Stats.Planned, s.Stats.Errors(), rate, at(0.5), at(0.95), at(0.99), len(s.Blocks))
	}
	return w.Flush()
}

func newBaselineDrop(s *streams) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "drop ID",
		Short: "Remove an accepted run",
		Args:  exactly("the id of an accepted run, or its beginning"),
		RunE: func(_ *cobra.Command, args []string) error {
			f := baseline.Folder(dir)
			r, err := f.Find(args[0])
			if err == nil {
				err = f.Drop(r)
			}
			if err != nil {
				return &exit{run.ExitUsage, err}
			}
			fmt.Fprintf(s.out, "dropped %s\n", r.ID)
			return nil
		},
	}
	addBaselines(cmd, &dir)
	return cmd
}
