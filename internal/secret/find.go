package secret

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// place is where a secret stands in a text.
type place struct {
	from, to int
	kind     placeKind
	user     string // of a password
	field    string // its name, of what stands in a form or a query
}

type placeKind uint8

const (
	named    placeKind = iota // under a secret name
	figure                    // the same, a number of JSON
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
func Find(s string) []string { return find(s, func(place) bool { return true }) }

// FindTelling is Find for what is to be hidden far from where it stands: of what
// is under a secret name, it leaves out what cannot be told from words and
// figures of any other meaning. See Telling.
func FindTelling(s string) []string {
	return find(s, func(p place) bool {
		return p.kind != figure && (p.kind != named || Telling(s[p.from:p.to]))
	})
}

// Telling says whether a value that is secret by its name alone is long enough to
// be known wherever it appears: "pass": "steady" must not hide a stage of that
// name.
func Telling(value string) bool { return len(value) >= shortestTelling }

const shortestTelling = 8

func find(s string, want func(place) bool) []string {
	var out []string
	each(s, func(p place) {
		raw := s[p.from:p.to]
		switch {
		case !Literal(raw) || !want(p) || p.field != "" && !Param(p.field, raw):
		case p.kind == password:
			meant := unescaped(raw, url.PathUnescape)
			out = append(out, raw, meant, basic(unescaped(p.user, url.PathUnescape), meant))
		case p.kind == user:
			out = append(out, basic(unescaped(raw, url.PathUnescape), ""))
		default:
			out = append(out, meanings(raw)...)
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

// plainLogin is what drivers of databases take in place of a URL:
// user:password@tcp(127.0.0.1:3306)/db.
var plainLogin = regexp.MustCompile(`^[^\s:/@]*:([^\s]+)@[^\s@]+$`)

// InConnection is FindInURL for a text that may also be a connection string of
// another form: user:password@host, or Server=…;Password=….
func InConnection(s string) []string {
	out := FindInURL(s)
	if m := plainLogin.FindStringSubmatch(s); m != nil && !strings.Contains(s, "://") {
		out = append(out, m[1])
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
	t := &templates{s: s}
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
		begin := i
		i = end
		if at, q, ok := afterKey(s, end); ok {
			if name := s[keyBegin(s, begin):end]; key(name) {
				i = t.value(at, q, counts(name), put)
			}
		} else if at, ok := afterField(s, end); ok && Name(s[begin:end]) {
			i = t.fieldValue(at, counts(s[begin:end]), func(p place) {
				p.field = s[begin:end]
				put(p)
			})
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
		return place{from: i + len(name) + 1, to: at, kind: password, user: name}, true
	}
	return place{from: i, to: at, kind: user}, true
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

// maxKey bounds how far the beginning of a key with blanks is looked for.
const maxKey = 64

// keyBegin says where a key begins whose last word begins at i: behind a quote,
// "pass word" being one key.
func keyBegin(s string, i int) int {
	for k := i - 1; k >= max(0, i-maxKey); k-- {
		switch {
		case s[k] == '"' || s[k] == '\'':
			return k + 1
		case s[k] != ' ' && !nameByte(s[k]):
			return i
		}
	}
	return i
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

// templates are the actions in a text, {{ … }}, within which no value ends.
type templates struct {
	s    string
	none bool // from where was looked last on; looked for again and again, that would take the square of its length
}

// fieldValue puts what a field of a form is set to, unless it is a number and
// the field counts something, and returns where it ends.
func (t *templates) fieldValue(i int, counts bool, put func(place)) int {
	s := t.s
	if q, next, ok := openQuote(s, i); ok {
		end, after := t.end(q, next)
		put(place{from: next, to: end})
		return after
	}
	from := i
	for i < len(s) && !strings.ContainsRune("& \t\r\n\"<>#\\", rune(s[i])) {
		i = t.skip(i)
	}
	if !counts || !number(s[from:i]) {
		put(place{from: from, to: i})
	}
	return i
}

// skip returns what comes after the character or template at i.
func (t *templates) skip(i int) int {
	if !t.none && strings.HasPrefix(t.s[i:], "{{") {
		if n := strings.Index(t.s[i:], "}}"); n >= 0 {
			return i + n + len("}}")
		}
		t.none = true
	}
	return i + 1
}

// end returns where a text in quotes q ends that begins at i, and what comes
// after its quote.
func (t *templates) end(q quote, i int) (end, after int) {
	s := t.s
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
			i = t.skip(i)
		}
	}
	return len(s), len(s)
}

// value puts the value of a key in quotes q that begins at i, of lists and
// objects all texts in them, and returns where it ends. Numbers are left out if
// the key counts something.
func (t *templates) value(i int, q quote, counts bool, put func(place)) int {
	s := t.s
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
			end, after := t.end(own, next)
			if colon := blanks(s, after); len(open) == 0 || colon == len(s) || s[colon] != ':' {
				put(place{from: next, to: end})
			}
			i = after
		case c == '-' || c >= '0' && c <= '9':
			from := i
			for i < len(s) && (nameByte(s[i]) || s[i] == '+') {
				i++
			}
			if !counts && (len(open) == 0 || open[len(open)-1] == '[') {
				put(place{from: from, to: i, kind: figure})
			}
		case nameByte(c): // true, false, null
			for i < len(s) && nameByte(s[i]) {
				i++
			}
		case strings.HasPrefix(s[i:], Masked): // what is known to be secret is gone already
			i += len(Masked)
		case len(open) == 0: // no value, such as a template
			return i
		default:
			i++
			continue
		}
		if len(open) == 0 {
			return i
		}
	}
	return i
}
