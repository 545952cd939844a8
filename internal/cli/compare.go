package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/baseline"
	"github.com/seed-1574e9de/ordeal/internal/compare"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/verdict"
)

func newCompare(s *streams) *cobra.Command {
	var (
		folder string
		same   string
		seed   uint64
	)
	cmd := &cobra.Command{
		Use:   "compare A B...",
		Short: "Compare runs with the first: slower, same, faster, or cannot tell",
		Long: `Compares recorded runs, or accepted ones by their ids, with the first, for all of the
run, and each stage, request, flow and phase of a fault. Each figure has how much it
changed, and between what the change lies with 95 % confidence: same if that is all
within --same, slower or faster if it is all on one side of none, and else nobody can
tell. Blocks of time are drawn again and again to find out; the seed makes it the same
each time.

It tells these runs apart. What differs from night to night by chance, such as what else
the machine did, a single run does not show. So the exit code does not say what differs:
it is 0, 2 if there is no such run, or 3 if the files of one are not whole. To fail a run
that is slower, give it a rule such as p99 < 1.1 * baseline.p99.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return fmt.Errorf("%s needs two runs or more\n%s", cmd.CommandPath(), seeHelp(cmd))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(_ *cobra.Command, args []string) error {
			within, err := quantity.ParseFraction(same)
			if err != nil || within <= 0 || within >= 1 {
				return &exit{run.ExitUsage, fmt.Errorf("expected --same to be a percentage "+
					"between 0%% and 100%%, such as 5%%, found %q", same)}
			}
			runs, code, err := run.OpenCompared(args, baseline.Folder(folder))
			if err != nil {
				return &exit{code, err}
			}
			opt := compare.Options{Seed: seed, Same: within}
			if err := printCompared(s, runs, opt); err != nil {
				return &exit{run.ExitBroken, err}
			}
			return nil
		},
	}
	addBaselines(cmd, &folder)
	cmd.Flags().StringVar(&same, "same", "5%",
		"how far a time may change and still be the same; shares by a hundredth of this `PERCENTAGE`, in points")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "what is drawn is drawn from this `NUMBER`")
	return cmd
}

// letter is what a run is called in the table: A, B, and so on.
func letter(i int) string { return string(rune('A' + i%26)) }

func printCompared(s *streams, runs []run.Compared, opt compare.Options) error {
	var past []*verdict.Past
	for i := range runs {
		r := &runs[i]
		past = append(past, r.Past)
		fmt.Fprintf(s.out, "%s  %s\n", letter(i), plaintext.Line(r.Name))
		for _, note := range notes(&runs[0], r) {
			fmt.Fprintf(s.out, "   %s\n", plaintext.Line(note))
		}
	}
	fmt.Fprintln(s.out)
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	head := []string{"scope", "figure"}
	for i := range runs {
		head = append(head, letter(i))
		if i > 0 {
			head = append(head, "change", "")
		}
	}
	fmt.Fprintln(w, strings.Join(head, "\t"))
	last := ""
	for _, f := range compare.Runs(past, opt) {
		cells := []string{plaintext.Line(f.Scope), f.Name}
		if f.Scope == last {
			cells[0] = ""
		}
		last = f.Scope
		for i := range f.Runs {
			cells = append(cells, figure(&f, &f.Runs[i]))
			if i > 0 {
				cells = append(cells, change(&f, &f.Runs[i]), string(f.Runs[i].Outcome))
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// notes say what else than the system may have made a difference.
func notes(a, b *run.Compared) []string {
	var out []string
	if a.Load != b.Load {
		out = append(out, "it had another load than A")
	}
	if a.Faults != b.Faults {
		out = append(out, "it had other faults than A")
	}
	if !a.Machine.Same(b.Machine) {
		out = append(out, fmt.Sprintf("its load came from another machine than that of A: %s", b.Machine))
	}
	if b.Unhealthy != "" {
		out = append(out, "its generator was not well: "+b.Unhealthy)
	}
	return out
}

func figure(f *compare.Figure, s *compare.Standing) string {
	switch {
	case !s.Known:
		return "-"
	case f.Share:
		return quantity.FormatFraction(s.Value)
	}
	return quantity.FormatDuration(time.Duration(s.Value))
}

func change(f *compare.Figure, s *compare.Standing) string {
	if s.Outcome == compare.CannotTell && !s.Bounded {
		return "-"
	}
	unit := "%"
	if f.Share {
		unit = " pp"
	}
	return fmt.Sprintf("%+.3g%s (%+.3g to %+.3g)",
		100*s.Change, unit, 100*s.Low, 100*s.High)
}
