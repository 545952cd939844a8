// Package report is everything that comes out of a run for people and for other
// programs: the live status while it runs, the report in the terminal at its
// end, and the files of the run directory that are made from the verdict.
//
// A new file is one function and one line in Outputs.
package report

import (
	"io"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Run is what is reported of a run that has ended, in whatever way. A run that
// never sent load has an empty Timeline and the reasons in Problems.
type Run struct {
	Name   string
	Seed   uint64
	Engine string // of the attack
	// EngineWhy says why that engine sent, if the servers were asked for it.
	EngineWhy string
	Report    verdict.Report
	Timeline  *timeline.Timeline // nil counts as empty
	ExitCode  int                // as it was decided; the report only explains it
	Dir       string             // run directory; empty if there is none
	// Dirty says that a fault may still be in force: an undo failed or could not
	// be verified.
	Dirty bool
	// Examples has the text of an error for the most frequent kinds, for people.
	Examples map[string]string
	// Samples is the file in the run directory that holds samples of wrong
	// answers; empty if there are none.
	Samples string
	// Problems are why the run could not be done or undone, for people.
	Problems []string
}

// timeline is r.Timeline, never nil.
func (r *Run) timeline() *timeline.Timeline {
	if r.Timeline == nil {
		return &timeline.Timeline{}
	}
	return r.Timeline
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
		{"junit", "junit.xml", "the rules as test cases, for CI", WriteJUnit},
		{"summary", "summary.json", "the verdict and its figures, for programs", WriteSummary},
	}
}
