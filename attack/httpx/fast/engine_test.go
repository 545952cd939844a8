package fast_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/freeport/porttest"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// raw is a server that reads something, and leaves the answer to serve.
func raw(t *testing.T, serve func(*net.TCPConn)) string {
	return attacktest.Conns(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		serve(c.(*net.TCPConn))
	})
}

func eachEngine(t *testing.T, opt httpx.Options, f func(*testing.T, httpx.Engine)) {
	for _, k := range engines() {
		t.Run(k.Name, func(t *testing.T) {
			e, err := k.New(opt)
			if k.Name == "fast" && (opt.Protocol == "http2" || opt.Protocol == "h2c") {
				if err == nil || !strings.Contains(err.Error(), "take engine http") {
					t.Errorf("expected engine fast to refuse %s and name another, found %v", opt.Protocol, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			}()
			f(t, e)
		})
	}
}

func TestEngines(t *testing.T) {
	srv := httptest.NewServer(attacktest.Calibrated())
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	reset := raw(t, func(c *net.TCPConn) { _ = c.SetLinger(0) })
	closed := raw(t, func(*net.TCPConn) {})
	garbage := raw(t, func(c *net.TCPConn) { _, _ = io.WriteString(c, "SSH-2.0-hello\r\n") })
	refused := "http://" + porttest.Refused(t)
	secure := httptest.NewTLSServer(attacktest.Calibrated())
	defer secure.Close()
	secure.Config.ErrorLog = attacktest.Quiet
	big := bytes.Repeat([]byte("b"), 100_000)

	for _, c := range []struct {
		name    string
		call    httpx.Call
		timeout time.Duration // 0: long enough
		status  int
		in, out int64 // -1: any
		body    string
		kind    string
	}{
		{name: "ok", call: httpx.Call{URL: srv.URL + "/status/200"}, status: 200},
		{name: "no content", call: httpx.Call{URL: srv.URL + "/status/204"}, status: 204},
		{name: "redirect not followed", call: httpx.Call{URL: srv.URL + "/status/304"}, status: 304},
		{name: "not found", call: httpx.Call{URL: srv.URL + "/status/404"}, status: 404, kind: timeline.KindStatus},
		{name: "server error", call: httpx.Call{URL: srv.URL + "/status/503"}, status: 503, kind: timeline.KindStatus},
		{name: "head", call: httpx.Call{Method: "HEAD", URL: srv.URL + "/bytes/5"}, status: 200},
		{name: "bytes are counted", call: httpx.Call{URL: srv.URL + "/bytes/1500000"}, status: 200, in: 1_500_000},
		{name: "bytes are kept", call: httpx.Call{URL: srv.URL + "/bytes/5", WantBody: true}, status: 200, in: 5, body: "xxxxx"},
		{name: "as many as wanted", call: httpx.Call{URL: srv.URL + "/bytes/1500000", WantBody: true}, status: 200, in: 1_500_000, body: strings.Repeat("x", expect.MaxBody)},
		{name: "all of a request", call: httpx.Call{Method: "POST", URL: srv.URL + "/echo?a=b%20c", Header: []payload.Field{{Name: "X-Own", Value: "1"}, {Name: "X-Own", Value: "2"}, {Name: "host", Value: "other"}, {Name: "user-agent", Value: "me"}}, Body: []byte("hello"), WantBody: true},
			status: 200, in: -1, out: 5,
			body: `HTTP/1.1 POST /echo?a=b%20c host=other agent=me x=["1" "2"] encoding=[] auth="" call="" length=5 body=hello`},
		{name: "credentials", call: httpx.Call{URL: "http://me:pw@" + host + "/echo", Header: []payload.Field{{Name: "User-Agent", Value: "me"}}, WantBody: true}, status: 200, in: -1,
			body: fmt.Sprintf(`HTTP/1.1 GET /echo host=%s agent=me x=[] encoding=[] auth="Basic bWU6cHc=" call="" length=0 body=`, host)},
		{name: "big body", call: httpx.Call{Method: "PUT", URL: srv.URL + "/echo", Body: big}, status: 200, in: -1, out: 100_000},
		{name: "refused", call: httpx.Call{Method: "POST", URL: refused, Body: []byte("x")}, kind: timeline.KindRefused},
		{name: "reset", call: httpx.Call{URL: reset}, kind: timeline.KindReset},
		{name: "closed", call: httpx.Call{URL: closed}, kind: timeline.KindEOF},
		{name: "garbage", call: httpx.Call{URL: garbage}, kind: timeline.KindProtocol},
		{name: "cut", call: httpx.Call{URL: srv.URL + "/cut"}, in: 4, kind: timeline.KindEOF},
		{name: "timeout", call: httpx.Call{URL: srv.URL + "/slow"}, timeout: 50 * time.Millisecond, kind: timeline.KindTimeout},
		{name: "endless body", call: httpx.Call{URL: srv.URL + "/drip"}, timeout: time.Second, in: -1, kind: timeline.KindStalled},
		{name: "too late before it began", call: httpx.Call{URL: srv.URL + "/status/200"}, timeout: -time.Second, kind: timeline.KindTimeout},
		{name: "unknown authority", call: httpx.Call{URL: secure.URL}, kind: timeline.KindTLS},
		{name: "tls where there is none", call: httpx.Call{URL: strings.Replace(srv.URL, "http:", "https:", 1)}, kind: timeline.KindTLS},
		{name: "no name", call: httpx.Call{URL: "http://name.invalid/"}, kind: timeline.KindDNS},
		{name: "bad url", call: httpx.Call{URL: "http://127.0.0.1:port/"}, kind: timeline.KindOther},
		{name: "bad method", call: httpx.Call{Method: "G T", URL: srv.URL}, kind: timeline.KindOther},
		{name: "bad scheme", call: httpx.Call{URL: "gopher://127.0.0.1/"}, kind: timeline.KindOther},
		{name: "no host", call: httpx.Call{URL: "/path"}, kind: timeline.KindOther},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachEngine(t, httpx.Options{MaxInFlight: 4, Dial: offline}, func(t *testing.T, e httpx.Engine) {
				ctx := t.Context()
				if c.timeout != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.timeout)
					defer cancel()
				}
				if c.call.Method == "" {
					c.call.Method = "GET"
				}
				c.call.WantHeader = true
				before := time.Now()
				r := e.Send(ctx, &c.call)
				after := time.Now()
				if r.Sent.Before(before) || r.Done.Before(r.Sent) || r.Done.After(after) {
					t.Errorf("sent %s and done %s after the call of %s", r.Sent.Sub(before), r.Done.Sub(before), after.Sub(before))
				}
				ch, _ := expect.New(expect.Expect{})
				kind, detail := judge(ch, &r, 0)
				if kind != c.kind {
					t.Errorf("expected kind %q, found %q: %s (%v)", c.kind, kind, detail, r.Err)
				}
				if r.Status != c.status {
					t.Errorf("expected status %d, found %d", c.status, r.Status)
				}
				if c.in >= 0 && r.BytesIn != c.in {
					t.Errorf("expected %d bytes in, found %d", c.in, r.BytesIn)
				}
				if r.BytesOut != c.out {
					t.Errorf("expected %d bytes out, found %d", c.out, r.BytesOut)
				}
				if string(r.Body) != c.body {
					t.Errorf("expected body %q, found %q", plaintext.Clip(c.body, 300), plaintext.Clip(string(r.Body), 300))
				}
				if strings.Contains(c.call.URL, "/echo") && r.Header.Get("x-echo") != "yes" {
					t.Error("the answer's header is missing")
				}
			})
		})
	}
}

// offline is the network without its name service, which tests do not ask.
func offline(ctx context.Context, network, address string) (net.Conn, error) {
	if strings.HasPrefix(address, "name.invalid:") {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: "name.invalid", IsNotFound: true}}
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// Cancelling a send ends it at the server too, and soon.
func TestEnginesCancel(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
	}))
	defer srv.Close()
	eachEngine(t, httpx.Options{MaxInFlight: 4}, func(t *testing.T, e httpx.Engine) {
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan httpx.Reply)
		go func() { got <- e.Send(ctx, &httpx.Call{Method: "GET", URL: srv.URL}) }()
		<-begun
		cancel()
		if r := <-got; !errors.Is(r.Err, context.Canceled) {
			t.Errorf("expected context canceled, found %v", r.Err)
		}
		<-ended
	})
}

// Many sends at once: each gets its own answer, and connections are used again.
func TestEnginesConcurrently(t *testing.T) {
	const workers, each = 20, 50
	var conns atomic.Int64
	srv := httptest.NewUnstartedServer(attacktest.Calibrated())
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	eachEngine(t, httpx.Options{MaxInFlight: workers}, func(t *testing.T, e httpx.Engine) {
		conns.Store(0)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := range each {
					own := fmt.Sprintf("%d-%d", w, i)
					r := e.Send(t.Context(), &httpx.Call{Method: "POST", URL: srv.URL + "/echo", Body: []byte(own), WantBody: true})
					if r.Err != nil || !strings.HasSuffix(string(r.Body), " body="+own) {
						t.Errorf("%s: found %q, %v", own, r.Body, r.Err)
						return
					}
				}
			})
		}
		wg.Wait()
		if n := conns.Load(); n > workers*each/2 {
			t.Errorf("expected about %d connections for %d requests, found %d", workers, workers*each, n)
		}
	})
}

func TestEnginesTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(attacktest.Calibrated())
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = attacktest.Quiet
	srv.StartTLS()
	defer srv.Close()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := httptest.NewUnstartedServer(attacktest.Calibrated())
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetHTTP1(true)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	defer plain.Close()
	for _, c := range []struct {
		name  string
		opt   httpx.Options
		url   string
		proto string
		kind  string
	}{
		{"auto takes http2", httpx.Options{TLS: wire.TLS{CA: ca}}, srv.URL, "HTTP/2.0", ""},
		{"http1", httpx.Options{Protocol: "http1", TLS: wire.TLS{CA: ca}}, srv.URL, "HTTP/1.1", ""},
		{"http2", httpx.Options{Protocol: "http2", TLS: wire.TLS{CA: ca}}, srv.URL, "HTTP/2.0", ""},
		{"insecure", httpx.Options{TLS: wire.TLS{Insecure: true}}, srv.URL, "HTTP/2.0", ""},
		{"server name", httpx.Options{TLS: wire.TLS{CA: ca, ServerName: "example.com"}}, srv.URL, "HTTP/2.0", ""},
		{"other server name", httpx.Options{TLS: wire.TLS{CA: ca, ServerName: "other.test"}}, srv.URL, "", timeline.KindTLS},
		{"unknown authority", httpx.Options{}, srv.URL, "", timeline.KindTLS},
		{"auto without tls", httpx.Options{}, plain.URL, "HTTP/1.1", ""},
		{"h2c", httpx.Options{Protocol: "h2c"}, plain.URL, "HTTP/2.0", ""},
		{"http2 without tls", httpx.Options{Protocol: "http2"}, plain.URL, "", timeline.KindOther},
		{"h2c with tls", httpx.Options{Protocol: "h2c", TLS: wire.TLS{CA: ca}}, srv.URL, "", timeline.KindOther},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opt.MaxInFlight = 2
			eachEngine(t, c.opt, func(t *testing.T, e httpx.Engine) {
				proto := c.proto
				if isFast(e) && proto != "" {
					proto = "HTTP/1.1"
				}
				for range 2 {
					r := e.Send(t.Context(), &httpx.Call{Method: "POST", URL: c.url + "/echo", Body: []byte("x"), WantBody: true})
					ch, _ := expect.New(expect.Expect{})
					if kind, detail := judge(ch, &r, 0); kind != c.kind {
						t.Fatalf("expected kind %q, found %q: %s", c.kind, kind, detail)
					}
					if !strings.HasPrefix(string(r.Body), proto) {
						t.Errorf("expected %s, found %s", proto, r.Body)
					}
				}
			})
		})
	}
}

func TestTLSConfigRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tls  wire.TLS
		want string
	}{
		{wire.TLS{CA: empty + "x"}, "ca: open "},
		{wire.TLS{CA: empty}, "holds no certificate"},
		{wire.TLS{Cert: empty}, "a client certificate needs its key"},
		{wire.TLS{Key: empty}, "a client key needs its certificate"},
		{wire.TLS{Cert: empty, Key: empty}, "the client certificate cannot be used: "},
	} {
		if _, err := c.tls.Config(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: expected %q, found %v", c.tls, c.want, err)
		}
		if _, wrong := httpx.NewEngine(&attack.Plan{TLS: c.tls}, engines()); len(wrong) != 1 || !strings.Contains(wrong[0].Error(), c.want) {
			t.Errorf("%+v: expected an engine to refuse with %q, found %v", c.tls, c.want, wrong)
		}
	}
	for _, p := range []*attack.Plan{{Engine: "nope"}, {Protocol: "http3"}} {
		if _, wrong := httpx.NewEngine(p, engines()); len(wrong) != 1 || !strings.Contains(wrong[0].Error(), "expected one of") {
			t.Errorf("found %v", wrong)
		}
	}
}

// A dial that nobody waits for any more ends with the engine.
func TestEnginesLeaveNoDialBehind(t *testing.T) {
	eachEngine(t, httpx.Options{MaxInFlight: 1, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}, func(t *testing.T, e httpx.Engine) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if r := e.Send(ctx, &httpx.Call{Method: "GET", URL: "http://target/"}); !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Errorf("expected a timeout, found %v", r.Err)
		}
	}) // goleak sees the rest
}

func TestEnginesAfterClose(t *testing.T) {
	for _, k := range engines() {
		e, err := k.New(httpx.Options{MaxInFlight: 1})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := e.Close(); err != nil {
				t.Errorf("%s: %v", k.Name, err)
			}
		}
		if r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: "http://127.0.0.1:1/"}); r.Err == nil {
			t.Errorf("%s: a closed engine sent", k.Name)
		}
	}
}

// What a write and a read cost on one connection: what engine fast is measured
// by.
func BenchmarkBareSocket(b *testing.B) {
	url := attacktest.Steady(b, nil)
	c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	request := fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n\r\n", c.RemoteAddr(), httpx.UserAgent)
	answer := make([]byte, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(answer); err != nil {
			b.Fatal(err)
		}
	}
}

// The server allocates nothing, so that allocations are the engine's.
func BenchmarkEngines(b *testing.B) {
	data := []map[string]string{{"n": "1"}, {"n": "2"}}
	for _, c := range []struct {
		name string
		url  string
		req  attack.Request
	}{
		{"plain", attacktest.Steady(b, nil), attack.Request{Spec: new(httpx.Request)}},
		{"templated", attacktest.Steady(b, nil), attack.Request{Data: attacktest.Data(data), Protocol: httpx.Name, Spec: &httpx.Request{Headers: []payload.Field{{Name: "X-N", Value: "{{ .n }}"}}}}},
		{"tls", attacktest.Steady(b, testTLS(b)), attack.Request{Spec: new(httpx.Request)}},
	} {
		for _, k := range engines() {
			b.Run(c.name+"/"+k.Name, func(b *testing.B) {
				p := &attack.Plan{Protocol: "http1", Requests: []attack.Request{c.req}}
				p.Requests[0].Spec.(*httpx.Request).URL = c.url
				build, err := httpx.NewBuilder(p)
				if err != nil {
					b.Fatal(err)
				}
				e, err := k.New(httpx.Options{MaxInFlight: 1, Protocol: p.Protocol, TLS: wire.TLS{Insecure: true}})
				if err != nil {
					b.Fatal(err)
				}
				defer e.Close()
				send := func(by wire.Deadlines, call *httpx.Call) httpx.Reply {
					if d, ok := e.(httpx.DeadlineSender); ok {
						return d.SendBy(b.Context(), by, call)
					}
					ctx, cancel := context.WithDeadline(b.Context(), by.Done)
					defer cancel()
					return e.Send(ctx, call)
				}
				b.ReportAllocs()
				for n := uint64(0); b.Loop(); n++ {
					call, err := build(attack.Arrival{Seq: n, Nth: n})
					if err != nil {
						b.Fatal(err)
					}
					if r := send(wire.Deadlines{Done: time.Now().Add(time.Minute)}, call); r.Err != nil {
						b.Fatal(r.Err)
					}
					call.Release()
				}
			})
		}
	}
}
