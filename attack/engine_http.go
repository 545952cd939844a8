package attack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// httpEngine sends with net/http's Transport, below its Client, so that redirects
// are answers; with its Client only if they are to be followed. Nothing is kept
// between requests but connections.
type httpEngine struct {
	*transport
	redirects int
	hosts     redirectHosts
}

var _ Engine = httpEngine{}

func newHTTPEngine(opt Options) (Engine, error) {
	t, err := newTransport(opt)
	if err != nil {
		return nil, err
	}
	return httpEngine{t, opt.Redirects, opt.Hosts}, nil
}

// Send implements Engine.
func (e httpEngine) Send(ctx context.Context, call *Call) (r Reply) {
	r.Sent = time.Now()
	defer func() { r.Done = time.Now() }()
	req, err := http.NewRequestWithContext(ctx, call.Method, call.URL, nil)
	if err != nil {
		r.Err = parseError(err)
		return r
	}
	req.Header = call.header()
	if e.redirects > 0 {
		req.Header = call.ownHeader() // each request on the way has cookies of its own
	}
	finish(req)
	var sent atomic.Int64
	countBody(req, call.Body, &sent)
	defer func() { r.BytesOut = sent.Load() }()

	resp, a, unfollowed, err := e.follow(req, call.jar)
	r.keptCookies = e.redirects > 0
	a.times(&r)
	if err != nil {
		r.Err = began(cause(ctx, err), a.answer.Load())
		return r
	}
	in := e.answer(resp, call)
	_, _ = io.Copy(io.Discard, in) // its error is kept in the answer
	resp.Body.Close()
	in.report(ctx, resp, &r)
	r.Unfollowed = unfollowed
	a.doubt(&r)
	return r
}

// follow sends a request, and those that its redirects ask for. What it returns
// beside the answer has followed the last of them. Cookies that answers set on the
// way go into jar; with none, they are kept for the rest of the way. unfollowed says
// why the answer is a redirect still.
func (e httpEngine) follow(req *http.Request, jar *cookies) (_ *http.Response, _ *attempts, unfollowed string, _ error) {
	if e.redirects == 0 {
		resp, a, err := e.send(req)
		return resp, a, "", err
	}
	if jar == nil {
		jar = newCookies()
	}
	trip := &trip{transport: e.transport, jar: jar}
	client := http.Client{Transport: trip, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		// Load must not be led to hosts that the scenario does not name.
		switch to := next.URL.Scheme + "://" + next.URL.Host; {
		case len(via) > e.redirects:
			unfollowed = fmt.Sprintf("a redirect to %s came after %d others, and redirects says to follow %d", to, e.redirects, e.redirects)
		case !e.hosts.names(next.URL):
			unfollowed = fmt.Sprintf("it redirects to %s, a host that the scenario does not name: list it as attack.redirect_hosts: [%q]", to, next.URL.Host)
		default:
			return nil
		}
		return http.ErrUseLastResponse
	}}
	resp, err := client.Do(req)
	return resp, trip.last, unfollowed, parseError(err)
}

// trip is a transport that remembers its last request, and keeps cookies. It is
// no http.CookieJar, as net/http's client would read and write them.
type trip struct {
	*transport
	last *attempts
	jar  *cookies
}

// RoundTrip implements http.RoundTripper.
func (t *trip) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	at := originOfURL(req.URL, req.Host)
	if value := t.jar.append(nil, at); len(value) > 0 {
		with := *req
		with.Header = req.Header.Clone()
		addCookies(with.Header, string(value))
		req = &with
	}
	defer func() {
		if resp != nil {
			t.jar.keep(at, resp.Header["Set-Cookie"])
		}
	}()
	before := t.last
	if before != nil {
		// It was sent already: what is left of its time may be waited for.
		req = req.WithContext(withSendBy(req.Context(), nil))
	}
	resp, t.last, err = t.send(req)
	if before == nil {
		return resp, err
	}
	if t.last.opened.Load() == nil {
		t.last.opened.Store(before.opened.Load()) // it was opened within the same send
	}
	t.last.waited = before.waited
	if errors.Is(err, errNoConnection) {
		err = context.DeadlineExceeded // the request itself was sent
	}
	return resp, err
}

// Close implements Engine.
func (e httpEngine) Close() error {
	e.close()
	return nil
}

func (a *answer) report(ctx context.Context, resp *http.Response, r *Reply) {
	r.BytesIn = a.n
	if a.err != nil {
		r.Err = began(cause(ctx, a.err), true)
		if a.endless {
			r.Err = openEnd(r.Err)
		}
		return
	}
	r.Status, r.Header, r.Body = resp.StatusCode, resp.Header, a.kept
	r.Encoding = encodingIn(resp.Header)
}
