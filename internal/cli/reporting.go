package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-1574e9de/ordeal/internal/report"
)

// stepSummary is the variable in which GitHub Actions names the file of a step's summary.
const stepSummary = "GITHUB_STEP_SUMMARY"

// workspace is the variable in which GitHub Actions names the folder of the repository.
const workspace = "GITHUB_WORKSPACE"

// reporting is where a report goes beside the terminal and the run directory.
type reporting struct {
	summary  choice[report.Format]
	annotate annotating
}

func (p *reporting) add(cmd *cobra.Command) {
	p.summary.add(cmd, "summary", report.Summaries(), func(f report.Format) string { return f.Name },
		"write the summary to standard output; what people read goes to standard error")
	p.annotate.add(cmd, "point at the rules that did not hold, and at mistakes, for a CI system")
}

// annotating is --annotate.
type annotating struct{ choice[report.Annotation] }

func (a *annotating) add(cmd *cobra.Command, usage string) {
	name := func(x report.Annotation) string { return x.Name }
	a.choice.add(cmd, "annotate", report.Annotations(), name, usage)
}

// mistakes points at the mistakes of a file, if err is that.
func (a *annotating) mistakes(s *streams, w io.Writer, err error) {
	m, ok := mistakes(err)
	if !ok || a.taken == nil {
		return
	}
	all := slices.Clone(m.List)
	for i := range all {
		all[i].File = inWorkspace(all[i].File)
	}
	if err := a.taken.Mistakes(w, all); err != nil {
		fmt.Fprintf(s.err, "ordeal: the annotations could not be written: %v\n", err)
	}
}

// people are the streams for what people read: standard output is not theirs if it holds a
// summary.
func (p *reporting) people(s *streams) *streams {
	if p.summary.taken == nil {
		return s
	}
	theirs := *s
	theirs.out = s.err
	return &theirs
}

// report says what came out, wherever that is wanted. Whoever does not listen any more, as head
// does, changes neither verdict nor exit code.
func (p *reporting) report(s *streams, r *report.Run) {
	if p.annotate.taken != nil {
		for i := range r.Places {
			r.Places[i].File = inWorkspace(r.Places[i].File)
		}
		r.StopPlace.File = inWorkspace(r.StopPlace.File)
		p.write(s, "the annotations", p.people(s).out, p.annotate.taken.Format, r)
	}
	if p.summary.taken != nil {
		p.write(s, "the summary", s.out, *p.summary.taken, r)
	}
	if file := os.Getenv(stepSummary); file != "" {
		err := appendTo(file, func(w io.Writer) error { return report.WriteMarkdown(w, r) })
		if err != nil {
			fmt.Fprintf(s.err, "ordeal: the summary of the step could not be written: %v\n", err)
		}
	}
}

// several says what came out of several runs.
func (p *reporting) several(s *streams, all []report.One) {
	people := p.people(s)
	style := report.Style{Color: people.color(people.out), Width: report.WidthOf(people.out)}
	if err := report.WriteSeveral(people.out, all, style); err != nil {
		fmt.Fprintf(s.err, "ordeal: the runs could not be listed: %v\n", err)
	}
	if file := os.Getenv(stepSummary); file != "" {
		err := appendTo(file, func(w io.Writer) error { return report.WriteSeveralMarkdown(w, all) })
		if err != nil {
			fmt.Fprintf(s.err, "ordeal: the summary of the step could not be written: %v\n", err)
		}
	}
}

func (p *reporting) write(s *streams, what string, w io.Writer, f report.Format, r *report.Run) {
	if err := f.Write(w, r); err != nil {
		fmt.Fprintf(s.err, "ordeal: %s could not be written: %v\n", what, err)
	}
}

// appendTo adds to a file.
func appendTo(file string, write func(io.Writer) error) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// inWorkspace is a file's path as GitHub Actions knows it: from the folder of the repository.
func inWorkspace(file string) string {
	root := os.Getenv(workspace)
	if root == "" || file == "" {
		return file
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	rel, err := filepath.Rel(root, abs)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return file
	}
	return filepath.ToSlash(rel)
}

// choice is a flag that takes the name of one entry of a registry, or is not given.
type choice[T any] struct {
	all   []T
	name  func(T) string
	taken *T // nil: none
}

func (c *choice[T]) add(
	cmd *cobra.Command, flag string, all []T, name func(T) string, usage string,
) {
	c.all, c.name = all, name
	cmd.Flags().Var(c, flag, usage)
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc(flag,
		cobra.FixedCompletions(c.names(), cobra.ShellCompDirectiveNoFileComp)))
}

func (c *choice[T]) names() []string {
	var out []string
	for _, x := range c.all {
		out = append(out, c.name(x))
	}
	return out
}

func (c *choice[T]) String() string {
	if c.taken == nil {
		return ""
	}
	return c.name(*c.taken)
}

// Type is what the help calls the value.
func (c *choice[T]) Type() string { return strings.Join(c.names(), "|") }

// Set takes a name.
func (c *choice[T]) Set(s string) error {
	for i := range c.all {
		if c.name(c.all[i]) == s {
			c.taken = &c.all[i]
			return nil
		}
	}
	return fmt.Errorf("expected %s", strings.Join(c.names(), " or "))
}
