package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/baseline"
	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/run"
)

func newJudge(s *streams) *cobra.Command {
	var (
		rules []string
		out   string
		from  string
		to    reporting
	)
	cmd := &cobra.Command{
		Use:   "judge RUNDIR [FILE | --rule RULE]",
		Short: "Judge a recorded run again, by its own or by other rules",
		Long: `Judges a run from the files of its run directory, which stay as they are, and prints
the report. By the rules of its plan the verdict is that of the run.

With FILE the rules are those under verdict: of that file, which may be a scenario
or hold nothing else; with --rule they stand on the command line. What they name
must be in the recording: its stages, requests, flows and faults, and the services,
probes, metrics and ledgers that were observed.

A run counts exactly at the limits that its own rules name. Other limits of
latency are judged by the buckets of the histograms, which are 0.1 % wide: a rule
whose limit lies within the bucket of its figure is inconclusive.

With --out the report, junit.xml and summary.json are written to a folder of their
own; summary.json says "judged_again": true.

` + exitHelp() + `

If a file is missing or not whole, the verdict is inconclusive, code 3. A directory
that is no run directory is a mistake, code 2.`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return fmt.Errorf("%s needs a run directory\n%s", cmd.CommandPath(), seeHelp(cmd))
			case len(args) > 1 && len(rules) > 0:
				return fmt.Errorf("expected a file or --rule, found both: %q and --rule\n%s",
					args[1], seeHelp(cmd))
			}
			return files(0, 2)(cmd, args)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, at string) (
			[]string, cobra.ShellCompDirective,
		) {
			if len(args) > 0 {
				return yamlFiles(cmd, args, at)
			}
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(_ *cobra.Command, args []string) error {
			people := to.people(s)
			again := run.Again{
				Dir: args[0], Rules: rules, Env: os.LookupEnv, Out: out, Baselines: baseline.Folder(from),
				Stdout: people.out, Stderr: s.err, Color: people.color(people.out),
				Reported: func(r *report.Run) { to.report(s, r) },
			}
			if len(args) > 1 {
				again.File = args[1]
			}
			code, err := run.Judge(again)
			to.annotate.mistakes(s, people.out, err)
			if err != nil || code != run.ExitPass {
				return &exit{code, err}
			}
			return nil
		},
	}
	to.add(cmd)
	alsoKPI(cmd.Flags())
	addBaselines(cmd, &from)
	cmd.Flags().StringArrayVar(&rules, "rule", nil,
		"judge by this `RULE`, such as 'p99 < 200ms', in place of the run's own; can be repeated, and be called --kpi")
	cmd.Flags().StringVar(&out, "out", "",
		"write report.txt, junit.xml and summary.json to `DIR`")
	cobra.CheckErr(cmd.MarkFlagDirname("out"))
	return cmd
}
