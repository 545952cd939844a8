package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// WriteGitHub writes a workflow command of GitHub Actions for each rule that did not hold, which
// points at the rule: an error for one that fails the run or leaves it inconclusive, a warning
// for one that only warns. What went wrong apart from the rules is an error. Of that only what
// ended the load early has a place.
func WriteGitHub(w io.Writer, r *Run) error {
	var b strings.Builder
	for i, x := range r.Report.Rules {
		command := "error"
		switch {
		case x.Outcome == verdict.Pass:
			continue
		case x.Severity == verdict.SeverityWarn:
			command = "warning"
		}
		title := x.KPI
		if x.Name != "" {
			title = x.Name
		}
		text := fmt.Sprintf("%s: observed %s, limit %s", x.KPI, orDash(x.Observed), orDash(x.Limit))
		if x.Why != "" {
			text += "\n" + x.Why
		}
		var at scenario.Place
		if i < len(r.Places) {
			at = r.Places[i]
		}
		gitHubCommand(&b, command, string(x.Outcome)+": "+title, text, at)
	}
	why := append(append([]string{}, r.Problems...), r.Report.Why...)
	for i := range r.Report.Faults {
		if f := &r.Report.Faults[i]; f.Dirty {
			why = append(why, dirtyLine(f))
		}
	}
	for _, text := range why {
		var at scenario.Place
		if stop := r.timeline().Stopped; stop != nil && strings.Contains(text, stop.Why) {
			at = r.StopPlace
		}
		gitHubCommand(&b, "error", "ordeal: "+r.Name, text, at)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteGitHubMistakes writes an error for each mistake of a scenario file, at its place.
func WriteGitHubMistakes(w io.Writer, all []strictyaml.Mistake) error {
	var b strings.Builder
	for _, m := range all {
		text := m.Msg
		if m.Hint != "" {
			text += "\nhint: " + m.Hint
		}
		at := scenario.Place{File: m.File, Line: m.Line, Col: m.Col, Len: m.Len}
		if m.Line == 0 { // the file as a whole
			at = scenario.Place{File: m.File, Line: 1}
		}
		if strings.HasPrefix(m.File, "--") { // a flag's text
			at = scenario.Place{}
			text = m.File + ": " + text
		}
		gitHubCommand(&b, "error", "mistake in the scenario", text, at)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func gitHubCommand(b *strings.Builder, command, title, text string, at scenario.Place) {
	b.WriteString("::" + command + " ")
	if at.File != "" {
		fmt.Fprintf(b, "file=%s,line=%d,", gitHubProperty(at.File), at.Line)
		if at.Col > 0 {
			fmt.Fprintf(b, "col=%d,endColumn=%d,", at.Col, at.Col+max(at.Len, 1))
		}
	}
	fmt.Fprintf(b, "title=%s::%s\n", gitHubProperty(title), gitHubData(text))
}

// gitHubData escapes what stands behind a command, by the rules of the toolkit of GitHub Actions.
func gitHubData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(plaintext.Lines(s))
}

// gitHubProperty escapes a property of a command.
func gitHubProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(gitHubData(s))
}
