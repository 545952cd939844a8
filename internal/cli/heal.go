package cli

import (
	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/run"
)

func newHeal(s *streams) *cobra.Command {
	var over string
	cmd := &cobra.Command{
		Use:   "heal",
		Short: "Undo whatever an earlier, killed run left behind",
		Long: `Reverts the faults in the journal and removes the containers, networks and
images of runs whose process is gone. Runs that are still alive are left alone,
and so is what cannot be seen from here: at another engine, in another container,
on another machine that shares the state folder. heal says what that is, and
where to look. Every ordeal run does the same before it starts.

Exit code 4 says that something is left that should have been undone.`,
		Args: files(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			soft, _, _, stop := signals()
			defer stop()
			code, err := run.Heal(soft, s.out, over)
			if err != nil || code != run.ExitPass {
				return &exit{code, err}
			}
			return nil
		},
	}
	cmd.Flags().
		StringVar(&over, "run", "", "treat the run `ID` as over, where it cannot be seen from here whether it is")
	return cmd
}
