package secret

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// A value in quotes, as messages show what they found, or in a URL.
func TestRedactOtherSpellings(t *testing.T) {
	const secret = "a/b \"c\" <d>+e\n"
	r := NewRedactor([]string{secret})
	b, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret, strconv.Quote(secret), string(b), url.QueryEscape(secret), url.PathEscape(secret)} {
		if got := strings.Trim(r.Text(s), `"`); got != "***" {
			t.Errorf("%s becomes %s", s, got)
		}
	}
}

// What was cut short for people or for a sample can hold a part of a secret.
func TestRedactTextsThatWereCut(t *testing.T) {
	r := NewRedactor([]string{"abcdefghijkl", "xyz-long"})
	for in, want := range map[string]string{
		"found abcdefgh… and \"xyz-l…\"": "found ***… and \"***…\"",
		"abcdefghijkl…":                  "***…",
		"found abc…":                     "found abc…", // too little to tell
		"found abcdefgh":                 "found abcdefgh",
		"…abcdefgh … ":                   "…abcdefgh … ",
	} {
		if got := r.Text(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
	if got := NewRedactor(nil).Text("a…"); got != "a…" {
		t.Errorf("without secrets: %s", got)
	}
}

// What servers make of a secret that they echo: escaped, in one another.
func TestRedactAnySpelling(t *testing.T) {
	const secret = "word/pä\"ss<€>r😀d & \\x+'y\n"
	r := NewRedactor([]string{secret})
	inJSON := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[1 : len(b)-1])
	}
	latin1 := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			b.WriteRune(rune(c))
		}
		return b.String()
	}
	for name, f := range map[string]func(string) string{
		"JSON of Go":  inJSON,
		"JSON, ASCII": func(s string) string { return jsonText(s, true) },
		"JSON, capitals": func(s string) string {
			return strings.NewReplacer("00e4", "00E4", "20ac", "20AC").Replace(jsonText(s, true))
		},
		"JSON, slashes":     func(s string) string { return strings.ReplaceAll(inJSON(s), "/", `\/`) },
		"query":             url.QueryEscape,
		"path":              url.PathEscape,
		"query, lower case": func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
		"HTML":              html.EscapeString,
		"HTML, names":       func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "&#34;", "&quot;") },
		"HTML, hexadecimal": func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "&#39;", "&#x27;") },
		"Latin-1":           latin1,
	} {
		one := f(secret)
		for how, s := range map[string]string{"": one, " in JSON": inJSON(one), " in ASCII JSON": jsonText(one, true), " twice in JSON": inJSON(inJSON(one)), " in a query": url.QueryEscape(one)} {
			if got := r.Text("a " + s + " b"); got != "a *** b" {
				t.Errorf("%s%s: %s becomes %s", name, how, s, got)
			}
			if how == "" {
				for cut := Shortest + 4; cut < len(s); cut++ {
					if got := r.Text(strings.ToValidUTF8(s[:cut], "") + "…"); !strings.HasPrefix(got, "***") {
						t.Errorf("%s, cut: %s becomes %s", name, s[:cut], got)
						break
					}
				}
			}
		}
	}
	for _, s := range []string{"word/", "", "w", `word/pä\"ss`, "%", "&", `\`, `\u`} {
		if got := r.Text(s); got != s {
			t.Errorf("%s becomes %s", s, got)
		}
	}
}

// Also what need not be escaped can be.
func TestRedactNeedlessEscapes(t *testing.T) {
	r := NewRedactor([]string{"ghp_Ab-12.x"})
	every := func(format string) string {
		var b strings.Builder
		for _, c := range []byte("ghp_Ab-12.x") {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	for _, s := range []string{"ghp%5FAb-12.x", "ghp&#95;Ab&#45;12.x", every("%%%02x"), every(`\u%04x`), every("&#%d;"), every("&#x%x;"), every("%%25%02X")} {
		if got := r.Text("a " + s + " b"); got != "a *** b" {
			t.Errorf("%s becomes %s", s, got)
		}
		if got := r.Text("a " + s[:len(s)-2] + "…"); got != "a ***…" {
			t.Errorf("%s, cut, becomes %s", s, got)
		}
	}
}

// A server may take a token for a part of a form, and tell what it has read.
func TestRedactWhatWasTakenForAForm(t *testing.T) {
	r := NewRedactor([]string{"CapTok/en+S3cr=t", "per%41cent"})
	if got, want := r.Text("t=CapTok/en S3cr=t, CapTok%2Fen%20S3cr%3Dt, perAcent"), "t=***, ***, ***"; got != want {
		t.Errorf("expected %s, found %s", want, got)
	}
}

func TestShortSecretsAreLeftAlone(t *testing.T) {
	if got := NewRedactor([]string{"abc", ""}).Text("abcabc…"); got != "abcabc…" {
		t.Errorf("found %s", got)
	}
}

func TestMayHold(t *testing.T) {
	for _, tt := range []struct {
		text, secret string
		want         bool
	}{
		{"found abcdefgh", "abcdefgh", true}, {"found abcd…", "abcdefgh", true}, {"found ab", "abcdefgh", false}, {"found x", "abcdefgh", false},
		{`found a\u00f6b`, "aöbcd", true}, {"found x", "aöbcd", false}, {"x", "/abc", false}, {"%2Fabc…", "/abcd", true}, {"&#103;hp_A", "ghp_A", true}, {`\u0067hp_A`, "ghp_A", true}, {"a bc", "a+bc", true}, {"abc", "abc", false}, {"x", "", false},
	} {
		if got := MayHold(tt.text, []string{tt.secret}); got != tt.want {
			t.Errorf("%q in %q: found %v", tt.secret, tt.text, got)
		}
	}
}
