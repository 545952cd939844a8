package suggest_test

import (
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/suggest"
)

func TestHint(t *testing.T) {
	keys := []string{"stages", "timeout", "query"}
	for _, tt := range []struct {
		name, found, what string
		known             []string
		want              string
	}{
		{"a letter too few", "stage", "key", keys, `did you mean "stages"?`},
		{"two letters changed places", "tiemout", "key", keys, `did you mean "timeout"?`},
		{"another case", "TIMEOUT", "key", keys, `did you mean "timeout"?`},
		{"a word of its own", "verdict", "key", keys, "known keys: stages, timeout, query"},
		{"one letter for another", "x", "unit", []string{"s", "m"}, "known units: s, m"},
		{"a letter too many, of a short word", "ss", "unit", []string{"s", "m"}, `did you mean "s"?`},
		{"of two as near, the first in the alphabet", "cat", "entry", []string{"hat", "bat"}, `did you mean "bat"?`},
		{"nothing is known", "x", "service", nil, "there is no service to name here"},
		{"a plural in ies", "x", "query", []string{"a", "b"}, "known queries: a, b"},
		{"a plural of a word in ey", "x", "key", []string{"a", "b"}, "known keys: a, b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := suggest.Hint(tt.found, tt.what, tt.known); got != tt.want {
				t.Errorf("expected %q, found %q", tt.want, got)
			}
		})
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"abc", "ABC", 0},
		{"abc", "acb", 1},
		{"abcd", "badc", 3},
		{"abc", "ab", 1},
		{"kitten", "sitting", 3},
	} {
		if got := suggest.Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: expected %d, found %d", tt.a, tt.b, tt.want, got)
		}
	}
}
