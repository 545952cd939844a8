package secret

import (
	"encoding/json"
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
	query := url.QueryEscape(secret)
	for _, s := range []string{
		secret, strconv.Quote(secret), string(b), query, url.PathEscape(secret), strings.ReplaceAll(strconv.Quote(secret), "/", `\/`),
		strings.ReplaceAll(query, "+", "%20"), strings.ToLower(query), strconv.QuoteToASCII(secret),
	} {
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

func TestShortSecretsAndEverydayWordsAreLeftAlone(t *testing.T) {
	if got := NewRedactor([]string{"abc", "", "true", "None"}).Text("abcabc… true none"); got != "abcabc… true none" {
		t.Errorf("found %s", got)
	}
}

// Secrets that hold one another, or overlap, are hidden whole; and those that only one
// request knows beside those that the plan does.
func TestRedactorsHideSecretsWhole(t *testing.T) {
	plan := NewRedactor([]string{"abcdef", "abcdefgh", "s3cr3t"})
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
	if got, want := NewRedactor([]string{"pä55", "pä55word"}).SameWidth("a: pä55word, b"), "a: ********, b"; got != want {
		t.Errorf("expected %s, found %s", want, got)
	}
}
