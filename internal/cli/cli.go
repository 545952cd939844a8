// Package cli is ordeal's command line: it parses arguments, wires signals and
// the terminal to the packages that do the work, and turns what they return
// into an exit code.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/run"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
	noColor  bool
}

// terminal says whether what is written to out lands in a terminal that can
// redraw.
func (s *streams) terminal() bool {
	f, ok := s.out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// color says whether what is written to w may be coloured.
func (s *streams) color(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && !s.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" &&
		term.IsTerminal(int(f.Fd()))
}

// exit carries an exit code through cobra, with an error that is yet to be
// shown, or nil.
type exit struct {
	code run.ExitCode
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// Main runs the program and returns its exit code. Arguments are without the
// program's name.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s := &streams{in: stdin, out: stdout, err: stderr}
	root := newRoot(s)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil {
		return int(run.ExitPass)
	}
	code := run.ExitUsage // what cobra itself finds wrong is the command line
	if e, ok := errors.AsType[*exit](err); ok {
		code = e.code
		if e.err == nil {
			return int(code)
		}
	}
	if m, ok := errors.AsType[*strictyaml.Mistakes](err); ok {
		m.Render(stderr, s.color(stderr))
		return int(code)
	}
	if all := causes(err); len(all) > 1 {
		for _, e := range all {
			fmt.Fprintf(stderr, "ordeal: %s\n", plaintext.Lines(e.Error()))
		}
		return int(code)
	}
	text := err.Error()
	if wrong, near, ok := strings.Cut(text, "\n\nDid you mean this?\n\t"); ok {
		near, _, _ = strings.Cut(near, "\n")
		text = fmt.Sprintf("%s\n    hint: did you mean ordeal %s?", wrong, near)
	} else if strings.HasPrefix(text, "unknown command") {
		text += "\n    hint: ordeal --help lists the commands"
	}
	fmt.Fprintf(stderr, "ordeal: %s\n", plaintext.Lines(text))
	return int(code)
}

// causes are the errors of a run, each of which is told on its own.
func causes(err error) []error {
	if e, ok := err.(*exit); ok && e.err != nil {
		return run.Each(e.err)
	}
	return []error{err}
}

func newRoot(s *streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "ordeal",
		Short: "Load, faults and a verdict, from one scenario file",
		Long: `ordeal puts a system through an ordeal and returns a verdict.

One scenario file says how much load to send, what to break while it is sent,
and what must still hold. ordeal run does all three at once, on one clock, and
exits 0 only if it held.

  ordeal init > shop.yaml     write a commented scenario
  ordeal check shop.yaml      find every mistake, print what would happen
  ordeal run shop.yaml        do it
  ordeal run --url URL        ask one URL, without a file
  ordeal judge RUNDIR         judge it again, by the same or by other rules
  ordeal baseline             keep runs, which later ones are held against
  ordeal compare A B          put runs side by side

` + exitHelp(),
		Version:       versionLine(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Version}}")
	root.PersistentFlags().
		BoolVar(&s.noColor, "no-color", false, "print without colour (NO_COLOR does the same)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w\n%s", err, seeHelp(cmd))
	})
	root.AddCommand(
		newRun(s),
		newCheck(s),
		newReport(s),
		newBaseline(s),
		newCompare(s),
		newJudge(s),
		newInit(s),
		newHeal(s),
		newDemo(s),
		newVersion(s),
		newNetHelper(s),
	)
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" { // cobra's own takes what is no command for a success
			cmd.Args = topic
		}
	}
	return root
}

// topic wants the name of a command, or nothing.
func topic(cmd *cobra.Command, args []string) error {
	_, rest, err := cmd.Root().Find(args)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("unexpected argument %q\n%s", rest[0], seeHelp(cmd))
	}
	return err
}

// seeHelp says how a command is used, below what was wrong with its use.
func seeHelp(cmd *cobra.Command) string {
	return fmt.Sprintf("    hint: usage is %s; more in %s --help", cmd.UseLine(), cmd.CommandPath())
}

// files wants so many arguments, at most -1 being any number.
func files(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return fmt.Errorf("%s needs the scenario's file\n%s", cmd.CommandPath(), seeHelp(cmd))
		case most >= 0 && len(args) > most:
			return fmt.Errorf("unexpected argument %q\n%s", args[most], seeHelp(cmd))
		}
		return nil
	}
}

func exitHelp() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for _, c := range run.ExitCodes {
		fmt.Fprintf(&b, "  %3d  %s\n", c.Code, c.Meaning)
	}
	return strings.TrimRight(b.String(), "\n")
}

// yamlFiles completes the names of scenario files.
func yamlFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}
