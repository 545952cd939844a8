package scenario

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// names checks what things are called.
type names struct {
	*strictyaml.Decoder
	env     Env
	secrets []string // names of variables that are secret, whatever they are called
}

// unique notes a name that is used twice, or that would garble what prints it.
func (x *names) unique(
	seen map[string]*strictyaml.Node,
	name, what string,
	at *strictyaml.Node,
) (ok bool) {
	if name == "" {
		return true // a mistake of its own
	}
	ok = x.printable(name, at)
	if first, dup := seen[name]; dup {
		x.Failf(at.Span,
			"names must differ, as rules and reports speak of them",
			"the %s %q is already named on line %d", what, name, first.Line)
		return false
	}
	seen[name] = at
	return ok
}

// maxName is the longest name, in characters: names are printed many times, and kept beside every
// figure.
const maxName = 200

func (x *names) printable(name string, at *strictyaml.Node) (ok bool) {
	ok = x.rejectSecret(at)
	if n := utf8.RuneCountInString(name); n > maxName {
		x.Failf(at.Span,
			"take a few words: names stand in every table",
			"expected a name of at most %d characters, found %d", maxName, n)
		ok = false
	}
	if plaintext.Line(name) != name {
		x.Failf(at.Span,
			"take letters, digits and punctuation",
			"the name %q holds a control character", strictyaml.Shorten(name))
		ok = false
	}
	return ok
}

var variableInName = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)`)

// rejectSecret refuses a name that a secret variable stands in: names are what files
// and folders are called by, and how rules speak of things.
func (x *names) rejectSecret(at *strictyaml.Node) (ok bool) {
	ok = true
	looked := map[string]bool{}
	for _, m := range variableInName.FindAllStringSubmatch(strings.ReplaceAll(at.Text, "$$", ""), -1) {
		if looked[m[1]] {
			continue
		}
		looked[m[1]] = true
		named := secret.Name(m[1]) || slices.Contains(x.secrets, m[1])
		if value, _ := x.env(m[1]); value != "" && (named || len(secret.InURL(value)) > 0) {
			x.Failf(
				at.Span,
				"take a name without it: names stand in files, reports and rules as they are",
				"a name cannot hold a secret, such as ${%s}",
				m[1],
			)
			ok = false
		}
	}
	return ok
}
