package ledger

import (
	"slices"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Fate is what became of a write, as far as the client knows.
type Fate uint8

// The fates.
const (
	Acknowledged Fate = iota // it must be there
	Refused                  // it must not be there
	Unknown                  // it may be there
	fates
)

var fateLetters = [fates]byte{Acknowledged: 'a', Refused: 'r', Unknown: 'u'}

// String is the fate as a word.
func (f Fate) String() string {
	return [fates]string{
		Acknowledged: "acknowledged", Refused: "refused", Unknown: "unknown",
	}[f]
}

// neverSent are the kinds of errors before a request is sent.
var neverSent = []string{
	timeline.KindRefused, timeline.KindDNS, timeline.KindNotAllowed, timeline.KindTemplate,
}

// fate is what became of a write; false if it never reached the target. redirects says that they
// are followed: an error may then be that of a later request.
func (l *Ledger) fate(r *attack.Result, redirects bool) (Fate, bool) {
	answered := r.Class != attack.Failed
	switch {
	case r.End == attack.Unsent:
		return 0, false
	case r.End == attack.Interrupted:
		return Unknown, true
	case !answered:
		return Unknown, redirects || !slices.Contains(neverSent, r.Kind)
	case len(l.Acknowledged) > 0:
		if slices.Contains(l.Acknowledged, r.Code) || slices.Contains(l.Acknowledged, r.Code/100) {
			return Acknowledged, true
		}
	case r.Class == attack.Good && r.Code < 400:
		return Acknowledged, true
	}
	if r.Code >= 400 && r.Code <= 499 {
		return Refused, true
	}
	return Unknown, true
}
