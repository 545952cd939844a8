package scenario

import (
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// unique notes a name that is used twice, or that would garble what prints it.
func (b *builder) unique(seen map[string]*strictyaml.Node, name, what string, at *strictyaml.Node) (ok bool) {
	if name == "" {
		return true // a mistake of its own
	}
	ok = b.printableName(name, at)
	if first, dup := seen[name]; dup {
		b.Failf(at.Span, "names must differ, as rules and reports speak of them", "the %s %q is already named on line %d", what, name, first.Line)
		return false
	}
	seen[name] = at
	return ok
}

// maxName bounds what is printed over and over, and kept beside every figure.
const maxName = 200

func (b *builder) printableName(name string, at *strictyaml.Node) (ok bool) {
	ok = b.openName(at)
	if n := utf8.RuneCountInString(name); n > maxName {
		b.Failf(at.Span, "take a few words: names stand in every table", "expected a name of at most %d characters, found %d", maxName, n)
		ok = false
	}
	if plaintext.Line(name) != name {
		b.Failf(at.Span, "take letters, digits and punctuation", "the name %q holds a control character", strictyaml.Shorten(name))
		ok = false
	}
	return ok
}
