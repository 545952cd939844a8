package attack_test

import (
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
)

func TestSampleText(t *testing.T) {
	full := strings.Repeat("x", attack.MaxSample)
	for _, c := range []struct {
		name, body string
		size       int
		text       string
		cut        bool
	}{
		{"short", "é", 2, "é", false},
		{"as long as is kept", full, len(full), full, false},
		{"longer", full + "y", len(full) + 1, full, true},
		{"longer than what is there", "abc", 9, "abc", true},
		{"cut within a character", full[1:] + "é", len(full) + 1, full[1:], true},
		{"cut behind a character", full[2:] + "éz", len(full) + 1, full[2:] + "é", true},
		{"no text", "a\xff", 2, "a�", false},
	} {
		if text, cut := attack.SampleText([]byte(c.body), int64(c.size)); text != c.text || cut != c.cut {
			t.Errorf("%s: found %d bytes, cut: %t; expected %d, %t", c.name, len(text), cut, len(c.text), c.cut)
		}
	}
}
