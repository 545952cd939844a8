package fast_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// ends tells, once, that the client has closed a connection.
type ends struct {
	net.Conn
	once  sync.Once
	ended chan<- struct{}
}

func (c *ends) Close() error {
	defer c.once.Do(func() { c.ended <- struct{}{} })
	return c.Conn.Close()
}

// SyscallConn lets an engine look at the socket.
func (c *ends) SyscallConn() (syscall.RawConn, error) { return c.Conn.(syscall.Conn).SyscallConn() }

// A request that was written to a connection which then died is an error, and
// is not sent again; one that found its connection closed while idle is sent
// on another.
func TestEnginesSendOnce(t *testing.T) {
	var asked atomic.Int64
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/ok" {
			return
		}
		panic(http.ErrAbortHandler) // closes the connection without an answer
	})
	for _, secure := range []bool{false, true} {
		srv := httptest.NewUnstartedServer(handler)
		srv.Config.ErrorLog = attacktest.Quiet
		name := "plain"
		if secure {
			name = "tls"
			srv.StartTLS()
		} else {
			srv.Start()
		}
		defer srv.Close()
		ended := make(chan struct{}, 8) // more than are opened
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			return &ends{Conn: c, ended: ended}, err
		}
		t.Run(name, func(t *testing.T) {
			eachEngine(t, httpx.Options{MaxInFlight: 1, TLS: wire.TLS{Insecure: true}, Dial: dial}, func(t *testing.T, e httpx.Engine) {
				send := func(path, want string) {
					t.Helper()
					asked.Store(0)
					r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: srv.URL + path})
					ch, _ := expect.New(expect.Expect{})
					if kind, detail := judge(ch, &r, 0); kind != want {
						t.Errorf("%s: expected kind %q, found %q: %s (%v)", path, want, kind, detail, r.Err)
					}
					if n := asked.Load(); n != 1 {
						t.Errorf("%s: expected one request at the server, found %d", path, n)
					}
				}
				for len(ended) > 0 {
					<-ended // the engine before was closed
				}
				send("/ok", "") // opens the connection that the next one uses
				send("/die", timeline.KindEOF)
				<-ended

				send("/ok", "")
				srv.CloseClientConnections()
				if !isFast(e) { // which looks when it needs one
					<-ended
				}
				send("/ok", "")
			})
		})
	}
}
