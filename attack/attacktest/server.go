package attacktest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/freeport/porttest"
)

// Quiet takes what servers log of handshakes that fail on purpose.
var Quiet = log.New(io.Discard, "", 0)

// Conns is a server whose connections serve has to itself. It returns its URL, without a
// slash at the end.
func Conns(tb testing.TB, serve func(net.Conn)) (url string) {
	tb.Helper()
	ln := porttest.Listen(tb)
	porttest.Serve(tb, ln, serve)
	return "http://" + ln.Addr().String()
}

// EachRequest serves a connection by reading requests and leaving the answers to serve,
// which is called until it returns false.
func EachRequest(serve func(net.Conn, *http.Request) bool) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(in)
			if err != nil || !serve(c, req) {
				return
			}
		}
	}
}

// Requests is a server for EachRequest. It returns its URL.
func Requests(tb testing.TB, serve func(net.Conn, *http.Request) bool) (url string) {
	tb.Helper()
	return Conns(tb, EachRequest(serve))
}

// Answers is a server that answers every request with the same bytes, and then closes the
// connection or goes on. It returns its URL.
func Answers(tb testing.TB, answer string, goOn bool) (url string) {
	tb.Helper()
	return Requests(tb, func(c net.Conn, _ *http.Request) bool {
		_, err := io.WriteString(c, answer)
		return goOn && err == nil
	})
}

// Steady is a server that answers every request, with a body or without, and makes no
// allocation for it, so that those of an engine can be counted. With conf it is one of TLS.
// It returns its URL, which ends with a slash.
func Steady(tb testing.TB, conf *tls.Config) (url string) {
	tb.Helper()
	ln := porttest.Listen(tb)
	scheme, address := "http", ln.Addr()
	if conf != nil {
		ln, scheme = tls.NewListener(ln, conf), "https"
	}
	answer := []byte("HTTP/1.1 200 OK\r\nServer: steady\r\nContent-Type: text/plain\r\n" +
		"Content-Length: 3\r\n\r\nok\n")
	porttest.Serve(tb, ln, func(c net.Conn) {
		buf := make([]byte, 64<<10)
		for n := 0; ; {
			m, err := c.Read(buf[n:])
			if n += m; err != nil {
				return
			}
			if isWhole(buf[:n]) {
				n = 0
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		}
	})
	return fmt.Sprintf("%s://%s/", scheme, address)
}

// isWhole says that b is a request, body and all.
func isWhole(b []byte) bool {
	end, length := []byte("\r\n\r\n"), []byte("\r\nContent-Length: ")
	head, body, ok := bytes.Cut(b, end)
	if !ok {
		return false
	}
	n := 0
	if _, digits, ok := bytes.Cut(head, length); ok {
		for _, d := range digits {
			if d < '0' || d > '9' {
				break
			}
			n = 10*n + int(d-'0')
		}
	}
	return len(body) == n
}

// Calibrated answers as a path says, so that engines can be held against each other:
// /status/N, /bytes/N, /echo, /slow (no answer), /drip (one without end) and /cut (one that
// breaks off in the middle of its body).
func Calibrated() http.Handler {
	number := func(r *http.Request) (n int) {
		_, _ = fmt.Sscan(r.PathValue("n"), &n)
		return n
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/status/{n}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://127.0.0.1:1/%zz") // not to be followed, nor read
		w.WriteHeader(number(r))
	})
	mux.HandleFunc("/bytes/{n}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", number(r)))
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Echo", "yes")
		fmt.Fprintf(w, "%s %s %s host=%s agent=%s x=%q encoding=%q",
			r.Proto, r.Method, r.URL, r.Host, r.UserAgent(), r.Header["X-Own"],
			r.Header["Accept-Encoding"])
		fmt.Fprintf(w, " auth=%q call=%q length=%d body=%s",
			r.Header.Get("Authorization"), r.Header.Get("X-Ordeal-Call"), r.ContentLength, b)
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "drop")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	return mux
}
