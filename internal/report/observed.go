package report

import (
	"fmt"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
	"github.com/seed-1574e9de/ordeal/verdict/rule"
)

// subjectSummary is what summary.json has of a subject: its figures by name, and how many of its
// readings had no data. A figure that is a sum or a share of the time is a number, any other a
// levelSummary.
type subjectSummary map[string]any

// levelSummary is a figure that goes up and down. P95 is left out of too few readings.
type levelSummary struct {
	Mean *float64 `json:"mean"`
	Min  *float64 `json:"min"`
	P95  *float64 `json:"p95,omitempty"`
	Max  *float64 `json:"max"`
	Last *float64 `json:"last"`
}

// subjectSummaries are those of one kind by name; nil if nothing of the kind was observed.
func subjectSummaries(
	all []verdict.SubjectMeasure,
	kind timeline.SubjectKind,
) map[string]subjectSummary {
	var out map[string]subjectSummary
	for _, m := range all {
		if m.Kind != kind {
			continue
		}
		s := subjectSummary{"readings": m.Readings}
		if len(m.Targets) > 0 {
			s["targets"] = m.Targets
		}
		if m.Missing > 0 {
			s["missing"], s["missing_why"] = m.Missing, m.Why
		}
		if m.FirstFailure != nil {
			s["first_failure"] = m.FirstFailure
		}
		if kind == timeline.MetricSubject {
			s["unit"] = verdict.UnitName(rule.UnitOf(m.Unit))
		}
		for _, f := range m.Figures {
			if f.Total != nil {
				s[f.Figure.String()] = *f.Total
			} else {
				s[f.Figure.String()] = levelSummary{f.Mean, f.Min, f.P95, f.Max, f.Last}
			}
		}
		if out == nil {
			out = map[string]subjectSummary{}
		}
		out[m.Name] = s
	}
	return out
}

// observedColumn is a column of the table of a kind of subject.
type observedColumn struct {
	column
	figure timeline.Figure
	word   string // the aggregate; empty of a total
	of     func(*verdict.FigureMeasure) *float64
}

func meanOf(f *verdict.FigureMeasure) *float64  { return f.Mean }
func minOf(f *verdict.FigureMeasure) *float64   { return f.Min }
func p95Of(f *verdict.FigureMeasure) *float64   { return f.P95 }
func maxOf(f *verdict.FigureMeasure) *float64   { return f.Max }
func lastOf(f *verdict.FigureMeasure) *float64  { return f.Last }
func totalOf(f *verdict.FigureMeasure) *float64 { return f.Total }

// observedTables are what the report for people shows of each kind of subject; summary.json has
// all figures.
var observedTables = []struct {
	kind    timeline.SubjectKind
	columns []observedColumn
}{
	{timeline.ServiceSubject, []observedColumn{
		{column{title: "CPU mean", right: true}, timeline.CPU, "mean", meanOf},
		{column{title: "p95", right: true, drop: 4}, timeline.CPU, "p95", p95Of},
		{column{title: "max", right: true}, timeline.CPU, "max", maxOf},
		{column{title: "memory mean", right: true, drop: 2}, timeline.Memory, "mean", meanOf},
		{column{title: "max", right: true}, timeline.Memory, "max", maxOf},
		{column{title: "bytes", right: true, drop: 3}, timeline.MemoryBytes, "max", maxOf},
		{column{title: "restarts", right: true}, timeline.Restarts, "", totalOf},
		{column{title: "OOM kills", right: true, drop: 1}, timeline.OOMKills, "", totalOf},
	}},
	{timeline.ProbeSubject, []observedColumn{
		{column{title: "failures", right: true}, timeline.Failures, "", totalOf},
		{column{title: "uptime", right: true}, timeline.Uptime, "", totalOf},
		{column{title: "mean", right: true, drop: 2}, timeline.ProbeTime, "mean", meanOf},
		{column{title: "p95", right: true, drop: 1}, timeline.ProbeTime, "p95", p95Of},
		{column{title: "max", right: true}, timeline.ProbeTime, "max", maxOf},
	}},
	{timeline.MetricSubject, []observedColumn{
		{column{title: "min", right: true}, timeline.MetricValue, "min", minOf},
		{column{title: "mean", right: true}, timeline.MetricValue, "mean", meanOf},
		{column{title: "max", right: true}, timeline.MetricValue, "max", maxOf},
		{column{title: "last", right: true}, timeline.MetricValue, "last", lastOf},
	}},
}

// observed shows what was observed beside the load.
func (p *page) observed(r *Run) {
	first := true
	for _, table := range observedTables {
		g := &grid{columns: []column{{title: string(table.kind)}}}
		for _, c := range table.columns {
			g.columns = append(g.columns, c.column)
		}
		g.columns = append(g.columns, column{title: "readings", right: true, drop: 5})
		for i := range r.Report.Subjects {
			m := &r.Report.Subjects[i]
			if m.Kind != table.kind {
				continue
			}
			rw := row{cells: []cell{{plain(m.Name), nil}}}
			for _, c := range table.columns {
				rw.cells = append(rw.cells, cell{observedText(m, c.figure, c.of), nil})
			}
			rw.cells = append(rw.cells, cell{quantity.FormatWhole(m.Readings), nil})
			if m.FirstFailure != nil {
				rw.notes = append(rw.notes, cell{failureText(m), p.warn})
			}
			if m.Missing > 0 {
				rw.notes = append(rw.notes, cell{missingText(m), p.warn})
			}
			g.rows = append(g.rows, rw)
		}
		if len(g.rows) == 0 {
			continue
		}
		if first {
			p.section("observed beside the load", "of several targets the worst")
			first = false
		}
		p.grid(g)
	}
}

func failureText(m *verdict.SubjectMeasure) string {
	return "failed first " + plain(m.FirstFailure.String())
}

func missingText(m *verdict.SubjectMeasure) string {
	return fmt.Sprintf("%s had no data, first: %s", plural(m.Missing, "reading", "readings"),
		plain(m.Why))
}

// observedText is one figure, with its unit.
func observedText(
	m *verdict.SubjectMeasure, figure timeline.Figure, of func(*verdict.FigureMeasure) *float64,
) string {
	for i := range m.Figures {
		f := &m.Figures[i]
		if v := of(f); f.Figure == figure && v != nil {
			unit := figure.Row().Unit
			if unit == "" {
				unit = m.Unit
			}
			return rule.UnitOf(unit).Format(*v)
		}
	}
	return "-"
}

// observedLines say the same, a line a subject.
func observedLines(r *Run) []string {
	var out []string
	for _, table := range observedTables {
		for i := range r.Report.Subjects {
			m := &r.Report.Subjects[i]
			if m.Kind != table.kind {
				continue
			}
			var parts []string
			of := timeline.Figure(-1)
			for _, c := range table.columns {
				text := observedText(m, c.figure, c.of)
				if text == "-" {
					continue
				}
				name := c.figure.String() + " "
				if c.figure == of {
					name = ""
				}
				of = c.figure
				if c.word != "" {
					name += c.word + " "
				}
				parts = append(parts, name+text)
			}
			if m.FirstFailure != nil {
				parts = append(parts, failureText(m))
			}
			if m.Missing > 0 {
				parts = append(parts, missingText(m))
			}
			if len(parts) > 0 {
				out = append(out, fmt.Sprintf("%s: %s", m.Subject, strings.Join(parts, ", ")))
			}
		}
	}
	return out
}
