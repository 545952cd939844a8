package httpx

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// Call is a request ready to be sent. It must not be changed. One that was made
// from templates is sent by one caller at a time.
type Call struct {
	Method string
	URL    string
	Header []payload.Field
	Body   []byte
	// WantBody says that the answer's body will be looked at; otherwise it is
	// only counted.
	WantBody bool
	// WantHeader says that the answer's headers will be looked at; otherwise an
	// engine need not keep them.
	WantHeader bool
	// WantCookies says that the answer's Set-Cookie lines will be looked at, in
	// Reply.SetCookies.
	WantCookies bool
	// Jar are the caller's cookies, for an engine that follows redirects; nil: it
	// keeps none from one request to the next.
	Jar *Jar
	// Fixed says that the call will be sent again and never changed, so that an
	// engine may keep what it has made of it.
	Fixed bool
	reuse
}

// Reply is the result of a call. Sent and Done carry monotonic clock readings.
type Reply struct {
	expect.Answer
	Sent, Done time.Time
	Phases     timeline.PhaseTimes
	Counts     timeline.Counts
	// When the last connection was opened on which the call was sent; zero if that is not known.
	Opened   time.Time
	BytesOut int64
	Err      error

	SetCookies  []string // its Set-Cookie lines; only with Call.WantCookies
	KeptCookies bool     // the engine has kept them already
}

// asSent are the headers that net/http reads by their canonical spelling. All others go out as they
// are spelled in the plan, as some servers depend on it.
var asSent = []string{
	"Host",
	"User-Agent",
	"Content-Length",
	"Transfer-Encoding",
	"Connection",
	"Accept-Encoding",
	"Expect",
	"Trailer",
}

// FullHeader returns the call's headers, with the cookies that go out with it.
func (c *Call) FullHeader() http.Header {
	h := c.OwnHeader()
	AddCookies(h, string(c.Cookie))
	return h
}

// AddCookies adds cookies to the Cookie header, if there is one; a new one otherwise.
func AddCookies(h http.Header, cookies string) {
	if cookies == "" {
		return
	}
	for name, values := range h {
		if !strings.EqualFold(name, "Cookie") {
			continue
		}
		if own := strings.TrimRight(values[0], "; \t"); own != "" {
			cookies = own + "; " + cookies
		}
		h[name] = append([]string{cookies}, values[1:]...)
		return
	}
	h["Cookie"] = []string{cookies}
}

// OwnHeader returns the call's headers without the cookies of its caller.
func (c *Call) OwnHeader() http.Header {
	h := make(http.Header, len(c.Header)+1)
	for _, f := range c.Header {
		name := f.Name
		if canon := http.CanonicalHeaderKey(name); slices.Contains(asSent, canon) {
			name = canon
		}
		h[name] = append(h[name], f.Value)
	}
	return h
}

// Finish does what net/http's Client does before it hands a request on.
func Finish(req *http.Request) {
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	if u := req.URL.User; u != nil && req.Header.Get("Authorization") == "" {
		password, _ := u.Password()
		req.SetBasicAuth(u.Username(), password)
	}
}

// BodyKept is how many bytes of an answer's body an engine keeps: enough for checks, or the
// beginning of a body that is likely to become a sample.
func BodyKept(want bool, status int) int {
	switch {
	case want:
		return expect.MaxBody
	case status >= 400:
		return maxSample
	}
	return 0
}
