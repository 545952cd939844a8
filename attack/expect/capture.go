package expect

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Validate says what is wrong with the capture, nil if nothing.
func (c Capture) Validate() fielderr.List {
	_, err := NewTaker(c)
	return fielderr.Of(err)
}

// Taker is a Capture, compiled. It is safe for concurrent use.
type Taker struct {
	Capture
	path    *jsonPath
	header  string // in its canonical form
	matches *regexp.Regexp
}

// captureName is what a template can say: {{ .name }}.
var captureName = regexp.MustCompile(`^[\pL_][\pL\pN_]*$`)

func NewTaker(c Capture) (*Taker, error) {
	out := &Taker{Capture: c}
	var wrong fielderr.List
	if !captureName.MatchString(c.Name) {
		wrong.Add(
			"name",
			"name: expected letters, digits and underscores, as templates say {{ .NAME }}, found %q",
			plaintext.Clip(c.Name, 60),
		)
	}
	ways := 0
	for _, given := range []bool{c.JSON != "", c.Header != "", c.Matches != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		wrong = append(
			wrong,
			fielderr.At(
				nil,
				"expected one of json, header and matches, found %s",
				[]string{"none", "", "two", "three"}[ways],
			),
		)
	}
	var err error
	if c.JSON != "" {
		if out.path, err = newJSONPath(c.JSON); err != nil {
			wrong = append(wrong, fielderr.Wrap(err, "json", fielderr.Field("json")))
		}
	}
	if c.Header != "" {
		out.header = http.CanonicalHeaderKey(c.Header)
		if !httpguts.ValidHeaderFieldName(c.Header) {
			wrong = append(
				wrong,
				fielderr.At(fielderr.Field("header"), "header: expected a header name such as Accept, found %q", c.Header).
					WithHint("a header's name has letters, digits and dashes only"),
			)
		}
	}
	if c.Matches != "" {
		if out.matches, err = compileRegexp(c.Matches); err != nil {
			wrong.Add("matches", "matches: %s", err)
		}
	}
	return out, wrong.Err()
}

func compileRegexp(s string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf(
			"expected a regular expression: %s",
			strings.TrimPrefix(err.Error(), "error parsing regexp: "),
		)
	}
	return re, nil
}

func (c *Taker) WantsBody() bool { return c.path != nil || c.matches != nil }

func (c *Taker) WantsHeader() bool { return c.header != "" }

// Take returns the value: a JSON string as it reads, any other JSON value as
// compact JSON. An empty text and null count as not there, as a step that sends
// them would ask for something else than was meant. An error is of kind
// timeline.KindCapture, and bounded.
func (c *Taker) Take(r *Answer) (string, error) {
	v, _, err := c.TakeKind(r)
	return v, err
}

// TakeKind is take, and says what the value was.
func (c *Taker) TakeKind(r *Answer) (value string, kind payload.Kind, err error) {
	value, kind, err = c.look(r)
	if err == nil && value == "" {
		err = errors.New("found an empty one")
	}
	if err != nil {
		return "", payload.Untyped, errors.New(
			plaintext.Clip(
				fmt.Sprintf("capture %s: %s", plaintext.Clip(c.Name, 40), err),
				timeline.MaxDetail,
			),
		)
	}
	return value, kind, nil
}

func (c *Taker) look(r *Answer) (string, payload.Kind, error) {
	if c.WantsBody() {
		if err := r.Unpack(); err != nil {
			return "", payload.Untyped, err
		}
	}
	switch {
	case c.path != nil:
		if !r.isJSON() {
			return "", payload.Untyped, r.notJSON()
		}
		text, _, err := c.path.first(r)
		if err != nil {
			return "", payload.Untyped, err
		}
		if text == nil {
			return "", payload.Untyped, fmt.Errorf(
				"expected %s, found none",
				plaintext.Clip(c.JSON, 60),
			)
		}
		v, err := parseJSON(text)
		if err != nil {
			return "", payload.Untyped, err
		}
		switch v := v.(type) {
		case string:
			return v, payload.Text, nil
		case nil:
			return "", payload.Untyped, fmt.Errorf("expected %s, found null", plaintext.Clip(c.JSON, 60))
		}
		return compactJSON(v), payload.JSON, nil
	case c.header != "":
		values := r.Header[c.header]
		if len(values) == 0 {
			return "", payload.Untyped, fmt.Errorf(
				"expected header %s, found none",
				plaintext.Clip(c.Header, 60),
			)
		}
		return values[0], payload.Untyped, nil
	}
	m := c.matches.FindSubmatchIndex(r.Body)
	switch {
	case m == nil:
		return "", payload.Untyped, fmt.Errorf(
			"expected a body that matches %s, found %s",
			plaintext.Clip(c.Matches, 60),
			excerpt(r),
		)
	case len(m) == 2:
		return Text(r.Body[m[0]:m[1]]), payload.Untyped, nil
	case m[2] < 0:
		return "", payload.Untyped, fmt.Errorf(
			"expected the first group of %s, found none",
			plaintext.Clip(c.Matches, 60),
		)
	}
	return Text(r.Body[m[2]:m[3]]), payload.Untyped, nil
}

// Text keeps what is no UTF-8 out of data rows.
func Text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "�")
}
