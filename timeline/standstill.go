package timeline

import (
	"cmp"
	"slices"
	"time"
)

// MaxStandstills is how many stretches a StandstillLog keeps.
const MaxStandstills = 4096

// StandstillLog keeps the stretches in which the generator did not run, in bounded
// memory: if there are more than MaxStandstills, the shorter half is forgotten. The
// zero value is empty.
type StandstillLog struct {
	entries Windows
	end     time.Duration
}

// Add adds a stretch, which is later than those before it.
func (l *StandstillLog) Add(w Window) {
	l.end = w.To
	if len(l.entries) == MaxStandstills {
		slices.SortStableFunc(
			l.entries,
			func(a, b Window) int { return cmp.Compare(b.Len(), a.Len()) },
		)
		l.entries = l.entries[:MaxStandstills/2]
		slices.SortFunc(l.entries, func(a, b Window) int { return cmp.Compare(a.From, b.From) })
	}
	l.entries = append(l.entries, w)
}

// End is where the last stretch ended.
func (l *StandstillLog) End() time.Duration { return l.end }

// Entries returns what was kept, in order of time. The slice is shared.
func (l *StandstillLog) Entries() Windows { return l.entries }
