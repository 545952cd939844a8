package secret

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// spellings are how a secret usually stands elsewhere: in quotes of Go, in JSON
// with and without what may be escaped there, in a URL, form or path, in HTML.
func spellings(secret string) []string {
	if plain(secret) {
		return nil
	}
	quoted := strconv.Quote(secret)
	asJSON, err := json.Marshal(secret)
	if err != nil {
		panic("secret: a string did not become JSON: " + err.Error())
	}
	least := jsonText(secret, false)
	out := []string{
		quoted[1 : len(quoted)-1], string(asJSON[1 : len(asJSON)-1]), least, strings.ReplaceAll(least, "/", `\/`), jsonText(secret, true),
		url.QueryEscape(secret), url.PathEscape(secret), percentEncoded(secret), html.EscapeString(secret),
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == secret })
}

// asForm are a secret and what becomes of it where it was taken for a part of a
// query or form that it is not: + is a space there.
func asForm(secret string) []string {
	out := []string{secret}
	for _, s := range []string{strings.ReplaceAll(secret, "+", " "), unescaped(secret, url.QueryUnescape)} {
		if len(s) >= Shortest && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// plain says whether a secret usually looks alike everywhere.
func plain(s string) bool {
	for i := range len(s) {
		if !nameByte(s[i]) {
			return false
		}
	}
	return true
}

// jsonText is s within the quotes of JSON: with no more escapes than there must
// be, or with one for every character that is not ASCII.
func jsonText(s string, ascii bool) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r > '~' && r <= 0xffff && ascii:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r > 0xffff && ascii:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// percentEncoded escapes all but what RFC 3986 calls unreserved.
func percentEncoded(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; nameByte(c) || c == '~' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
