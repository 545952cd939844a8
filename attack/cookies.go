package attack

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// cookies are what servers have one caller keep, by the rules of RFC 6265. It
// is not safe for concurrent use. Until there are any, it costs nothing.
type cookies struct{ jar *cookiejar.Jar }

func newCookies() *cookies { return new(cookies) }

// add returns call with the cookies that belong to its URL: a copy, or call
// itself if there are none.
func (c *cookies) add(call *Call) *Call {
	if c.jar == nil {
		return call
	}
	u, err := addressed(call)
	if err != nil {
		return call // sending it will say so
	}
	all := c.jar.Cookies(u)
	if len(all) == 0 {
		return call
	}
	var line http.Request // which knows how to write cookies
	line.Header = make(http.Header)
	for _, k := range all {
		line.AddCookie(k)
	}
	value := line.Header.Get("Cookie")
	// Nothing else of call is taken over: what an engine has made of it is of a
	// request without these cookies.
	own := &Call{Method: call.Method, URL: call.URL, Body: call.Body, WantBody: call.WantBody, WantHeader: call.WantHeader}
	own.Header = make([]Field, 0, len(call.Header)+1)
	given := false
	for _, h := range call.Header {
		if !given && strings.EqualFold(h.Name, "Cookie") {
			given = true
			h.Value = strings.TrimSuffix(strings.TrimSpace(h.Value), ";") + "; " + value
		}
		own.Header = append(own.Header, h)
	}
	if !given {
		own.Header = append(own.Header, Field{"Cookie", value})
	}
	return own
}

// keep takes the cookies that an answer to call sets; the call must have had
// WantHeader.
func (c *cookies) keep(call *Call, r *Reply) {
	if len(r.Header["Set-Cookie"]) == 0 {
		return
	}
	set := (&http.Response{Header: r.Header}).Cookies()
	u, err := addressed(call)
	if len(set) == 0 || err != nil {
		return
	}
	if c.jar == nil {
		// Without a list of public suffixes: the hosts are those of the scenario, and
		// none is a stranger to the others.
		c.jar, _ = cookiejar.New(nil) // whose error is always nil
	}
	c.jar.SetCookies(u, set)
}

// addressed is whom a call speaks to: the URL, with the host that a Host header
// names, as it is for that host that a server sets cookies.
func addressed(call *Call) (*url.URL, error) {
	u, err := url.Parse(call.URL)
	if err != nil {
		return nil, err
	}
	for _, h := range call.Header {
		if strings.EqualFold(h.Name, "Host") && h.Value != "" {
			u.Host = h.Value
			break
		}
	}
	return u, nil
}
