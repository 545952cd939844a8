//go:build unix

package fast_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/fast"
)

// watched is an end of a connection in memory, and of a pair of sockets, for engines to look
// at. They close together.
type watched struct {
	net.Conn
	socket int
	once   sync.Once
}

func newWatched(t *testing.T) (client, server *watched) {
	t.Helper()
	c, s := net.Pipe()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &watched{Conn: c, socket: pair[0]}, &watched{Conn: s, socket: pair[1]}
}

func (w *watched) Close() error {
	w.once.Do(func() { unix.Close(w.socket) })
	return w.Conn.Close()
}

func (w *watched) SyscallConn() (syscall.RawConn, error) { return rawSocket(w.socket), nil }

// rawSocket is a syscall.RawConn on which something can be read at once.
type rawSocket int

func (s rawSocket) Control(f func(fd uintptr)) error {
	f(uintptr(s))
	return nil
}

func (s rawSocket) Read(f func(fd uintptr) bool) error {
	for !f(uintptr(s)) {
	}
	return nil
}

func (s rawSocket) Write(f func(fd uintptr) bool) error { return s.Read(f) }

// trusting is an engine, in a bubble, and a server in memory that says which socket it has.
type trusting struct {
	engine httpx.Engine
	dials  int
	server *watched // of the last connection
}

// newTrusting has a server that closes each connection after so many requests; 0: never.
func newTrusting(t *testing.T, uses int) *trusting {
	t.Helper()
	s := new(trusting)
	var serving sync.WaitGroup
	dial := func(context.Context, string, string) (net.Conn, error) {
		client, server := newWatched(t)
		s.dials, s.server = s.dials+1, server
		var served atomic.Int64
		serving.Go(func() {
			defer server.Close()
			attacktest.EachRequest(func(c net.Conn, _ *http.Request) bool {
				_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				return err == nil && served.Add(1) != int64(uses)
			})(server)
		})
		return client, nil
	}
	e, err := fast.New(httpx.Options{MaxInFlight: 1, Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	s.engine = e
	t.Cleanup(func() {
		e.Close()
		serving.Wait()
	})
	return s
}

// send sends requests one after the other.
func (s *trusting) send(t *testing.T, requests int) (err error) {
	t.Helper()
	for range requests {
		call := &httpx.Call{Method: "POST", URL: "http://target/"}
		if r := s.engine.Send(t.Context(), call); r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// Only a connection that was used a moment ago, to a server that has kept as many as
// ReuseTrust, is not looked at before it is used. One that was closed even so costs its
// request an error, as it was sent; any other is replaced.
func TestTrustedConnectionsAreNotLookedAt(t *testing.T) {
	for _, c := range []struct {
		name    string
		uses    int           // of the connection, before the server closes it
		idle    time.Duration // before the next
		trusted bool
	}{
		{"used a moment ago", fast.ReuseTrust + 1, fast.FreshWindow - 1, true},
		{"used too long ago", fast.ReuseTrust + 1, fast.FreshWindow, false},
		{"not used enough", fast.ReuseTrust, 0, false}, // the first use keeps nothing
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTrusting(t, c.uses)
				if err := s.send(t, c.uses); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // until it is closed
				time.Sleep(c.idle)
				err := s.send(t, 1)
				if (err != nil) != c.trusted {
					t.Errorf("sent on the closed connection: expected %t, found %v", c.trusted, err)
				}
				if replaced := s.dials == 2; replaced == c.trusted {
					t.Errorf("connection replaced: expected %t, found %d", !c.trusted, s.dials)
				}
			})
		})
	}
}

// A trusted connection is looked at now and then, so that a server which answers once too
// often is found out also where requests follow each other at once.
func TestTrustedConnectionsAreLookedAtNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrusting(t, 0)
		if err := s.send(t, fast.ReuseTrust+1); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(s.server.socket, []byte("x")); err != nil { // to be seen by a look
			t.Fatal(err)
		}
		sent := 0
		for ; s.dials == 1 && sent < 10*fast.CheckEvery; sent++ {
			if err := s.send(t, 1); err != nil {
				t.Fatal(err)
			}
		}
		if sent != fast.CheckEvery {
			t.Errorf("expected a look at use %d, found it at use %d", fast.CheckEvery, sent)
		}
	})
}
