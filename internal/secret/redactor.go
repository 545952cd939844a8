package secret

import (
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Shortest is the length in bytes of the shortest value that is replaced wherever
// it stands: a shorter one would blacken half of every output.
const Shortest = 4

// everydayValues say nothing, whatever they are the value of: AUTH=none,
// X-Auth-Required: true.
var everydayValues = []string{
	"true", "false", "none", "null", "enabled", "disabled", "required", "optional", "default",
}

// Redactor puts *** in place of secrets that are known. It is safe for concurrent
// use.
type Redactor struct {
	also    *Redactor // whose secrets are hidden too; may be nil
	known   map[string]bool
	sorted  []string
	longest int
	// Data files bring secrets by the thousand, so none is looked for on its own:
	// where the beginning of one stands, each length that there is of it is tried.
	lengths map[[Shortest]byte][]int // the longest first
	first   [256]bool
}

// NewRedactor returns a redactor of these secrets, as they are and as JSON, Go's
// quotes and URLs encode them. Those shorter than Shortest, and words such as true, it
// leaves alone.
func NewRedactor(secrets []string) *Redactor { return (*Redactor)(nil).With(secrets) }

// With returns a redactor of these secrets beside those of r, which stays as it is.
func (r *Redactor) With(secrets []string) *Redactor {
	out := &Redactor{also: r, known: make(map[string]bool), lengths: make(map[[Shortest]byte][]int)}
	if r != nil {
		out.longest = r.longest
	}
	for _, s := range secrets {
		if len(s) < Shortest || slices.Contains(everydayValues, strings.ToLower(s)) {
			continue
		}
		for _, s := range spellings(s) {
			out.known[s] = true
		}
	}
	for s := range out.known {
		begin := [Shortest]byte([]byte(s[:Shortest]))
		if !slices.Contains(out.lengths[begin], len(s)) {
			out.lengths[begin] = append(out.lengths[begin], len(s))
		}
		out.first[s[0]], out.longest = true, max(out.longest, len(s))
		out.sorted = append(out.sorted, s)
	}
	for _, lengths := range out.lengths {
		slices.SortFunc(lengths, func(a, b int) int { return b - a })
	}
	slices.Sort(out.sorted)
	return out
}

// spellings are a secret as it stands in texts, in JSON by several writers, in a
// query, a form and a path. All are at least as long as the secret.
func spellings(secret string) []string {
	encoded, err := json.Marshal(secret)
	if err != nil {
		panic("secret: a string did not become JSON: " + err.Error())
	}
	inside := func(quoted string) string { return quoted[1 : len(quoted)-1] }
	quoted, query := inside(strconv.Quote(secret)), url.QueryEscape(secret)
	return []string{
		secret,
		inside(
			string(encoded),
		), quoted, inside(strconv.QuoteToASCII(secret)), strings.ReplaceAll(quoted, "/", `\/`),
		query, strings.ReplaceAll(query, "+", "%20"), hexEscape.ReplaceAllStringFunc(query, strings.ToLower),
		url.PathEscape(secret),
	}
}

var hexEscape = regexp.MustCompile(`%[0-9A-F]{2}`)

// span is where a secret stands in a text.
type span struct{ from, to int }

// find returns where secrets stand in s, in order; they may overlap.
func (r *Redactor) find(s string) []span {
	var out []span
	for ; r != nil; r = r.also {
		for i := 0; i+Shortest <= len(s); i++ {
			if !r.first[s[i]] {
				continue
			}
			for _, n := range r.lengths[[Shortest]byte([]byte(s[i:i+Shortest]))] {
				if i+n <= len(s) && r.known[s[i:i+n]] {
					out = append(out, span{i, i + n})
					break
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	return out
}

// begun returns where the beginning of a secret stands, of at least so many bytes,
// that goes on after s; len(s) if there is none.
func (r *Redactor) begun(s string, least int) int {
	for i := max(0, len(s)-r.longest+1); i <= len(s)-least; i++ {
		for x := r; x != nil; x = x.also {
			at, found := slices.BinarySearch(x.sorted, s[i:])
			if found {
				at++
			}
			if at < len(x.sorted) && strings.HasPrefix(x.sorted[at], s[i:]) {
				return i
			}
		}
	}
	return len(s)
}

// cutMark ends a text that was cut short.
const cutMark = "…"

// Text returns s without secrets. Where … stands, what comes before it may be the
// beginning of one.
func (r *Redactor) Text(s string) string {
	spans := r.find(s)
	for mark := 0; ; mark += len(cutMark) {
		n := strings.Index(s[mark:], cutMark)
		if n < 0 {
			break
		}
		mark += n
		if from := r.begun(s[:mark], Shortest); from < mark {
			spans = append(spans, span{from, mark})
		}
	}
	return replace(s, spans, func(string) string { return Masked })
}

// SameWidth blackens secrets without moving what stands after them, so that a
// caret below stays in its place.
func (r *Redactor) SameWidth(s string) string {
	return replace(
		s,
		r.find(s),
		func(s string) string { return strings.Repeat("*", len([]rune(s))) },
	)
}

// replace replaces spans of s, one for those that overlap.
func replace(s string, spans []span, by func(string) string) string {
	if len(spans) == 0 {
		return s
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var b strings.Builder
	end := 0
	for i := 0; i < len(spans); {
		p := spans[i]
		for i++; i < len(spans) && spans[i].from < p.to; i++ {
			p.to = max(p.to, spans[i].to)
		}
		b.WriteString(s[end:p.from] + by(s[p.from:p.to]))
		end = p.to
	}
	return b.String() + s[end:]
}
