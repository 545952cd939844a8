package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/ledger"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
)

// ledgerSummary is what summary.json has of a ledger.
type ledgerSummary struct {
	Acknowledged uint64 `json:"acknowledged"`
	Refused      uint64 `json:"refused"`
	Unknown      uint64 `json:"unknown"`
	// Sample is how many of Keys were asked for, if not all were.
	Sample     uint64  `json:"sample,omitempty"`
	Keys       uint64  `json:"keys,omitempty"`
	Read       uint64  `json:"read"`
	Landed     uint64  `json:"landed"` // of those read, unknown ones that are there
	Unread     uint64  `json:"unread"`
	Lost       uint64  `json:"lost"`
	Phantom    *uint64 `json:"phantom,omitempty"`
	Duplicated *uint64 `json:"duplicated,omitempty"`
	// AtLeast names the figures that may be higher, and Why says what is not known.
	AtLeast  []string         `json:"at_least,omitempty"`
	Why      string           `json:"why,omitempty"`
	Findings []ledger.Finding `json:"findings,omitempty"` // the first ones
}

// ledgerSummaries are those of all ledgers by name; nil if there are none.
func ledgerSummaries(all []ledger.Account) map[string]ledgerSummary {
	var out map[string]ledgerSummary
	for i := range all {
		a := &all[i]
		s := ledgerSummary{
			Acknowledged: a.Acknowledged, Refused: a.Refused, Unknown: a.Unknown,
			Sample: a.Sample, Keys: a.Keys, Read: a.Read, Landed: a.Landed, Unread: a.Unread,
			Lost: a.Lost.N, Why: a.Why, Findings: a.Findings,
		}
		for _, c := range ledgerCounts(a) {
			if c.count != nil && c.count.Open {
				s.AtLeast = append(s.AtLeast, string(c.what))
			}
		}
		if a.Phantom != nil {
			s.Phantom = &a.Phantom.N
		}
		if a.Duplicated != nil {
			s.Duplicated = &a.Duplicated.N
		}
		if out == nil {
			out = map[string]ledgerSummary{}
		}
		out[a.Name] = s
	}
	return out
}

// ledgerCount is what was found of one kind; nil: it was not asked.
type ledgerCount struct {
	what  ledger.What
	count *ledger.Count
}

func ledgerCounts(a *ledger.Account) []ledgerCount {
	return []ledgerCount{
		{ledger.Lost, &a.Lost}, {ledger.Phantom, a.Phantom}, {ledger.Duplicated, a.Duplicated},
	}
}

// text is the count for people.
func (c ledgerCount) text() string {
	switch {
	case c.count == nil:
		return "-"
	case c.count.Open && c.count.N == 0:
		return "not known"
	case c.count.Open:
		return quantity.FormatWhole(c.count.N) + " or more"
	}
	return quantity.FormatWhole(c.count.N)
}

// ledgers shows what came of the writes that were read back.
func (p *page) ledgers(r *Run) {
	if len(r.Ledgers) == 0 {
		return
	}
	g := &grid{columns: []column{
		{title: "ledger"}, {title: "acknowledged", right: true},
		{title: "refused", right: true, drop: 2},
		{title: "unknown", right: true, drop: 1}, {title: "read", right: true},
		{title: "lost", right: true}, {title: "phantom", right: true},
		{title: "duplicated", right: true}, {title: "unread", right: true},
	}}
	for i := range r.Ledgers {
		a := &r.Ledgers[i]
		rw := row{cells: []cell{{plain(a.Name), nil}}}
		for _, n := range []uint64{a.Acknowledged, a.Refused, a.Unknown, a.Read} {
			rw.cells = append(rw.cells, cell{quantity.FormatWhole(n), nil})
		}
		for _, c := range ledgerCounts(a) {
			st := style(nil)
			switch {
			case c.count != nil && c.count.N > 0:
				st = p.bad
			case c.count != nil && c.count.Open:
				st = p.warn
			}
			rw.cells = append(rw.cells, cell{c.text(), st})
		}
		rw.cells = append(rw.cells, cell{quantity.FormatWhole(a.Unread), nil})
		for _, note := range ledgerNotes(a) {
			rw.notes = append(rw.notes, cell{plain(note), p.warn})
		}
		g.rows = append(g.rows, rw)
	}
	p.section("writes read back", "after the last fault")
	p.grid(g)
}

// ledgerNotes are what else is to be said of a ledger, a text each.
func ledgerNotes(a *ledger.Account) []string {
	var out []string
	if a.Sample > 0 {
		out = append(out, fmt.Sprintf("a sample: %s of %s keys were to be read back",
			quantity.FormatWhole(a.Sample), quantity.FormatWhole(a.Keys)))
	}
	if a.Landed > 0 {
		out = append(out, fmt.Sprintf("%s of the unknown ones that were read back are there",
			quantity.FormatWhole(a.Landed)))
	}
	if a.Why != "" {
		out = append(out, a.Why)
	}
	shown := map[ledger.What]uint64{}
	for i := range a.Findings {
		f := &a.Findings[i]
		if f.What == ledger.Unread {
			continue // Why says it
		}
		shown[f.What]++
		out = append(out, findingText(f))
	}
	for _, c := range ledgerCounts(a) {
		if c.count != nil && c.count.N > shown[c.what] {
			out = append(out, fmt.Sprintf("%s more %s: %s has the first of them",
				quantity.FormatWhole(c.count.N-shown[c.what]), c.what, ledger.FindingsFile))
		}
	}
	return out
}

// findingText says what was found of a write.
func findingText(f *ledger.Finding) string {
	text := fmt.Sprintf("%s: %s, %s at %s", f.What, strconv.Quote(f.Key), f.Fate,
		quantity.FormatDuration(f.Over))
	if f.Fate == ledger.Unknown.String() {
		text = fmt.Sprintf("%s: %s, without an answer since %s", f.What, strconv.Quote(f.Key),
			quantity.FormatDuration(f.Sent))
	}
	if f.Times > 0 {
		text += fmt.Sprintf(", there %s times", quantity.FormatWhole(f.Times))
	}
	switch {
	case len(f.Faults) > 0:
		text += ", during " + strings.Join(f.Faults, " and ")
	case f.Next != "":
		text += fmt.Sprintf(", %s before %s", quantity.FormatDuration(f.NextIn), f.Next)
	default:
		text += ", no fault in force or to come"
	}
	return text
}

// ledgerLines say the same, a line a ledger and one for each finding.
func ledgerLines(r *Run) []string {
	var out []string
	for i := range r.Ledgers {
		a := &r.Ledgers[i]
		line := fmt.Sprintf(
			"ledger(%q): acknowledged %s, refused %s, unknown %s, read %s, unread %s",
			a.Name,
			quantity.FormatWhole(a.Acknowledged),
			quantity.FormatWhole(a.Refused),
			quantity.FormatWhole(a.Unknown),
			quantity.FormatWhole(a.Read),
			quantity.FormatWhole(a.Unread),
		)
		for _, c := range ledgerCounts(a) {
			if c.count != nil {
				line += fmt.Sprintf(", %s %s", c.what, c.text())
			}
		}
		out = append(out, line)
		for _, note := range ledgerNotes(a) {
			out = append(out, fmt.Sprintf("ledger(%q): %s", a.Name, note))
		}
	}
	return out
}

// ledgers lists what came of the writes that were read back.
func (m *markdown) ledgers(r *Run) { m.list(ledgerLines(r)) }
