package secret

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// place is where a secret stands in a text.
type place struct {
	from, to int
	kind     placeKind
	user     string // of a password
}

type placeKind uint8

const (
	named    placeKind = iota // under a secret name
	password                  // of a URL
	user                      // of a URL without a password
)

// Mask hides what stands under a secret name in s, and who logs in with a URL:
// "token": "…" of JSON, also of JSON in a string of JSON, to any depth; the texts
// in "tokens": […] and "credentials": {…}; token=… of forms and queries; the
// password in ://user:password@host. s may be cut off anywhere, and need not be
// all JSON or all form.
func Mask(s string) string { return replace(s, func(string) bool { return true }) }

// MaskLiteral is Mask for a text that templates stand in: it leaves those.
func MaskLiteral(s string) string { return replace(s, Literal) }

// Literal says whether no template stands in s.
func Literal(s string) bool { return !strings.Contains(s, "{{") }

func replace(s string, hide func(value string) bool) string {
	var b strings.Builder
	from := 0
	each(s, func(p place) {
		if hide(s[p.from:p.to]) {
			b.WriteString(s[from:p.from] + Masked)
			from = p.to
		}
	})
	if from == 0 {
		return s
	}
	return b.String() + s[from:]
}

// Named returns what stands under a secret name in s, as it stands there.
func Named(s string) []string {
	var out []string
	each(s, func(p place) { out = append(out, s[p.from:p.to]) })
	return out
}

// Find returns the secrets in s that Mask would hide, but for templates and users
// without a password: as they stand there, and as they are meant, and what a
// client makes of them, as the credentials in a URL become a header.
func Find(s string) []string {
	var out []string
	each(s, func(p place) {
		raw := s[p.from:p.to]
		switch {
		case !Literal(raw):
		case p.kind == password:
			meant := unescaped(raw, url.PathUnescape)
			out = append(out, raw, meant, basic(unescaped(p.user, url.PathUnescape), meant))
		case p.kind == named:
			out = append(out, meanings(raw)...)
		case p.kind == user:
			out = append(out, basic(unescaped(raw, url.PathUnescape), ""))
		}
	})
	return out
}

// FindInURL is Find for a text that is one URL. The password may have characters
// in it that should have been escaped.
func FindInURL(s string) []string {
	out := Find(s)
	scheme, rest, ok := strings.Cut(s, "://")
	if _, err := url.Parse(s); err == nil || !ok || strings.ContainsAny(scheme, " \t\n") {
		return out
	}
	name, rest, ok := strings.Cut(rest, ":")
	if at := strings.LastIndexByte(rest, '@'); ok && at > 0 {
		out = append(out, rest[:at], basic(name, rest[:at]))
	}
	return out
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func unescaped(s string, f func(string) (string, error)) string {
	if meant, err := f(s); err == nil {
		return meant
	}
	return s
}

// meanings are what a value in JSON, a form or a query may mean.
func meanings(raw string) []string {
	out := []string{raw}
	// What follows it in a text that is no form.
	if less := strings.TrimRight(raw, `'")]},.;`); less != raw {
		out = append(out, less)
	}
	for s := raw; strings.Contains(s, `\`); {
		var meant string
		if json.Unmarshal([]byte(`"`+s+`"`), &meant) != nil || meant == s {
			break
		}
		out, s = append(out, meant), meant
	}
	if strings.ContainsAny(raw, "%+") {
		out = append(out, unescaped(raw, url.QueryUnescape))
	}
	return out
}

// InHeader returns what of a secret header's value is a secret: all of it, and
// the credentials and cookies inside it, which can appear alone.
func InHeader(name, value string) []string {
	if strings.EqualFold(name, "Set-Cookie") {
		// The rest is attributes.
		c, err := http.ParseSetCookie(value)
		if err != nil {
			return []string{value}
		}
		return []string{value, c.Value}
	}
	out := []string{value}
	if scheme, credentials, ok := strings.Cut(value, " "); ok {
		credentials = strings.TrimSpace(credentials)
		out = append(out, credentials)
		if strings.EqualFold(scheme, "Basic") {
			b, _ := base64.StdEncoding.DecodeString(credentials)
			if _, pw, ok := strings.Cut(string(b), ":"); ok {
				out = append(out, string(b), pw)
			}
		}
	}
	for cookie := range strings.SplitSeq(value, ";") {
		if _, v, ok := strings.Cut(cookie, "="); ok {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

// each calls f with the places of secrets in s, from left to right.
func each(s string, f func(place)) {
	put := func(p place) {
		if p.from < p.to {
			f(p)
		}
	}
	for i := 0; i < len(s); {
		if strings.HasPrefix(s[i:], "://") {
			i += len("://")
			if p, ok := login(s, i); ok {
				put(p)
				i = p.to
			}
			continue
		}
		if !nameByte(s[i]) {
			i++
			continue
		}
		end := i + 1
		for end < len(s) && nameByte(s[end]) {
			end++
		}
		name := s[i:end]
		i = end
		if at, q, ok := afterKey(s, end); ok {
			if Name(name) {
				i = value(s, at, q, put)
			}
		} else if at, ok := afterField(s, end); ok && Name(name) {
			i = fieldValue(s, at, put)
		}
	}
}

// login finds the password in the authority of a URL that begins at i; without
// one the user.
func login(s string, i int) (place, bool) {
	end := len(s)
	if n := strings.IndexAny(s[i:], "/?#\\\"'<> \t\r\n"); n >= 0 {
		end = i + n
	}
	at := strings.LastIndexByte(s[i:end], '@')
	if at < 0 {
		return place{}, false
	}
	at += i
	if name, _, ok := strings.Cut(s[i:at], ":"); ok {
		return place{i + len(name) + 1, at, password, name}, true
	}
	return place{i, at, user, ""}, true
}

// quote is how texts are put in quotes: with how many backslashes before the
// quote, as JSON in a text of JSON has one, and JSON in that three.
type quote struct {
	mark   byte
	slashs int
}

// openQuote reads a quote at i.
func openQuote(s string, i int) (q quote, next int, ok bool) {
	k := i
	for k < len(s) && s[k] == '\\' {
		k++
	}
	if k == len(s) || s[k] != '"' && s[k] != '\'' {
		return q, i, false
	}
	return quote{s[k], k - i}, k + 1, true
}

func blanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// afterKey says where the value of a key begins whose closing quote is at i.
func afterKey(s string, i int) (at int, q quote, ok bool) {
	q, i, ok = openQuote(s, i)
	if !ok {
		return 0, q, false
	}
	if i = blanks(s, i); i == len(s) || s[i] != ':' {
		return 0, q, false
	}
	return blanks(s, i+1), q, true
}

// afterField says where the value of a field of a form begins whose name ends at
// i, also one such as user[password].
func afterField(s string, i int) (at int, ok bool) {
	for _, bracket := range []string{"]", "%5D", "%5d"} {
		if rest, ok := strings.CutPrefix(s[i:], bracket); ok {
			i = len(s) - len(rest)
			break
		}
	}
	return i + 1, i < len(s) && s[i] == '='
}

// fieldValue puts what a field of a form is set to, and returns where it ends.
func fieldValue(s string, i int, put func(place)) int {
	if q, next, ok := openQuote(s, i); ok {
		end, after := q.end(s, next)
		put(place{from: next, to: end})
		return after
	}
	from := i
	for i < len(s) && !strings.ContainsRune("& \t\r\n\"<>#\\", rune(s[i])) {
		i = skipTemplate(s, i)
	}
	put(place{from: from, to: i})
	return i
}

// skipTemplate returns what comes after the character or template at i.
func skipTemplate(s string, i int) int {
	if strings.HasPrefix(s[i:], "{{") {
		if n := strings.Index(s[i:], "}}"); n >= 0 {
			return i + n + len("}}")
		}
	}
	return i + 1
}

// end returns where a text in these quotes ends that begins at i, and what comes
// after its quote.
func (q quote) end(s string, i int) (end, after int) {
	for i < len(s) {
		k := i
		for k < len(s) && s[k] == '\\' {
			k++
		}
		switch n := k - i; {
		case k == len(s):
			return k, k
		case s[k] == q.mark && n < q.slashs:
			return i, i // the text around it ends
		case s[k] == q.mark && (n-q.slashs)/(q.slashs+1)%2 == 0:
			return k - q.slashs, k + 1
		case n > 0:
			i = k + 1
		default:
			i = skipTemplate(s, i)
		}
	}
	return len(s), len(s)
}

// value puts the value of a key in quotes q that begins at i, of lists and
// objects all texts in them, and returns where it ends.
func value(s string, i int, q quote, put func(place)) int {
	var open []byte
	for i < len(s) {
		c := s[i]
		switch {
		case c == '{' && !strings.HasPrefix(s[i:], "{{") || c == '[':
			open = append(open, c)
			i++
		case c == '}' || c == ']':
			if len(open) == 0 {
				return i
			}
			open = open[:len(open)-1]
			i++
		case c == '\\' || c == '"' || c == '\'':
			own, next, ok := openQuote(s, i)
			if !ok {
				i++
				break
			}
			if own.slashs < q.slashs {
				return i // the text around it ends
			}
			end, after := own.end(s, next)
			if colon := blanks(s, after); len(open) == 0 || colon == len(s) || s[colon] != ':' {
				put(place{from: next, to: end})
			}
			i = after
		case c == '-' || c >= '0' && c <= '9':
			from := i
			for i < len(s) && (nameByte(s[i]) || s[i] == '+') {
				i++
			}
			if len(open) == 0 || open[len(open)-1] == '[' {
				put(place{from: from, to: i})
			}
		case nameByte(c): // true, false, null
			for i < len(s) && nameByte(s[i]) {
				i++
			}
		default:
			i++
			if len(open) == 0 && c == '{' { // a template where a value should be
				return i
			}
			continue
		}
		if len(open) == 0 {
			return i
		}
	}
	return i
}
