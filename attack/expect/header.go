package expect

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// Validate says what is wrong with the expectation, nil if nothing.
func (h HeaderPart) Validate() fielderr.List {
	_, err := newPartCheck(h)
	return fielderr.Of(err)
}

// partCheck is a HeaderPart, compiled.
type partCheck struct {
	HeaderPart
	key     string // the name in its canonical form
	matches *regexp.Regexp
}

func newPartCheck(h HeaderPart) (c partCheck, err error) {
	c = partCheck{HeaderPart: h, key: http.CanonicalHeaderKey(h.Name)}
	if h.Name == "" {
		return c, errors.New("expected a name, found none")
	}
	if h.Matches != "" {
		if c.matches, err = compileRegexp(h.Matches); err != nil {
			return c, fielderr.At(fielderr.Field("matches"), "%s: matches: %s", h.Name, err)
		}
	}
	return c, nil
}

// good says whether the header of an answer is as expected. If it has several lines, one
// of them has to be.
func (c *partCheck) good(r *Answer) bool {
	return slices.ContainsFunc(r.Header[c.key], func(v string) bool {
		return v != "" && strings.Contains(v, c.Contains) &&
			(c.matches == nil || c.matches.MatchString(v))
	})
}

// wrong says what is wrong with the header of an answer.
func (c *partCheck) wrong(r *Answer, show Show) string {
	found := r.Header[c.key]
	if len(found) == 0 || found[0] == "" {
		return fmt.Sprintf("expected header %s, found none", c.Name)
	}
	clipped := func(value string) string { return show(c.Name, plaintext.Clip(value, maxShown)) }
	var wanted []string
	if c.Contains != "" {
		wanted = append(wanted, "contains "+quoted(clipped(c.Contains)))
	}
	if c.matches != nil {
		wanted = append(wanted, "matches "+clipped(c.Matches))
	}
	return fmt.Sprintf("expected a header %s that %s, found %s",
		c.Name, strings.Join(wanted, " and "), clipped(found[0]))
}
