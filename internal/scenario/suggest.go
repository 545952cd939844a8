package scenario

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// suggest returns a hint for a name that is not among known: the closest one,
// and if none is close, all of them.
func suggest(found, what string, known []string) string {
	if near, ok := nearest(found, known); ok {
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

func nearest(found string, known []string) (string, bool) {
	best, bestDistance := "", 0
	low := strings.ToLower(found)
	for _, k := range slices.Sorted(slices.Values(known)) {
		d := levenshtein.ComputeDistance(low, strings.ToLower(k))
		if d == 2 && swapped(low, strings.ToLower(k)) {
			d = 1
		}
		if best == "" || d < bestDistance {
			best, bestDistance = k, d
		}
	}
	// A third of the letters may be wrong: enough for a slip, too little to turn
	// one word into another.
	limit := max(1, len([]rune(best))/3)
	return best, best != "" && bestDistance <= limit
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
