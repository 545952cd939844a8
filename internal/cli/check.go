package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

// seedFlag is --seed, which can be absent.
type seedFlag struct{ value uint64 }

func (f *seedFlag) add(cmd *cobra.Command) {
	cmd.Flags().Uint64Var(&f.value, "seed", 0, "draw arrivals and targets from this seed, not the file's")
}

func (f *seedFlag) options(cmd *cobra.Command) scenario.Options {
	if !cmd.Flags().Changed("seed") {
		return scenario.Options{}
	}
	return scenario.Options{Seed: &f.value}
}

func newCheck(s *streams) *cobra.Command {
	var (
		seed   seedFlag
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Find every mistake in scenarios and print their timeline; touch nothing",
		Long: `Reads each scenario, resolves it, compiles every rule, and prints the stages
and faults on one clock. Nothing is started and nothing is touched.

With --json it prints the plan: the same file, environment and seed give the
same bytes.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: yamlFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			wrong := false
			for i, file := range files {
				plan, err := scenario.Load(file, os.LookupEnv, seed.options(cmd))
				if m, ok := errors.AsType[*scenario.Mistakes](err); ok {
					m.Render(s.err, s.color(s.err))
					wrong = true
					continue
				}
				if err != nil {
					fmt.Fprintf(s.err, "ordeal: %v\n", err)
					wrong = true
					continue
				}
				if asJSON {
					b, err := plan.JSON()
					if err != nil {
						return &exit{run.ExitUsage, err}
					}
					if _, err := s.out.Write(b); err != nil {
						return &exit{run.ExitBroken, err}
					}
					continue
				}
				if i > 0 {
					fmt.Fprintln(s.out)
				}
				plan.Timeline(s.out)
			}
			if wrong {
				return &exit{code: run.ExitUsage}
			}
			return nil
		},
	}
	seed.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the plan as JSON")
	return cmd
}
