package secret

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// The places in a text where a secret has a name, or stands in a URL. A template's
// action belongs to a value whole.
var (
	jsonField = regexp.MustCompile(
		`"((?:[^"\\]|\\.){1,64})"\s*:\s*(?:"((?:[^"\\]|\\.)*)|(-?[0-9][0-9.eE+-]*))`)
	formField = regexp.MustCompile(
		"(?:^|[?&\\s\"'`])([\\w.\\-\\[\\]%]{1,64})=((?:\\{\\{.*?\\}\\}|[^&\\s\"'`<>#\\\\])+)")
	urlUser = regexp.MustCompile("://([^\\s/\"'`<>\\\\]+)@")
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
		// Without a password, the user is one, such as a token.
		password := strings.IndexByte(s[m[2]:m[3]], ':') + 1
		spans = append(spans, span{m[2] + password, m[3]})
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
	for _, m := range jsonField.FindAllStringSubmatchIndex(s, -1) {
		name, p := s[m[2]:m[3]], span{max(m[4], m[6]), max(m[5], m[7])}
		if Key(name) && (m[6] < 0 || !figure(name, s[p.from:p.to])) {
			out = append(out, p)
		}
	}
	for _, m := range formField.FindAllStringSubmatchIndex(s, -1) {
		name := unescaped(s[m[2]:m[3]])
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

// InURL returns the passwords of URLs in s, as they stand there and as they are meant,
// and the credentials that a client makes of who logs in.
func InURL(s string) []string {
	var out []string
	for _, m := range urlUser.FindAllStringSubmatch(s, -1) {
		user, password, _ := strings.Cut(m[1], ":")
		meant := unescaped(password)
		basic := []byte(unescaped(user) + ":" + meant)
		out = append(out, password, meant, base64.StdEncoding.EncodeToString(basic))
	}
	return out
}

func unescaped(s string) string {
	if meant, err := url.PathUnescape(s); err == nil {
		return meant
	}
	return s
}

// InHeader returns what of a secret header's value is a secret: all of it, and
// the credentials and cookies inside it, which can appear alone.
func InHeader(name, value string) []string {
	if strings.EqualFold(name, "Set-Cookie") {
		value, _, _ = strings.Cut(value, ";") // the rest is attributes
	}
	_, credentials, _ := strings.Cut(value, " ")
	out := []string{value, credentials}
	if login, err := base64.StdEncoding.DecodeString(credentials); err == nil {
		if _, password, ok := strings.Cut(string(login), ":"); ok {
			out = append(out, string(login), password)
		}
	}
	for cookie := range strings.SplitSeq(value, ";") {
		_, v, _ := strings.Cut(cookie, "=")
		out = append(out, strings.Trim(v, ` "`))
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// Shown is what a message shows of the value of a header, or of the one at a JSON path,
// which begins with $.
func Shown(name, value string) string {
	is := Header
	if strings.HasPrefix(name, "$") {
		is = Path
	}
	if value != "" && is(name) {
		return Masked
	}
	return value
}
