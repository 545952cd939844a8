package httpx

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// compiled is a request's compiled templates. It is not safe for concurrent use.
type compiled struct {
	method  string
	url     payload.Template
	headers []headerText
	query   []namedText
	fields  []namedText // of the form
	body    payload.Template
	json    []payload.JSONPart
	layout  *Layout // nil: calls have no common layout

	shared *payload.Shared
	// missing, if set, is the error of a column that is not there.
	missing func(column string) error

	// Of the rendering under way.
	draw     payload.Draw
	row      payload.Row
	head     []byte // URL and headers, which become one string
	ends     []int  // of the headers in head
	value    []byte // before it is escaped
	bodySize int    // of the largest so far
	plainURL bool   // the URL begins with layout.Base, and goes out as it stands
	sameURL  string // of all arrivals; empty if it differs, or is not known yet
	sameBody []byte // likewise
}

type namedText struct {
	name  string
	value payload.Template
}

type headerText struct {
	namedText
	host bool  // it is the header Host
	err  error // what is wrong with its name, and with its value if that is fixed
}

// wrong is an error of the header.
func (h *headerText) wrong(err error) error {
	return fielderr.Wrap(err, "header "+h.name, fielderr.Field("headers", h.name))
}

func newCompiled(r *Request, seed uint64) (*compiled, fielderr.List) {
	k := &compiled{draw: payload.Draw{Seed: seed}}
	var wrong fielderr.List
	compile := func(what, s string, keys ...string) payload.Template {
		t, err := payload.New(s, &k.draw)
		if err != nil {
			wrong = append(wrong, fielderr.Wrap(err, what, fielderr.Field(keys...)))
		}
		return t
	}
	named := func(what, key string, fs []payload.Field) []namedText {
		out := make([]namedText, len(fs))
		for i, f := range fs {
			out[i] = namedText{f.Name, compile(what+" "+f.Name, f.Value, key, f.Name)}
		}
		return out
	}
	if k.method = r.Method; k.method == "" {
		k.method = http.MethodGet
	} else {
		wrong = append(wrong, fielderr.Of(validMethod(r.Method))...)
	}
	if r.URL == "" {
		wrong.Add("url", "url: expected one, found none")
	}
	bodies := 0
	for _, given := range []bool{r.Body != "", r.JSON != "", len(r.Form) > 0, r.File != nil} {
		if given {
			bodies++
		}
	}
	if bodies > 1 {
		wrong = append(
			wrong,
			fielderr.At(nil, "expected at most one of body, json, form and file"),
		)
	}
	var err error
	if k.url, err = payload.NewURL(r.URL, &k.draw); err != nil {
		wrong = append(wrong, fielderr.Wrap(err, "url", fielderr.Field("url")))
	}
	headers := named("header", "headers", r.Headers)
	k.query = named("query", "query", r.Query)
	k.fields = named("form", "form", r.Form)
	k.body = compile("body", r.Body, "body")
	if r.File != nil {
		if k.sameBody = r.File.Bytes; k.sameBody == nil {
			k.sameBody = []byte{}
		}
	}
	if r.JSON != "" {
		if k.json, err = payload.ParseJSON(r.JSON, &k.draw); err != nil {
			wrong = append(wrong, fielderr.Wrap(err, "json", fielderr.Field("json")))
		}
		headers = withDefaultText(headers, "Content-Type", "application/json")
	}
	if len(r.Form) > 0 {
		headers = withDefaultText(headers, "Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range withDefaultText(headers, "User-Agent", UserAgent) {
		k.headers = append(k.headers, headerText{
			namedText: h, host: strings.EqualFold(h.name, "Host"), err: ValidField(payload.Field{Name: h.name, Value: h.value.Literal()}),
		})
	}
	return k, wrong
}

// literal says whether every arrival of the request is the same.
func (k *compiled) literal() bool {
	for i := range k.headers {
		if !k.headers[i].value.IsFixed() {
			return false
		}
	}
	return k.url.IsFixed() && allFixed(k.query) && k.bodyFixed()
}

func (k *compiled) bodyFixed() bool {
	for i := range k.json {
		if !k.json[i].Text.IsFixed() {
			return false
		}
	}
	return k.body.IsFixed() && allFixed(k.fields)
}

func allFixed(fs []namedText) bool {
	for i := range fs {
		if !fs[i].value.IsFixed() {
			return false
		}
	}
	return true
}

// render fills the call of one arrival in. Templates are rendered in one order,
// so that each gets the same random numbers every time.
func (k *compiled) render(call *Call, data *payload.Data, a attack.Arrival, by *Caller) error {
	k.draw.Reset(a.Seq, a.Nth)
	k.row.Reset(data, a.Nth, by.Values)
	k.row.Share(k.shared)
	k.row.Missing = k.missing
	call.Method, call.Layout = k.method, nil
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
	} else if k.url.IsFixed() && allFixed(k.query) {
		k.sameURL = strings.Clone(call.URL)
	}
	call.Header = slices.Grow(call.Header[:0], len(k.headers))
	for i := range k.headers {
		h := &k.headers[i]
		f := payload.Field{Name: h.name, Value: h.value.Literal()}
		if !h.value.IsFixed() {
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
	if k.layout != nil && k.plainURL && plain && k.layout.Body == (len(call.Body) > 0) {
		call.Layout = k.layout
	}
	return nil
}

// renderURL puts the URL into k.head.
func (k *compiled) renderURL() (err error) {
	if k.head, err = k.url.Append(k.head, &k.row); err != nil {
		return fielderr.Wrap(err, "url", fielderr.Field("url"))
	}
	k.head = escapeQuery(k.head)
	k.plainURL = k.layout != nil && isPlainPath(k.head[len(k.layout.Base):])
	if len(k.query) == 0 {
		return nil
	}
	if !k.plainURL {
		return k.addQuery()
	}
	sep := byte('?')
	if at := bytes.IndexByte(k.head[len(k.layout.Base):], '?'); at >= 0 {
		sep = '&'
		if len(k.layout.Base)+at+1 == len(k.head) {
			k.head = k.head[:len(k.head)-1]
			sep = '?'
		}
	}
	k.head, err = k.appendFields(append(k.head, sep), k.query, "query")
	return err
}

// addQuery adds query parameters to a URL of which nothing is known.
func (k *compiled) addQuery() error {
	u, err := url.Parse(string(k.head))
	if err != nil {
		return badURL(string(k.head), err)
	}
	q, err := k.appendFields(nil, k.query, "query")
	if err != nil {
		return err
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
func (k *compiled) renderHeaders() (plain bool, err error) {
	plain = true
	k.ends = slices.Grow(k.ends[:0], len(k.headers))[:len(k.headers)]
	for i := range k.headers {
		h := &k.headers[i]
		from := len(k.head)
		if !h.value.IsFixed() {
			if k.head, err = h.value.Append(k.head, &k.row); err != nil {
				return false, h.wrong(err)
			}
		}
		k.ends[i] = len(k.head)
		if err = h.err; err == nil && !h.value.IsFixed() {
			v := k.head[from:]
			switch {
			case !isPlainValue(v):
				plain = false
				err = ValidField(payload.Field{Name: h.name, Value: string(v)})
			case h.host && !isPlainHost(v):
				plain = false
			}
		}
		if err != nil {
			return false, h.wrong(err)
		}
	}
	return plain, nil
}

// renderBody adds the body to b.
func (k *compiled) renderBody(b []byte) ([]byte, error) {
	var err error
	switch {
	case k.json != nil:
		if b, err = k.appendParts(b); err != nil {
			return b, fielderr.Wrap(err, "json", fielderr.Field("json"))
		}
	case len(k.fields) > 0:
		return k.appendFields(b, k.fields, "form")
	default:
		if b, err = k.body.Append(b, &k.row); err != nil {
			return b, fielderr.Wrap(err, "body", fielderr.Field("body"))
		}
	}
	return b, nil
}

// appendFields is url.Values.Encode that keeps the order. The fields are those of
// key, "query" or "form".
func (k *compiled) appendFields(b []byte, fs []namedText, key string) ([]byte, error) {
	wrong := func(f *namedText, err error) error {
		return fielderr.Wrap(err, key+" "+f.name, fielderr.Field(key, f.name))
	}
	for i := range fs {
		f := &fs[i]
		var err error
		if k.value, err = f.value.Append(k.value[:0], &k.row); err != nil {
			return b, wrong(f, err)
		}
		if i > 0 {
			b = append(b, '&')
		}
		b = payload.AppendQuery(b, f.name)
		b = append(b, '=')
		if b = payload.AppendQuery(b, k.value); len(b) > payload.MaxRendered {
			return b, wrong(f, payload.ErrTooMuch)
		}
	}
	return b, nil
}
