package fast

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// From inside the package, so that a parser is fuzzed and no connection.

// What the plain form reads, net/http reads alike.
func FuzzHead(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\nok", "HTTP/2.0 200 OK\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var h head
		n, err := h.scan(raw)
		if err != nil {
			if end := endOfHead(raw); err == errPartial && end >= 0 && end < len(raw) && bytes.Contains(raw[:end], []byte("\r\n\r\n")) {
				t.Fatalf("a whole head is called partial: %q", raw[:end])
			}
			return
		}
		if end := endOfHead(raw); n != end {
			t.Fatalf("the head ends at %d, not %d: %q", end, n, raw)
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw[:n])), &http.Request{Method: "GET"})
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", raw[:n], err)
		}
		length := resp.ContentLength
		switch {
		case len(resp.TransferEncoding) > 0:
			length = chunked
		case length < 0:
			length = identity
		}
		bodiless := h.status < 200 || h.status == 204 || h.status == 304
		if h.status != resp.StatusCode || !bodiless && h.length != length {
			t.Fatalf("status %d and length %d, net/http reads %d and %d: %q", h.status, h.length, resp.StatusCode, length, raw[:n])
		}
		if !bodiless && h.length != identity && h.last != resp.Close {
			t.Fatalf("closing %v, net/http reads %v: %q", h.last, resp.Close, raw[:n])
		}
		own := h.header()
		for name, values := range resp.Header {
			if name != "Trailer" && strings.Join(own[name], "|") != strings.Join(values, "|") {
				t.Fatalf("%s is %q, net/http reads %q", name, own[name], values)
			}
		}
	})
}
