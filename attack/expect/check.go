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
	"github.com/seed-1574e9de/ordeal/internal/quantity"
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
		wrong.Add("size", "size: expected min to be at most max, found %s above %s",
			quantity.FormatBytes(float64(e.MinSize)), quantity.FormatBytes(float64(e.MaxSize)))
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

// Show makes what a message shows of a value of an answer, or of the one that was
// expected in its place. It is the value of the header of this name, or at this JSON path.
type Show func(name, value string) string

// Judge says what is wrong with an answer: an empty kind if nothing. response
// is its response time, from when it was due. What is wrong in an answer comes
// before its being late. Unless show is nil it also says it for people, in detail.
func (c *Check) Judge(r *Answer, response time.Duration, show Show) (kind, detail string) {
	if !c.status(r.Status) {
		return timeline.KindStatus, show.say(func() string {
			detail := fmt.Sprintf("expected status %s, found %d", c.statuses(), r.Status)
			if r.Unfollowed != "" {
				detail += ": " + r.Unfollowed
			}
			return detail
		})
	}
	for i := range c.headers {
		if !c.header(i, r) {
			return timeline.KindHeader, show.say(func() string { return c.wrongHeader(i, r, show) })
		}
	}
	for i := range c.parts {
		if !c.parts[i].good(r) {
			return timeline.KindHeader, show.say(func() string { return c.parts[i].wrong(r, show) })
		}
	}
	return c.JudgeBody(r, response, show)
}

// JudgeBody is Judge without status and headers, for protocols that have none.
func (c *Check) JudgeBody(r *Answer, response time.Duration, show Show) (kind, detail string) {
	if r.BytesIn < c.MinSize || c.MaxSize > 0 && r.BytesIn > c.MaxSize {
		return timeline.KindSize, show.say(func() string {
			return fmt.Sprintf("expected a body %s, found %d", c.sizes(), r.BytesIn)
		})
	}
	if c.WantsBody() {
		if err := r.Unpack(); err != nil {
			return c.bodyKind(), show.say(err.Error)
		}
	}
	if len(c.body) > 0 && !bytes.Contains(r.Body, c.body) {
		return timeline.KindBody, show.say(func() string {
			return fmt.Sprintf("expected a body with %s, found %s",
				quoted(plaintext.Clip(c.Body, maxShown)), excerpt(r))
		})
	}
	if c.matches != nil && !c.matches.Match(r.Body) {
		return timeline.KindBody, show.say(func() string {
			return fmt.Sprintf("expected a body that matches %s, found %s",
				plaintext.Clip(c.Matches, maxShown), excerpt(r))
		})
	}
	for i := range c.json {
		if !c.json[i].reply(r) {
			return timeline.KindJSON, show.say(func() string { return c.json[i].wrong(r, show) })
		}
	}
	if c.Within > 0 && response > c.Within {
		return timeline.KindSlow, show.say(func() string {
			return fmt.Sprintf("expected an answer within %s", c.Within)
		})
	}
	return "", ""
}

// say returns the text, bounded; empty without s.
func (s Show) say(text func() string) string {
	if s == nil {
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
func (c *Check) wrongHeader(i int, r *Answer, show Show) string {
	h, name := c.headers[i], c.Headers[i].Name
	found := r.Header[h.Name]
	if len(found) == 0 || found[0] == "" {
		return fmt.Sprintf("expected header %s, found none", name)
	}
	return fmt.Sprintf("expected header %s: %s, found %s", name,
		show(name, plaintext.Clip(h.Value, maxShown)),
		show(name, plaintext.Clip(found[0], maxShown)))
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
func (c *jsonCheck) wrong(r *Answer, show Show) string {
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
	if !c.any {
		value := plaintext.Clip(compactJSON(c.value), maxShown)
		wanted = " to be " + show(c.path.text, value)
	}
	switch {
	case string(text) == "null":
		found = "null" // which says as much as that there is none
	case text != nil:
		found = show(c.path.text, shownJSON(text))
	}
	if more > 0 {
		found += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("expected %s%s, found %s",
		plaintext.Clip(c.path.text, maxShown), wanted, found)
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
	s := quoted(plaintext.Clip(Text(r.Body[:min(len(r.Body), 5*maxShown)]), maxShown))
	if r.more(len(r.Body)) {
		s += fmt.Sprintf(" (only the first %d bytes are looked at)", MaxBody)
	}
	return s
}

// quoted is a text in quotes, on one line. Quotes in it stay as they are, so that people
// read {"id":7}, and so that whoever takes secrets out sees {"token":"…"}.
func quoted(s string) string {
	mark := `"`
	if strings.Contains(s, mark) {
		mark = "`"
	}
	return mark + lineEnds.Replace(s) + mark
}

var lineEnds = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`)

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
