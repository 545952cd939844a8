package verdict_test

import (
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
	"github.com/seed-1574e9de/ordeal/verdict"
)

// A count of what was read back is a lower bound if not all was: a rule that it breaks fails, and
// one that it could break is inconclusive. What is known is judged as ever.
func TestLedgerRulesAreThreeValued(t *testing.T) {
	orders := timeline.Subject{Kind: timeline.LedgerSubject, Name: "orders"}
	account := func(lost, unread float64) []timeline.Reading {
		r := timeline.Reading{Window: timeline.Window{From: time.Minute, To: time.Minute}, Subject: orders}
		open := r
		for f, n := range map[timeline.Figure]float64{
			timeline.LedgerAcknowledged: 100, timeline.LedgerRead: 100 - unread, timeline.LedgerUnread: unread,
		} {
			r.Values.Set(f, n)
			open.Values.Set(f, 0)
		}
		r.Values.Set(timeline.LedgerLost, lost)
		if unread == 0 {
			return []timeline.Reading{r}
		}
		open.Missing = "the deadline had passed"
		return []timeline.Reading{r, open}
	}
	for _, tt := range []struct {
		name         string
		lost, unread float64
		kpi          string
		want         verdict.Outcome
	}{
		{"none lost, all read", 0, 0, `ledger("orders").lost == 0`, verdict.Pass},
		{"some lost, all read", 1, 0, `ledger("orders").lost == 0`, verdict.Fail},
		{"none lost, some unread", 0, 3, `ledger("orders").lost == 0`, verdict.Inconclusive},
		{"some lost, some unread", 2, 3, `ledger("orders").lost == 0`, verdict.Fail},
		{"less lost than the limit, some unread", 2, 3, `ledger("orders").lost < 4`, verdict.Inconclusive},
		{"more lost than the limit, some unread", 4, 3, `ledger("orders").lost < 4`, verdict.Fail},
		{"unread is known", 2, 3, `ledger("orders").unread == 3`, verdict.Pass},
		{"acknowledged is known", 0, 3, `ledger("orders").acknowledged == 100`, verdict.Pass},
		{"read is known", 0, 3, `ledger("orders").read == 97`, verdict.Pass},
		{"what was not asked", 0, 0, `ledger("orders").phantom == 0`, verdict.Inconclusive},
		{"a share, all read", 2, 0, `ledger("orders").lost < 0.03 * ledger("orders").acknowledged`, verdict.Pass},
		{"a share, some unread", 2, 3, `ledger("orders").lost < 0.03 * ledger("orders").acknowledged`, verdict.Inconclusive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, wrong := verdict.Compile(tt.kpi, verdict.Names{Subjects: []timeline.Declared{{Subject: orders}}})
			if wrong != nil {
				t.Fatal(wrong)
			}
			readings := account(tt.lost, tt.unread)
			report, err := verdict.Judge([]verdict.Input{{KPI: tt.kpi, Rule: r}}, &timeline.Timeline{
				Duration:  time.Minute,
				Stages:    []timeline.Stage{{Name: "s", Window: timeline.Window{To: time.Minute}, Judged: true}},
				Subjects:  []timeline.Declared{{Subject: orders}},
				Intervals: func(func(timeline.Interval, error) bool) {},
				Readings: func(yield func(timeline.Reading, error) bool) {
					for _, x := range readings {
						if !yield(x, nil) {
							return
						}
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := report.Rules[0]; got.Outcome != tt.want {
				t.Errorf("found %s (%s), want %s", got.Outcome, got.Why, tt.want)
			}
		})
	}
}
