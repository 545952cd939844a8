//go:build unix

package fast

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// Only a connection that was used a moment ago, to a server that has kept as
// many as reuseTrust, is not checked. One that is found closed even so costs
// its request an error, as it was sent.
func TestFastTrust(t *testing.T) {
	for _, c := range []struct {
		name   string
		uses   int           // of the connection, before the server closes it
		idle   time.Duration // before the next
		failed bool
	}{
		{"used a moment ago", reuseTrust + 1, 0, true},
		{"used too long ago", reuseTrust + 1, freshWindow, false},
		{"not used enough", reuseTrust, 0, false}, // the first use keeps nothing
	} {
		t.Run(c.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			closed := make(chan struct{}, 1)
			var serving sync.WaitGroup
			serving.Go(func() {
				for {
					conn, err := ln.Accept()
					if err != nil {
						return
					}
					in := bufio.NewReader(conn)
					for range c.uses {
						if _, err := http.ReadRequest(in); err != nil {
							break
						}
						_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
					conn.Close()
					closed <- struct{}{}
				}
			})
			opened, err := New(httpx.Options{MaxInFlight: 1})
			if err != nil {
				t.Fatal(err)
			}
			e := opened.(*engine)
			call := &httpx.Call{Method: "POST", URL: "http://" + ln.Addr().String() + "/", Fixed: true}
			send := func() error {
				return e.SendBy(t.Context(), wire.Deadlines{Done: time.Now().Add(time.Minute)}, call).Err
			}
			for range c.uses {
				if err := send(); err != nil {
					t.Fatal(err)
				}
			}
			<-closed
			w, err := e.encode(call)
			if err != nil {
				t.Fatal(err)
			}
			conn := w.host.idle[0]
			for conn.check.isOpen() { // the end has not come through
				time.Sleep(time.Millisecond)
			}
			// By a clock that does not run while the machine is busy with something else.
			r := httpx.Reply{Sent: conn.since.Add(c.idle)}
			if got := conn.trusted(w.host, r.Sent); got != c.failed {
				t.Errorf("expected trust %t, found %t", c.failed, got)
			}
			if _, err = conn.exchange(w, call, time.Now().Add(time.Minute), &r); err == nil || (err == errStale) == c.failed {
				t.Errorf("expected the request to be sent %t, found %v", c.failed, err)
			}
			e.Close()
			ln.Close()
			serving.Wait()
		})
	}
}
