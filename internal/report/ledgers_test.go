package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1574e9de/ordeal/internal/ledger"
)

// accounts are one of which all is known, one of which much is not, and a sample.
func accounts() []ledger.Account {
	lost := func(key string, over time.Duration) ledger.Finding {
		return ledger.Finding{Ledger: "orders", What: ledger.Lost, Key: key, Fate: "acknowledged", Sent: over - 3*ms, Over: over}
	}
	first, second, third := lost("o-17", 12300*ms), lost("o\n18", 14*time.Second), lost("o-19", 20*time.Second)
	first.Next, first.NextIn = "kill-api", 460*ms
	second.Faults = []string{"kill-api", "slow-hop"}
	return []ledger.Account{
		{
			Name: "orders", Acknowledged: 123456, Refused: 12, Unknown: 3, Read: 123471, Landed: 2, Lost: ledger.Count{N: 1200},
			Phantom: &ledger.Count{N: 1}, Duplicated: &ledger.Count{},
			Findings: []ledger.Finding{
				first, second, third,
				{Ledger: "orders", What: ledger.Phantom, Key: "o-3", Fate: "refused", Sent: time.Second, Over: 1100 * ms},
			},
		},
		{
			Name: "payments", Acknowledged: 400, Unknown: 7, Read: 300, Unread: 107, Lost: ledger.Count{N: 2, Open: true},
			Duplicated: &ledger.Count{Open: true}, Why: "107 writes were not read back, first: the deadline had passed",
			Findings: []ledger.Finding{
				{Ledger: "payments", What: ledger.Duplicated, Key: "p-1", Fate: "unknown", Sent: time.Second, Over: 6 * time.Second, Times: 2},
				{Ledger: "payments", What: ledger.Unread, Key: "p-2", Fate: "acknowledged", Why: "the deadline had passed"},
			},
		},
		{Name: "carts", Acknowledged: 50000, Sample: 1000, Keys: 50000, Read: 1000},
	}
}

func TestLedgersGolden(t *testing.T) {
	for _, width := range []int{80, 140} {
		p := &page{palette: newPalette(false), width: width}
		p.ledgers(&Run{Ledgers: accounts()})
		golden(t, fmt.Sprintf("ledgers.%d.txt", width), []byte(p.b.String()))
		for line := range strings.Lines(p.b.String()) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > width {
				t.Errorf("a line has %d cells of %d: %s", n, width, line)
			}
		}
	}
	golden(t, "ledgers.lines.txt", []byte(strings.Join(ledgerLines(&Run{Ledgers: accounts()}), "\n")+"\n"))
}

func TestNoLedgers(t *testing.T) {
	p := &page{palette: newPalette(false), width: 80}
	if p.ledgers(&Run{}); p.b.Len() > 0 {
		t.Errorf("printed %q", p.b.String())
	}
	if s := ledgerSummaries(nil); s != nil {
		t.Errorf("the summary has %v", s)
	}
}

// summary.json says which figures may be higher.
func TestLedgerSummaries(t *testing.T) {
	all := ledgerSummaries(accounts())
	if d := cmp.Diff([]string{"lost", "duplicated"}, all["payments"].AtLeast); d != "" {
		t.Errorf("payments: %s", d)
	}
	if d := cmp.Diff([]string(nil), all["orders"].AtLeast); d != "" {
		t.Errorf("orders: %s", d)
	}
	b, err := json.Marshal(all["carts"])
	const want = `{"acknowledged":50000,"refused":0,"unknown":0,"sample":1000,"keys":50000,"read":1000,"landed":0,"unread":0,"lost":0}`
	if err != nil || string(b) != want {
		t.Errorf("carts: %s, %v", b, err)
	}
	var junit bytes.Buffer
	r := passed()
	r.Ledgers = accounts()
	if err := WriteJUnit(&junit, r); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(junit.String(), "lost: &#34;o-17&#34;, acknowledged at 12.3s, 460ms before kill-api") {
		t.Error("junit.xml does not name the first lost key")
	}
}
