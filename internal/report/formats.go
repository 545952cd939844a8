package report

import (
	"io"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// Format is a form of the report that is no file of the run directory: it goes where the user
// says.
type Format struct {
	Name  string
	Doc   string
	Write func(w io.Writer, r *Run) error
}

// Summaries lists what the standard output can hold in place of the report for people.
func Summaries() []Format {
	return []Format{
		{"md", "Markdown: the verdict, the rules and the faults", WriteMarkdown},
		{"json", "what summary.json holds", WriteSummary},
	}
}

// Annotation is a form in which a CI system is told at which lines of a scenario what is wrong.
type Annotation struct {
	Format
	// Mistakes points at the mistakes of a file.
	Mistakes func(w io.Writer, all []strictyaml.Mistake) error
}

// Annotations lists how rules that did not hold, and mistakes, can be pointed at.
func Annotations() []Annotation {
	return []Annotation{{
		Format{"github", "workflow commands of GitHub Actions, ::error and ::warning", WriteGitHub},
		WriteGitHubMistakes,
	}}
}
