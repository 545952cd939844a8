package std

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// net/http sends a request again, on another connection, if a kept-alive one
// ends before the first byte of an answer and the method is idempotent. For a
// load generator that hides a failure: a request that was written to a server
// which then died has failed, and a caller without retries would see it. So a
// request whose bytes went out is never sent again. One that found its
// connection closed by the server before anything was written is: nobody saw
// it, and every client opens another connection then.
//
// The transport asks for a proxy before each attempt, and gives up if that
// fails: there the attempt before is looked at.

// Attempts follows one request over the connections it is tried on. Its hooks
// are called from the transport's goroutines, one attempt after the other, but
// for those of a connection being opened, for which another attempt may no
// longer wait.
type Attempts struct {
	url    *url.URL        // of the request
	by     *http.Transport // that sends it; nil: none of those that keep connections by themselves
	waited time.Time       // until then, for one of few connections; zero if it did not have to

	// The connection of the present attempt; nil if it is none of ours or carries several requests.
	conn atomic.Pointer[countedConn]
	// Bytes that conn had written before this attempt; −1: it wrote nothing yet.
	began  atomic.Int64
	number atomic.Int64 // of the request, on conn
	Answer atomic.Bool  // something of it came
	early  atomic.Bool  // and before the request was written

	opening atomic.Pointer[countedConn] // being opened for the request
	shaking atomic.Pointer[time.Time]   // since when hands are shaken on it
	opened  atomic.Pointer[countedConn] // for the request, which is on it; nil if one was there
	on      atomic.Pointer[countedConn] // that it is on, also of several requests at once
}

type attemptsKey struct{}

// follow returns req such that a will know what becomes of it, and that it will
// not be sent again once written. With shared, connections carry several
// requests at once.
func follow(req *http.Request, shared bool) (*http.Request, *Attempts) {
	a := &Attempts{url: req.URL}
	ctx := context.WithValue(req.Context(), attemptsKey{}, a)
	return req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			a.began.Store(-1)
			a.early.Store(false)
			if !shared {
				c := counted(info.Conn)
				a.conn.Store(c)
				if c != nil {
					a.number.Store(c.request(req.Method))
				}
			}
			c := beneath(info.Conn)
			a.on.Store(c)
			a.opened.Store(nil)
			if !info.Reused {
				a.opened.Store(c)
			}
		},
		// Before this nothing of the request is written; what TLS says as it
		// closes an idle connection may be.
		WroteHeaders: func() {
			if c := a.conn.Load(); c != nil {
				a.began.Store(c.written.Load())
			}
		},
		GotFirstResponseByte: func() {
			a.Answer.Store(true)
			if c := a.conn.Load(); c != nil {
				a.early.Store(c.early(a.number.Load()))
			}
		},
		TLSHandshakeStart: func() {
			if c := a.opening.Load(); c != nil {
				c.overTLS()
			}
			now := time.Now()
			a.shaking.Store(&now)
		},
		TLSHandshakeDone: func(tls.ConnectionState, error) {
			if c, begun := a.opening.Load(), a.shaking.Load(); c != nil && begun != nil {
				c.handshake.Store(int64(time.Since(*begun)))
			}
		},
	})), a
}

// opening notes a connection that is being opened for the request of ctx, and
// returns the request's URL, nil if it is not known.
func opening(ctx context.Context, c *countedConn) *url.URL {
	a, ok := ctx.Value(attemptsKey{}).(*Attempts)
	if !ok {
		return nil
	}
	a.opening.Store(c)
	return a.url
}

// Times says when the request had a connection, if it had to wait for one of few,
// when that was opened, and how long it took if it was opened for it.
func (a *Attempts) Times(r *httpx.Reply) {
	if a.waited.After(r.Sent) {
		r.Sent = a.waited
	}
	if c := a.on.Load(); c != nil {
		r.Opened = c.opened
	}
	if c := a.opened.Load(); c != nil {
		r.Phases[timeline.Connect] = c.connect
		r.Phases[timeline.Handshake] = time.Duration(c.handshake.Load())
	}
}

// Doubt makes an error of an answer that may be another request's, and closes its
// connection.
func (a *Attempts) Doubt(r *httpx.Reply) {
	c := a.conn.Load()
	if c == nil || r.Err != nil || !a.early.Load() && !c.doubts(a.number.Load()) {
		return
	}
	c.Close()
	r.Status, r.Header, r.Body, r.Err = 0, nil, nil, httpx.ErrUnsolicited
}

// failure is why the request must not be sent again, nil if it may.
func (a *Attempts) failure() error {
	c, began := a.conn.Load(), a.began.Load()
	if c == nil || began < 0 || c.written.Load() == began {
		return nil
	}
	if err := c.ended.Load(); err != nil {
		return *err
	}
	return io.ErrUnexpectedEOF
}

// proxyFor is environment, which names proxies, for requests that may be sent,
// and fails for one whose attempt before was written. What Connections leads
// elsewhere goes there, past every proxy.
func proxyFor(
	c wire.Connections,
	environment httpx.ProxyFunc,
) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		if a, ok := req.Context().Value(attemptsKey{}).(*Attempts); ok {
			if err := a.failure(); err != nil {
				return nil, err
			}
		}
		if c.Redirect() && c.Redirects(wire.EndpointOf(req.URL).Address) {
			return nil, nil
		}
		return environment(req.URL)
	}
}
