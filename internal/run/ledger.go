package run

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/internal/ledger"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// ledgerClients are what reads the ledgers back; nil if there are none.
func (r *runner) ledgerClients() (attack.Clients, error) {
	if len(r.plan.Ledger) == 0 {
		return nil, nil
	}
	if r.settled { // the servers were asked which engine is to send
		r.reads.Engine = r.attack.Engine
	}
	clients, wrong := protocols.Compile(r.plan.Protocols, &r.reads)
	return clients, wrong.Err()
}

// openLedgers opens the book of the ledgers; nil if there are none.
func (r *runner) openLedgers() (*ledger.Book, error) {
	if len(r.plan.Ledger) == 0 {
		return nil, nil
	}
	path := filepath.Join(r.dir, ledger.File)
	book, err := ledger.Open(path, &r.attack, r.plan.Ledger)
	if err != nil {
		return nil, writeError(path, err)
	}
	return book, nil
}

// watchOf is what a book watches the load by; nil without a book.
func watchOf(b *ledger.Book) func(*attack.Call, *attack.Result, *expect.Answer) {
	if b == nil {
		return nil
	}
	return b.Watch
}

// readBack reads the ledgers back, and records what came of it. The spool is removed if all of it
// was read: it holds keys as they are.
func (r *runner) readBack(
	ctx context.Context, book *ledger.Book, clients attack.Clients, clock func() time.Duration,
	faults []timeline.Fault,
) error {
	if ctx.Err() == nil {
		for i := range r.plan.Ledger {
			l := &r.plan.Ledger[i]
			r.progress("ledger %s: reading back what %s wrote, for at most %s", l.Name, l.Write,
				quantity.FormatDuration(l.Settle+l.Deadline))
		}
	}
	accounts, err := book.ReadBack(ctx, ledger.Asking{Plan: &r.reads, Clients: clients})
	if err != nil {
		return err
	}
	at := max(clock(), r.attack.Duration()) // in no stage, whenever the load ended
	var findings []ledger.Finding
	whole := true
	for i := range accounts {
		a := &accounts[i]
		a.Why = r.plan.Redact(a.Why)
		for k := range a.Findings {
			r.present(&a.Findings[k], r.plan.Ledger[i].Secret, faults)
		}
		for _, reading := range a.Readings(at) {
			r.recorder.Reading(reading)
		}
		findings = append(findings, a.Findings...)
		a.Findings = ledger.First(a.Findings)
		whole = whole && a.Unread == 0
	}
	r.accounts = accounts
	if len(findings) > 0 {
		err = writeFile(r.dir, ledger.FindingsFile, func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetEscapeHTML(false)
			for i := range findings {
				if err := e.Encode(&findings[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if whole {
		err = errors.Join(err, book.Discard())
	}
	return err
}

// present takes secrets out of a finding, and says which faults were in force then.
func (r *runner) present(f *ledger.Finding, hidden bool, faults []timeline.Fault) {
	f.Key, f.Why = r.plan.Redact(f.Key), r.plan.Redact(f.Why)
	if hidden {
		f.Key = "***"
	}
	for i := range faults {
		d, injected := faults[i].Disturbance()
		if injected && d.From <= f.Over && f.Sent < d.To {
			f.Faults = append(f.Faults, faults[i].Name)
		}
		if in := d.From - f.Over; injected && in > 0 && (f.Next == "" || in < f.NextIn) {
			f.Next, f.NextIn = faults[i].Name, in
		}
	}
	if len(f.Faults) > 0 {
		f.Next, f.NextIn = "", 0
	}
}
