package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	summary, annotate formatFlag
}

func (p *reporting) add(cmd *cobra.Command) {
	p.summary.all, p.annotate.all = report.Summaries(), report.Annotations()
	f := cmd.Flags()
	f.Var(&p.summary, "summary",
		"write the summary to standard output, as md or json; what people read goes to standard error")
	f.Var(&p.annotate, "annotate",
		"point at the rules that did not hold, for the CI system `github`")
	for name, flag := range map[string]*formatFlag{
		"summary": &p.summary, "annotate": &p.annotate,
	} {
		cobra.CheckErr(cmd.RegisterFlagCompletionFunc(name,
			cobra.FixedCompletions(flag.names(), cobra.ShellCompDirectiveNoFileComp)))
	}
}

// people are the streams for what people read: standard output is not theirs if it holds a
// summary.
func (p *reporting) people(s *streams) *streams {
	if p.summary.format == nil {
		return s
	}
	theirs := *s
	theirs.out = s.err
	return &theirs
}

// report says what came out, wherever that is wanted. Whoever does not listen any more, as head
// does, changes neither verdict nor exit code.
func (p *reporting) report(s *streams, r *report.Run) {
	if p.annotate.format != nil {
		for i := range r.Places {
			r.Places[i].File = inWorkspace(r.Places[i].File)
		}
		p.write(s, "the annotations", p.people(s).out, p.annotate.format, r)
	}
	if p.summary.format != nil {
		p.write(s, "the summary", s.out, p.summary.format, r)
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

func (p *reporting) write(
	s *streams, what string, w io.Writer, f *report.Format, r *report.Run,
) {
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

// formatFlag is the name of one of several formats, or none.
type formatFlag struct {
	all    []report.Format
	format *report.Format
}

func (f *formatFlag) names() []string {
	var out []string
	for _, x := range f.all {
		out = append(out, x.Name)
	}
	return out
}

func (f *formatFlag) String() string {
	if f.format == nil {
		return ""
	}
	return f.format.Name
}

// Type is what the help calls the value.
func (f *formatFlag) Type() string { return strings.Join(f.names(), "|") }

// Set takes the name of a format.
func (f *formatFlag) Set(s string) error {
	for i := range f.all {
		if f.all[i].Name == s {
			f.format = &f.all[i]
			return nil
		}
	}
	return fmt.Errorf("expected %s", strings.Join(f.names(), " or "))
}
