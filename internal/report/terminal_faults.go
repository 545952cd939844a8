package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/verdict"
)

func (p *page) faults(r *Run) {
	if len(r.Report.Faults) == 0 {
		return
	}
	p.section("faults", "")
	g := &grid{columns: []column{
		{
			title: "fault",
		}, {title: "on", drop: 3}, {title: "planned", right: true, drop: 2}, {title: "effective", right: true},
		{
			title: "skew",
			right: true,
			drop:  4,
		}, {title: "reverted", right: true, drop: 1}, {title: "recovery", right: true}, {title: "verified", right: true},
	}}
	for _, f := range r.Report.Faults {
		verified := cell{"yes", p.good}
		if !f.Verified {
			verified = cell{"NO", p.bad}
		}
		skew := "-"
		if f.Effective != nil {
			skew = signed(*f.Effective - f.Planned)
		}
		rw := row{cells: []cell{
			{
				plain(f.Name),
				p.bold,
			}, {plain(targets(f.Targets)), nil}, {quantity.FormatDuration(f.Planned), nil}, {offset(f.Effective), nil},
			{skew, p.dim}, {offset(f.Reverted), nil}, {recovery(&f), nil}, verified,
		}}
		how := plain(f.Kind)
		if f.Mechanism != "" {
			how += " by " + plain(f.Mechanism)
		}
		if f.Impact != "" {
			how += ": " + plain(f.Impact)
		}
		rw.notes = append(rw.notes, cell{how, p.dim})
		rw.notes = append(rw.notes, p.aftermath(&f)...)
		for _, n := range f.Notes {
			rw.notes = append(rw.notes, cell{plain(n), p.dim})
		}
		if f.Error != "" {
			rw.notes = append(rw.notes, cell{plain(f.Error), p.bad})
		}
		if !f.Verified {
			// What was seen instead of the proof.
			for _, e := range f.Evidence {
				rw.notes = append(rw.notes, cell{"seen: " + plain(e), p.warn})
			}
		}
		g.rows = append(g.rows, rw)
	}
	p.grid(g)
}

func targets(ts []string) string {
	switch len(ts) {
	case 0:
		return "-"
	case 1, 2:
		return strings.Join(ts, ", ")
	}
	return fmt.Sprintf("%s +%d", ts[0], len(ts)-1)
}

func signed(d time.Duration) string {
	if d < 0 {
		return quantity.FormatDuration(d)
	}
	return "+" + quantity.FormatDuration(d)
}

func offset(d *time.Duration) string {
	if d == nil {
		return "-"
	}
	return quantity.FormatDuration(*d)
}

// atMost says how long outage and recovery were at worst.
func atMost(f *verdict.FaultResult) string {
	var parts []string
	if f.OutageUpTo != nil {
		parts = append(parts, "the outage is "+quantity.FormatDuration(*f.OutageUpTo))
	}
	switch {
	case f.RecoveryOpen:
		parts = append(parts, "no recovery was seen")
	case f.RecoveryUpTo != nil:
		parts = append(parts, "the recovery is "+quantity.FormatDuration(*f.RecoveryUpTo))
	}
	return strings.Join(parts, ", and ")
}

// leftOut says what outage and recovery do without.
func leftOut(f *verdict.FaultResult) string {
	if f.AskedOf != "" {
		return "readings that are missing are left out of this: were they failures, "
	}
	return "errors that ordeal itself may have made, as it stood still or was late, are " +
		"left out of this: with them "
}

// aftermath says how the service did after a fault: outage, recovery and relapses.
func (p *page) aftermath(f *verdict.FaultResult) []cell {
	if f.Effective == nil {
		return nil // the fault never took effect, so there is no recovery
	}
	var notes []cell
	if f.Detection != nil {
		notes = append(notes, cell{fmt.Sprintf("detected after %s by %s",
			quantity.FormatDuration(*f.Detection), plain(f.DetectedBy)), nil})
	}
	if f.AskedOf != "" && f.AskedEvery != nil {
		notes = append(notes, cell{fmt.Sprintf("recovery and outage by %s, asked every %s",
			plain(f.AskedOf), quantity.FormatDuration(*f.AskedEvery)), p.dim})
	}
	if f.Outage != nil && *f.Outage > 0 {
		least := ""
		if f.OutageOpen {
			least = "of more than "
		}
		notes = append(
			notes,
			cell{fmt.Sprintf(
				"outage %s%s in %s, each edge to within %s",
				least,
				quantity.FormatDuration(*f.Outage),
				plural(
					f.Outages,
					"stretch",
					"stretches",
				),
				quantity.FormatDuration(*f.OutageResolution),
			), p.warn},
		)
	} else if f.Outage != nil && *f.OutageResolution >= time.Second {
		notes = append(notes, cell{fmt.Sprintf("no outage was seen; one shorter than %s may "+
			"have passed between two requests",
			quantity.FormatDuration(*f.OutageResolution)), p.dim})
	}
	if f.OutageUpTo != nil || f.RecoveryUpTo != nil || f.RecoveryOpen {
		notes = append(
			notes,
			cell{
				leftOut(f) + atMost(f),
				p.dim,
			},
		)
	}
	if f.NotRecovered || f.Recovery == nil && f.Reverted != nil && f.NotSeen != "" {
		ended := "the load ended"
		if f.NextFault != "" {
			ended = "the next fault, " + plain(f.NextFault) + ", began"
		}
		if f.StillDegraded {
			notes = append(notes, cell{"the service was still degraded when " + ended, p.warn})
		} else {
			notes = append(notes, cell{"recovery was not seen before " + ended + ": " + plain(f.NotSeen), p.warn})
		}
	}
	if f.Relapses > 0 {
		first := f.RelapseList[0]
		notes = append(
			notes,
			cell{
				fmt.Sprintf(
					"degraded again %s after it had recovered, for %s together, the first time from %s to %s",
					plural(f.Relapses, "time", "times"),
					quantity.FormatDuration(f.RelapseTime),
					quantity.FormatDuration(first.From),
					quantity.FormatDuration(first.To),
				),
				p.warn,
			},
		)
	}
	if n := f.During.Cut; n > 0 {
		notes = append(
			notes,
			cell{
				fmt.Sprintf(
					"%s lost the connection because ordeal itself had to cut it: no error of "+
						"the target, and in no figure",
					plural(n, "request", "requests"),
				),
				p.warn,
			},
		)
	}
	return notes
}

func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return quantity.FormatWhole(n) + " " + many
}

func recovery(f *verdict.FaultResult) string {
	switch {
	case f.Effective == nil:
		return "-"
	case f.Recovery == nil && f.Reverted != nil:
		return "not seen"
	case f.Recovery == nil:
		return "-"
	}
	if f.NotRecovered {
		return "> " + quantity.FormatDuration(*f.Recovery)
	}
	return quantity.FormatDuration(*f.Recovery)
}
