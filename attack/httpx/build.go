package httpx

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// UserAgent is sent where the request names none.
const UserAgent = "ordeal"

// NewBuilder compiles the plan's requests and returns a function that makes the call of an arrival;
// it is safe for concurrent use. URLs must be absolute, but for parts that templates put in. Calls
// are shared, and must not be changed.
func NewBuilder(p *attack.Plan) (func(attack.Arrival) (*Call, error), error) {
	b, wrong := New(p)
	if wrong != nil {
		return nil, wrong.Err()
	}
	return b.Build, nil
}

// Builder makes calls from a plan's requests. It is safe for concurrent use.
type Builder struct{ makers []callMaker }

// callMaker makes the calls of one request.
type callMaker func(a attack.Arrival, by *Caller) (*Call, error)

// Caller has the values and the cookies of a flow's caller, for its next step.
type Caller struct {
	Values  *payload.Values // nil: none
	Cookies *Jar            // nil: it keeps none
}

// freshCaller is a caller without values and cookies.
var freshCaller Caller

// New compiles the plan's requests of this protocol. Mistakes are those of fields of the plan.
func New(p *attack.Plan) (*Builder, fielderr.List) {
	if len(p.Requests) == 0 {
		return nil, fielderr.List{
			fielderr.At(fielderr.Field("requests"), "requests: expected at least one, found none"),
		}
	}
	b := &Builder{make([]callMaker, len(p.Requests))}
	wanted, wrong := wanted(p)
	if wrong != nil {
		return nil, wrong
	}
	for i := range p.Requests {
		r := &p.Requests[i]
		var bad fielderr.List
		switch spec, ok := r.Spec.(*Request); {
		case ok:
			b.makers[i], bad = newCallMaker(spec, r.Data, p, wanted[i])
		case r.Protocol == Name:
			bad = fielderr.List{
				fielderr.At(nil, "expected settings of protocol %s, found %T", Name, r.Spec),
			}
		}
		wrong = append(wrong, attack.InRequest(p, i, bad)...)
	}
	return b, wrong
}

// Build makes the call of an arrival.
func (b *Builder) Build(a attack.Arrival) (*Call, error) {
	return b.makers[a.Request](a, &freshCaller)
}

// BuildWith is Build for a step of a flow.
func (b *Builder) BuildWith(a attack.Arrival, by *Caller) (*Call, error) {
	return b.makers[a.Request](a, by)
}

// placeholder stands for a value that only the run will know. It has to be valid anywhere: in a
// URL, a header, as a number; and to be cut by templates, {{ slice .token 0 8 }}.
const placeholder = "1111111111111111111111111111111111111111111111111111111111111111"

// Columns are the names that the templates of a step may use beside those of its
// data.
type Columns struct {
	// Names are captured by the steps before it.
	Names []string
	// Missing, if set, returns the message for a column that is not there, and what to do.
	Missing func(name string) (msg, hint string)
}

// ValidateRows is Validate for a request that may name further columns. It tries at most so many
// rows of data, evenly spaced, and says how many it tried. If values cannot make a request invalid,
// as they are escaped, one row for each set of columns is enough. Paths of mistakes begin with url,
// method, headers, query, body, form, json, and so on, as in a scenario file.
func (r *Request) ValidateRows(
	data *payload.Data, columns Columns, most int,
) (tried int, wrong fielderr.List) {
	captured := new(payload.Values)
	for _, c := range columns.Names {
		captured.Set(c, placeholder, payload.Untyped)
	}
	wrong = append(wrong, r.Expect.Validate().Below(fielderr.Field("expect"), "expect")...)
	if len(r.Targets) > 0 {
		for i, t := range r.Targets {
			wrong = append(wrong, inTarget(i, validateTarget(&t))...)
		}
		return tried, wrong
	}
	k, bad := newCompiled(r, 0)
	if bad != nil {
		return tried, append(wrong, bad...)
	}
	missed := false
	k.missing = func(column string) error {
		missed = true
		switch {
		case columns.Missing != nil:
			msg, hint := columns.Missing(column)
			return fielderr.Error{Msg: msg, Hint: hint}
		case data.Len() == 0:
			return fmt.Errorf("%w (the request has no data)", payload.NoColumn(column))
		}
		return payload.NoColumn(column)
	}
	call := new(Call)
	for i := range k.trialRows(data, most) {
		tried++
		err := k.render(call, data, attack.Arrival{Nth: uint64(i)}, &Caller{Values: captured})
		if err == nil {
			err = cmp.Or(validURL(call.URL), sendable(call.Header))
		}
		if err == nil {
			continue
		}
		for _, e := range fielderr.Of(err) {
			if data.Len() > 0 {
				e.Row = i + 1
			}
			if i == 0 && missed && columns.Missing != nil {
				e.Row = 0 // the row does not matter: no step before captures the column
			}
			wrong = append(wrong, e)
		}
		break
	}
	return tried, wrong
}

func newCallMaker(
	r *Request, data *payload.Data, p *attack.Plan, want wants,
) (callMaker, fielderr.List) {
	c, err := expect.New(r.Expect)
	if err != nil {
		return nil, fielderr.Of(err).Below(fielderr.Field("expect"), "expect")
	}
	if len(r.Targets) > 0 {
		return targetCallMaker(r, p.Protocol, c)
	}
	k, wrong := newCompiled(r, p.Seed)
	if wrong != nil {
		return nil, wrong
	}
	k.shared = p.Shared
	build := func(call *Call, k *compiled, a attack.Arrival, by *Caller) error {
		if err := k.render(call, data, a, by); err != nil {
			return err
		}
		if !k.plainURL {
			if err := Absolute(call.URL, p.Protocol); err != nil {
				return err
			}
		}
		call.WantBody, call.WantHeader = want.body || c.WantsBody(), want.header || c.WantsHeader()
		call.WantCookies = want.cookies
		call.Carry(by.Cookies)
		return nil
	}
	if k.literal() {
		call := &Call{Fixed: true}
		if err := build(call, k, attack.Arrival{}, &freshCaller); err != nil {
			return nil, fielderr.Of(err)
		}
		if !want.cookies {
			return func(attack.Arrival, *Caller) (*Call, error) { return call, nil }, nil
		}
		return withCookies(call, newLayout(k, p.Protocol), p.Redirects > 0), nil
	}
	k.layout = newLayout(k, p.Protocol)
	form := k.layout
	// Template functions are bound when a template is parsed, and return the values of one arrival:
	// each rendering under way needs templates of its own.
	kits := sync.Pool{New: func() any {
		k, wrong := newCompiled(r, p.Seed)
		if wrong != nil {
			panic("attack: a request that compiled before does not any more: " + wrong.Err().Error())
		}
		k.layout, k.shared = form, p.Shared
		return k
	}}
	kits.Put(k)
	calls := &sync.Pool{New: func() any { return new(Call) }}
	return func(a attack.Arrival, by *Caller) (*Call, error) {
		k := kits.Get().(*compiled)
		defer kits.Put(k)
		call := calls.Get().(*Call)
		call.Home, call.Done = calls, false
		if err := build(call, k, a, by); err != nil {
			calls.Put(call)
			return nil, err
		}
		return call, nil
	}, nil
}

// withCookies makes the calls of a step without templates: call itself, or a copy of it if its
// caller has cookies, or follows redirects that may set some.
func withCookies(call *Call, f *Layout, redirects bool) callMaker {
	calls := &sync.Pool{New: func() any { return new(Call) }}
	return func(_ attack.Arrival, by *Caller) (*Call, error) {
		if by.Cookies == nil || len(by.Cookies.kept) == 0 && !redirects {
			return call, nil
		}
		own := calls.Get().(*Call)
		own.Method, own.URL, own.Header, own.Body = call.Method, call.URL, call.Header, call.Body
		own.WantBody, own.WantHeader, own.WantCookies = call.WantBody, call.WantHeader, true
		own.Home, own.Done, own.Layout = calls, false, f
		own.Carry(by.Cookies)
		return own, nil
	}
}

// Carry puts the cookies of the jar that belong to the call's URL into the call.
func (c *Call) Carry(jar *Jar) {
	c.Jar, c.Cookie = jar, c.Cookie[:0]
	if jar == nil {
		return
	}
	if c.Cookie = jar.Append(c.Cookie, SiteOf(c)); len(c.Cookie) > 0 && c.Layout != nil &&
		!c.Layout.takes(c) {
		c.Layout = nil
	}
}

func targetCallMaker(r *Request, protocol string, c *expect.Check) (callMaker, fielderr.List) {
	calls := make([]*Call, len(r.Targets))
	var wrong fielderr.List
	for i, t := range r.Targets {
		calls[i] = &Call{
			Method: t.Method, URL: string(escapeQuery([]byte(t.URL))),
			Header: withDefault(t.Headers, "User-Agent", UserAgent), Body: t.Body,
			WantBody: c.WantsBody(), WantHeader: c.WantsHeader(), Fixed: true,
		}
		bad := append(validateTarget(&t), fielderr.Of(Absolute(t.URL, protocol))...)
		wrong = append(wrong, inTarget(i, bad)...)
	}
	return func(a attack.Arrival, _ *Caller) (*Call, error) {
		return calls[a.Nth%uint64(len(calls))], nil
	}, wrong
}

// inTarget returns the mistakes in the target at i as those of its request.
func inTarget(i int, wrong fielderr.List) fielderr.List {
	return wrong.Below(fielderr.Field("targets").Item(i), fmt.Sprintf("target %d", i+1))
}

func validateTarget(t *Target) fielderr.List {
	errs := []error{validMethod(t.Method), validURL(t.URL), sendable(t.Headers)}
	for _, h := range t.Headers {
		errs = append(errs, ValidField(h))
	}
	return fielderr.Of(errors.Join(errs...))
}

func withDefault(fs []payload.Field, name, value string) []payload.Field {
	for _, f := range fs {
		if strings.EqualFold(f.Name, name) {
			return fs
		}
	}
	return append(fs[:len(fs):len(fs)], payload.Field{Name: name, Value: value})
}

func withDefaultText(fs []namedText, name, value string) []namedText {
	for _, f := range fs {
		if strings.EqualFold(f.name, name) {
			return fs
		}
	}
	return append(fs, namedText{name, payload.Fixed(value)})
}

func validMethod(m string) error {
	if !httpguts.ValidHeaderFieldName(m) { // both are tokens of RFC 9110
		return fielderr.At(fielderr.Field("method"), "method: expected one such as GET, found %q", m).
			WithHint("a method is one word, such as GET or PURGE")
	}
	return nil
}

// validURL says what is wrong with a URL, which may be a path. A line end would
// end its line, and what follows would be headers.
func validURL(s string) error {
	if strings.HasPrefix(s, "/") {
		s = "http://host" + s
	}
	if hasControl(s) {
		return errControl
	}
	if _, err := url.Parse(s); err != nil {
		return badURL(s, err)
	}
	return nil
}

const oneLine = "a URL is one line: write %0A for a line end that the target is to get, %0D, " +
	"%09 and so on for other characters"

var errControl = fielderr.At(fielderr.Field("url"), "url: expected one without line ends and control characters").
	WithHint(oneLine)

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// badURL is what url.Parse says of a request's URL.
func badURL(s string, err error) error {
	if hasControl(s) {
		return errControl
	}
	err = WithoutURL(err)
	e := fielderr.Wrap(err, "url", fielderr.Field("url"))
	if _, ok := errors.AsType[url.EscapeError](err); ok {
		e.Hint = "write %25 for a percent sign"
	}
	return e
}

// byEngine are headers that engines write by themselves, whatever the request has: they say how
// long the body is.
var byEngine = []string{"Content-Length", "Transfer-Encoding"}

// sendable refuses headers that would be dropped unseen.
func sendable(fs []payload.Field) error {
	for _, f := range fs {
		at := fielderr.Field("headers", f.Name)
		switch {
		case slices.ContainsFunc(byEngine, func(name string) bool { return strings.EqualFold(name, f.Name) }):
			return fielderr.At(at, "header %s: expected none, as it is made from the body", f.Name).
				WithHint("remove it: engines write Content-Length or Transfer-Encoding by " +
					"themselves, whatever stands here")
		case strings.EqualFold(f.Name, "Host") && f.Value == "":
			return fielderr.At(at, "header %s: expected a host, found nothing", f.Name).
				WithHint("remove it, and the host of the URL is sent, or write a name")
		}
	}
	return nil
}

func ValidField(f payload.Field) error {
	at := fielderr.Field("headers", f.Name)
	switch {
	case !httpguts.ValidHeaderFieldName(f.Name):
		return fielderr.At(at, "expected a header name such as Accept, found %q", f.Name).
			WithHint("a header's name has letters, digits and dashes only")
	case !httpguts.ValidHeaderFieldValue(f.Value):
		// The value may be a secret.
		return fielderr.At(at, "expected a value for header %s without line ends and control characters", f.Name).
			WithHint(`a header is one line: remove \r and \n, and what YAML makes of a block of lines`)
	}
	return nil
}

// Absolute says why nothing can be sent to a URL, nil if it can. It is called for each call whose
// URL does not go out unchanged.
func Absolute(s, protocol string) error {
	u, err := url.Parse(s)
	if err != nil {
		return fielderr.Wrap(WithoutURL(err), "url", fielderr.Field("url"))
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fielderr.At(
			fielderr.Field("url"),
			"url: expected one such as http://127.0.0.1:8080/path, found %q",
			plaintext.Clip(s, 80),
		)
	}
	if err := Fits(protocol, u.Scheme); err != nil {
		return fielderr.Wrap(err, "url", fielderr.Field("url"))
	}
	return nil
}

// WithoutURL takes the URL itself off, which can hold a secret.
func WithoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
