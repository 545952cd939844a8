package cli

import (
	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/shop"
	"github.com/seed-1574e9de/ordeal/internal/target/nethelper"
)

func newDemo(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "demo [shop|gateway|api|auth] [flags]",
		Short: "Serve the built-in shop, to play with",
		Long: `Serves the built-in shop until it is interrupted: all of it on one port, or one
of its parts. ordeal demo --help lists the parts and their flags.`,
		DisableFlagParsing: true, // the shop has flags of its own
		RunE: func(_ *cobra.Command, args []string) error {
			return code(shop.Main(args, s.out, s.err))
		},
	}
}

// newNetHelper is what runs in the helper container of a network fault.
func newNetHelper(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:                nethelper.Command,
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return code(nethelper.Main(args, s.in, s.out, s.err))
		},
	}
}

func code(c int) error {
	if c == 0 {
		return nil
	}
	return &exit{code: run.ExitCode(c)}
}
