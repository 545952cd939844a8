package secret

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// Shortest is the length in bytes of the shortest value that is replaced wherever
// it stands: a shorter one would blacken half of every output.
const Shortest = 4

// everydayValues say nothing, whatever they are the value of: AUTH=none,
// X-Auth-Required: true.
var everydayValues = strings.Fields(
	"true false none null enabled disabled required optional default")

// Redactor puts *** in place of secrets that are known. It is safe for concurrent
// use; nil knows none.
type Redactor struct {
	also *Redactor // whose secrets are hidden too; may be nil
	// keys are the secrets as texts spell them, sorted. Data files bring them by the
	// thousand, so they are searched and not tried one by one.
	keys   []string
	within []int // of each key the longest other one that it begins with; -1: none
	// begin is where the keys begin whose first byte is at least this.
	begin   [257]int
	longest int // of these keys, in bytes

	// What Learn was given: secrets, and a redactor of these alone.
	learning sync.Mutex
	learned  []string
	later    atomic.Pointer[Redactor]
}

// NewRedactor returns a redactor of these secrets, as they are and as JSON, URLs and
// Basic credentials encode them. Those shorter than Shortest, and words such as true,
// it leaves alone.
func NewRedactor(secrets []string) *Redactor { return (*Redactor)(nil).With(secrets) }

// With returns a redactor of these secrets beside those of r, which stays as it is.
func (r *Redactor) With(secrets []string) *Redactor {
	out := &Redactor{also: r}
	for _, s := range secrets {
		if len(s) >= Shortest && !slices.Contains(everydayValues, strings.ToLower(s)) {
			out.keys = append(out.keys, spellings(s)...)
		}
	}
	slices.Sort(out.keys)
	out.keys = slices.Compact(out.keys)
	for i, key := range out.keys {
		before := i - 1
		for before >= 0 && !strings.HasPrefix(key, out.keys[before]) {
			before = out.within[before]
		}
		out.within = append(out.within, before)
		out.begin[int(key[0])+1] = i + 1
		out.longest = max(out.longest, len(key))
	}
	for i := range out.begin[1:] {
		out.begin[i+1] = max(out.begin[i+1], out.begin[i])
	}
	return out
}

// Learn has r replace more secrets, as do all redactors that With made of it, before or after.
func (r *Redactor) Learn(secrets []string) {
	r.learning.Lock()
	defer r.learning.Unlock()
	r.learned = append(r.learned, secrets...)
	r.later.Store(NewRedactor(r.learned))
}

// all yields the redactors that r is made of, each with keys of its own.
func (r *Redactor) all(yield func(*Redactor) bool) {
	for ; r != nil; r = r.also {
		if !yield(r) {
			return
		}
		if later := r.later.Load(); later != nil && !yield(later) {
			return
		}
	}
}

var (
	// lineEnds is how messages show what moves a line.
	lineEnds  = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`)
	hexEscape = regexp.MustCompile(`%[0-9A-F]{2}`)
)

// spellings are a secret as it stands in texts: as it is, in JSON by several writers,
// in a query, a form and a path, and in the credentials of Basic, whoever the user is.
// None is shorter than Shortest.
func spellings(secret string) []string {
	out := []string{secret, lineEnds.Replace(secret)}
	for _, quoted := range []string{
		jsonOf(secret, true), jsonOf(secret, false), strconv.QuoteToASCII(secret),
	} {
		quoted = quoted[1 : len(quoted)-1]
		out = append(out, quoted, strings.ReplaceAll(quoted, "/", `\/`))
	}
	for _, escaped := range percentEncoded(secret) {
		out = append(out, escaped, hexEscape.ReplaceAllStringFunc(escaped, strings.ToLower))
		if strings.ContainsAny(escaped, `"\<>&`) { // a URL within JSON
			for _, html := range []bool{true, false} {
				quoted := jsonOf(escaped, html)
				out = append(out, quoted[1:len(quoted)-1])
			}
		}
	}
	for before := range 3 { // how long user: is, modulo the 3 bytes that become 4 characters
		login := base64.StdEncoding.EncodeToString(append(make([]byte, before), secret...))
		// A character that the secret begins or ends within depends on what is beside it.
		from, to := (before*8+5)/6, (before+len(secret))*8/6
		out = append(out, login[from:to], login[from:])
	}
	return out
}

// unencoded is what encodeURIComponent of browsers leaves, and url.QueryEscape does not.
var unencoded = strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")

// percentEncoded is a secret in a URL, as several writers encode it: as a field of a form or query,
// as a segment of a path, as a path of its own, and as a part of a URL that is only made fit to be
// sent, in which blanks and all beyond ASCII are encoded.
func percentEncoded(secret string) []string {
	query := url.QueryEscape(secret)
	blanks := strings.ReplaceAll(query, "+", "%20")
	var sent []byte
	for _, c := range []byte(secret) {
		if c <= ' ' || c >= utf8.RuneSelf {
			sent = fmt.Appendf(sent, "%%%02X", c)
		} else {
			sent = append(sent, c)
		}
	}
	path := url.URL{Path: secret}
	return []string{
		query, blanks, unencoded.Replace(blanks), url.PathEscape(secret), path.EscapedPath(),
		string(sent),
	}
}

// jsonOf is a text as JSON, with or without \u003c for <.
func jsonOf(s string, html bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	if err := e.Encode(s); err != nil {
		panic("secret: a string did not become JSON: " + err.Error())
	}
	return strings.TrimSpace(b.String())
}

// span is where a secret stands in a text.
type span struct{ from, to int }

// find returns where secrets stand in s; they may overlap.
func (r *Redactor) find(s string) []span {
	var out []span
	for r := range r.all {
		for i := range len(s) {
			// The keys that s[i:] begins with are the greatest one that is not above it,
			// or begin it.
			from, to := r.begin[s[i]], r.begin[int(s[i])+1]
			at, same := slices.BinarySearch(r.keys[from:to], s[i:])
			if at += from; !same {
				at--
			}
			for at >= from && !strings.HasPrefix(s[i:], r.keys[at]) {
				at = r.within[at]
			}
			if at >= from {
				out = append(out, span{i, i + len(r.keys[at])})
			}
		}
	}
	return out
}

// begun returns where the beginning of a secret stands, of at least so many bytes,
// that goes on after s; len(s) if there is none.
func (r *Redactor) begun(s string, least int) int {
	longest := 0
	for x := range r.all {
		longest = max(longest, x.longest)
	}
	for i := max(0, len(s)-longest+1); i <= len(s)-least; i++ {
		for x := range r.all {
			at, found := slices.BinarySearch(x.keys, s[i:])
			if found {
				at++
			}
			if at < len(x.keys) && strings.HasPrefix(x.keys[at], s[i:]) {
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
	for mark := range len(s) {
		if strings.HasPrefix(s[mark:], cutMark) {
			spans = append(spans, span{r.begun(s[:mark], Shortest), mark})
		}
	}
	return replace(s, spans, func(string) string { return Masked })
}

// SameWidth blackens secrets without moving what stands after them, so that a
// caret below stays in its place.
func (r *Redactor) SameWidth(s string) string {
	return replace(s, r.find(s), func(s string) string {
		return strings.Repeat("*", utf8.RuneCountInString(s))
	})
}

// replace replaces spans of s, one for those that overlap.
func replace(s string, spans []span, by func(string) string) string {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var b strings.Builder
	end := 0
	for i := 0; i < len(spans); {
		p := spans[i]
		for i++; i < len(spans) && spans[i].from < p.to; i++ {
			p.to = max(p.to, spans[i].to)
		}
		if p.from < p.to {
			b.WriteString(s[end:p.from] + by(s[p.from:p.to]))
			end = p.to
		}
	}
	return b.String() + s[end:]
}
