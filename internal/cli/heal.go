package cli

import (
	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/run"
)

func newHeal(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "heal",
		Short: "Undo whatever an earlier, killed run left behind",
		Long: `Reverts the faults in the journal and removes the containers, networks and
images of runs whose process is gone. Runs that are still alive are left alone.
Every ordeal run does the same before it starts.`,
		Args: files(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			soft, _, _, stop := signals()
			defer stop()
			code, err := run.Heal(soft, s.out)
			if err != nil || code != run.ExitPass {
				return &exit{code, err}
			}
			return nil
		},
	}
}
