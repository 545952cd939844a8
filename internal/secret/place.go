package secret

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// The places in a text where a secret has a name, or stands in a URL. A template's
// action belongs to a value whole.
var (
	jsonField = regexp.MustCompile(
		`"((?:[^"\\]|\\.){1,64})"\s*:\s*(?:"((?:[^"\\]|\\.)*)|(-?[0-9][0-9.eE+-]*))`,
	)
	// The same where it stands in a text in quotes, as messages have it.
	quotedField = regexp.MustCompile(`\\"([^"\\]{1,64})\\"\s*:\s*` +
		`(?:\\"((?:[^"\\]|\\\\\\"|\\\\\\\\|\\\\[^"\\]|\\[^"\\])*)|(-?[0-9][0-9.eE+-]*))`)
	formField = regexp.MustCompile(
		`(?:^|[?&\s"'])([\w.\-\[\]%]{1,64})=((?:\{\{.*?\}\}|[^&\s"'<>#\\])+)`,
	)
	urlUser = regexp.MustCompile(`://([^\s/?#"'<>\\]+)@`)
	option  = regexp.MustCompile(`(?:^|[?&;\s])-*([\w.\- ]{1,64}?)\s*=\s*([^&;\s]+)`)
)

// Mask hides what stands under a secret name in s: texts and numbers of JSON,
// fields of forms and queries; and who logs in with a URL. s may be cut off
// anywhere, and need not be all JSON or all form.
func Mask(s string) string { return mask(s, func(string) bool { return true }) }

// MaskLiteral is Mask for a text that templates stand in: it leaves those.
func MaskLiteral(s string) string { return mask(s, Literal) }

// Literal says whether no template stands in s.
func Literal(s string) bool { return !strings.Contains(s, "{{") }

func mask(s string, hide func(value string) bool) string {
	spans := named(s)
	for _, m := range urlUser.FindAllStringSubmatchIndex(s, -1) {
		from := m[2]
		if i := strings.IndexByte(s[m[2]:m[3]], ':'); i >= 0 {
			from += i + 1
		}
		spans = append(spans, span{from, m[3]})
	}
	kept := spans[:0]
	for _, p := range spans {
		if p.from < p.to && hide(s[p.from:p.to]) {
			kept = append(kept, p)
		}
	}
	return replace(s, kept, func(string) string { return Masked })
}

// named returns where values under secret names stand in s.
func named(s string) []span {
	var out []span
	inJSON := append(
		jsonField.FindAllStringSubmatchIndex(s, -1),
		quotedField.FindAllStringSubmatchIndex(s, -1)...)
	for _, m := range inJSON {
		name, p := s[m[2]:m[3]], span{max(m[4], m[6]), max(m[5], m[7])}
		if Key(name) && (m[6] < 0 || !figure(name, s[p.from:p.to])) {
			out = append(out, p)
		}
	}
	for _, m := range formField.FindAllStringSubmatchIndex(s, -1) {
		name := unescaped(s[m[2]:m[3]], url.QueryUnescape)
		if p := (span{m[4], m[5]}); Field(name, s[p.from:p.to]) {
			out = append(out, p)
		}
	}
	return out
}

// Named returns what stands under a secret name in s, as it stands there.
func Named(s string) []string {
	var out []string
	for _, p := range named(s) {
		out = append(out, s[p.from:p.to])
	}
	return out
}

// InURL returns the passwords of URLs in s, as they stand there and as they are
// meant, and the credentials that a client makes of them.
func InURL(s string) []string {
	var out []string
	for _, m := range urlUser.FindAllStringSubmatch(s, -1) {
		out = append(out, login(m[1])...)
	}
	return out
}

// login returns what is secret of user:password, or of a user without a password.
func login(s string) []string {
	user, password, has := strings.Cut(s, ":")
	meant := unescaped(password, url.PathUnescape)
	basic := base64.StdEncoding.EncodeToString(
		[]byte(unescaped(user, url.PathUnescape) + ":" + meant),
	)
	if !has {
		return []string{basic}
	}
	return []string{password, meant, basic}
}

// plainLogin is what drivers of databases take in place of a URL:
// user:password@tcp(127.0.0.1:3306)/db.
var plainLogin = regexp.MustCompile(`^[^\s:/@]*:([^\s]+)@[^\s@]+$`)

// brokenURL is one whose password has characters that should have been escaped.
var brokenURL = regexp.MustCompile(`^[\w+.-]+://([^\s:]*:\S+)@`)

// InConnection returns the passwords in a text that may be a connection string: a
// URL, user:password@host, Server=…;Password=….
func InConnection(s string) []string {
	out := InURL(s)
	if _, err := url.Parse(s); err != nil {
		if m := brokenURL.FindStringSubmatch(s); m != nil {
			out = append(out, login(m[1])...)
		}
	}
	if m := plainLogin.FindStringSubmatch(s); m != nil && !strings.Contains(s, "://") {
		out = append(out, m[1])
	}
	return append(out, InOptions(s)...)
}

// InOptions returns the values under secret names in a text of options:
// password=…;, --token=….
func InOptions(s string) []string {
	var out []string
	for _, m := range option.FindAllStringSubmatch(s, -1) {
		if Field(m[1], m[2]) {
			out = append(out, m[2], unescaped(m[2], url.QueryUnescape))
		}
	}
	return out
}

func unescaped(s string, f func(string) (string, error)) string {
	if meant, err := f(s); err == nil {
		return meant
	}
	return s
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

// WithoutUser takes a user's password out of a URL before it is shown.
func WithoutUser(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	host, _, _ := strings.Cut(rest, "/")
	at := strings.LastIndex(host, "@")
	if !ok || at < 0 {
		return s
	}
	return scheme + "://" + Masked + rest[at:]
}
