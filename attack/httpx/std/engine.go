// Package std is an engine on Go's net/http: HTTP/1.1, HTTP/2 and h2c.
package std

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// engine sends with net/http's Transport, below its Client, so that redirects
// are answers; with its Client only if they are to be followed. Nothing is kept
// between requests but connections.
type engine struct {
	*Transport
	redirects int
	hosts     httpx.RedirectHosts
}

var (
	_ httpx.Engine  = engine{}
	_ httpx.Renewer = engine{}
)

func New(opt httpx.Options) (httpx.Engine, error) {
	t, err := NewTransport(opt)
	if err != nil {
		return nil, err
	}
	return engine{t, opt.Redirects, opt.Hosts}, nil
}

// Send implements Engine.
func (e engine) Send(ctx context.Context, call *httpx.Call) (r httpx.Reply) {
	r.Sent = time.Now()
	defer func() { r.Done = time.Now() }()
	req, err := http.NewRequestWithContext(ctx, call.Method, call.URL, nil)
	if err != nil {
		r.Err = httpx.WithoutURL(err)
		return r
	}
	req.Header = call.FullHeader()
	if e.redirects > 0 {
		req.Header = call.OwnHeader() // each request on the way has cookies of its own
	}
	httpx.Finish(req)
	var sent atomic.Int64
	CountBody(req, call.Body, &sent)
	defer func() { r.BytesOut = sent.Load() }()

	resp, a, unfollowed, err := e.follow(req, call.Jar, &r.Counts)
	r.KeptCookies = e.redirects > 0
	defer e.Through(a)
	a.Times(&r)
	if err != nil {
		r.Err = wire.Began(httpx.Cause(ctx, err), a.Answer.Load())
		return r
	}
	in := e.Answer(resp, call)
	_, _ = io.Copy(io.Discard, in) // its error is kept in the answer
	resp.Body.Close()
	in.Report(ctx, resp, &r)
	r.Unfollowed = unfollowed
	a.Doubt(&r)
	return r
}

// follow sends a request, and those that its redirects ask for. What it returns
// beside the answer has followed the last of them. Cookies that answers set on the
// way go into jar; with none, they are kept for the rest of the way. unfollowed says
// why the answer is a redirect still.
func (e engine) follow(req *http.Request, jar *httpx.Jar, counts *timeline.Counts) (
	_ *http.Response, _ *Attempts, unfollowed string, _ error,
) {
	if e.redirects == 0 {
		resp, a, err := e.Exchange(req)
		return resp, a, "", err
	}
	if jar == nil {
		jar = httpx.NewJar()
	}
	trip := &trip{Transport: e.Transport, jar: jar}
	client := http.Client{
		Transport: trip,
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			// Load must not be led to hosts that the scenario does not name.
			switch to := next.URL.Scheme + "://" + next.URL.Host; {
			case len(via) > e.redirects:
				unfollowed = fmt.Sprintf(
					"a redirect to %s came after %d others, and redirects says to follow %d",
					to,
					e.redirects,
					e.redirects,
				)
			case !e.hosts.Names(next.URL):
				unfollowed = fmt.Sprintf(
					"it redirects to %s, a host that the scenario does not name: list it as "+
						"attack.redirect_hosts: [%q]",
					to,
					next.URL.Host,
				)
			default:
				counts[timeline.Redirects]++
				return nil
			}
			return http.ErrUseLastResponse
		},
	}
	resp, err := client.Do(req)
	return resp, trip.last, unfollowed, httpx.WithoutURL(err)
}

// trip is a transport that remembers its last request, and keeps cookies. It is
// no http.CookieJar, as net/http's client would read and write them.
type trip struct {
	*Transport
	last *Attempts
	jar  *httpx.Jar
}

// RoundTrip implements http.RoundTripper.
func (t *trip) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	at := httpx.SiteOfURL(req.URL, req.Host)
	if value := t.jar.Append(nil, at); len(value) > 0 {
		with := *req
		with.Header = req.Header.Clone()
		httpx.AddCookies(with.Header, string(value))
		req = &with
	}
	defer func() {
		if resp != nil {
			t.jar.Keep(at, resp.Header["Set-Cookie"])
		}
	}()
	before := t.last
	if before != nil {
		// It was sent already: what is left of its time may be waited for.
		req = req.WithContext(wire.WithSendBy(req.Context(), nil))
	}
	resp, t.last, err = t.Exchange(req)
	if before == nil {
		return resp, err
	}
	if t.last.opened.Load() == nil {
		t.last.opened.Store(before.opened.Load()) // it was opened within the same send
	}
	t.last.waited = before.waited
	if errors.Is(err, wire.ErrNoConnection) {
		err = context.DeadlineExceeded // the request itself was sent
	}
	return resp, err
}

// Close implements Engine.
func (e engine) Close() error {
	e.Shut()
	return nil
}

func (a *Body) Report(ctx context.Context, resp *http.Response, r *httpx.Reply) {
	r.BytesIn = a.n
	if a.Err != nil {
		r.Err = wire.Began(httpx.Cause(ctx, a.Err), true)
		if a.endless {
			r.Err = httpx.OpenEnd(r.Err)
		}
		return
	}
	r.Status, r.Header, r.Body = resp.StatusCode, resp.Header, a.kept
	r.Encoding = expect.EncodingIn(resp.Header)
}
