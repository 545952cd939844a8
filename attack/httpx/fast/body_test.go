package fast_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/fast"
)

// dawdler looks at what it has written some time after that, still within Write.
type dawdler struct {
	net.Conn
	changed *atomic.Int64
}

func (c dawdler) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	time.Sleep(2 * time.Millisecond)
	if bytes.IndexByte(p, '!') >= 0 {
		c.changed.Add(1)
	}
	return n, err
}

// Nothing looks at a call after its Send, whatever came of it: a body that is
// written aside as its time runs out, as its connection is cut, or as its answer
// comes before it is read.
func TestFastIsDoneWithBodies(t *testing.T) {
	const size = 8 << 20 // more than sockets take
	var conns atomic.Int64
	url := attacktest.Conns(t, func(c net.Conn) {
		if conns.Add(1)%3 == 2 {
			_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
		}
		_, _ = c.Read(make([]byte, 1<<20))
		time.Sleep(30 * time.Millisecond)
	})
	var changed atomic.Int64
	e, err := fast.New(httpx.Options{MaxInFlight: 1, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return dawdler{c, &changed}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	f := attacktest.Build(t, attack.Request{Data: attacktest.Data([]map[string]string{{"a": strings.Repeat("x", size)}}), Protocol: httpx.Name, Spec: &httpx.Request{Method: "POST", URL: url + "/", Body: "{{ .a }}"}})
	for n := range 12 {
		call, err := f(attack.Arrival{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(2*n+1)*time.Millisecond)
		if n%2 == 1 {
			time.AfterFunc(time.Duration(n)*time.Millisecond, cancel)
		}
		e.Send(ctx, call)
		cancel()
		for i := range call.Body {
			call.Body[i] = '!'
		}
		call.Release()
	}
	time.Sleep(10 * time.Millisecond) // for who would still be at it
	e.Close()
	if n := changed.Load(); n > 0 {
		t.Errorf("%d writes were under way after their Send had returned", n)
	}
}
