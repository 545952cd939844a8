// Package suggest finds what somebody probably meant by a word that is not known:
// the known word that is a slip of the fingers away.
package suggest

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Hint says what to do about a name that is not among known: the closest one, and
// if none is close, all of them. what is the kind of thing: "key".
func Hint(found, what string, known []string) string {
	if near, ok := Nearest(found, known); ok {
		return `did you mean "` + near + `"?`
	}
	if len(known) == 0 {
		return "there is no " + what + " to name here"
	}
	return "known " + plural(what) + ": " + strings.Join(known, ", ")
}

func plural(what string) string {
	if base, ok := strings.CutSuffix(what, "y"); ok && !strings.HasSuffix(what, "ey") {
		return base + "ies"
	}
	return what + "s"
}

// Nearest returns the known word that was probably meant; ok is false if none is
// near. A third of its letters may be wrong, and always one, but not all: enough for
// a slip, too little to turn one word into another. Of words as near, the first in
// the alphabet counts.
func Nearest(found string, known []string) (near string, ok bool) {
	best, bestDistance := "", 0
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := Distance(found, k); best == "" || d < bestDistance {
			best, bestDistance = k, d
		}
	}
	letters := len([]rune(best))
	longer := max(letters, len([]rune(found)))
	return best, best != "" && bestDistance < longer && bestDistance <= max(1, letters/3)
}

// Distance is how many letters of a must be changed, added or removed to make b of
// it, whatever their case. Two neighbours that changed places are one change.
func Distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	d := levenshtein.ComputeDistance(a, b)
	if d == 2 && swapped(a, b) {
		return 1
	}
	return d
}

// swapped says whether two neighbouring letters changed places, which is one
// slip of the fingers and two changes to Levenshtein.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) - 1 {
		if a[i] != b[i] {
			return a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
		}
	}
	return false
}
