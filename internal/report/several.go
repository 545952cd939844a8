package report

import (
	"io"
	"strconv"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// One is one of several runs.
type One struct {
	File     string // the scenario's
	Name     string
	Run      *Run // nil: there is no report of it
	ExitCode int  // if it was started
	Why      string
	Started  bool
}

// WriteSeveral writes a table of several runs, in their order, for a terminal.
func WriteSeveral(w io.Writer, all []One, s Style) error {
	p := &page{palette: newPalette(s.Color), width: s.Width}
	if p.width <= 0 {
		p.width = 80
	}
	p.section("runs", "")
	g := &grid{columns: []column{
		{title: "verdict"}, {title: "scenario", wrap: true}, {title: "exit", right: true},
		{title: "rules that held", right: true, drop: 1}, {title: "load", right: true, drop: 2},
		{title: "run directory", drop: 3},
	}}
	for i := range all {
		o := &all[i]
		word, st := p.oneWord(o)
		cells := o.cells()
		rw := row{cells: []cell{{word, st}, {cells[0], p.bold}}}
		for _, c := range cells[1:] {
			rw.cells = append(rw.cells, cell{c, nil})
		}
		if o.Why != "" {
			rw.notes = append(rw.notes, cell{plain(o.Why), p.warn})
		}
		g.rows = append(g.rows, rw)
	}
	p.grid(g)
	_, err := io.WriteString(w, p.b.String())
	return err
}

// WriteSeveralMarkdown writes the table in Markdown.
func WriteSeveralMarkdown(w io.Writer, all []One) error {
	m := &markdown{}
	m.line("### %d runs\n", len(all))
	m.head("", "scenario", "exit", "rules that held", "load", "run directory", "why")
	p := &page{palette: newPalette(false)}
	var rows [][]string
	for i := range all {
		word, _ := p.oneWord(&all[i])
		rows = append(rows, append(append([]string{word}, all[i].cells()...), all[i].Why))
	}
	m.table(rows)
	_, err := io.WriteString(w, m.b.String())
	return err
}

// oneWord is what became of a run.
func (p *page) oneWord(o *One) (string, style) {
	switch {
	case !o.Started:
		return "NOT STARTED", p.warn
	case o.Run == nil:
		return "NOT DONE", p.bad
	}
	return p.verdictWord(o.Run)
}

// cells are name, exit code, rules, time and directory.
func (o *One) cells() []string {
	cells := []string{plain(o.Name), "-", "-", "-", "-"}
	if o.Started {
		cells[1] = strconv.Itoa(o.ExitCode)
	}
	if o.Run == nil {
		return cells
	}
	if n := len(o.Run.Report.Rules); n > 0 {
		held := 0
		for _, x := range o.Run.Report.Rules {
			if x.Outcome == verdict.Pass {
				held++
			}
		}
		cells[2] = strconv.Itoa(held) + " of " + strconv.Itoa(n)
	}
	if d := o.Run.timeline().Duration; d > 0 {
		cells[3] = quantity.FormatDuration(d)
	}
	cells[4] = plain(o.Run.Dir)
	return cells
}
