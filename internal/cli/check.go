package cli

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/generator"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/planview"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
)

// seedFlag is --seed, which can be absent.
type seedFlag struct {
	given bool
	value uint64
}

func (f *seedFlag) add(cmd *cobra.Command) {
	cmd.Flags().Var(f, "seed", "draw arrivals and targets from seed N, not the file's")
}

func (f *seedFlag) String() string { return "" }
func (f *seedFlag) Type() string   { return "N" }

func (f *seedFlag) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return fmt.Errorf("expected a whole number from 0 to %d", uint64(math.MaxUint64))
	}
	f.given, f.value = true, n
	return nil
}

func (f *seedFlag) options() scenario.Options {
	if !f.given {
		return scenario.Options{}
	}
	return scenario.Options{Seed: &f.value}
}

func newCheck(s *streams) *cobra.Command {
	var (
		from    source
		asJSON  bool
		resolve bool

		annotate annotating
	)
	cmd := &cobra.Command{
		Use:   "check FILE... | --url URL",
		Short: "Find every mistake in scenarios and print their timeline; touch nothing",
		Long: `Reads each scenario, resolves it, compiles every rule, and prints the stages
and faults on one clock. Nothing is started and nothing is touched. Where this
machine's limits are too low for the plan, that stands at the end. So do rules that
cannot be decided by so little. The exit code is 0, or 2 if anything is a mistake.

With --json it prints the plan: the same file, environment and seed give the
same bytes, on any machine.

With --resolve it also says what a run would hit: it asks the engine for the
containers that are meant, looks up where requests go, and draws the targets of
faults. Nothing is started or changed. Exit code 4 says that what it has to ask
does not answer, 2 that what the scenario means is not there.`,
		Args:              from.args(-1),
		ValidArgsFunction: yamlFiles,
		RunE: func(cmd *cobra.Command, paths []string) error {
			wrong, code := false, run.ExitPass
			for i, file := range from.names(cmd, paths) {
				plan, err := from.plan(cmd, file)
				annotate.mistakes(s, s.err, err)
				if m, ok := mistakes(err); ok {
					m.Render(s.err, s.color(s.err))
					wrong = true
					continue
				}
				if err != nil {
					fmt.Fprintf(s.err, "ordeal: %s\n", plaintext.Lines(err.Error()))
					wrong = true
					continue
				}
				var found *run.Resolution
				if resolve {
					found = resolvePlan(plan)
					code = max(code, found.Code())
					for _, problem := range found.Problems {
						fmt.Fprintf(s.err, "ordeal: %s\n", plaintext.Lines(problem))
					}
				}
				if asJSON {
					json := plan.JSON
					if resolve {
						json = func() ([]byte, error) { return found.JSON(plan.Masked) }
					}
					b, err := json()
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
				if err := planview.Print(s.out, plan); err != nil {
					return &exit{run.ExitBroken, err}
				}
				if err := thisMachine(s.out, plan); err != nil {
					return &exit{run.ExitBroken, err}
				}
				if !resolve {
					continue
				}
				if err := found.Print(s.out, plan.Masked); err != nil {
					return &exit{run.ExitBroken, err}
				}
			}
			if wrong {
				code = max(code, run.ExitUsage)
			}
			if code != run.ExitPass {
				return &exit{code: code}
			}
			return nil
		},
	}
	from.add(cmd)
	annotate.add(cmd, "point at mistakes, for a CI system")
	cmd.Flags().
		BoolVar(&asJSON, "json", false, "print the plan as JSON, or with --resolve what a run would hit")
	cmd.Flags().
		BoolVar(&resolve, "resolve", false, "say which containers, processes and addresses a run "+
			"would hit; ask, and change nothing")
	return cmd
}

// resolvePlan finds out what a run would hit, until it is interrupted.
func resolvePlan(plan *scenario.Plan) *run.Resolution {
	soft, _, _, stop := signals()
	defer stop()
	return run.Resolve(soft, plan)
}

// thisMachine prints what this machine has too little of for a plan. It stands
// apart from the plan, which is the same on every machine.
func thisMachine(w io.Writer, plan *scenario.Plan) error {
	lines := generator.PreflightWarnings(generator.ReadLimits(), &plan.Attack, len(plan.Services))
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nwarnings for this machine\n  %s\n", strings.Join(lines, "\n  "))
	return err
}
