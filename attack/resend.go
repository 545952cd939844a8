package attack

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
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

// attempts follows one request over the connections it is tried on. Its hooks
// are called from the transport's goroutines, one attempt after the other.
type attempts struct {
	conn  atomic.Pointer[countedConn] // of the present attempt, nil if it is none of ours or carries several requests at once
	began atomic.Int64                // bytes that conn had written before this attempt; −1: it wrote nothing yet
}

type attemptsKey struct{}

// onceWritten returns req such that proxyUnlessWritten will not let it be sent
// again once written.
func onceWritten(req *http.Request) *http.Request {
	a := new(attempts)
	ctx := context.WithValue(req.Context(), attemptsKey{}, a)
	return req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			a.began.Store(-1)
			a.conn.Store(counted(info.Conn))
		},
		// Before this nothing of the request is written; what TLS says as it
		// closes an idle connection may be.
		WroteHeaders: func() {
			if c := a.conn.Load(); c != nil {
				a.began.Store(c.written.Load())
			}
		},
	}))
}

// failure is why the request must not be sent again, nil if it may.
func (a *attempts) failure() error {
	c, began := a.conn.Load(), a.began.Load()
	if c == nil || began < 0 || c.written.Load() == began {
		return nil
	}
	if err := c.ended.Load(); err != nil {
		return *err
	}
	return io.ErrUnexpectedEOF
}

// proxyUnlessWritten is http.ProxyFromEnvironment for requests that may be
// sent, and fails for one whose attempt before was written.
func proxyUnlessWritten(req *http.Request) (*url.URL, error) {
	if a, ok := req.Context().Value(attemptsKey{}).(*attempts); ok {
		if err := a.failure(); err != nil {
			return nil, err
		}
	}
	return http.ProxyFromEnvironment(req)
}

// countedConn knows how much was written to it, and why reading from it ended.
// What is written after that does not count: the other side is gone.
type countedConn struct {
	net.Conn
	written atomic.Int64
	ended   atomic.Pointer[error]
}

func (c *countedConn) Write(p []byte) (int, error) {
	gone := c.ended.Load() != nil // asked first: the answer to p itself may be that it ends
	n, err := c.Conn.Write(p)
	if !gone {
		c.written.Add(int64(n))
	}
	return n, err
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.ended.CompareAndSwap(nil, &err)
	}
	return n, err
}

// counted finds the connection beneath TLS; nil for one that speaks HTTP/2,
// which tells requests that were not looked at from others by itself.
func counted(c net.Conn) *countedConn {
	for {
		switch inner := c.(type) {
		case *countedConn:
			return inner
		case *tls.Conn:
			if inner.ConnectionState().NegotiatedProtocol == "h2" {
				return nil
			}
			c = inner.NetConn()
		default:
			return nil
		}
	}
}
