package attack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
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
	b, err := newBuilder(p)
	if err != nil {
		return nil, err
	}
	return b.Build, nil
}

// builder makes calls from a plan's requests. It is safe for concurrent use.
type builder struct{ recipes []recipe }

// recipe makes the calls of one request.
type recipe func(a Arrival, captured map[string]string) (*Call, error)

func newBuilder(p *Plan) (*builder, error) {
	if len(p.Requests) == 0 {
		return nil, errors.New("requests: expected at least one, found none")
	}
	b := &builder{make([]recipe, len(p.Requests))}
	wanted, err := p.wanted()
	if err != nil {
		return nil, err
	}
	var errs []error
	for i := range p.Requests {
		var err error
		if b.recipes[i], err = newRecipe(&p.Requests[i], p, wanted[i]); err != nil {
			errs = append(errs, fmt.Errorf("request %q: %w", p.Requests[i].Name, err))
		}
	}
	return b, errors.Join(errs...)
}

// Build makes the call of an arrival.
func (b *builder) Build(a Arrival) (*Call, error) { return b.recipes[a.Request](a, nil) }

// BuildWith is Build for a step of a flow: what was captured from the answers
// before are columns of the data row, in place of those that it has already.
func (b *builder) BuildWith(a Arrival, captured map[string]string) (*Call, error) {
	return b.recipes[a.Request](a, captured)
}

// Validate says all that is wrong with the request, nil if nothing; templates
// are tried with every row of data. It does not ask for an absolute URL.
func (r *Request) Validate() error { return r.ValidateWith(nil) }

// placeholder stands for a value that only the run will know. It may stand
// anywhere: in a URL, a header, a number; and templates may cut it, {{ slice .token 0 8 }}.
const placeholder = "1111111111111111111111111111111111111111111111111111111111111111"

// ValidateWith is Validate for a step of a flow, whose templates may name
// further columns: those that the steps before it capture.
func (r *Request) ValidateWith(columns []string) error {
	captured := make(map[string]string, len(columns))
	for _, c := range columns {
		captured[c] = placeholder
	}
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
	call := new(Call)
	for i := range max(1, len(r.Data)) {
		if err := k.render(call, r, Arrival{Nth: uint64(i)}, captured); err != nil {
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

func newRecipe(r *Request, p *Plan, want wants) (recipe, error) {
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
	build := func(call *Call, k *kit, a Arrival, captured map[string]string) error {
		if err := k.render(call, r, a, captured); err != nil {
			return err
		}
		if !k.plainURL {
			if err := absolute(call.URL, p.Protocol); err != nil {
				return err
			}
		}
		call.WantBody, call.WantHeader = want.body || c.wantBody(), want.header || c.wantHeader()
		return nil
	}
	if k.literal() {
		call := &Call{fixed: true}
		if err := build(call, k, Arrival{}, nil); err != nil {
			return nil, err
		}
		return func(Arrival, map[string]string) (*Call, error) { return call, nil }, nil
	}
	k.form = newForm(k, p.Protocol)
	form := k.form
	// Template functions are bound when a template is parsed, but answer for one
	// arrival: each rendering under way needs templates of its own.
	kits := sync.Pool{New: func() any {
		k, err := newKit(r, p.Seed)
		if err != nil {
			panic("attack: a request that compiled before does not any more: " + err.Error())
		}
		k.form = form
		return k
	}}
	kits.Put(k)
	calls := &sync.Pool{New: func() any { return new(Call) }}
	return func(a Arrival, captured map[string]string) (*Call, error) {
		k := kits.Get().(*kit)
		defer kits.Put(k)
		call := calls.Get().(*Call)
		call.home, call.done = calls, false
		if err := build(call, k, a, captured); err != nil {
			calls.Put(call)
			return nil, err
		}
		return call, nil
	}, nil
}

func targetRecipe(r *Request, protocol string, c *check) (recipe, error) {
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
	return func(a Arrival, _ map[string]string) (*Call, error) { return calls[a.Nth%uint64(len(calls))], nil }, errors.Join(errs...)
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
	method  string
	url     text
	headers []headerText
	query   []namedText
	fields  []namedText // of the form
	body    text
	json    []jsonPart
	form    *form // nil: nothing is known of how calls go out

	// Of the rendering under way.
	draw     draw
	row      row
	head     []byte // URL and headers, which become one string
	ends     []int  // of the headers in head
	value    []byte // before it is escaped
	bodySize int    // of the largest so far
	plainURL bool   // the URL begins with form.base, and goes out as it stands
	sameURL  string // of all arrivals; empty if it differs, or is not known yet
	sameBody []byte // likewise
}

type namedText struct {
	name  string
	value text
}

type headerText struct {
	namedText
	host bool  // it is the header Host
	err  error // what is wrong with its name, and with its value if that is fixed
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
	named := func(what string, fs []Field) []namedText {
		out := make([]namedText, len(fs))
		for i, f := range fs {
			out[i] = namedText{f.Name, compile(what+" "+f.Name, f.Value)}
		}
		return out
	}
	if k.method = r.Method; k.method == "" {
		k.method = http.MethodGet
	} else {
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
	headers := named("header", r.Headers)
	k.query = named("query", r.Query)
	k.fields = named("form", r.Form)
	k.body = compile("body", r.Body)
	if r.JSON != "" {
		var err error
		if k.json, err = newJSONParts(r.JSON, &k.draw); err != nil {
			errs = append(errs, fmt.Errorf("json: %w", err))
		}
		headers = withDefaultText(headers, "Content-Type", "application/json")
	}
	if len(r.Form) > 0 {
		headers = withDefaultText(headers, "Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range withDefaultText(headers, "User-Agent", userAgent) {
		k.headers = append(k.headers, headerText{
			namedText: h, host: strings.EqualFold(h.name, "Host"), err: validField(Field{h.name, h.value.literal}),
		})
	}
	return k, errors.Join(errs...)
}

// literal says whether every arrival of the request is the same.
func (k *kit) literal() bool {
	for i := range k.headers {
		if !k.headers[i].value.fixed() {
			return false
		}
	}
	return k.url.fixed() && allFixed(k.query) && k.bodyFixed()
}

func (k *kit) bodyFixed() bool {
	for i := range k.json {
		if !k.json[i].text.fixed() {
			return false
		}
	}
	return k.body.fixed() && allFixed(k.fields)
}

func allFixed(fs []namedText) bool {
	for i := range fs {
		if !fs[i].value.fixed() {
			return false
		}
	}
	return true
}

// render fills the call of one arrival in. Templates are rendered in one order,
// so that each gets the same random numbers every time.
func (k *kit) render(call *Call, r *Request, a Arrival, captured map[string]string) error {
	k.draw.reset(a)
	k.row = row{captured: captured}
	if n := uint64(len(r.Data)); n > 0 {
		k.row.data = r.Data[a.Nth%n]
	}
	call.Method, call.form = k.method, nil
	k.head = k.head[:0]
	if k.sameURL == "" {
		if err := k.renderURL(); err != nil {
			return err
		}
	}
	end := len(k.head)
	plain, err := k.renderHeaders()
	if err != nil {
		return err
	}
	s := string(k.head)
	if call.URL, s = s[:end], s[end:]; k.sameURL != "" {
		call.URL = k.sameURL
	} else if k.url.fixed() && allFixed(k.query) {
		k.sameURL = strings.Clone(call.URL)
	}
	call.Header = slices.Grow(call.Header[:0], len(k.headers))
	for i := range k.headers {
		h := &k.headers[i]
		f := Field{h.name, h.value.literal}
		if !h.value.fixed() {
			n := k.ends[i] - end
			f.Value, s, end = s[:n], s[n:], k.ends[i]
		}
		call.Header = append(call.Header, f)
	}
	switch {
	case k.sameBody != nil:
		call.Body = k.sameBody
	case k.bodyFixed():
		// In memory of its own, as calls share it from now on.
		if k.sameBody, err = k.renderBody(nil); err != nil {
			return err
		}
		call.Body = k.sameBody
	default:
		if call.Body, err = k.renderBody(slices.Grow(call.Body[:0], k.bodySize)); err != nil {
			return err
		}
		k.bodySize = max(k.bodySize, len(call.Body))
	}
	if k.form != nil && k.plainURL && plain && k.form.body == (len(call.Body) > 0) {
		call.form = k.form
	}
	return nil
}

// renderURL puts the URL into k.head.
func (k *kit) renderURL() (err error) {
	if k.head, err = k.url.append(k.head, &k.row); err != nil {
		return fmt.Errorf("url: %w", err)
	}
	k.plainURL = k.form != nil && plainTarget(k.head[len(k.form.base):])
	if len(k.query) == 0 {
		return nil
	}
	if !k.plainURL {
		return k.addQuery()
	}
	sep := byte('?')
	if at := bytes.IndexByte(k.head[len(k.form.base):], '?'); at >= 0 {
		sep = '&'
		if len(k.form.base)+at+1 == len(k.head) {
			k.head = k.head[:len(k.head)-1]
			sep = '?'
		}
	}
	if k.head, err = k.appendFields(append(k.head, sep), k.query); err != nil {
		return fmt.Errorf("query %w", err)
	}
	return nil
}

// addQuery adds query parameters to a URL of which nothing is known.
func (k *kit) addQuery() error {
	u, err := url.Parse(string(k.head))
	if err != nil {
		return fmt.Errorf("url: %w", parseError(err))
	}
	q, err := k.appendFields(nil, k.query)
	if err != nil {
		return fmt.Errorf("query %w", err)
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += string(q)
	k.head = append(k.head[:0], u.String()...)
	return nil
}

// renderHeaders adds the values that differ to k.head. They are plain if they
// go out as they stand.
func (k *kit) renderHeaders() (plain bool, err error) {
	plain = true
	k.ends = slices.Grow(k.ends[:0], len(k.headers))[:len(k.headers)]
	for i := range k.headers {
		h := &k.headers[i]
		from := len(k.head)
		if !h.value.fixed() {
			if k.head, err = h.value.append(k.head, &k.row); err != nil {
				return false, fmt.Errorf("header %s: %w", h.name, err)
			}
		}
		k.ends[i] = len(k.head)
		if err = h.err; err == nil && !h.value.fixed() {
			v := k.head[from:]
			switch {
			case !plainValue(v):
				plain = false
				err = validField(Field{h.name, string(v)})
			case h.host && !plainHost(v):
				plain = false
			}
		}
		if err != nil {
			return false, fmt.Errorf("header %s: %w", h.name, err)
		}
	}
	return plain, nil
}

// renderBody adds the body to b.
func (k *kit) renderBody(b []byte) ([]byte, error) {
	var err error
	switch {
	case k.json != nil:
		if b, err = k.appendParts(b); err != nil {
			return b, fmt.Errorf("json: %w", err)
		}
	case len(k.fields) > 0:
		if b, err = k.appendFields(b, k.fields); err != nil {
			return b, fmt.Errorf("form %w", err)
		}
	default:
		if b, err = k.body.append(b, &k.row); err != nil {
			return b, fmt.Errorf("body: %w", err)
		}
	}
	return b, nil
}

// appendFields is url.Values.Encode that keeps the order.
func (k *kit) appendFields(b []byte, fs []namedText) ([]byte, error) {
	for i := range fs {
		f := &fs[i]
		var err error
		if k.value, err = f.value.append(k.value[:0], &k.row); err != nil {
			return b, fmt.Errorf("%s: %w", f.name, err)
		}
		if i > 0 {
			b = append(b, '&')
		}
		b = appendQuery(b, f.name)
		b = append(b, '=')
		b = appendQuery(b, k.value)
	}
	return b, nil
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

// appendParts adds a JSON text to b.
func (k *kit) appendParts(b []byte) ([]byte, error) {
	for i := range k.json {
		p := &k.json[i]
		if !p.quoted {
			b = append(b, p.text.literal...)
			continue
		}
		var err error
		if k.value, err = p.text.append(k.value[:0], &k.row); err != nil {
			return b, err
		}
		if b, err = appendJSON(b, k.value); err != nil {
			return b, err
		}
	}
	return b, nil
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
