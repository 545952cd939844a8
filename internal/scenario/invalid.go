package scenario

import (
	"regexp"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// invalid notes what a shape or a fault says of its own settings: each error on
// the setting that it speaks of, if any.
func invalid(d *strictyaml.Decoder, err error, settings any, n *strictyaml.Node, doc string) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			invalid(d, e, settings, n, doc)
		}
		return
	}
	at, hint := n.Span, doc
	if f, ok := settingIn(err.Error(), grammar.Fields(settings)); ok {
		at = d.Where(f.Value.Addr().Interface(), n).Span
		hint = f.Hint(doc)
	}
	d.Failf(at, hint, "%s", err)
}

// settingIn returns the setting that a message speaks of first.
func settingIn(msg string, settings []strictyaml.Field) (first strictyaml.Field, found bool) {
	best := len(msg)
	for _, f := range settings {
		word := regexp.MustCompile(`\b` + regexp.QuoteMeta(f.Key) + `\b`)
		if at := word.FindStringIndex(msg); at != nil && at[0] < best {
			best, first, found = at[0], f, true
		}
	}
	return first, found
}
