package attack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"
)

// userAgent is sent where the request names none.
const userAgent = "ordeal"

// NewBuilder compiles the plan's requests and returns a function that makes
// the call of an arrival; it is safe for concurrent use. URLs must be absolute
// by now, save for what templates put in. The calls are shared: they must not
// be changed.
func NewBuilder(p *Plan) (func(Arrival) (*Call, error), error) {
	if len(p.Requests) == 0 {
		return nil, errors.New("requests: expected at least one, found none")
	}
	recipes := make([]func(Arrival) (*Call, error), len(p.Requests))
	var errs []error
	for i := range p.Requests {
		var err error
		if recipes[i], err = newRecipe(&p.Requests[i], p); err != nil {
			errs = append(errs, fmt.Errorf("request %q: %w", p.Requests[i].Name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return func(a Arrival) (*Call, error) { return recipes[a.Request](a) }, nil
}

// Validate says all that is wrong with the request, nil if nothing; templates
// are tried with every row of data. It does not ask for an absolute URL.
func (r *Request) Validate() error {
	var errs []error
	if math.IsNaN(r.Weight) || math.IsInf(r.Weight, 0) || r.Weight < 0 {
		errs = append(errs, fmt.Errorf("weight: expected a number of at least 0, found %v", r.Weight))
	}
	if r.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: expected at least 0, found %s", r.Timeout))
	}
	if err := r.Expect.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("expect: %w", err))
	}
	if len(r.Targets) > 0 {
		for i, t := range r.Targets {
			if err := t.validate(); err != nil {
				errs = append(errs, fmt.Errorf("target %d: %w", i+1, err))
			}
		}
		return errors.Join(errs...)
	}
	k, err := newKit(r, 0)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for i := range max(1, len(r.Data)) {
		if _, err := k.render(r, Arrival{Nth: uint64(i)}); err != nil {
			if len(r.Data) > 0 {
				err = fmt.Errorf("with data row %d: %w", i+1, err)
			} else if strings.Contains(err.Error(), "the data row has no") {
				err = fmt.Errorf("%w (the request has no data)", err)
			}
			errs = append(errs, err)
			break
		}
	}
	return errors.Join(errs...)
}

func newRecipe(r *Request, p *Plan) (func(Arrival) (*Call, error), error) {
	c, err := newCheck(r.Expect)
	if err != nil {
		return nil, fmt.Errorf("expect: %w", err)
	}
	if len(r.Targets) > 0 {
		return targetRecipe(r, p.Protocol, c)
	}
	k, err := newKit(r, p.Seed)
	if err != nil {
		return nil, err
	}
	build := func(k *kit, a Arrival) (*Call, error) {
		call, err := k.render(r, a)
		if err != nil {
			return nil, err
		}
		if err := absolute(call.URL, p.Protocol); err != nil {
			return nil, err
		}
		call.WantBody, call.WantHeader = c.wantBody(), c.wantHeader()
		return call, nil
	}
	if k.literal() {
		call, err := build(k, Arrival{})
		if err != nil {
			return nil, err
		}
		call.fixed = true
		return func(Arrival) (*Call, error) { return call, nil }, nil
	}
	// Template functions are bound when a template is parsed, but answer for one
	// arrival: each rendering under way needs templates of its own.
	kits := sync.Pool{New: func() any {
		k, err := newKit(r, p.Seed)
		if err != nil {
			panic("attack: a request that compiled before does not any more: " + err.Error())
		}
		return k
	}}
	kits.Put(k)
	return func(a Arrival) (*Call, error) {
		k := kits.Get().(*kit)
		defer kits.Put(k)
		return build(k, a)
	}, nil
}

func targetRecipe(r *Request, protocol string, c *check) (func(Arrival) (*Call, error), error) {
	calls := make([]*Call, len(r.Targets))
	var errs []error
	for i, t := range r.Targets {
		calls[i] = &Call{
			Method: t.Method, URL: t.URL, Header: withDefault(t.Headers, "User-Agent", userAgent), Body: t.Body,
			WantBody: c.wantBody(), WantHeader: c.wantHeader(), fixed: true,
		}
		if err := errors.Join(t.validate(), absolute(t.URL, protocol)); err != nil {
			errs = append(errs, fmt.Errorf("target %d: %w", i+1, err))
		}
	}
	return func(a Arrival) (*Call, error) { return calls[a.Nth%uint64(len(calls))], nil }, errors.Join(errs...)
}

func (t *Target) validate() error {
	errs := []error{validMethod(t.Method)}
	for _, h := range t.Headers {
		errs = append(errs, validField(h))
	}
	return errors.Join(errs...)
}

// kit is a request's compiled templates. It is not safe for concurrent use.
type kit struct {
	draw           draw
	url            text
	headers, query []namedText
	form           []namedText
	body           text
	json           []jsonPart
	buf            bytes.Buffer
}

type namedText struct {
	name  string
	value text
}

func newKit(r *Request, seed uint64) (*kit, error) {
	k := &kit{draw: draw{seed: seed}}
	var errs []error
	compile := func(what, s string) text {
		t, err := newTemplate(s, &k.draw)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
		return t
	}
	fields := func(what string, fs []Field) []namedText {
		out := make([]namedText, len(fs))
		for i, f := range fs {
			out[i] = namedText{f.Name, compile(what+" "+f.Name, f.Value)}
		}
		return out
	}
	if r.Method != "" {
		if err := validMethod(r.Method); err != nil {
			errs = append(errs, err)
		}
	}
	if r.URL == "" {
		errs = append(errs, errors.New("url: expected one, found none"))
	}
	bodies := 0
	for _, given := range []bool{r.Body != "", r.JSON != "", len(r.Form) > 0} {
		if given {
			bodies++
		}
	}
	if bodies > 1 {
		errs = append(errs, errors.New("expected at most one of body, json and form"))
	}
	k.url = compile("url", r.URL)
	k.headers = fields("header", r.Headers)
	k.query = fields("query", r.Query)
	k.form = fields("form", r.Form)
	k.body = compile("body", r.Body)
	if r.JSON != "" {
		var err error
		if k.json, err = newJSONParts(r.JSON, &k.draw); err != nil {
			errs = append(errs, fmt.Errorf("json: %w", err))
		}
		k.headers = withDefaultText(k.headers, "Content-Type", "application/json")
	}
	if len(r.Form) > 0 {
		k.headers = withDefaultText(k.headers, "Content-Type", "application/x-www-form-urlencoded")
	}
	k.headers = withDefaultText(k.headers, "User-Agent", userAgent)
	return k, errors.Join(errs...)
}

// literal says whether every arrival of the request is the same.
func (k *kit) literal() bool {
	for _, fs := range [][]namedText{k.headers, k.query, k.form} {
		for _, f := range fs {
			if f.value.tmpl != nil {
				return false
			}
		}
	}
	for _, p := range k.json {
		if p.text.tmpl != nil {
			return false
		}
	}
	return k.url.tmpl == nil && k.body.tmpl == nil
}

// render makes the call of one arrival. Templates are rendered in one order,
// so that each gets the same random numbers every time.
func (k *kit) render(r *Request, a Arrival) (*Call, error) {
	k.draw.reset(a)
	var row map[string]string
	if n := uint64(len(r.Data)); n > 0 {
		row = r.Data[a.Nth%n]
	}
	call := &Call{Method: r.Method}
	if call.Method == "" {
		call.Method = http.MethodGet
	}
	var err error
	if call.URL, err = k.url.String(row); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if len(k.query) > 0 {
		u, err := url.Parse(call.URL)
		if err != nil {
			return nil, fmt.Errorf("url: %w", parseError(err))
		}
		q, err := encode(k.query, row)
		if err != nil {
			return nil, fmt.Errorf("query %w", err)
		}
		if u.RawQuery != "" {
			q = u.RawQuery + "&" + q
		}
		u.RawQuery = q
		call.URL = u.String()
	}
	call.Header = make([]Field, len(k.headers))
	for i, h := range k.headers {
		v, err := h.value.String(row)
		if err == nil {
			err = validField(Field{h.name, v})
		}
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", h.name, err)
		}
		call.Header[i] = Field{h.name, v}
	}
	switch {
	case k.json != nil:
		k.buf.Reset()
		if err := renderJSON(&k.buf, k.json, row); err != nil {
			return nil, fmt.Errorf("json: %w", err)
		}
		call.Body = bytes.Clone(k.buf.Bytes())
	case len(k.form) > 0:
		s, err := encode(k.form, row)
		if err != nil {
			return nil, fmt.Errorf("form %w", err)
		}
		call.Body = []byte(s)
	default:
		k.buf.Reset()
		if err := k.body.render(&k.buf, row); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		call.Body = bytes.Clone(k.buf.Bytes())
	}
	return call, nil
}

// encode is url.Values.Encode that keeps the order.
func encode(fs []namedText, row map[string]string) (string, error) {
	var b strings.Builder
	for i, f := range fs {
		v, err := f.value.String(row)
		if err != nil {
			return "", fmt.Errorf("%s: %w", f.name, err)
		}
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(f.name) + "=" + url.QueryEscape(v))
	}
	return b.String(), nil
}

// jsonPart is a piece of a JSON text: copied as it is, or a string whose
// rendered template is quoted again.
type jsonPart struct {
	text   text
	quoted bool
}

// newJSONParts cuts a JSON text at the strings that hold templates.
func newJSONParts(s string, d *draw) ([]jsonPart, error) {
	if !json.Valid([]byte(s)) {
		var v any
		return nil, fmt.Errorf("expected JSON: %w", json.Unmarshal([]byte(s), &v))
	}
	var parts []jsonPart
	from := 0 // of what is not yet in a part
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		end := i + 1
		for ; s[end] != '"'; end++ {
			if s[end] == '\\' {
				end++
			}
		}
		var inner string
		if err := json.Unmarshal([]byte(s[i:end+1]), &inner); err != nil {
			return nil, err
		}
		if strings.Contains(inner, "{{") {
			t, err := newTemplate(inner, d)
			if err != nil {
				return nil, err
			}
			parts = append(parts, jsonPart{text: text{literal: s[from:i]}}, jsonPart{text: t, quoted: true})
			from = end + 1
		}
		i = end
	}
	return append(parts, jsonPart{text: text{literal: s[from:]}}), nil
}

func renderJSON(b *bytes.Buffer, parts []jsonPart, row map[string]string) error {
	for _, p := range parts {
		if !p.quoted {
			b.WriteString(p.text.literal)
			continue
		}
		s, err := p.text.String(row)
		if err != nil {
			return err
		}
		enc := json.NewEncoder(b)
		enc.SetEscapeHTML(false) // a body is no web page: bytes as the file has them
		if err := enc.Encode(s); err != nil {
			return err
		}
		b.Truncate(b.Len() - 1) // the encoder's line end
	}
	return nil
}

func withDefault(fs []Field, name, value string) []Field {
	for _, f := range fs {
		if strings.EqualFold(f.Name, name) {
			return fs
		}
	}
	return append(fs[:len(fs):len(fs)], Field{name, value})
}

func withDefaultText(fs []namedText, name, value string) []namedText {
	for _, f := range fs {
		if strings.EqualFold(f.name, name) {
			return fs
		}
	}
	return append(fs, namedText{name, text{literal: value}})
}

func validMethod(m string) error {
	if !httpguts.ValidHeaderFieldName(m) { // both are tokens of RFC 9110
		return fmt.Errorf("method: expected one such as GET, found %q", m)
	}
	return nil
}

func validField(f Field) error {
	switch {
	case !httpguts.ValidHeaderFieldName(f.Name):
		return fmt.Errorf("expected a header name such as Accept, found %q", f.Name)
	case !httpguts.ValidHeaderFieldValue(f.Value):
		// The value may be a secret.
		return fmt.Errorf("expected a value for header %s without line ends and control characters", f.Name)
	}
	return nil
}

// absolute says why a URL cannot be sent to, nil if it can.
func absolute(s, protocol string) error {
	u, err := url.Parse(s)
	if err != nil {
		return fmt.Errorf("url: %w", parseError(err))
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("url: expected one such as http://127.0.0.1:8080/path, found %q", clip(s, 80))
	}
	if err := fits(protocol, u.Scheme); err != nil {
		return fmt.Errorf("url: %w", err)
	}
	return nil
}

// parseError takes the URL itself off, which can hold a secret.
func parseError(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
