package expect

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Validate says what is wrong with the expectation, nil if nothing.
func (e Expect) Validate() fielderr.List {
	_, err := New(e)
	return fielderr.Of(err)
}

// Validate says what is wrong with the path or with the value, nil if nothing.
func (j ExpectJSON) Validate() fielderr.List {
	_, err := newJSONCheck(j)
	return fielderr.Of(err)
}

// Check is an Expect, compiled. It is safe for concurrent use, and an answer
// that is as expected costs no memory, save where it is read as JSON.
type Check struct {
	Expect
	body    []byte
	matches *regexp.Regexp
	headers []payload.Field // names in their canonical form
	parts   []partCheck
	json    []jsonCheck
}

// jsonCheck is an ExpectJSON, compiled.
type jsonCheck struct {
	path  *jsonPath
	any   bool // whatever it finds is good
	value any
}

func New(e Expect) (*Check, error) {
	c := &Check{Expect: e, body: []byte(e.Body)}
	var wrong fielderr.List
	for _, s := range e.Status {
		if (s < 100 || s > 599) && (s < 1 || s > 5) {
			wrong.Add("status", "status: expected 100 to 599, or 1 to 5 for a class, found %d", s)
		}
	}
	if e.Matches != "" {
		var err error
		if c.matches, err = compileRegexp(e.Matches); err != nil {
			wrong.Add("matches", "matches: %s", err)
		}
	}
	for _, h := range e.Headers {
		if h.Name == "" {
			wrong.Add("headers", "headers: expected a name, found none")
		}
		c.headers = append(
			c.headers,
			payload.Field{Name: http.CanonicalHeaderKey(h.Name), Value: h.Value},
		)
	}
	for _, h := range e.HeaderParts {
		part, err := newPartCheck(h)
		wrong = append(
			wrong,
			fielderr.Of(err).Below(fielderr.Field("headers", h.Name), "headers")...)
		c.parts = append(c.parts, part)
	}
	for _, j := range e.JSON {
		k, err := newJSONCheck(j)
		wrong = append(wrong, fielderr.Of(err)...)
		c.json = append(c.json, k)
	}
	for _, b := range []struct {
		what string
		n    int64
	}{{"min", e.MinSize}, {"max", e.MaxSize}} {
		if b.n < 0 {
			wrong = append(
				wrong,
				fielderr.At(
					fielderr.Field("size", b.what),
					"size: %s: expected at least 0, found %d",
					b.what,
					b.n,
				),
			)
		}
	}
	if e.MaxSize > 0 && e.MinSize > e.MaxSize {
		wrong.Add(
			"size",
			"size: expected min to be at most max, found %d above %d bytes",
			e.MinSize,
			e.MaxSize,
		)
	}
	if e.Within < 0 {
		wrong.Add("within", "within: expected at least 0, found %s", e.Within)
	}
	return c, wrong.Err()
}

func newJSONCheck(j ExpectJSON) (c jsonCheck, err error) {
	if c.path, err = newJSONPath(j.Path); err != nil {
		return c, fielderr.Wrap(err, "json", fielderr.Field("json"))
	}
	if c.any = j.Value == ""; c.any {
		return c, nil
	}
	if c.value, err = parseJSON([]byte(j.Value)); err != nil {
		return c, fielderr.At(
			fielderr.Field("json"),
			"json: expected the value of %s as JSON, found %q",
			plaintext.Clip(j.Path, 60),
			plaintext.Clip(j.Value, 60),
		)
	}
	return c, nil
}

func (c *Check) WantsBody() bool { return c.Body != "" || c.matches != nil || len(c.json) > 0 }

// bodyKind is the kind of error of a body that cannot be read.
func (c *Check) bodyKind() string {
	if len(c.body) > 0 || c.matches != nil {
		return timeline.KindBody
	}
	return timeline.KindJSON
}

func (c *Check) WantsHeader() bool { return len(c.headers) > 0 || len(c.parts) > 0 }

// Judge says what is wrong with an answer: an empty kind if nothing. response
// is its response time, from when it was due. What is wrong in an answer comes
// before its being late. With words it also says it for people, in detail.
func (c *Check) Judge(r *Answer, response time.Duration, words bool) (kind, detail string) {
	if !c.status(r.Status) {
		return timeline.KindStatus, say(words, func() string {
			detail := fmt.Sprintf("expected status %s, found %d", c.statuses(), r.Status)
			if r.Unfollowed != "" {
				detail += ": " + r.Unfollowed
			}
			return detail
		})
	}
	for i := range c.headers {
		if !c.header(i, r) {
			return timeline.KindHeader, say(words, func() string { return c.wrongHeader(i, r) })
		}
	}
	for i := range c.parts {
		if !c.parts[i].good(r) {
			return timeline.KindHeader, say(words, func() string { return c.parts[i].wrong(r) })
		}
	}
	return c.JudgeBody(r, response, words)
}

// JudgeBody is Judge without status and headers, for protocols that have none.
func (c *Check) JudgeBody(r *Answer, response time.Duration, words bool) (kind, detail string) {
	if r.BytesIn < c.MinSize || c.MaxSize > 0 && r.BytesIn > c.MaxSize {
		return timeline.KindSize, say(
			words,
			func() string { return fmt.Sprintf("expected a body %s, found %d", c.sizes(), r.BytesIn) },
		)
	}
	if c.WantsBody() {
		if err := r.Unpack(); err != nil {
			return c.bodyKind(), say(words, err.Error)
		}
	}
	if len(c.body) > 0 && !bytes.Contains(r.Body, c.body) {
		return timeline.KindBody, say(words, func() string {
			return fmt.Sprintf(
				"expected a body with %q, found %s",
				plaintext.Clip(c.Body, maxShown),
				excerpt(r),
			)
		})
	}
	if c.matches != nil && !c.matches.Match(r.Body) {
		return timeline.KindBody, say(words, func() string {
			return fmt.Sprintf(
				"expected a body that matches %s, found %s",
				plaintext.Clip(c.Matches, maxShown),
				excerpt(r),
			)
		})
	}
	for i := range c.json {
		if !c.json[i].reply(r) {
			return timeline.KindJSON, say(words, func() string { return c.json[i].wrong(r) })
		}
	}
	if c.Within > 0 && response > c.Within {
		return timeline.KindSlow, say(
			words,
			func() string { return fmt.Sprintf("expected an answer within %s", c.Within) },
		)
	}
	return "", ""
}

// say makes a text, bounded, if there is to be one.
func say(words bool, text func() string) string {
	if !words {
		return ""
	}
	return plaintext.Clip(text(), timeline.MaxDetail)
}

func (c *Check) status(found int) bool {
	if len(c.Status) == 0 {
		return found >= 200 && found <= 399
	}
	return slices.Contains(c.Status, found) || slices.Contains(c.Status, found/100)
}

// header says whether the i-th is as expected; one of several lines is enough.
func (c *Check) header(i int, r *Answer) bool {
	h := c.headers[i]
	for _, v := range r.Header[h.Name] {
		if v != "" && (h.Value == "" || v == h.Value) {
			return true
		}
	}
	return false
}

// wrongHeader says what is wrong with the i-th.
func (c *Check) wrongHeader(i int, r *Answer) string {
	h, name := c.headers[i], c.Headers[i].Name
	found := r.Header[h.Name]
	if len(found) == 0 || found[0] == "" {
		return fmt.Sprintf("expected header %s, found none", name)
	}
	if secret.Header(name) {
		return fmt.Sprintf("expected another value of header %s", name)
	}
	return fmt.Sprintf(
		"expected header %s: %s, found %s",
		name,
		plaintext.Clip(h.Value, maxShown),
		plaintext.Clip(found[0], maxShown),
	)
}

// good says whether a body, which must be JSON, is as expected.
func (c *jsonCheck) good(r *Answer) (bool, error) {
	if c.path.straight {
		text := walkJSON(r.Body, c.path.steps)
		return text != nil && (c.any || isValue(text, c.value)), nil
	}
	nodes, err := c.path.nodes(r)
	if err != nil || c.any {
		return len(nodes) > 0, err
	}
	return slices.ContainsFunc(nodes, func(n any) bool { return equalJSON(n, c.value) }), nil
}

// reply says whether an answer is as expected.
func (c *jsonCheck) reply(r *Answer) bool {
	if !r.isJSON() {
		return false
	}
	ok, err := c.good(r)
	return ok && err == nil
}

// wrong says what is wrong with an answer that is not as expected.
func (c *jsonCheck) wrong(r *Answer) string {
	if !r.isJSON() {
		return r.notJSON().Error()
	}
	if _, err := c.good(r); err != nil {
		return err.Error()
	}
	text, more, err := c.path.first(r)
	if err != nil {
		return err.Error()
	}
	wanted, found := "", "none"
	if !c.any && !c.path.secret {
		wanted = " to be " + plaintext.Clip(compactJSON(c.value), maxShown)
	}
	if text != nil {
		if c.path.secret && string(text) != "null" {
			return fmt.Sprintf(
				"expected another value of %s",
				plaintext.Clip(c.path.text, maxShown),
			)
		}
		found = shownJSON(text)
	}
	if more > 0 {
		found += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf(
		"expected %s%s, found %s",
		plaintext.Clip(c.path.text, maxShown),
		wanted,
		found,
	)
}

// shownJSON is a JSON text for people.
func shownJSON(text []byte) string {
	if v, err := parseJSON(text); err == nil {
		return plaintext.Clip(compactJSON(v), maxShown)
	}
	return plaintext.Clip(Text(text), maxShown)
}

// maxShown is how much of an answer an error's text shows, in bytes.
const maxShown = 60

func excerpt(r *Answer) string {
	if len(r.Body) == 0 {
		return "an empty one"
	}
	s := fmt.Sprintf("%q", plaintext.Clip(Text(r.Body[:min(len(r.Body), 5*maxShown)]), maxShown))
	if r.more(len(r.Body)) {
		s += fmt.Sprintf(" (only the first %d bytes are looked at)", MaxBody)
	}
	return s
}

func (c *Check) statuses() string {
	if len(c.Status) == 0 {
		return "200 to 399"
	}
	s := make([]string, len(c.Status))
	for i, n := range c.Status {
		if s[i] = fmt.Sprint(n); n < 10 {
			s[i] += "xx"
		}
	}
	if n := len(s); n > 1 {
		return strings.Join(s[:n-1], ", ") + " or " + s[n-1]
	}
	return s[0]
}

func (c *Check) sizes() string {
	switch {
	case c.MaxSize == 0:
		return fmt.Sprintf("of at least %d bytes", c.MinSize)
	case c.MinSize == 0:
		return fmt.Sprintf("of at most %d bytes", c.MaxSize)
	}
	return fmt.Sprintf("of %d to %d bytes", c.MinSize, c.MaxSize)
}
