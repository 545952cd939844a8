package ledger

import (
	"cmp"
	"slices"
	"time"

	"github.com/seed-1574e9de/ordeal/timeline"
)

// Account is what came of a ledger.
type Account struct {
	Name string `json:"name"`
	// Acknowledged, Refused and Unknown are all writes, by their fates.
	Acknowledged uint64 `json:"acknowledged"`
	Refused      uint64 `json:"refused"`
	Unknown      uint64 `json:"unknown"`
	// Sample is how many keys were drawn to be asked for, of Keys; 0: all were.
	Sample uint64 `json:"sample,omitempty"`
	Keys   uint64 `json:"keys,omitempty"`
	// Read is how many writes were asked for and answered; Landed, how many of those whose fate
	// was unknown are there. Unread is how many should have been asked for, and were not, or
	// nothing could be told from what was answered.
	Read   uint64 `json:"read"`
	Landed uint64 `json:"landed,omitempty"`
	Unread uint64 `json:"unread"`

	Lost       Count  `json:"lost"`
	Phantom    *Count `json:"phantom,omitempty"`    // nil: refused writes have no key
	Duplicated *Count `json:"duplicated,omitempty"` // nil: that was not asked

	// Why says what was not read, for people; empty: nothing.
	Why string `json:"why,omitempty"`
	// Findings are the first of each kind, by when the write was over.
	Findings []Finding `json:"findings,omitempty"`
}

// Count is how many were found. Open says that there may be more, among those that were not read,
// or that nothing was looked at.
type Count struct {
	N    uint64 `json:"n"`
	Open bool   `json:"open,omitempty"`
}

// FindingsFile is the name of the file in the run directory with the findings, one a line as JSON.
const FindingsFile = "ledger.jsonl"

// What says what was found of a write.
type What string

// What can be found.
const (
	Lost       What = "lost"       // acknowledged, and not there
	Phantom    What = "phantom"    // refused, and there
	Duplicated What = "duplicated" // there more than once
	Unread     What = "unread"     // not asked for, or without an answer that tells
)

// Finding is a write of which something was found.
type Finding struct {
	Ledger string `json:"ledger"`
	What   What   `json:"what"`
	Key    string `json:"key"`
	Fate   string `json:"fate"`
	// Sent and Over are when the write was sent, and answered or given up.
	Sent time.Duration `json:"sent"`
	Over time.Duration `json:"over"`
	// Faults are those that were in force between Sent and Over, or part of that.
	Faults []string `json:"faults,omitempty"`
	// Next is the first fault that began after Over, and NextIn how long after that, if no fault
	// was in force.
	Next   string        `json:"next,omitempty"`
	NextIn time.Duration `json:"next_in,omitempty"`
	Times  uint64        `json:"times,omitempty"` // how often it is there
	Why    string        `json:"why,omitempty"`   // it was not read
}

// maxFindings is how many findings of one kind are kept.
const maxFindings = 100

// findings are the first of one kind.
type findings []Finding

func (f *findings) add(x Finding) {
	at, _ := slices.BinarySearchFunc(*f, x, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Over, b.Over), cmp.Compare(a.Key, b.Key))
	})
	if at == maxFindings {
		return
	}
	*f = slices.Insert(*f, at, x)
	*f = (*f)[:min(len(*f), maxFindings)]
}

// Readings are the account as the verdict takes it, read at a moment of the run: a reading of all
// that is known, and one of what is not, if there is any.
func (a *Account) Readings(at time.Duration) []timeline.Reading {
	known := timeline.Reading{
		Window:  timeline.Window{From: at, To: at},
		Subject: timeline.Subject{Kind: timeline.LedgerSubject, Name: a.Name},
	}
	open := known
	set := func(f timeline.Figure, n uint64, isOpen bool) {
		known.Values.Set(f, float64(n))
		if !isOpen {
			open.Values.Set(f, 0) // adds nothing, and says that nothing is missing
		}
	}
	set(timeline.LedgerAcknowledged, a.Acknowledged, false)
	set(timeline.LedgerRefused, a.Refused, false)
	set(timeline.LedgerUnknown, a.Unknown, false)
	set(timeline.LedgerRead, a.Read, false)
	set(timeline.LedgerUnread, a.Unread, false)
	set(timeline.LedgerLost, a.Lost.N, a.Lost.Open)
	anyOpen := a.Lost.Open
	if c := a.Phantom; c != nil {
		set(timeline.LedgerPhantom, c.N, c.Open)
		anyOpen = anyOpen || c.Open
	}
	if c := a.Duplicated; c != nil {
		set(timeline.LedgerDuplicated, c.N, c.Open)
		anyOpen = anyOpen || c.Open
	}
	if !anyOpen {
		return []timeline.Reading{known}
	}
	open.Missing = a.Why
	return []timeline.Reading{known, open}
}

// maxShown is how many findings of one kind reports show.
const maxShown = 5

// First are the findings that reports show.
func First(all []Finding) []Finding {
	var out []Finding
	shown := map[What]int{}
	for _, f := range all {
		if shown[f.What]++; shown[f.What] <= maxShown {
			out = append(out, f)
		}
	}
	return out
}
