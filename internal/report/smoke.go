package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// Smoke is what came of a smoke test: everything was done once, and nothing was broken.
type Smoke struct {
	Name   string
	Checks []SmokeCheck // in the order in which they are shown
}

// SmokeCheck is one thing that was tried.
type SmokeCheck struct {
	What  string // request, flow, ledger, fault, service, probe, metric
	Name  string
	Did   string        // what was done, in few words
	Found string        // what came of it
	Took  time.Duration // 0: nothing was waited for
	OK    bool
	Step  bool // of the flow that follows
}

// OK says whether all went well.
func (s *Smoke) OK() bool {
	for _, c := range s.Checks {
		if !c.OK {
			return false
		}
	}
	return true
}

// WriteSmoke prints the table of a smoke test.
func WriteSmoke(w io.Writer, s *Smoke, style Style) error {
	p := &page{palette: newPalette(style.Color), width: style.Width}
	if p.width <= 0 {
		p.width = 80
	}
	p.line("")
	wrong := 0
	g := &grid{columns: []column{
		{}, {}, {title: "name"}, {title: "what", wrap: true, drop: 1}, {title: "took", right: true},
	}}
	for _, c := range s.Checks {
		word, st := "ok", p.good
		if !c.OK {
			word, st = "FAIL", p.bad
			wrong++
		}
		name, took := plain(c.Name), ""
		if c.Step {
			name = "  " + name
		}
		if c.Took > 0 {
			took = quantity.FormatDuration(c.Took)
		}
		rw := row{
			cells: []cell{
				{word, st},
				{c.What, p.dim},
				{name, nil},
				{plain(c.Did), nil},
				{took, nil},
			},
		}
		if c.Found != "" {
			found := p.dim
			if !c.OK {
				found = p.bad
			}
			rw.notes = append(rw.notes, cell{plain(c.Found), found})
		}
		g.rows = append(g.rows, rw)
	}
	word, st := "SMOKE PASS", p.good
	if wrong > 0 {
		word, st = "SMOKE FAIL", p.bad
	}
	p.line(p.bold(st(word)) + "  " + p.bold(plain(s.Name)))
	about := fmt.Sprintf("%d of %d went well", len(s.Checks)-wrong, len(s.Checks))
	p.text(0, p.dim, about+"; each was tried once, and nothing was broken")
	p.line("")
	p.grid(g)
	_, err := io.WriteString(w, strings.TrimRight(p.b.String(), "\n")+"\n")
	return err
}
