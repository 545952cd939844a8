package attack

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Validate says what is wrong with the capture, nil if nothing.
func (c Capture) Validate() fielderr.List {
	_, err := newCapture(c)
	return fielderr.Of(err)
}

// capture is a Capture, compiled. It is safe for concurrent use.
type capture struct {
	Capture
	path    *jsonPath
	header  string // in its canonical form
	matches *regexp.Regexp
}

// captureName is what a template can say: {{ .name }}.
var captureName = regexp.MustCompile(`^[\pL_][\pL\pN_]*$`)

func newCapture(c Capture) (*capture, error) {
	out := &capture{Capture: c}
	var wrong fielderr.List
	if !captureName.MatchString(c.Name) {
		wrong.Add("name", "name: expected letters, digits and underscores, as templates say {{ .NAME }}, found %q", plaintext.Clip(c.Name, 60))
	}
	ways := 0
	for _, given := range []bool{c.JSON != "", c.Header != "", c.Matches != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		wrong = append(wrong, fielderr.At(nil, "expected one of json, header and matches, found %s", []string{"none", "", "two", "three"}[ways]))
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
			wrong = append(wrong, fielderr.At(fielderr.Field("header"), "header: expected a header name such as Accept, found %q", c.Header).
				WithHint("a header's name has letters, digits and dashes only"))
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
		return nil, fmt.Errorf("expected a regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re, nil
}

func (c *capture) wantBody() bool { return c.path != nil || c.matches != nil }

func (c *capture) wantHeader() bool { return c.header != "" }

// take returns the value: a JSON string as it reads, any other JSON value as
// compact JSON. An empty text and null count as not there, as a step that sends
// them would ask for something else than was meant. An error is of kind
// timeline.KindCapture, and bounded.
func (c *capture) take(r *Answer) (string, error) {
	v, _, err := c.takeKind(r)
	return v, err
}

// takeKind is take, and says what the value was.
func (c *capture) takeKind(r *Answer) (value string, kind valueKind, err error) {
	value, kind, err = c.look(r)
	if err == nil && value == "" {
		err = errors.New("found an empty one")
	}
	if err != nil {
		return "", untyped, errors.New(plaintext.Clip(fmt.Sprintf("capture %s: %s", plaintext.Clip(c.Name, 40), err), timeline.MaxDetail))
	}
	return value, kind, nil
}

func (c *capture) look(r *Answer) (string, valueKind, error) {
	if c.wantBody() {
		if err := r.unpack(); err != nil {
			return "", untyped, err
		}
	}
	switch {
	case c.path != nil:
		if !r.isJSON() {
			return "", untyped, r.notJSON()
		}
		text, _, err := c.path.first(r)
		if err != nil {
			return "", untyped, err
		}
		if text == nil {
			return "", untyped, fmt.Errorf("expected %s, found none", plaintext.Clip(c.JSON, 60))
		}
		v, err := parseJSON(text)
		if err != nil {
			return "", untyped, err
		}
		switch v := v.(type) {
		case string:
			return v, textValue, nil
		case nil:
			return "", untyped, fmt.Errorf("expected %s, found null", plaintext.Clip(c.JSON, 60))
		}
		return compactJSON(v), jsonValue, nil
	case c.header != "":
		values := r.Header[c.header]
		if len(values) == 0 {
			return "", untyped, fmt.Errorf("expected header %s, found none", plaintext.Clip(c.Header, 60))
		}
		return values[0], untyped, nil
	}
	m := c.matches.FindSubmatchIndex(r.Body)
	switch {
	case m == nil:
		return "", untyped, fmt.Errorf("expected a body that matches %s, found %s", plaintext.Clip(c.Matches, 60), excerpt(r))
	case len(m) == 2:
		return asText(r.Body[m[0]:m[1]]), untyped, nil
	case m[2] < 0:
		return "", untyped, fmt.Errorf("expected the first group of %s, found none", plaintext.Clip(c.Matches, 60))
	}
	return asText(r.Body[m[2]:m[3]]), untyped, nil
}

// asText keeps what is no UTF-8 out of data rows.
func asText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "�")
}
