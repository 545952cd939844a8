package fast_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/fast"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/freeport/porttest"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// hardship is what a target can do to an engine.
type hardship struct {
	name    string
	url     string
	call    httpx.Call
	timeout time.Duration
	status  int
	in      int64 // -1: any
	body    string
	kind    string
	or      []string // other kinds that it may be, as it depends on who is first
	often   bool     // a thousand times with every engine
	heavy   bool     // too much to do often
}

// hardBody is the largest body that engines take of hardships.
const hardBody = 64 << 10

func hardships(t *testing.T) []hardship {
	log.SetOutput(io.Discard) // net/http reports what nobody asked for
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	refused := "http://" + porttest.Refused(t)
	secure := httptest.NewUnstartedServer(attacktest.Calibrated())
	secure.Config.ErrorLog = attacktest.Quiet
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{attacktest.SelfSigned(t)}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	short := time.Second // time enough, also on a busy machine, for what comes before the stall
	// stay keeps a connection open until the client is gone.
	stay := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	// flood writes until the client is gone; of what it never reads, little is on
	// its way.
	flood := func(c net.Conn, head, more string) bool {
		_ = c.(*net.TCPConn).SetWriteBuffer(16 << 10)
		_, err := io.WriteString(c, head)
		for err == nil {
			_, err = io.WriteString(c, more)
		}
		return false
	}
	return []hardship{
		{name: "refuse", often: true, url: refused, kind: timeline.KindRefused},
		{name: "reset", often: true, url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			_ = c.(*net.TCPConn).SetLinger(0)
			return false
		}), kind: timeline.KindReset},
		{name: "reset in the middle of a body", often: true, url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
			time.Sleep(5 * time.Millisecond) // a reset overtakes what was not read yet
			_ = c.(*net.TCPConn).SetLinger(0)
			return false
		}), in: -1, kind: timeline.KindReset},
		{name: "garbage", often: true, url: attacktest.Answers(t, "SSH-2.0-hello\r\n", false), kind: timeline.KindProtocol},
		// net/http accepts this status.
		{name: "status of zero", url: attacktest.Answers(t, "HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n", true), kind: timeline.KindProtocol, or: []string{timeline.KindStatus}},
		{name: "garbage status", url: attacktest.Answers(t, "HTTP/1.1 2x0 OK\r\n\r\n", false), kind: timeline.KindProtocol},
		{name: "garbage header", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", false), kind: timeline.KindProtocol},
		{name: "garbage length", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n", false), kind: timeline.KindProtocol},
		{name: "two lengths", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", false), kind: timeline.KindProtocol},
		{name: "garbage chunk", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false), kind: timeline.KindProtocol},
		{name: "closed without a word", often: true, url: attacktest.Answers(t, "", false), kind: timeline.KindEOF},
		{name: "closed within headers", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nX: y\r\n", false), kind: timeline.KindEOF},
		{name: "closed within a body", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", false), in: 4, kind: timeline.KindEOF},
		{name: "closed within chunks", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", false), in: 4, kind: timeline.KindEOF},
		{name: "silence", often: true, url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool { stay(c); return false }), timeout: short, kind: timeline.KindTimeout},
		{name: "stall within headers", url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: y\r\n")
			stay(c)
			return false
		}), timeout: short, kind: timeline.KindStalled},
		{name: "stall within a body", often: true, url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
			stay(c)
			return false
		}), timeout: short, in: 4, kind: timeline.KindStalled},
		{name: "stall within chunks", url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
			stay(c)
			return false
		}), timeout: short, in: 4, kind: timeline.KindStalled},
		{name: "endless body", url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for ; err == nil; time.Sleep(time.Millisecond) {
				_, err = io.WriteString(c, "drop")
			}
			return false
		}), timeout: short, in: -1, kind: timeline.KindStalled},
		{name: "endless flood", often: true, url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			return flood(c, "HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 16<<10))
		}), in: hardBody, kind: timeline.KindTooLarge},
		{name: "endless chunks", url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			return flood(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4000\r\n"+strings.Repeat("x", 0x4000)+"\r\n")
		}), in: hardBody, kind: timeline.KindTooLarge},
		{name: "body said to be too large", often: true, url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", hardBody+1)
			stay(c) // nobody need wait for it
			return false
		}), kind: timeline.KindTooLarge},
		{name: "body a byte too large", often: true, url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", hardBody+1), false), in: hardBody, kind: timeline.KindTooLarge},
		{name: "body just not too large", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", hardBody), false), status: 200, in: hardBody},
		{name: "body said to be just not too large", url: attacktest.Answers(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", hardBody)+strings.Repeat("x", hardBody), true), status: 200, in: hardBody},
		{name: "chunks just not too large", url: attacktest.Answers(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", hardBody)+strings.Repeat("x", hardBody)+"\r\n0\r\n\r\n", true), status: 200, in: hardBody},
		{name: "head of what is too large", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", true), call: httpx.Call{Method: "HEAD"}, status: 200},
		{name: "keep-alive closed early", often: true, url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false), status: 200, or: []string{timeline.KindEOF, timeline.KindReset}},
		{name: "endless headers", heavy: true, url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			line := strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 30)
			for err == nil {
				_, err = io.WriteString(c, line)
			}
			return false
		}), kind: timeline.KindProtocol},
		{name: "long headers", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"+strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 100)+"\r\nok", true),
			call: httpx.Call{WantBody: true}, status: 200, in: 2, body: "ok"},
		{name: "bad certificate", often: true, url: secure.URL, kind: timeline.KindTLS},
		{name: "1xx", url: attacktest.Answers(t, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true),
			call: httpx.Call{WantBody: true}, status: 200, in: 2, body: "ok"},
		{name: "head", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true), call: httpx.Call{Method: "HEAD"}, status: 200},
		{name: "head without length", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nX: y\r\n\r\n", true), call: httpx.Call{Method: "HEAD"}, status: 200},
		{name: "head of chunks", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true), call: httpx.Call{Method: "HEAD"}, status: 200},
		{name: "no content", url: attacktest.Answers(t, "HTTP/1.1 204 No Content\r\n\r\n", true), status: 204},
		{name: "not modified", url: attacktest.Answers(t, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", true), status: 304},
		{name: "empty body", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true), status: 200},
		{name: "chunks", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\nA;ext=1\r\n, the worl\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n", true),
			call: httpx.Call{WantBody: true}, status: 200, in: 16, body: "hello, the world"},
		{name: "big chunks", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("4000\r\n"+strings.Repeat("x", 0x4000)+"\r\n", 3)+"0\r\n\r\n", true), status: 200, in: 3 * 0x4000},
		{name: "body up to the end", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\n\r\nall of it", false), call: httpx.Call{WantBody: true}, status: 200, in: 9, body: "all of it"},
		{name: "http/1.0", url: attacktest.Answers(t, "HTTP/1.0 200 OK\r\n\r\nold", false), call: httpx.Call{WantBody: true}, status: 200, in: 3, body: "old"},
		{name: "more than asked for", url: attacktest.Answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Not yours\r\n\r\n", true), in: 2, kind: timeline.KindUnsolicited},
		{name: "answer before the body was read", url: attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
			_, _ = io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
			time.Sleep(300 * time.Millisecond) // and reads none of it
			return false
		}), call: httpx.Call{Method: "POST", Body: bytes.Repeat([]byte("x"), 8<<20)}, status: 413, kind: timeline.KindStatus, heavy: true},
	}
}

// send sends the hardship's call, and says what is not as expected.
func (h *hardship) send(e httpx.Engine) error {
	timeout := h.timeout
	if timeout == 0 {
		timeout = 20 * time.Second // a busy machine must not fail the test
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	call := h.call
	call.URL = h.url
	if call.Method == "" {
		call.Method = "GET"
	}
	r := e.Send(ctx, &call)
	ch, _ := expect.New(expect.Expect{})
	kind, detail := judge(ch, &r, 0)
	switch {
	case slices.Contains(h.or, kind):
	case kind != h.kind || r.Status != h.status:
		return fmt.Errorf("%s: expected kind %q and status %d, found %q and %d: %s (%v)", h.name, h.kind, h.status, kind, r.Status, detail, r.Err)
	case h.in >= 0 && r.BytesIn != h.in:
		return fmt.Errorf("%s: expected %d bytes in, found %d", h.name, h.in, r.BytesIn)
	case string(r.Body) != h.body:
		return fmt.Errorf("%s: expected body %q, found %q", h.name, h.body, r.Body)
	}
	return nil
}

// Each hardship is what it is, with every engine, on a fresh connection and on
// what the last one left.
func TestEnginesHardships(t *testing.T) {
	for _, h := range hardships(t) {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			eachEngine(t, httpx.Options{MaxInFlight: 4, MaxBody: hardBody}, func(t *testing.T, e httpx.Engine) {
				times := 3
				if h.timeout > 0 {
					times = 1
				}
				for range times {
					if err := h.send(e); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

// Engines leave no goroutine and no descriptor behind after a thousand of each.
// The engines on net/http share its connections, so that fewer tell of what is
// not hostile.
func TestEnginesLeakNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of requests")
	}
	const workers = 50
	for _, h := range hardships(t) {
		t.Run(h.name, func(t *testing.T) {
			for _, k := range engines() {
				rounds := 2
				switch {
				case h.often, k.Name == "fast" && !h.heavy:
					rounds = 1000 / workers
				case k.Name != "fast" && h.heavy:
					continue
				}
				if h.timeout > 0 {
					h.timeout = 15 * time.Millisecond
				}
				left := attacktest.NoLeaks(t)
				e, err := k.New(httpx.Options{MaxInFlight: workers, MaxBody: hardBody})
				if err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				for range workers {
					wg.Go(func() {
						for range rounds {
							if err := h.send(e); err != nil && h.timeout == 0 {
								t.Errorf("%s: %v", k.Name, err)
								return
							}
						}
					})
				}
				wg.Wait()
				if err := e.Close(); err != nil {
					t.Error(err)
				}
				left(k.Name)
			}
		})
	}
}

// A server that closes a kept-alive connection before anything was written to it
// costs nobody an error.
func TestEnginesKeepAliveClosed(t *testing.T) {
	closed := make(chan bool, 1)
	url := attacktest.Requests(t, func(c net.Conn, _ *http.Request) bool {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		c.Close()
		closed <- true
		return false
	})
	eachEngine(t, httpx.Options{MaxInFlight: 1}, func(t *testing.T, e httpx.Engine) {
		for range 20 {
			// Not idempotent: nobody may send it twice.
			r := e.Send(t.Context(), &httpx.Call{Method: "POST", URL: url, Body: []byte("x")})
			<-closed
			time.Sleep(time.Millisecond) // the end must have come through
			if r.Err != nil || r.Status != 200 {
				t.Fatalf("found %d, %v", r.Status, r.Err)
			}
		}
	})
}

// Both engines put the same bytes on the wire.
func TestFastWire(t *testing.T) {
	var mu sync.Mutex
	var got []byte
	ln := newPipes()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			var seen bytes.Buffer
			if req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &seen))); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			mu.Lock()
			got = bytes.Clone(seen.Bytes())
			mu.Unlock()
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			c.Close()
		}
	})
	defer wg.Wait()
	defer ln.Close()
	for _, call := range []httpx.Call{
		{Method: "GET", URL: "http://target"},
		{Method: "GET", URL: "http://target/", Header: []payload.Field{{Name: "User-Agent", Value: httpx.UserAgent}}},
		{Method: "GET", URL: "http://target:81/a%2Fb/c d?x=%20&y=ä#frag", Header: []payload.Field{{Name: "x-lower", Value: "1"}, {Name: "B", Value: " 2 "}, {Name: "A", Value: ""}, {Name: "B", Value: "3"}}},
		{Method: "GET", URL: "http://[::1]:8080/", Header: []payload.Field{{Name: "Host", Value: "other.test:90"}, {Name: "Accept-Encoding", Value: "gzip"}, {Name: "User-Agent", Value: ""}}},
		{Method: "GET", URL: "http://me:pw@target/?"},
		{Method: "GET", URL: "http://bücher.test/"},
		{Method: "HEAD", URL: "http://target/x"},
		{Method: "DELETE", URL: "http://target/x"},
		{Method: "OPTIONS", URL: "http://target/*"},
		{Method: "POST", URL: "http://target/x"},
		{Method: "PUT", URL: "http://target/x", Body: []byte("hello"), Header: []payload.Field{{Name: "content-type", Value: "text/plain"}, {Name: "Content-Length", Value: "99"}}},
		{Method: "PATCH", URL: "http://target/x", Body: bytes.Repeat([]byte("x"), fast.CoalesceSize+1)},
		{Method: "POST", URL: "http://target/x", Body: bytes.Repeat([]byte("x"), fast.AsyncBodySize+1), Header: []payload.Field{{Name: "Connection", Value: "close"}}},
		{Method: "FOO", URL: "http://target/x", Body: []byte("x"), Header: []payload.Field{{Name: "Expect", Value: "100-continue"}}},
	} {
		var wires []string
		for i := range 4 { // the last two without keep-alive
			name := []string{"http", "fast"}[i%2]
			e, err := engineKind(t, name).New(httpx.Options{MaxInFlight: 1, Connections: wire.Connections{NoKeepAlive: i > 1}, Dial: ln.dial})
			if err != nil {
				t.Fatal(err)
			}
			if r := e.Send(t.Context(), &call); r.Err != nil || r.BytesOut != int64(len(call.Body)) {
				t.Errorf("%s: %+v: %v, %d bytes out", name, call.URL, r.Err, r.BytesOut)
			}
			mu.Lock()
			wires = append(wires, string(got))
			mu.Unlock()
			e.Close()
		}
		for i := 0; i < 4; i += 2 {
			if wires[i] != wires[i+1] {
				t.Errorf("expected as http sends:\n%q\nfound\n%q", plaintext.Clip(wires[i], 500), plaintext.Clip(wires[i+1], 500))
			}
		}
		if !strings.Contains(wires[2], "\r\nConnection: close\r\n") {
			t.Errorf("expected Connection: close, found\n%q", plaintext.Clip(wires[2], 500))
		}
	}
}

// Over TLS, crypto/tls has two allocations of its own, under the race detector
// four.
func TestFastAllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		url  string
		most float64
	}{{"plain", attacktest.Steady(t, nil), 0}, {"tls", attacktest.Steady(t, testTLS(t)), 4}} {
		t.Run(c.name, func(t *testing.T) {
			call := &httpx.Call{Method: "GET", URL: c.url, Header: []payload.Field{{Name: "User-Agent", Value: httpx.UserAgent}}, Fixed: true}
			engine, err := fast.New(httpx.Options{MaxInFlight: 1, MaxBody: hardBody, TLS: wire.TLS{Insecure: true}})
			if err != nil {
				t.Fatal(err)
			}
			defer engine.Close()
			e := engine.(httpx.DeadlineSender)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if n := testing.AllocsPerRun(1000, func() {
				if r := e.SendBy(ctx, wire.Deadlines{Done: time.Now().Add(time.Minute)}, call); r.Err != nil {
					t.Fatal(r.Err)
				}
			}); n > c.most {
				t.Errorf("expected at most %g allocations for a fixed request, found %g", c.most, n)
			}
		})
	}
}

func testTLS(tb testing.TB) *tls.Config {
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	return &tls.Config{Certificates: srv.TLS.Certificates}
}

// After 101 HTTP is over: no engine waits for what the server may say in
// another protocol, which on net/http not even the timeout would end.
func TestEnginesSwitchingProtocols(t *testing.T) {
	url := attacktest.Answers(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", true)
	eachEngine(t, httpx.Options{MaxInFlight: 4}, func(t *testing.T, e httpx.Engine) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		replies := make(chan httpx.Reply, 1)
		go func() { replies <- e.Send(ctx, &httpx.Call{Method: http.MethodGet, URL: url}) }()
		select {
		case r := <-replies:
			if r.Err != nil || r.Status != http.StatusSwitchingProtocols {
				t.Fatalf("status %d, error %v, want 101 and none", r.Status, r.Err)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("Send has not returned 4s after its timeout")
		}
	})
}
