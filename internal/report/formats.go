package report

import "io"

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

// Annotations lists how rules that did not hold can be pointed at in the scenario.
func Annotations() []Format {
	return []Format{
		{"github", "workflow commands of GitHub Actions, ::error and ::warning", WriteGitHub},
	}
}
