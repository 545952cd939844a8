package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/internal/secret"
)

// A value in quotes, as messages show what they found, or in a URL.
func TestRedactOtherSpellings(t *testing.T) {
	const value = "a/b \"c\" <d>+e\n"
	r := secret.NewRedactor([]string{value})
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	query := url.QueryEscape(value)
	for _, s := range []string{
		value, strconv.Quote(value), string(b), query, url.PathEscape(value), strings.ReplaceAll(strconv.Quote(value), "/", `\/`),
		strings.ReplaceAll(query, "+", "%20"), strings.ToLower(query), strconv.QuoteToASCII(value),
		(&url.URL{Path: value}).EscapedPath(), `a/b%20"c"%20<d>+e%0A`, `a/b%20\"c\"%20<d>+e%0A`,
	} {
		if got := strings.Trim(r.Text(s), `"`); got != "***" {
			t.Errorf("%s becomes %s", s, got)
		}
	}
}

// What was cut short for people or for a sample can hold a part of a secret.
func TestRedactTextsThatWereCut(t *testing.T) {
	r := secret.NewRedactor([]string{"abcdefghijkl", "xyz-long"})
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
	if got := secret.NewRedactor(nil).Text("a…"); got != "a…" {
		t.Errorf("without secrets: %s", got)
	}
}

func TestShortSecretsAndEverydayWordsAreLeftAlone(t *testing.T) {
	if got := secret.NewRedactor([]string{"abc", "", "true", "None"}).Text("abcabc… true none"); got != "abcabc… true none" {
		t.Errorf("found %s", got)
	}
}

// Secrets that hold one another, or overlap, are hidden whole; and those that only one
// request knows beside those that the plan does.
func TestRedactorsHideSecretsWhole(t *testing.T) {
	plan := secret.NewRedactor([]string{"abcdef", "abcdefgh", "s3cr3t"})
	for in, want := range map[string]string{
		"abcdefgh abcdef": "*** ***", "xyz-s3cr3t-xyz": "***", "efghij": "***", "abcdefghij": "***", "xyz-s3c…": "***…",
		"s3cr…": "***…", "plain": "plain",
	} {
		if got := plan.With([]string{"efghij", "xyz-s3cr3t-xyz"}).Text(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
	if got := plan.Text("efghij"); got != "efghij" {
		t.Errorf("the plan's own redactor was changed: %s", got)
	}
}

// A caret below a line of the file stays in its place.
func TestSameWidth(t *testing.T) {
	if got, want := secret.NewRedactor([]string{"pä55", "pä55word"}).SameWidth("a: pä55word, b"), "a: ********, b"; got != want {
		t.Errorf("expected %s, found %s", want, got)
	}
}

// What is known is in no output, however a writer encodes it, and what stands around it
// stays.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{"s3cr3t", `quo"ted\`, "a/b c&d=e%", "ä<>\n漢", "\x00\xff\x80\x7f", "user:pass", "aaaa", "~~~~"} {
		f.Add(s, "bob")
	}
	f.Fuzz(func(t *testing.T, s, user string) {
		if len(s) < secret.Shortest || strings.Contains(s, "*") || len(user) > 20 {
			return
		}
		r := secret.NewRedactor([]string{s})
		if r.Text(s) != secret.Masked {
			return // such as true
		}
		raw := bytes.NewBuffer(nil) // as writers of JSON outside of browsers do it
		e := json.NewEncoder(raw)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		inside := func(quoted string) string { return quoted[1 : len(quoted)-1] }
		query, valid := url.QueryEscape(s), utf8.ValidString(s)
		for _, c := range []struct {
			form, in string
			is       bool // whether s can be had from it
		}{
			{"plain", s, true}, {"JSON for HTML", inside(string(b)), valid},
			{"JSON", inside(strings.TrimSpace(raw.String())), valid},
			{"query", query, true}, {"query with blanks escaped", strings.ReplaceAll(query, "+", "%20"), true},
			{"path", url.PathEscape(s), true},
			{"whole path", (&url.URL{Path: s}).EscapedPath(), true},
		} {
			// One that repeats itself may begin in what stands before it.
			got := r.Text("<" + c.in + ">")
			if c.is && (strings.Contains(got, c.in) || !strings.Contains(got, secret.Masked)) {
				t.Errorf("%s: %q becomes %q", c.form, c.in, got)
			}
		}
		login := base64.StdEncoding.EncodeToString([]byte(user + ":" + s))
		got := r.Text("Basic " + login)
		if b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(got, "Basic ")); err == nil && bytes.Contains(b, []byte(s)) {
			t.Errorf("Basic: %q becomes %q", login, got)
		}
	})
}

// A plan of ten thousand rows is searched, not tried value by value.
func BenchmarkRedact(b *testing.B) {
	var secrets []string
	for i := range 10_000 {
		secrets = append(secrets, fmt.Sprintf("token-%x", i*7919))
	}
	r := secret.NewRedactor(secrets)
	line := strings.Repeat("GET /orders/17 token-12ab x ", 40)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		r.Text(line)
	}
}

func TestLearn(t *testing.T) {
	r := secret.NewRedactor([]string{"known"})
	own := r.With([]string{"mine-alone"})
	r.Learn([]string{"learned-first"})
	r.Learn([]string{"learned-later"})
	const text = "known mine-alone learned-first learned-later"
	if got, want := r.Text(text), "*** mine-alone *** ***"; got != want {
		t.Errorf("found %q, expected %q", got, want)
	}
	if got, want := own.Text(text), "*** *** *** ***"; got != want {
		t.Errorf("made before: found %q, expected %q", got, want)
	}
	if got, want := r.Text("cut: learned-fi…"), "cut: ***…"; got != want {
		t.Errorf("found %q, expected %q", got, want)
	}
}
