package report

import (
	"fmt"
	"io"
)

// WriteWhole writes what several runs of one plan came to as a whole, for a terminal: the verdict
// and the rules.
func WriteWhole(w io.Writer, r *Run, runs int, s Style) error {
	p := &page{palette: newPalette(s.Color), width: s.Width}
	if p.width <= 0 {
		p.width = 80
	}
	p.section(fmt.Sprintf("the whole of %d runs", runs), "judged as if each had followed the one before")
	p.verdict(r)
	p.text(0, p.dim, ruleCounts(r.Report.Rules))
	for _, why := range r.Report.Why {
		p.text(0, p.warn, why)
	}
	p.rules(r)
	_, err := io.WriteString(w, p.b.String())
	return err
}
