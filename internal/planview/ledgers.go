package planview

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// ledgers prints which writes are read back after the last fault.
func ledgers(w io.Writer, p *scenario.Plan) {
	if len(p.Ledger) == 0 {
		return
	}
	fmt.Fprint(w, "\nread back after the last fault\n")
	var tooMany []string
	t := [][]string{{"ledger", "writes", "key", "read by", "how"}}
	for i := range p.Ledger {
		l := &p.Ledger[i]
		key := l.Key.Template
		for _, way := range []struct{ word, text string }{
			{"json", l.Key.JSON}, {"header", l.Key.Header}, {"matches", l.Key.Matches},
		} {
			if way.text != "" {
				key = way.word + " " + way.text
			}
		}
		which := "all"
		if l.Sample > 0 {
			which = "a sample of " + quantity.FormatWhole(uint64(l.Sample))
		}
		how := fmt.Sprintf("%s, %s later, at %s for at most %s", which,
			quantity.FormatDuration(l.Settle), quantity.FormatRate(l.Rate),
			quantity.FormatDuration(l.Deadline))
		reach, wanted := math.Floor(l.Rate*l.Deadline.Seconds()), expected(&p.Attack, l.Write)
		if l.Sample > 0 {
			wanted = min(wanted, float64(l.Sample))
		}
		if wanted > reach {
			tooMany = append(
				tooMany,
				fmt.Sprintf("  ledger %s: about %s writes are to be read back, "+
					"and its rate and deadline are enough for %s; the others would leave its rules in "+
					"doubt: raise them, or read back a sample", l.Name,
					quantity.FormatCount(math.Round(wanted)), quantity.FormatCount(reach)),
			)
		}
		t = append(t, []string{
			l.Name, l.Write, key, secret.MaskLiteral(strings.TrimSpace(l.Read.Spec.String())), how,
		})
	}
	table(w, t)
	for _, line := range tooMany {
		fmt.Fprintln(w, line)
	}
}

// expected is about how many times the open stages send a request.
func expected(a *attack.Plan, name string) float64 {
	var all, own float64
	for _, f := range a.Flows {
		all += f.Weight
		for _, s := range f.Steps {
			if a.Requests[s.Request].Name == name {
				own += f.Weight
			}
		}
	}
	for i := range a.Requests {
		if r := &a.Requests[i]; r.Weight > 0 {
			if all += r.Weight; r.Name == name {
				own += r.Weight
			}
		}
	}
	if all == 0 {
		return 0
	}
	return a.Expected() * own / all
}
