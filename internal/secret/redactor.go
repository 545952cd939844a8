package secret

import (
	"cmp"
	"slices"
	"strings"
)

// Redactor puts *** in place of secrets. It is safe for concurrent use.
type Redactor struct {
	secrets []string // with their usual spellings, the longest first
	sorted  []string
	longest int

	// Data files can bring secrets by the thousand, so none is looked for on its
	// own: where the beginning of one stands, each length is tried.
	whole   map[string]bool
	begun   map[[Shortest]byte]bool
	first   [256]bool
	lengths []int // the longest first
}

// NewRedactor returns a redactor of these secrets, in all their spellings. Those
// shorter than Shortest it leaves alone.
func NewRedactor(secrets []string) *Redactor {
	r := &Redactor{whole: make(map[string]bool), begun: make(map[[Shortest]byte]bool)}
	add := func(s string) {
		if len(s) < Shortest || r.whole[s] {
			return
		}
		r.whole[s], r.begun[[Shortest]byte([]byte(s[:Shortest]))], r.first[s[0]] = true, true, true
		r.secrets = append(r.secrets, s)
	}
	for _, s := range secrets {
		if len(s) < Shortest {
			continue
		}
		for _, s := range asForm(s) {
			add(s)
			for _, x := range spellings(s) {
				add(x)
			}
		}
	}
	// Longest first, so that a secret that holds another one is covered whole.
	slices.SortFunc(r.secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	r.sorted = slices.Sorted(slices.Values(r.secrets))
	for _, s := range r.secrets {
		if n := len(r.lengths); n == 0 || r.lengths[n-1] != len(s) {
			r.lengths = append(r.lengths, len(s))
		}
	}
	if len(r.lengths) > 0 {
		r.longest = r.lengths[0]
	}
	return r
}

// each calls f with the places of secrets in s, those that overlap too.
func (r *Redactor) each(s string, f func(from, to int)) {
	for i := 0; i+Shortest <= len(s); i++ {
		if !r.first[s[i]] || !r.begun[[Shortest]byte([]byte(s[i:i+Shortest]))] {
			continue
		}
		for _, n := range r.lengths {
			if i+n <= len(s) && r.whole[s[i:i+n]] {
				f(i, i+n)
				break
			}
		}
	}
}

// replace replaces secrets; if deep, also where s means one.
func (r *Redactor) replace(s string, deep bool) string {
	type span struct{ from, to int }
	var found []span
	r.each(s, func(from, to int) { found = append(found, span{from, to}) })
	if deep {
		for l := range layers(s, false) {
			r.each(l.text, func(from, to int) { found = append(found, span{l.at[from], l.at[to]}) })
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
	if deep {
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
	var begin []string
	for _, secret := range secrets {
		if len(secret) < Shortest {
			continue
		}
		for _, x := range asForm(secret) {
			begin = append(begin, x[:Shortest])
		}
	}
	in := func(s string) bool {
		return slices.ContainsFunc(begin, func(b string) bool { return strings.Contains(s, b) })
	}
	if len(begin) == 0 || in(s) {
		return len(begin) > 0
	}
	for l := range layers(s, false) {
		if in(l.text) {
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
	s = r.replace(s, deep)
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

// begins says whether part is the beginning of a secret, and not all of it.
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
