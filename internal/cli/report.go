package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/report"
	"github.com/seed-1574e9de/ordeal/internal/run"
)

func newReport(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "report RUNDIR",
		Short: "Print a run's report again",
		Long: `Prints what the run showed at its end, as it is kept in the run directory, in
` + report.ReportFile + `. The exit code says whether it could be printed, not how the run went:
that stands in summary.json.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s needs a run directory\n%s", cmd.CommandPath(), seeHelp(cmd))
			}
			return files(0, 1)(cmd, args)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := os.Open(filepath.Join(args[0], report.ReportFile))
			if err == nil {
				defer f.Close()
				err = report.Reprint(s.out, f)
				if err == nil {
					return nil
				}
			}
			switch _, statErr := os.Stat(args[0]); {
			case errors.Is(statErr, fs.ErrNotExist):
				err = fmt.Errorf(
					"there is no run directory %s: runs/ holds those that were not sent elsewhere with --out",
					args[0],
				)
			case errors.Is(err, fs.ErrNotExist):
				err = fmt.Errorf(
					"%s holds no %s: it is no run directory, its run is not over, or an earlier version wrote it",
					args[0],
					report.ReportFile,
				)
			}
			return &exit{run.ExitUsage, err}
		},
	}
}
