package secret_test

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"

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
