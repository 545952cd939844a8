package httpx

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// reuse lets a call that was made from templates be used again for another arrival, with the memory
// of its body, its headers and its encoded form.
//
// An engine that no longer reads a call once Send has returned sets Done. net/http can read a body
// for some time after, and does not set it. The builder's caller releases the call. It goes back to
// the pool only if Done is set by then.
type reuse struct {
	Home   *sync.Pool // the pool of the request's calls; nil: the call is not used again
	Layout *Layout    // nil: a value in it does not go out as it stands
	// Cookie has the caller's cookies: the value of a Cookie header, or the end of the value of the
	// request's own Cookie header.
	Cookie []byte
	// Memory is memory of the engine that is used again with the call.
	Memory any
	Done   bool
}

// Release gives the call back, and must be called at most once. The call must not be used after it.
func (c *Call) Release() {
	if home := c.Home; home != nil {
		c.Home = nil
		if c.Done {
			home.Put(c)
		}
	}
}

// Layout is what the calls of a request from templates have in common, if its
// templates leave the host alone. A call of this layout has a path, a query and headers
// that need no escaping.
type Layout struct {
	Method    string
	Base      string          // scheme and host, with which every URL begins
	Header    []payload.Field // headers that differ from call to call have no value here
	Differing []int           // indices into header
	Body      bool            // there is a body
	cookie    int             // index into header of the request's own Cookie; -1: it has none
}

// takes says whether a call of the layout can take cookies beside what its own
// Cookie header says.
func (f *Layout) takes(call *Call) bool {
	return f.cookie < 0 || joinsCookies(call.Header[f.cookie].Value)
}

// joinsCookies says whether cookies can follow a header's value after "; ".
func joinsCookies(v string) bool { return v != "" && !strings.ContainsAny(v[len(v)-1:], "; \t") }

// newLayout returns the layout of a request's calls; nil if they have none in common.
func newLayout(k *compiled, protocol string) *Layout {
	f := &Layout{
		Method: k.method,
		cookie: -1,
		Body: k.json != nil || len(k.fields) > 0 || k.body.Literal() != "" || !k.body.IsFixed() ||
			len(k.sameBody) > 0,
	}
	scheme, rest, ok := strings.Cut(k.url.Begin(), "://")
	host, _, slash := strings.Cut(rest, "/")
	if !ok || !slash || strings.ContainsAny(host, "?#") {
		return nil
	}
	f.Base = scheme + "://" + host
	// As it goes out with query parameters: in the spelling of net/url.
	if u, err := url.Parse(f.Base + "/"); err != nil || u.String() != f.Base+"/" ||
		Absolute(f.Base+"/", protocol) != nil {
		return nil
	}
	for i, h := range k.headers {
		f.Header = append(f.Header, payload.Field{Name: h.name, Value: h.value.Literal()})
		if f.cookie < 0 && strings.EqualFold(h.name, "Cookie") {
			f.cookie = i
		}
		if h.value.IsFixed() {
			continue
		}
		if http.CanonicalHeaderKey(h.name) == "Connection" {
			return nil // the engine looks at its value
		}
		f.Differing = append(f.Differing, i)
	}
	return f
}
