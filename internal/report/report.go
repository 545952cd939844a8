// Package report makes everything that people and other programs see of a run: the live status
// while it runs, the report in the terminal at its end, and the files of the run directory that are
// made from the verdict.
//
// A new file is one function and one line in Outputs.
package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/ledger"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Run is what is reported of a run that has ended, in whatever way. A run that
// never sent load has an empty Timeline and the reasons in Problems.
type Run struct {
	Name    string
	Seed    uint64
	Engine  string // of the attack
	Version string // of ordeal; empty if it is not known
	Host    Host   // that sent the load
	Source  Source
	// EngineWhy says why that engine sent, if the servers were asked for it.
	EngineWhy string
	Report    verdict.Report
	Timeline  *timeline.Timeline // nil counts as empty
	ExitCode  int                // as it was decided; the report only explains it
	Dir       string             // run directory; empty if there is none
	// Dirty says that a fault may still be in force: an undo failed or could not
	// be verified.
	Dirty bool
	// LeftBehind says that something of the run may still be there: Dirty, or what it started.
	LeftBehind bool
	// Examples has the text of an error for the most frequent kinds, for people.
	Examples map[string]string
	// Samples is the file in the run directory that holds samples of wrong
	// answers; empty if there are none.
	Samples string
	// Ledgers are what came of the writes that were read back.
	Ledgers []ledger.Account
	// Problems are why the run could not be done or undone, for people.
	Problems []string
	// JudgedAgain says that a recording was judged, and not the run at its end. RulesFrom is
	// where the rules are from, if they are not the run's own.
	JudgedAgain bool
	RulesFrom   string
	// StopPlace is where the rule stands by which ordeal itself ended the load, if that is known.
	StopPlace scenario.Place
	// Places are where the rules stand, in their order, if that is known.
	Places []scenario.Place
}

// Host describes the machine that sent the load. What is not known is empty.
type Host struct {
	Name   string `json:"-"` // for junit.xml, whose schema asks for it
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel,omitempty"`
	Go     string `json:"go"`               // version that ordeal was built with
	CPUs   int    `json:"cpus"`             // that this process may use
	Model  string `json:"cpu,omitempty"`    // what kind of CPU
	Memory uint64 `json:"memory,omitempty"` // bytes
}

// Source is what was run: files of the same SHA-256 are the same, and so are plans.
type Source struct {
	File       string `json:"file,omitempty"`        // the scenario's, without its folder
	SHA256     string `json:"sha256,omitempty"`      // of what stands in it
	PlanSHA256 string `json:"plan_sha256,omitempty"` // of plan.json
}

// timeline is r.Timeline, never nil.
func (r *Run) timeline() *timeline.Timeline {
	if r.Timeline == nil {
		return &timeline.Timeline{}
	}
	return r.Timeline
}

// ReportFile is the name of the report that is kept.
const ReportFile = "report.txt"

// WriteText writes the report as a terminal of 80 cells shows it, without colour.
func WriteText(w io.Writer, r *Run) error { return WriteTerminal(w, r, Style{Width: 80}) }

// Reprint prints a report that was kept. Run directories are passed around, so control characters
// in it are not printed.
func Reprint(w io.Writer, kept io.Reader) error {
	for lines := bufio.NewReader(kept); ; {
		line, err := lines.ReadString('\n')
		if line != "" {
			if _, err := fmt.Fprintln(w, plain(strings.TrimSuffix(line, "\n"))); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Output is one file of the run directory.
type Output struct {
	Name  string // for people
	File  string
	Doc   string
	Write func(w io.Writer, r *Run) error
}

// Outputs lists the files that are made from a judged run. The summary is the
// last, as it says whether the others could be written.
func Outputs() []Output {
	return []Output{
		{
			"report",
			ReportFile,
			"what the terminal showed at the end, without colour; ordeal report prints it again",
			WriteText,
		},
		{"junit", "junit.xml", "the rules as test cases, for CI", WriteJUnit},
		{
			"load performance",
			"load-performance.json",
			"GitLab's load performance report",
			WriteLoadPerformance,
		},
		{"summary", "summary.json", "the verdict and its figures, for programs", WriteSummary},
	}
}
