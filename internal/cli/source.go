package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// source is where check and run take a plan from: a file, or the flags that
// stand for one, and what --seed and --set change of it.
type source struct {
	seed  seedFlag
	set   []string
	quick scenario.Quick
}

func (s *source) add(cmd *cobra.Command) {
	s.seed.add(cmd)
	f := cmd.Flags()
	alsoKPI(f)
	f.StringArrayVar(
		&s.set,
		"set",
		nil,
		"put `KEY=VALUE` in place of what the file says, such as attack.stages.steady.rate=50/s; can be repeated",
	)
	f.StringVar(&s.quick.URL, "url", "", "send requests to this `URL`, without a scenario file")
	f.StringVar(
		&s.quick.Rate,
		"rate",
		"",
		"with --url: send requests at this `RATE`, such as 100/s (default "+scenario.QuickRate+")",
	)
	f.StringVar(
		&s.quick.For,
		"for",
		"",
		"with --url: for this `TIME` (default "+scenario.QuickFor+")",
	)
	f.StringArrayVar(
		&s.quick.Rules,
		"rule",
		nil,
		"with --url: a `RULE` that must hold, such as 'p99 < 200ms'; can be repeated, and be called --kpi",
	)
	f.StringArrayVar(
		&s.quick.AllowHosts,
		"allow-host",
		nil,
		"with --url: allow load on this `HOST`, which is not of this machine or a private network; can be repeated",
	)
}

// alsoKPI lets --rule be called --kpi too, which is the key of a rule in a file.
func alsoKPI(f *pflag.FlagSet) {
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "kpi" {
			name = "rule"
		}
		return pflag.NormalizedName(name)
	})
}

// args wants one file, or any number from least on, unless --url is given.
func (s *source) args(most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("url") {
			if len(args) > 0 {
				return fmt.Errorf(
					"expected a file or --url, found both: %q and --url\n%s",
					args[0],
					seeHelp(cmd),
				)
			}
			return nil
		}
		for _, flag := range []string{"rate", "for", "rule", "allow-host"} {
			if cmd.Flags().Changed(flag) {
				return fmt.Errorf(
					"--%s goes with --url; a file says that itself, and --set changes it\n%s",
					flag,
					seeHelp(cmd),
				)
			}
		}
		return files(1, most)(cmd, args)
	}
}

// names are what plans are made of: files, or the one of the flags.
func (s *source) names(cmd *cobra.Command, args []string) []string {
	if cmd.Flags().Changed("url") {
		return []string{scenario.QuickFlag}
	}
	return args
}

// plan makes the plan of a file, or of the flags.
func (s *source) plan(cmd *cobra.Command, file string) (*scenario.Plan, error) {
	opt := s.seed.options()
	for _, text := range s.set {
		opt.Set = append(opt.Set, strictyaml.Override{Flag: "--set", Text: text})
	}
	if cmd.Flags().Changed("url") {
		return scenario.LoadQuick(s.quick, os.LookupEnv, opt)
	}
	return scenario.Load(file, os.LookupEnv, opt)
}

// mistakes are those of a scenario, if that is what an error is.
func mistakes(err error) (*strictyaml.Mistakes, bool) {
	return errors.AsType[*strictyaml.Mistakes](err)
}
