package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

func newInit(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented scenario to start from",
		Long: `Writes a commented scenario that runs as it stands, against the built-in
shop: to FILE, which must not exist yet, or to standard output.`,
		Args: files(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				if _, err := fmt.Fprint(s.out, scenario.Template()); err != nil {
					return &exit{run.ExitBroken, err}
				}
				return nil
			}
			f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if errors.Is(err, fs.ErrExist) {
				return &exit{
					run.ExitUsage,
					fmt.Errorf("%s exists already: name another file, or remove it", args[0]),
				}
			}
			if err != nil {
				// Without the path, which is said already.
				if p, ok := errors.AsType[*fs.PathError](err); ok {
					err = p.Err
				}
				return &exit{
					run.ExitUsage,
					fmt.Errorf(
						"%s cannot be written: %w\n    hint: name a file in a folder that is "+
							"there and yours, or print it: ordeal init > FILE",
						args[0],
						err,
					),
				}
			}
			if _, err := f.WriteString(scenario.Template()); err != nil {
				f.Close()
				return &exit{run.ExitBroken, err}
			}
			if err := f.Close(); err != nil {
				return &exit{run.ExitBroken, err}
			}
			fmt.Fprintf(
				s.out,
				"wrote %[1]s; next: ordeal check %[1]s, then ordeal run %[1]s\n",
				args[0],
			)
			return nil
		},
	}
}
