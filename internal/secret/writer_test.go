package secret_test

import (
	"io"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/secret"
)

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// Wherever the stream is cut, what comes out is what Text makes of the whole.
func TestWriterCutAnywhere(t *testing.T) {
	for _, tt := range []struct {
		name    string
		secrets []string
		text    string
	}{
		{"one", []string{"s3cr3t"}, "a s3cr3t b s3cr3ts3cr3t s3cr s3cr3"},
		{"several lines", []string{"BEGIN\nabc\nEND"}, "key:\nBEGIN\nabc\nEND\nBEGIN\nabx\n"},
		{"one inside another", []string{"abcd", "abcdefgh"}, "abcd abcdefgh abcde abcdefg"},
		{"one that overlaps another", []string{"abcdef", "efghij"}, "abcdefghij efghij abcdefgh"},
		{"one that repeats", []string{"aaaab"}, "aaaaaaaab aaaa"},
		{"none", nil, "plain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := secret.NewRedactor(tt.secrets)
			want := r.Text(tt.text)
			for i := range len(tt.text) {
				for j := i; j <= len(tt.text); j++ {
					var out strings.Builder
					w := r.Writer(nopCloser{&out})
					for _, piece := range []string{tt.text[:i], tt.text[i:j], tt.text[j:]} {
						if n, err := io.WriteString(w, piece); n != len(piece) || err != nil {
							t.Fatal(n, err)
						}
					}
					w.Close()
					if out.String() != want {
						t.Fatalf("cut at %d and %d: found %q, want %q", i, j, out.String(), want)
					}
				}
			}
		})
	}
}

func TestWriterHoldsBackNoMoreThanItMust(t *testing.T) {
	var out strings.Builder
	w := secret.NewRedactor([]string{"s3cr3t"}).Writer(nopCloser{&out})
	io.WriteString(w, "ready\nworks")
	if out.String() != "ready\nwork" {
		t.Errorf("found %q: a log that can be followed shows what is written at once", out.String())
	}
}

// What the setup of a run captures is kept out of logs that were opened before it.
func TestWriterLearns(t *testing.T) {
	var out strings.Builder
	r := secret.NewRedactor(nil)
	w := r.Writer(nopCloser{&out})
	io.WriteString(w, "ready\n")
	r.Learn([]string{"to-the-shop"})
	io.WriteString(w, "token to-the-")
	io.WriteString(w, "shop\n")
	w.Close()
	if want := "ready\ntoken ***\n"; out.String() != want {
		t.Errorf("found %q, expected %q", out.String(), want)
	}
}
