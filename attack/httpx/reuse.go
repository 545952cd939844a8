package httpx

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/seed-1574e9de/ordeal/attack/payload"
)

// reuse is the part of a call that was made from templates: it is used again for
// another arrival, with the memory that body, headers and wire take.
//
// A call belongs to who had it built. An engine that promises to be done with
// calls when Send returns says so by setting done; net/http, which can read a
// body for some time after, does not. Whoever had the call built gives it back
// with release, and it is used again if both have spoken.
type reuse struct {
	Home *sync.Pool // of calls of the request; nil: it is not used again
	Form *Layout    // nil: a value in it does not go out as it stands
	// Cookie is what of the caller's cookies goes out with it: the value of a Cookie
	// header, or the end of that which the request has by itself.
	Cookie []byte
	// Memory is the engine's own, to be used again.
	Memory any
	Done   bool
}

// Release gives the call back; nobody may look at it any more. It may be called
// for every call, once.
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
	Header    []payload.Field // those that differ without value
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
