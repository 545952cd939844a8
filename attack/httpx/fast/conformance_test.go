package fast_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/timeline"
)

const conformOK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// conformance lists answers as they come over the wire, and what engines make of
// them: the same, whichever sends, or the difference stands here and in the
// reference.
var conformance = []struct {
	name   string
	raw    string
	closes bool // the server closes the connection after it
	status int
	body   string
	kind   string
	others string // kind of engines http and vegeta, where it differs
}{
	{name: "plain", raw: conformOK, status: 200, body: "ok"},
	{name: "lf only", raw: strings.ReplaceAll(conformOK, "\r\n", "\n"), status: 200, body: "ok"},
	{name: "lf headers crlf end", raw: "HTTP/1.1 200 OK\nContent-Length: 2\n\r\nok", status: 200, body: "ok"},
	{name: "crlf headers lf end", raw: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok", status: 200, body: "ok"},
	{name: "dup cl", raw: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "dup cl differ", raw: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "cl list", raw: "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "cl plus", raw: "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "cl blank", raw: "HTTP/1.1 200 OK\r\nContent-Length:  2  \r\n\r\nok", status: 200, body: "ok"},
	{name: "cl none", raw: "HTTP/1.1 200 OK\r\nContent-Length:2\r\n\r\nok", status: 200, body: "ok"},
	{name: "cl empty", raw: "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok", closes: true, kind: timeline.KindProtocol},
	{name: "cl neg", raw: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "cl huge", raw: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "cl leading zero", raw: "HTTP/1.1 200 OK\r\nContent-Length: 0002\r\n\r\nok", status: 200, body: "ok"},
	{name: "cl hex", raw: "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "cl blank before colon", raw: "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "te blank before colon", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "other blank before colon", raw: "HTTP/1.1 200 OK\r\nServer : x\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "fold", raw: "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "fold first", raw: "HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "no colon", raw: "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "empty name", raw: "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "odd name", raw: "HTTP/1.1 200 OK\r\nX(y): x\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "utf8 value", raw: "HTTP/1.1 200 OK\r\nX: Zo\u00eb\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "nul value", raw: "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "cr in value", raw: "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "no reason", raw: "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "no reason no blank", raw: "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "two blanks", raw: "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "lower version", raw: "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "lower headers", raw: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "version 1.2", raw: "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "version 2.0", raw: "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "version 2", raw: "HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "icy", raw: "ICY 200 OK\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "status 2x0", raw: "HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "status 20", raw: "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "status 2000", raw: "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "status 999", raw: "HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindStatus, status: 999, body: "ok"},
	{name: "status 000", raw: "HTTP/1.1 000 No\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "status 050", raw: "HTTP/1.1 050 No\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "empty line first", raw: "\r\n" + conformOK, kind: timeline.KindProtocol},
	{name: "lf first", raw: "\n" + conformOK, kind: timeline.KindProtocol},
	{name: "blank first", raw: " " + conformOK, kind: timeline.KindProtocol},
	{name: "1.0 keep-alive", raw: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "1.0 length", raw: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "1.0 chunked", raw: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", closes: true, status: 200, body: "2\r\nok\r\n0\r\n\r\n"},
	{name: "100", raw: "HTTP/1.1 100 Continue\r\n\r\n" + conformOK, status: 200, body: "ok"},
	{name: "102 103", raw: "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + conformOK, status: 200, body: "ok"},
	{name: "103 lf", raw: "HTTP/1.1 103 Early Hints\nLink: </a>\n\n" + conformOK, status: 200, body: "ok"},
	{name: "many 1xx", raw: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20) + conformOK, status: 200, body: "ok"},
	{name: "thousands 1xx", raw: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 5000) + conformOK, status: 200, body: "ok"},
	{name: "chunked", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", status: 200, body: "ok"},
	{name: "chunked upper", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", status: 200, body: "ok"},
	{name: "chunk lf", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "chunk lf data", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "chunk all lf", raw: "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n", kind: timeline.KindProtocol},
	{name: "chunk last lf", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\n", kind: timeline.KindProtocol, others: timeline.KindStalled},
	{name: "chunk ext", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b;c=\"d\"\r\nok\r\n0\r\n\r\n", status: 200, body: "ok"},
	{name: "chunk blank", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2  \r\nok\r\n0\r\n\r\n", status: 200, body: "ok"},
	{name: "chunk blank ext", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 ;x\r\nok\r\n0\r\n\r\n", status: 200, body: "ok", others: timeline.KindProtocol},
	{name: "chunk leading blank", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 2\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "chunk leading zeros", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00000002\r\nok\r\n000\r\n\r\n", status: 200, body: "ok"},
	{name: "chunk many zeros", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("0", 30) + "2\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "chunk 0x", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "chunk empty size", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "chunk neg", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "chunk short", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "chunk ext cr", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a\rb\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "trailer", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", status: 200, body: "ok"},
	{name: "trailer unannounced", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", status: 200, body: "ok"},
	{name: "trailer bad", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nnonsense\r\n\r\n", kind: timeline.KindProtocol},
	{name: "trailer lf", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\n\n", kind: timeline.KindProtocol, others: timeline.KindStalled},
	{name: "te identity", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "te gzip chunked", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "te twice", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "te list twice", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", kind: timeline.KindProtocol},
	{name: "te and cl", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n2\r\nok\r\n0\r\n\r\n", status: 200, body: "ok"},
	{name: "cl and te", raw: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", status: 200, body: "ok"},
	{name: "te empty", raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\nContent-Length: 2\r\n\r\nok", kind: timeline.KindProtocol},
	{name: "204 length", raw: "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", status: 204},
	{name: "204 chunked", raw: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", status: 204},
	{name: "304 length", raw: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", status: 304},
	{name: "conn close", raw: "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok", closes: true, status: 200, body: "ok"},
	{name: "conn close keep open", raw: "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "conn close no length open", raw: "HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\nok", kind: timeline.KindStalled},
	{name: "proxy-connection", raw: "HTTP/1.1 200 OK\r\nProxy-Connection: close\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
	{name: "no length", raw: "HTTP/1.1 200 OK\r\n\r\nok", closes: true, status: 200, body: "ok"},
	{name: "no length open", raw: "HTTP/1.1 200 OK\r\n\r\nok", kind: timeline.KindStalled},
	{name: "no headers", raw: "HTTP/1.1 204 No Content\r\n\r\n", status: 204},
	{name: "tls alert open", raw: "\x15\x03\x01\x00\x02\x02\x46", kind: timeline.KindProtocol},
	{name: "tls alert", raw: "\x15\x03\x01\x00\x02\x02\x46", closes: true, kind: timeline.KindProtocol},
	{name: "h2 settings open", raw: "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\x04\x00\x01\x00\x00\x00\x05\x00\xff\xff\xff", kind: timeline.KindProtocol},
	{name: "h2 settings", raw: "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\x04\x00\x01\x00\x00\x00\x05\x00\xff\xff\xff", closes: true, kind: timeline.KindProtocol},
	{name: "ssh open", raw: "SSH-2.0-OpenSSH_9.2\r\n", kind: timeline.KindProtocol},
	{name: "smtp open", raw: "220 mail ESMTP\r\n", kind: timeline.KindProtocol},
	{name: "html open", raw: "<html>hello</html>", kind: timeline.KindProtocol},
	{name: "html", raw: "<html>hello</html>", closes: true, kind: timeline.KindProtocol},
	{name: "json close", raw: "{\"a\":1}", closes: true, kind: timeline.KindProtocol},
	{name: "redis open", raw: "-ERR unknown command\r\n", kind: timeline.KindProtocol},
}

// talker answers everything that it reads with raw, and then closes or not.
func talker(t *testing.T, raw string, closes bool) string {
	return attacktest.Conns(t, func(c net.Conn) {
		b := make([]byte, 4096)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			if _, err := io.WriteString(c, raw); err != nil || closes {
				return
			}
		}
	})
}

func TestConformance(t *testing.T) {
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			details := make(map[string]string)
			for _, k := range engines() {
				url := talker(t, c.raw, c.closes)
				e, err := k.New(httpx.Options{MaxInFlight: 2})
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				want, status, body := c.kind, c.status, c.body
				if c.others != "" && k.Name != "fast" {
					want, status, body = c.others, 0, ""
				}
				timeout := 30 * time.Second // what is said at once needs none of it
				if want == timeline.KindStalled {
					timeout = time.Second
				}
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				r := e.Send(ctx, &httpx.Call{Method: "GET", URL: url, WantBody: true})
				cancel()
				check, err := expect.New(expect.Expect{})
				if err != nil {
					t.Fatal(err)
				}
				kind, detail := judge(check, &r, 0)
				if kind != want || r.Status != status || string(r.Body) != body {
					t.Errorf("%s: %q, status %d, body %q (%s), want %q, %d, %q", k.Name, kind, r.Status, r.Body, detail, want, status, body)
				}
				details[k.Name] = detail
			}
			if details["http"] != details["vegeta"] {
				t.Errorf("details differ: %q", details)
			}
		})
	}
}

// What has no end of its own is told apart from what is only slow, and what is no
// HTTP says what it is.
func TestConformanceSaysWhy(t *testing.T) {
	for raw, want := range map[string]string{
		"HTTP/1.1 200 OK\r\n\r\nok":                       "no Content-Length and no chunks, so that only the end of the connection ends it",
		"\x15\x03\x01\x00\x02\x02\x46":                    "it answered with TLS: write https://",
		"\x00\x00\x00\x04\x00\x00\x00\x00\x00":            "it answered with HTTP/2: set attack.protocol to h2c",
		"SSH-2.0-OpenSSH_9.2\r\n":                         "an SSH server answers there",
		"\r\n" + conformOK:                                "an empty line comes before the status line",
		"<html>":                                          "expected a status line such as HTTP/1.1 200 OK",
		"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok": "there is a blank between Content-Length and its colon",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			eachEngine(t, httpx.Options{MaxInFlight: 1}, func(t *testing.T, e httpx.Engine) {
				timeout := 30 * time.Second
				if strings.Contains(want, "Content-Length and") {
					timeout = time.Second
				}
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()
				r := e.Send(ctx, &httpx.Call{Method: "GET", URL: talker(t, raw, false)})
				if _, detail := httpx.Classify(r.Err); !strings.Contains(detail, want) {
					t.Errorf("%q does not say %q", detail, want)
				}
			})
		})
	}
}
