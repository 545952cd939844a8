package fast_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// TestRenew has several connections in a pool, and one in use. Once they are renewed the
// server sees the idle ones closed, the other one closed after its answer, and what is
// sent from then on comes on connections that are new.
func TestRenew(t *testing.T) {
	tests := []struct {
		protocol string
		perHost  int
	}{
		{"http1", 0}, {"http1", 4}, {"h2c", 0}, {"h2c", 4}, {"http2", 0}, {"http2", 4},
	}
	for _, tt := range tests {
		for _, kind := range engines() {
			if kind.Name == "fast" && tt.protocol != "http1" {
				continue // it speaks no other
			}
			t.Run(fmt.Sprintf("%s %s per_host %d", kind.Name, tt.protocol, tt.perHost), func(t *testing.T) {
				srv := serveHeld(t, tt.protocol)
				e, err := kind.New(httpx.Options{
					MaxInFlight: 8, Protocol: tt.protocol, TLS: wire.TLS{Insecure: true}, Connections: wire.Connections{PerHost: tt.perHost},
				})
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				send := func(path string) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					if r := e.Send(ctx, &httpx.Call{Method: "GET", URL: srv.url + path}); r.Err != nil || r.Status != 200 {
						t.Errorf("%s: status %d, %v", path, r.Status, r.Err)
					}
				}
				var first, long sync.WaitGroup
				long.Go(func() { send("/held") })
				for range 3 {
					first.Go(func() { send("/together") })
				}
				first.Wait()
				held := <-srv.holding
				before := srv.seen()
				for range 2 { // with nothing sent between them, the second has nothing to do
					e.(httpx.Renewer).Renew()
				}
				for from := range before {
					if from != held {
						srv.waitClosed(t, from)
					}
				}
				for range 3 {
					send("/")
				}
				close(srv.release)
				long.Wait()
				srv.waitClosed(t, held)
				for range 3 {
					send("/")
				}
				for from, requests := range srv.seen() {
					if n, old := before[from]; old && n != requests {
						t.Errorf("%d requests came on a connection of before", requests-n)
					}
				}
				// With per_host a new connection of HTTP/2 is kept to one request until it is
				// settled.
				if n := len(srv.seen()) - len(before); n < 1 || n > max(1, tt.perHost) {
					t.Errorf("requests one after the other came on %d new connections", n)
				}
			})
		}
	}
}

// heldServer notes which connections its requests come on and which of them are closed.
type heldServer struct {
	url     string
	holding chan string   // the connection of the request to /held
	release chan struct{} // ends it

	mu       sync.Mutex
	requests map[string]int // by the client's address
	closed   map[string]bool
}

func serveHeld(t *testing.T, protocol string) *heldServer {
	s := &heldServer{
		holding: make(chan string, 1), release: make(chan struct{}), requests: make(map[string]int), closed: make(map[string]bool),
	}
	var together atomic.Int32
	all := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests[r.RemoteAddr]++
		s.mu.Unlock()
		switch r.URL.Path {
		case "/held":
			s.holding <- r.RemoteAddr
			<-s.release
		case "/together": // so that each has a connection of its own where it needs one
			if together.Add(1) == 3 {
				close(all)
			}
			<-all
		}
		fmt.Fprint(w, "hello")
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that were opened and not used
	srv.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.closed[c.RemoteAddr().String()] = true
		}
	}
	switch protocol {
	case "http1":
		srv.Start()
	case "h2c":
		srv.Config.Protocols = new(http.Protocols)
		srv.Config.Protocols.SetUnencryptedHTTP2(true)
		srv.Start()
	default:
		srv.EnableHTTP2 = true
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{attacktest.SelfSigned(t)}}
		srv.StartTLS()
	}
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// seen is how many requests came, by connection.
func (s *heldServer) seen() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int)
	for k, n := range s.requests {
		out[k] = n
	}
	return out
}

func (s *heldServer) waitClosed(t *testing.T, conn string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		closed := s.closed[conn]
		s.mu.Unlock()
		if closed {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the connection of before is still open")
		}
	}
}

// TestRenewWhileOpening renews connections while one is being opened: nobody knows which
// side of the renewal it is on, so that the request goes on another.
func TestRenewWhileOpening(t *testing.T) {
	for _, kind := range engines() {
		t.Run(kind.Name, func(t *testing.T) {
			var used []string
			srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				used = append(used, r.RemoteAddr)
			}))
			defer srv.Close()
			var e httpx.Engine
			var opened []string
			e, err := kind.New(httpx.Options{MaxInFlight: 1, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, address)
				if err == nil {
					opened = append(opened, c.LocalAddr().String())
				}
				if len(opened) == 1 {
					e.(httpx.Renewer).Renew()
				}
				return c, err
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for range 2 {
				if r := e.Send(ctx, &httpx.Call{Method: "GET", URL: srv.URL}); r.Err != nil {
					t.Fatal(r.Err)
				}
			}
			if slices.Contains(used, opened[0]) {
				t.Errorf("a request went on the connection that was being opened: %v of %v", used, opened)
			}
		})
	}
}
