package fast_test

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/freeport/porttest"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// respond is an answer with a body.
func respond(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// An answer that nobody asked for is an error of its own kind, on the request that
// it came behind or on the next that would have taken its connection, and no
// request is answered with what belongs to another.
func TestEnginesRefuseUnsolicitedAnswers(t *testing.T) {
	const path = "/7" // of the request whose answer is followed by more
	for _, c := range []struct {
		name  string
		more  string        // what follows
		later time.Duration // after the answer
		kinds map[string]int
	}{
		{"with the answer", respond("stray"), 0, map[string]int{"": 19, timeline.KindUnsolicited: 1}},
		{"in two pieces with the answer", "HTTP/1.1 200 OK\r\nContent-", 0, map[string]int{"": 19, timeline.KindUnsolicited: 1}},
		{"a little later", respond("stray"), 20 * time.Millisecond, map[string]int{"": 19, timeline.KindUnsolicited: 1}},
		{"three of them, later", strings.Repeat(respond("stray"), 3), 20 * time.Millisecond, map[string]int{"": 19, timeline.KindUnsolicited: 1}},
		{"an error", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 20 * time.Millisecond, map[string]int{"": 19, timeline.KindUnsolicited: 1}},
		{"a farewell", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 20 * time.Millisecond, map[string]int{"": 20}},
		{"a farewell of another status", "HTTP/1.1 400 Bad Request\r\nconnection: Close\r\n\r\n", 20 * time.Millisecond, map[string]int{"": 20}},
		{"an empty line", "\r\n", 0, map[string]int{"": 20}},
		{"more body than was said", " and more", 0, map[string]int{"": 20}},
		{"more body than was said, later", " and more", 20 * time.Millisecond, map[string]int{"": 20}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, k := range engines() {
				t.Run(k.Name, func(t *testing.T) {
					sent := make(chan struct{}, 1)
					url := attacktest.Requests(t, func(conn net.Conn, r *http.Request) bool {
						answer := respond(r.URL.Path)
						if r.URL.Path == path && c.later == 0 {
							answer += c.more
						}
						_, err := io.WriteString(conn, answer)
						if r.URL.Path == path && err == nil {
							if c.later > 0 {
								time.Sleep(c.later)
								_, err = io.WriteString(conn, c.more)
							}
							time.Sleep(20 * time.Millisecond) // it has arrived, on one machine
							sent <- struct{}{}
						}
						return err == nil
					})
					e, err := k.New(httpx.Options{MaxInFlight: 1})
					if err != nil {
						t.Fatal(err)
					}
					defer e.Close()
					kinds := make(map[string]int)
					for i := range 20 {
						call := &httpx.Call{Method: "GET", URL: fmt.Sprintf("%s/%d", url, i), WantBody: true}
						r := e.Send(t.Context(), call)
						kind := ""
						if r.Err != nil {
							kind, _ = httpx.Classify(r.Err)
						} else if want := fmt.Sprintf("/%d", i); string(r.Body) != want {
							t.Errorf("expected the answer to %s, found %q", want, r.Body)
						}
						kinds[kind]++
						if r.Err != nil && (r.Status != 0 || r.Body != nil) {
							t.Errorf("expected no answer beside the error, found %+v", r)
						}
						if fmt.Sprintf("/%d", i) == path {
							<-sent
						}
					}
					if fmt.Sprint(kinds) != fmt.Sprint(c.kinds) {
						t.Errorf("expected %v, found %v", c.kinds, kinds)
					}
				})
			}
		})
	}
}

// Answers without a body, of all sorts, may be followed by the next one only when
// it was asked for.
func TestEnginesTellWhereAnswersEnd(t *testing.T) {
	stray := respond("stray")
	for _, c := range []struct {
		name, method, answer string
		kind                 string
	}{
		{"head", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", ""},
		{"head and another", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + stray, timeline.KindUnsolicited},
		{"head with a body", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ""},
		{"no content and another", "GET", "HTTP/1.1 204 No Content\r\n\r\n" + stray, timeline.KindUnsolicited},
		{"not modified and another", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n" + stray, timeline.KindUnsolicited},
		{"1xx is no other", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + stray, ""},
		{"chunks and another", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHTTP/\r\n0\r\n\r\n" + stray, timeline.KindUnsolicited},
		{"chunks with a trailer and another", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHTTP/\r\n0\r\nX: y\r\n\r\n" + stray, timeline.KindUnsolicited},
		{"a body that looks like one", "GET", respond(stray), ""},
		{"up to the end", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + stray, ""},
		{"a closing one and another", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" + stray, timeline.KindUnsolicited},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := attacktest.Answers(t, c.answer, !strings.Contains(c.answer, "close"))
			eachEngine(t, httpx.Options{MaxInFlight: 1}, func(t *testing.T, e httpx.Engine) {
				for range 3 {
					r := e.Send(t.Context(), &httpx.Call{Method: c.method, URL: url})
					kind := ""
					if r.Err != nil {
						kind, _ = httpx.Classify(r.Err)
					}
					if kind != c.kind {
						t.Fatalf("expected kind %q, found %q: %v", c.kind, kind, r.Err)
					}
				}
			})
		})
	}
}

// Over TLS too, engine fast fails the request that an answer too many came with;
// those on net/http see what was read before a request was written.
func TestUnsolicitedAnswersOverTLS(t *testing.T) {
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{attacktest.SelfSigned(t)}})
	if err != nil {
		t.Fatal(err)
	}
	porttest.Serve(t, ln, attacktest.EachRequest(func(c net.Conn, r *http.Request) bool {
		answer := respond(r.URL.Path)
		if r.URL.Path == "/3" {
			answer += respond("stray")
		}
		_, err := io.WriteString(c, answer)
		return err == nil
	}))
	eachEngine(t, httpx.Options{MaxInFlight: 1, Protocol: "http1", TLS: wire.TLS{Insecure: true}}, func(t *testing.T, e httpx.Engine) {
		unsolicited := 0
		for i := range 8 {
			r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: fmt.Sprintf("https://%s/%d", ln.Addr(), i), WantBody: true})
			kind, _ := "", ""
			if r.Err != nil {
				kind, _ = httpx.Classify(r.Err)
			}
			switch {
			case kind == timeline.KindUnsolicited:
				unsolicited++
			case r.Err != nil:
				t.Errorf("request %d: %v", i, r.Err)
			case string(r.Body) != fmt.Sprintf("/%d", i):
				t.Errorf("request %d was answered with %q", i, r.Body)
			}
		}
		if isFast(e) && unsolicited != 1 || unsolicited > 1 {
			t.Errorf("expected one error, found %d", unsolicited)
		}
	})
}

// framed runs answers through framing in pieces of n bytes; ok is false if it gave
// up.
func framed(b []byte, method string, n int) (used int, done, ok bool) {
	var f httpx.Framing
	f.Next(method)
	for used < len(b) && !done {
		piece := b[used:min(used+n, len(b))]
		var took int
		if took, done = f.Feed(piece); took < len(piece) && !done {
			return used + took, false, false
		}
		used += took
	}
	return used, done, f.State != httpx.InNothing
}

// FuzzFraming holds the end of an answer against where net/http finds it.
func FuzzFraming(f *testing.F) {
	for _, s := range []string{
		respond("hello"), "HTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\nContent-Length: 1\n\nxrest", "HTTP/1.0 200 OK\r\n\r\nall", "HTTP/1.1 101 S\r\n\r\nws",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
	} {
		f.Add([]byte(s), false, uint8(3))
		f.Add([]byte(s), true, uint8(200))
	}
	f.Fuzz(func(t *testing.T, b []byte, head bool, n uint8) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		used, done, ok := framed(b, method, cmp.Or(int(n), 1))
		if again, _, _ := framed(b, method, len(b)+1); ok && again != used {
			t.Errorf("in pieces it ends at %d, as a whole at %d", used, again)
		}
		if !ok || !done {
			return
		}
		in := bytes.NewReader(b)
		br := bufio.NewReaderSize(in, max(16, len(b)))
		var resp *http.Response
		for {
			var err error
			if resp, err = http.ReadResponse(br, &http.Request{Method: method}); err != nil {
				return // net/http does not take it, and closes the connection
			}
			if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
				break
			}
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return
		}
		if end := len(b) - in.Len() - br.Buffered(); end != used {
			t.Errorf("expected the end at %d, found %d", end, used)
		}
	})
}

// What comes behind an answer is no error of those who come next, however many there are.
func TestExcessIsNobodyElsesError(t *testing.T) {
	url := attacktest.Answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true)
	eachEngine(t, httpx.Options{MaxInFlight: 4}, func(t *testing.T, e httpx.Engine) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					if r := e.Send(t.Context(), &httpx.Call{Method: "HEAD", URL: url}); r.Err != nil || r.Status != 200 {
						t.Errorf("found %d and %v", r.Status, r.Err)
					}
				}
			})
		}
		wg.Wait()
	})
}
