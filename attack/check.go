package attack

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Validate says what is wrong with the expectation, nil if nothing.
func (e Expect) Validate() error {
	_, err := newCheck(e)
	return err
}

// check is an Expect, compiled. It is safe for concurrent use.
type check struct {
	Expect
	matches *regexp.Regexp
}

func newCheck(e Expect) (*check, error) {
	c := &check{Expect: e}
	var errs []error
	for _, s := range e.Status {
		if s < 100 || s > 599 {
			errs = append(errs, fmt.Errorf("status: expected 100 to 599, found %d", s))
		}
	}
	if e.Matches != "" {
		re, err := regexp.Compile(e.Matches)
		if err != nil {
			errs = append(errs, fmt.Errorf("matches: expected a regular expression: %s",
				strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
		}
		c.matches = re
	}
	for _, h := range e.Headers {
		if h.Name == "" {
			errs = append(errs, errors.New("headers: expected a name, found none"))
		}
	}
	return c, errors.Join(errs...)
}

func (c *check) wantBody() bool { return c.Body != "" || c.matches != nil }

func (c *check) wantHeader() bool { return len(c.Headers) > 0 }

// reply says what is wrong with an answer: an empty kind if nothing.
func (c *check) reply(r *Reply) (kind, detail string) {
	if r.Err != nil {
		return classify(r.Err)
	}
	if len(c.Status) > 0 {
		if !slices.Contains(c.Status, r.Status) {
			return KindStatus, fmt.Sprintf("expected status %s, found %d", oneOf(c.Status), r.Status)
		}
	} else if r.Status < 200 || r.Status > 399 {
		return KindStatus, fmt.Sprintf("expected status 200 to 399, found %d", r.Status)
	}
	for _, h := range c.Headers {
		var found string
		if r.Header != nil {
			found = r.Header.Get(h.Name)
		}
		switch {
		case found == "":
			return KindHeader, clip(fmt.Sprintf("expected header %s, found none", h.Name), maxDetail)
		case h.Value != "" && found != h.Value:
			return KindHeader, clip(fmt.Sprintf("expected header %s: %s, found %s", h.Name, clip(h.Value, 60), clip(found, 60)), maxDetail)
		}
	}
	if c.Body != "" && !bytes.Contains(r.Body, []byte(c.Body)) {
		return KindBody, clip(fmt.Sprintf("expected a body with %q, found %s", clip(c.Body, 60), excerpt(r)), maxDetail)
	}
	if c.matches != nil && !c.matches.Match(r.Body) {
		return KindBody, clip(fmt.Sprintf("expected a body that matches %s, found %s", clip(c.Matches, 60), excerpt(r)), maxDetail)
	}
	return "", ""
}

func excerpt(r *Reply) string {
	if len(r.Body) == 0 {
		return "an empty one"
	}
	s := fmt.Sprintf("%q", clip(strings.ToValidUTF8(string(r.Body[:min(len(r.Body), 80)]), "�"), 60))
	if r.BytesIn > MaxBody {
		s += fmt.Sprintf(" (only the first %d bytes are looked at)", MaxBody)
	}
	return s
}

func oneOf(statuses []int) string {
	s := make([]string, len(statuses))
	for i, n := range statuses {
		s[i] = fmt.Sprint(n)
	}
	if n := len(s); n > 1 {
		return strings.Join(s[:n-1], ", ") + " or " + s[n-1]
	}
	return s[0]
}
