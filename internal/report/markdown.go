package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// Bounds of a Markdown summary: GitHub takes 1 MiB of a step, or nothing at all.
const (
	maxMarkdown     = 800 << 10 // bytes after which no row begins
	maxMarkdownRows = 200       // of a table
	maxMarkdownCell = 500       // bytes of a text
)

// WriteMarkdown writes a summary in GitHub's Markdown: the verdict, the rules, worst first, the
// faults and the response times. Texts of others stand in it as text, whatever is in them.
func WriteMarkdown(w io.Writer, r *Run) error {
	m := &markdown{}
	m.headline(r)
	m.rules(r.Report.Rules)
	m.hypothesis(r.timeline().Hypothesis)
	m.faults(r.Report.Faults)
	m.ledgers(r)
	m.times(r)
	_, err := io.WriteString(w, m.b.String())
	return err
}

type markdown struct{ b strings.Builder }

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(&m.b, format+"\n", args...) }

func (m *markdown) headline(r *Run) {
	word, _ := (&page{palette: newPalette(false)}).verdictWord(r)
	m.line("### %s: %s\n", word, escapeMarkdown(r.Name))
	about := ruleCounts(r.Report.Rules)
	if d := r.timeline().Duration; d > 0 {
		about += ", " + quantity.FormatDuration(d) + " of load"
	}
	m.line("%s, seed %d, exit code %d\n", about, r.Seed, r.ExitCode)
	var why []string
	if r.JudgedAgain {
		why = append(why, judgedAgain(r))
	}
	why = append(append(why, r.Problems...), r.Report.Why...)
	for i := range r.Report.Faults {
		if f := &r.Report.Faults[i]; f.Dirty {
			why = append(why, dirtyLine(f))
		}
	}
	m.list(why)
}

// list writes an item for each line, as many as there is room for, and how many are left out.
func (m *markdown) list(lines []string) {
	printed := 0
	for _, line := range lines {
		if !m.room(printed) {
			break
		}
		m.line("- %s", escapeMarkdown(line))
		printed++
	}
	if len(lines) > 0 {
		m.line("")
	}
	m.more(len(lines) - printed)
}

func (m *markdown) rules(all []verdict.RuleResult) {
	if len(all) == 0 {
		return
	}
	m.head("", "rule", "observed", "limit", "why")
	var rows [][]string
	for _, o := range []verdict.Outcome{
		verdict.Fail, verdict.Inconclusive, verdict.Warn, verdict.Pass,
	} {
		for _, x := range all {
			if x.Outcome != o {
				continue
			}
			rule, why := x.KPI, x.Why
			if x.Name != "" {
				rule = x.Name + ": " + x.KPI
			}
			if x.CouldBe != nil {
				why += " (could be " + x.CouldBe.Text + ")"
			}
			observed := x.Observed
			if x.Interval != nil {
				observed += " (" + quantity.FormatFraction(x.Interval.Level) + " interval " +
					x.Interval.Text + ")"
			}
			rows = append(rows, []string{string(o), rule, observed, x.Limit, why})
		}
	}
	m.table(rows)
}

func (m *markdown) hypothesis(h *timeline.Hypothesis) {
	if h == nil {
		return
	}
	m.head("", "hypothesis, before the first fault", "observed", "limit", "why")
	var rows [][]string
	for _, x := range h.Rules {
		rule := x.KPI
		if x.Name != "" {
			rule = x.Name + ": " + x.KPI
		}
		rows = append(rows, []string{string(x.Outcome), rule, x.Observed, x.Limit, x.Why})
	}
	m.table(rows)
}

func (m *markdown) faults(all []verdict.FaultResult) {
	if len(all) == 0 {
		return
	}
	m.head("fault", "on", "planned", "effective", "reverted", "recovery", "verified", "impact")
	var rows [][]string
	for i := range all {
		f := &all[i]
		verified := "yes"
		if !f.Verified {
			verified = "no"
		}
		impact := strings.Trim(f.Impact+"; "+f.Error, "; ")
		rows = append(rows, []string{
			f.Name + " (" + f.Kind + ")", strings.Join(f.Targets, ", "),
			quantity.FormatDuration(f.Planned), offset(f.Effective), offset(f.Reverted),
			recovery(f), verified, impact,
		})
	}
	m.table(rows)
}

func (m *markdown) times(r *Run) {
	if r.Report.Totals.Planned == 0 {
		return
	}
	m.head("response times", "arrivals", "errors", "rate", "p50", "p95", "p99", "max")
	row := func(name string, x *verdict.Measure) []string {
		failed := quantity.FormatWhole(x.Errors)
		if x.ErrorRate != nil {
			failed += " (" + quantity.FormatPercent(*x.ErrorRate) + ")"
		}
		return []string{
			name, quantity.FormatWhole(x.Planned), failed, rate(x.RPS),
			offset(x.Latency.P50), offset(x.Latency.P95), offset(x.Latency.P99),
			offset(x.Latency.Max),
		}
	}
	rows := [][]string{row("all judged stages", &r.Report.Totals)}
	for _, s := range r.timeline().Stages {
		if x, ok := r.Report.Stages[s.Name]; ok {
			rows = append(rows, row("stage "+s.Name+unjudged(s), &x))
		}
	}
	m.table(rows)
}

func unjudged(s timeline.Stage) string {
	if s.Judged {
		return ""
	}
	return " (not judged)"
}

// head begins a table.
func (m *markdown) head(columns ...string) {
	m.line("| %s |\n|%s", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
}

// table prints the rows of a table that head has begun.
func (m *markdown) table(rows [][]string) {
	printed := 0
	for _, cells := range rows {
		if !m.room(printed) {
			break
		}
		out := make([]string, len(cells))
		for i, c := range cells {
			out[i] = escapeMarkdown(c)
		}
		m.line("| %s |", strings.Join(out, " | "))
		printed++
	}
	m.line("")
	m.more(len(rows) - printed)
}

// room says whether another row may follow so many.
func (m *markdown) room(printed int) bool {
	return printed < maxMarkdownRows && m.b.Len() < maxMarkdown
}

// more says how many rows were left out.
func (m *markdown) more(n int) {
	if n > 0 {
		m.line("and %d more\n", n)
	}
}

// escapeMarkdown makes a text of others a line of text in Markdown, in a cell of a table too.
// Characters that could mean something, by themselves or as the beginning of a link, are
// references to characters: these are never read as anything else, and a table is not cut at
// them.
func escapeMarkdown(s string) string {
	s = strings.Join(strings.Fields(plaintext.Line(plaintext.Clip(s, maxMarkdownCell))), " ")
	var b strings.Builder
	for i, c := range s {
		if meansSomething(s, i, c) {
			fmt.Fprintf(&b, "&#%d;", c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// meansSomething says whether the character c of s, at i, could be more than text in Markdown.
func meansSomething(s string, i int, c rune) bool {
	before, after := s[:i], s[i+len(string(c)):]
	switch c {
	case '\\', '`', '*', '_', '[', ']', '<', '>', '#', '|', '~', '&', '@', '$':
		return true
	case ':': // of a URL, or of an emoji
		return after != "" && after[0] != ' '
	case '.', ')': // of www.example.org, or of an item of a list
		return len(before) >= 3 && strings.EqualFold(before[len(before)-3:], "www") ||
			strings.Trim(before, "0123456789") == ""
	case '-', '+', '=':
		return strings.Trim(before, "-+= ") == ""
	}
	return false
}
