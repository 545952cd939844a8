package fast_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/fast"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// tappedEngine is an engine whose connections lead nowhere: each request is kept as it came
// over the wire, and answered with nothing.
type tappedEngine struct {
	httpx.Engine
	got    chan tapped
	opened bool // a connection, since the last request
}

// tapped is a request on its wire.
type tapped struct {
	to      string // the address
	request string
	opened  bool // on a new connection
}

func newTapped(tb testing.TB) *tappedEngine {
	tb.Helper()
	w := &tappedEngine{got: make(chan tapped, 1)}
	secure := &tls.Config{Certificates: []tls.Certificate{attacktest.SelfSigned(tb)}}
	e, err := fast.New(httpx.Options{
		MaxInFlight: 1, TLS: wire.TLS{Insecure: true},
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			client, server := net.Pipe()
			if strings.HasSuffix(address, "443") {
				server = tls.Server(server, secure)
			}
			w.opened = true
			go w.serve(server, address)
			return client, nil
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	w.Engine = e
	tb.Cleanup(func() { e.Close() }) // and with it all that serves
	return w
}

func (w *tappedEngine) serve(c net.Conn, address string) {
	defer c.Close()
	var request []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if request = append(request, buf[:n]...); !isRequest(request) {
			continue
		}
		w.got <- tapped{to: address, request: string(request)}
		request = request[:0]
		if _, err := io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n"); err != nil {
			return
		}
	}
}

// isRequest says that b is a whole request, of which the length is known.
func isRequest(b []byte) bool {
	head, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		return false
	}
	_, after, ok := bytes.Cut(head, []byte("\r\nContent-Length: "))
	if !ok {
		return true
	}
	digits, _, _ := bytes.Cut(after, []byte("\r\n"))
	length, err := strconv.Atoi(string(digits))
	return err == nil && len(body) >= length
}

// send sends a call and returns what went out for it: nothing, if there is an error.
func (w *tappedEngine) send(call *httpx.Call) (tapped, error) {
	w.opened = false
	if r := w.Send(context.Background(), call); r.Err != nil {
		return tapped{}, r.Err
	}
	got := <-w.got
	got.opened = w.opened
	return got, nil
}
