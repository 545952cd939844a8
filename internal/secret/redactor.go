package secret

import (
	"cmp"
	"slices"
	"strings"
)

// Redactor puts *** in place of secrets. It is safe for concurrent use.
type Redactor struct {
	secrets  []string // with their usual spellings, the longest first
	odd      []string // those that can be spelled in yet other ways
	sorted   []string
	longest  int
	replacer *strings.Replacer
}

// NewRedactor returns a redactor of these secrets, in all their spellings. Those
// shorter than Shortest it leaves alone.
func NewRedactor(secrets []string) *Redactor {
	var kept []string
	var odd []string
	for _, s := range secrets {
		if len(s) < Shortest {
			continue
		}
		kept = append(append(kept, s), spellings(s)...)
		if !plain(s) {
			odd = append(odd, s)
		}
	}
	// Longest first, so that a secret that holds another one is covered whole.
	slices.SortFunc(kept, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	kept = slices.Compact(kept)
	pairs := make([]string, 0, 2*len(kept))
	for _, s := range kept {
		pairs = append(pairs, s, Masked)
	}
	r := &Redactor{secrets: kept, odd: odd, sorted: slices.Sorted(slices.Values(kept)), replacer: strings.NewReplacer(pairs...)}
	if len(kept) > 0 {
		r.longest = len(kept[0])
	}
	return r
}

// meant replaces what means a secret.
func (r *Redactor) meant(s string) string {
	if len(r.odd) == 0 {
		return s
	}
	type span struct{ from, to int }
	var found []span
	for l := range layers(s, false) {
		for _, secret := range r.odd {
			for i := 0; ; {
				n := strings.Index(l.text[i:], secret)
				if n < 0 {
					break
				}
				i += n
				found = append(found, span{l.at[i], l.at[i+len(secret)]})
				i += len(secret)
			}
		}
	}
	if len(found) == 0 {
		return s
	}
	slices.SortFunc(found, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	var b strings.Builder
	end := 0
	for _, f := range found {
		if f.from >= end {
			b.WriteString(s[end:f.from] + Masked)
		}
		end = max(end, f.to)
	}
	return b.String() + s[end:]
}

// unfinished replaces the beginning of a secret, the rest of which was cut off.
func (r *Redactor) unfinished(s string, deep bool) string {
	begin := func(text string) int {
		for i := max(0, len(text)-r.longest+1); i <= len(text)-Shortest; i++ {
			if r.begins(text[i:]) {
				return i
			}
		}
		return -1
	}
	from := begin(s)
	if deep && len(r.odd) > 0 {
		for l := range layers(s, true) {
			if i := begin(l.text); i >= 0 && (from < 0 || l.at[i] < from) {
				from = l.at[i]
			}
		}
	}
	if from < 0 {
		return s
	}
	return s[:from] + Masked
}

// MayHold says whether s can hold one of a few secrets, or the beginning of one,
// in any spelling. It is much quicker than making a Redactor.
func MayHold(s string, secrets []string) bool {
	for _, secret := range secrets {
		if len(secret) < Shortest {
			continue
		}
		n := 0
		for n < Shortest && nameByte(secret[n]) {
			n++
		}
		if strings.Contains(s, secret[:n]) { // it is spelled alike everywhere
			return true
		}
	}
	return false
}

// cutMark ends a text that was cut short.
const cutMark = "…"

// Text returns s without secrets. Where … stands, what comes before it may be the
// beginning of one.
func (r *Redactor) Text(s string) string { return r.text(s, true) }

// text looks for any spelling if it is deep, else for the usual ones.
func (r *Redactor) text(s string, deep bool) string {
	if len(r.secrets) == 0 {
		return s
	}
	s = r.replacer.Replace(s)
	if deep {
		s = r.meant(s)
	}
	if !strings.Contains(s, cutMark) {
		return s
	}
	// Before a mark there may be the beginning of a secret, the rest of which was
	// cut off.
	var b strings.Builder
	for {
		head, rest, ok := strings.Cut(s, cutMark)
		if !ok {
			return b.String() + s
		}
		head = r.unfinished(head, deep)
		b.WriteString(head + cutMark)
		s = rest
	}
}

// begins says whether part is the beginning of a secret, and not all of it. Data
// files can bring secrets by the thousand, so none is looked for on its own.
func (r *Redactor) begins(part string) bool {
	i, found := slices.BinarySearch(r.sorted, part)
	if found {
		i++
	}
	return i < len(r.sorted) && strings.HasPrefix(r.sorted[i], part)
}

// SameWidth blackens secrets without moving what stands after them, so that a
// caret below stays in its place.
func (r *Redactor) SameWidth(s string) string {
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, strings.Repeat("*", len([]rune(secret))))
	}
	return s
}
