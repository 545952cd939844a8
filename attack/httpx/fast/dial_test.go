package fast_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/timeline"
)

func TestConnectionsValidate(t *testing.T) {
	for _, c := range []struct {
		c    wire.Connections
		want []string // nothing: good
	}{
		{wire.Connections{}, nil},
		{wire.Connections{NoKeepAlive: true, PerHost: 1, To: map[string]string{"a:1": "[::1]:2"}, Source: "127.0.0.1", DNSRefresh: 1}, nil},
		{wire.Connections{Unix: "/s", NoKeepAlive: true, PerHost: 1}, nil},
		{wire.Connections{PerHost: -1, DNSRefresh: -1}, []string{"per_host: expected at least 1", "dns_refresh: expected at least 0"}},
		{wire.Connections{To: map[string]string{"a": "b:1", "c:1": "d:0"}}, []string{`connect_to: expected host:port, found "a"`, `connect_to: expected host:port, found "d:0"`}},
		{wire.Connections{To: map[string]string{"a.test:1": "b:1", "A.test.:1": "b:1"}}, []string{"A.test.:1 and a.test:1 are the same address"}},
		{wire.Connections{Unix: "/s", To: map[string]string{"a:1": "b:1"}, Source: "127.0.0.1", DNSRefresh: 1},
			[]string{"connect_to has no effect", "source has no effect", "dns_refresh has no effect"}},
		{wire.Connections{Unix: strings.Repeat("x", 108)}, []string{"unix: expected a path of at most 107 bytes, found 108"}},
		{wire.Connections{Source: "localhost"}, []string{`source: expected an IP address of this machine, found "localhost"`}},
		{wire.Connections{Source: "203.0.113.7"}, []string{"203.0.113.7, which is none of it"}},
	} {
		err := c.c.Validate().Err()
		if len(c.want) == 0 {
			if err != nil {
				t.Errorf("%+v: %v", c.c, err)
			}
			continue
		}
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: expected %q, found %v", c.c, want, err)
			}
		}
		if _, wrong := httpx.NewEngine(&attack.Plan{Connections: c.c}, engines()); len(wrong) == 0 || !strings.Contains(wrong.Err().Error(), c.want[0]) {
			t.Errorf("%+v: expected an engine to refuse with %q, found %v", c.c, c.want[0], wrong)
		}
	}
}

func TestConnectionsWhere(t *testing.T) {
	to := wire.Connections{To: map[string]string{"Bücher.test:80": "127.0.0.1:1", "[0:0::1]:80": "127.0.0.1:2"}}
	for address, want := range map[string]string{
		"xn--bcher-kva.test:80": "127.0.0.1:1", "BÜCHER.test.:80": "127.0.0.1:1", "[::1]:80": "127.0.0.1:2",
		"xn--bcher-kva.test:81": "", "other.test:80": "",
	} {
		leads := want != ""
		if got := to.Redirects(address); got != leads {
			t.Errorf("%s: expected it to lead elsewhere: %v, found %v", address, leads, got)
		}
		if !leads {
			want = address
		}
		if network, got := to.Where(address); network != "tcp" || got != want {
			t.Errorf("%s: expected tcp %s, found %s %s", address, want, network, got)
		}
	}
	if network, got := (wire.Connections{Unix: "/s"}).Where("a:1"); network != "unix" || got != "/s" {
		t.Errorf("found %s %s", network, got)
	}
}

// counting is a server that says how many connections it had, and what each
// request said of them.
type counting struct {
	*httptest.Server
	all          atomic.Int64
	from, closes sync.Map // remote hosts; whether requests ask for closing
}

// tally opens connections, and says how many there were at most at once.
type tally struct{ now, most atomic.Int64 }

func (o *tally) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	for n := o.now.Add(1); ; {
		if most := o.most.Load(); n <= most || o.most.CompareAndSwap(most, n) {
			return &tallied{Conn: c, o: o}, nil
		}
	}
}

type tallied struct {
	net.Conn
	o    *tally
	once sync.Once
}

func (c *tallied) Close() error {
	c.once.Do(func() { c.o.now.Add(-1) }) // before the engine knows it is closed
	return c.Conn.Close()
}

func newCounting(t *testing.T, ln net.Listener, secure bool) *counting {
	s := new(counting)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		s.from.Store(host, true)
		s.closes.Store(r.Close, true)
		fmt.Fprintf(w, "host=%s", r.Host)
	}))
	if ln != nil {
		s.Listener.Close()
		s.Listener = ln
	}
	s.Config.ErrorLog = attacktest.Quiet
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.all.Add(1)
		}
	}
	if secure {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// Each way of reaching a target, with every engine.
func TestEnginesConnections(t *testing.T) {
	sockets, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	path := sockets.Addr().String()
	tcp, secure, local := newCounting(t, nil, false), newCounting(t, nil, true), newCounting(t, sockets, false)
	_, port, _ := net.SplitHostPort(tcp.Listener.Addr().String())
	source := "127.0.0.1"
	if runtime.GOOS == "linux" {
		source = "127.0.0.2" // all of 127.0.0.0/8 is there
	}
	lookup := func(_ context.Context, host string) ([]netip.Addr, error) {
		if host != "shop.test" {
			return nil, fmt.Errorf("asked for %s", host)
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	for _, c := range []struct {
		name string
		c    wire.Connections
		url  string
		host string
		srv  *counting
		from string // empty: any
	}{
		{"unix", wire.Connections{Unix: path}, "http://shop.test/", "shop.test", local, ""},
		{"connect_to", wire.Connections{To: map[string]string{"shop.test:80": tcp.Listener.Addr().String()}}, "http://Shop.test/", "Shop.test", tcp, "127.0.0.1"},
		{"connect_to over tls", wire.Connections{To: map[string]string{"example.com:443": secure.Listener.Addr().String()}}, "https://example.com/", "example.com", secure, "127.0.0.1"},
		{"source", wire.Connections{Source: source}, tcp.URL, tcp.Listener.Addr().String(), tcp, source},
		{"names", wire.Connections{DNSRefresh: time.Minute, To: map[string]string{"other.test:80": "shop.test:" + port}}, "http://other.test/", "other.test", tcp, "127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachEngine(t, httpx.Options{MaxInFlight: 1, Connections: c.c, Lookup: lookup, TLS: wire.TLS{Insecure: true}}, func(t *testing.T, e httpx.Engine) {
				c.srv.all.Store(0)
				c.srv.from.Clear()
				for range 3 {
					r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: c.url, WantBody: true})
					if r.Err != nil || string(r.Body) != "host="+c.host {
						t.Fatalf("expected host=%s, found %q, %v", c.host, r.Body, r.Err)
					}
				}
				if n := c.srv.all.Load(); n != 1 {
					t.Errorf("expected one connection to that server, found %d", n)
				}
				if _, ok := c.srv.from.Load(c.from); !ok && c.from != "" {
					t.Errorf("expected connections from %s", c.from)
				}
			})
		})
	}
}

// Without keep-alive each request has a connection of its own, by HTTP/2 too,
// and says that it is the last.
func TestEnginesNoKeepAlive(t *testing.T) {
	for _, protocol := range []string{"http1", "auto"} {
		for _, secure := range []bool{false, true} {
			srv := newCounting(t, nil, secure)
			t.Run(fmt.Sprintf("%s/tls=%v", protocol, secure), func(t *testing.T) {
				eachEngine(t, httpx.Options{MaxInFlight: 1, Protocol: protocol, Connections: wire.Connections{NoKeepAlive: true}, TLS: wire.TLS{Insecure: true}}, func(t *testing.T, e httpx.Engine) {
					srv.all.Store(0)
					srv.closes.Clear()
					for range 5 {
						r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: srv.URL})
						if r.Err != nil {
							t.Fatal(r.Err)
						}
						connect, shake := r.Phases[timeline.Connect], r.Phases[timeline.Handshake]
						if connect <= 0 || secure != (shake > 0) {
							t.Errorf("expected the times of a new connection, found %s and %s", connect, shake)
						}
					}
					if n := srv.all.Load(); n != 5 {
						t.Errorf("expected 5 connections, found %d", n)
					}
					if _, kept := srv.closes.Load(false); kept && (protocol == "http1" || !secure || isFast(e)) {
						t.Error("a request did not say Connection: close")
					}
				})
			})
		}
	}
}

// However many requests there are, no more connections than may be.
func TestEnginesPerHost(t *testing.T) {
	const workers, most = 20, 3
	srv := newCounting(t, nil, false)
	for _, keep := range []bool{true, false} {
		t.Run(fmt.Sprintf("keepalive=%v", keep), func(t *testing.T) {
			var open tally
			eachEngine(t, httpx.Options{MaxInFlight: workers, Dial: open.dial, Connections: wire.Connections{PerHost: most, NoKeepAlive: !keep}}, func(t *testing.T, e httpx.Engine) {
				srv.all.Store(0)
				var wg sync.WaitGroup
				for range workers {
					wg.Go(func() {
						for range 5 {
							if r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: srv.URL}); r.Err != nil {
								t.Error(r.Err)
							}
						}
					})
				}
				wg.Wait()
				atOnce := int64(most)
				if !isFast(e) && !keep {
					atOnce *= 2 // net/http opens the next connection as it begins to close one
				}
				want := int64(2 * most) // one that is lost may be replaced
				if !keep {
					want = workers * 5
				}
				if n := srv.all.Load(); n > want || n == 0 {
					t.Errorf("expected at most %d connections, found %d", want, n)
				}
				if n := open.most.Swap(0); n > atOnce {
					t.Errorf("expected at most %d connections at once, found %d", atOnce, n)
				}
			})
		})
	}
}

// Waiting for one of few connections is on the request's clock, and ends with
// it; and the connection is then still to be had for others.
func TestEnginesPerHostWaits(t *testing.T) {
	for _, k := range engines() {
		t.Run(k.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, closed := onPipes(t, k, httpx.Options{Connections: wire.Connections{PerHost: 1}}, nil, func(http.ResponseWriter, *http.Request) {
					time.Sleep(time.Second)
				})
				defer closed()
				var wg sync.WaitGroup
				send := func(timeout, took time.Duration, kind string) {
					ctx, cancel := context.WithTimeout(context.Background(), timeout)
					defer cancel()
					begun := time.Now()
					r := e.Send(ctx, &httpx.Call{Method: "GET", URL: "http://target/"})
					ch, _ := expect.New(expect.Expect{})
					if got, detail := judge(ch, &r, r.Done.Sub(begun)); got != kind || r.Done.Sub(begun) != took {
						t.Errorf("expected kind %q after %s, found %q after %s: %s", kind, took, got, r.Done.Sub(begun), detail)
					}
					if sent := r.Done.Add(-time.Second); kind == "" && !r.Sent.Equal(sent) {
						t.Errorf("expected it to be sent at %s, when there was a connection, found %s", sent, r.Sent)
					}
				}
				wg.Go(func() { send(5*time.Second, time.Second, "") })
				synctest.Wait()
				wg.Go(func() { send(500*time.Millisecond, 500*time.Millisecond, timeline.KindTimeout) })
				wg.Go(func() { send(5*time.Second, 2*time.Second, "") })
				wg.Wait()
				send(5*time.Second, time.Second, "")
			})
		})
	}
}

// One connection for twice as many arrivals as it can carry: that is waiting for a
// free slot by another name. It is no service time, what never had the connection
// was never sent, and what has it is answered.
func TestFewConnectionsUnderOverload(t *testing.T) {
	const service = 100 * time.Millisecond
	for _, k := range engines() {
		for _, timeout := range []time.Duration{250 * time.Millisecond, time.Second} {
			t.Run(fmt.Sprint(k.Name, " ", timeout), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e, closed := onPipes(t, k, httpx.Options{Connections: wire.Connections{PerHost: 1}}, nil, func(http.ResponseWriter, *http.Request) {
						time.Sleep(service)
					})
					defer closed()
					p := attacktest.HoldPlan(20, 20*time.Second, timeout, 1000)
					p.Requests[0].Spec.(*httpx.Request).URL = "http://target/"
					p.Connections.PerHost = 1
					start := time.Now()
					res, c := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
					time.Sleep(service) // what was given up last is still being served
					good := 0
					for _, r := range c.Of(attack.Done) {
						if r.Kind != "" {
							continue
						}
						if good++; r.Done-r.Sent > service+10*time.Millisecond {
							t.Fatalf("waiting for the connection counts as service time: %+v", r)
						}
					}
					if good < 180 || res.Done > 220 || res.Done+res.Unsent != 400 {
						t.Errorf("of 200 that the connection can carry %d were answered; %+v", good, res)
					}
					for _, r := range c.Of(attack.Unsent) {
						if r.Kind != timeline.KindUnsent || r.Done != r.Intended+timeout || r.Detail != fmt.Sprintf("all connections that per_host allows were in use until it was too late to be answered within %s", timeout) {
							t.Fatalf("found %+v", r)
						}
					}
				})
			})
		}
	}
}

// Hosts are told apart by where connections lead, however they are written; engine
// fast has one pool for each anyway.
func TestOneGateForEachHost(t *testing.T) {
	var now, most atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(20 * time.Millisecond)
		now.Add(-1)
	}))
	defer srv.Close()
	e, err := engineKind(t, "http").New(httpx.Options{MaxInFlight: 4, Connections: wire.Connections{PerHost: 1, To: map[string]string{"a.test:80": srv.Listener.Addr().String()}}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var sending sync.WaitGroup
	for _, u := range []string{"http://a.test/", "http://a.test:80/", "http://A.test/"} {
		sending.Go(func() {
			if r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: u}); r.Err != nil {
				t.Error(r.Err)
			}
		})
	}
	sending.Wait()
	if n := most.Load(); n != 1 {
		t.Errorf("expected one request at a time, found %d", n)
	}
}

// A redirect that has to wait for a connection was sent already: its whole timeout
// is left to it.
func TestRedirectWaitsForItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		k := engineKind(t, "http")
		e, closed := onPipes(t, k, httpx.Options{Redirects: 1, Hosts: map[string]bool{"other:80": true}, Connections: wire.Connections{PerHost: 1}}, nil, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Host == "target":
				http.Redirect(w, r, "http://other/", http.StatusFound)
			case r.URL.Path == "/hold":
				close(hold)
				time.Sleep(time.Second)
			}
		})
		defer closed()
		var busy sync.WaitGroup
		busy.Go(func() { e.Send(context.Background(), &httpx.Call{Method: "GET", URL: "http://other/hold"}) })
		<-hold
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		soon := time.Now().Add(100 * time.Millisecond)
		r := e.Send(wire.WithSendBy(ctx, func() time.Time { return soon }), &httpx.Call{Method: "GET", URL: "http://target/"})
		if r.Err != nil || r.Status != http.StatusOK {
			t.Errorf("found status %d, %v", r.Status, r.Err)
		}
		busy.Wait()
	})
}

func engineKind(t *testing.T, name string) httpx.EngineKind {
	t.Helper()
	for _, k := range engines() {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("no engine %s", name)
	return httpx.EngineKind{}
}

// onPipes is an engine whose connections lead to a server in memory, so that a
// fake clock can tell its times exactly. Opening one takes as long as dialing
// does.
func onPipes(t *testing.T, k httpx.EngineKind, opt httpx.Options, conf *tls.Config, handler http.HandlerFunc) (e httpx.Engine, closed func()) {
	ln := newPipes()
	srv := &http.Server{Handler: handler, ErrorLog: attacktest.Quiet}
	var serving sync.WaitGroup
	serving.Go(func() {
		if conf != nil {
			_ = srv.Serve(tls.NewListener(ln, conf))
		} else {
			_ = srv.Serve(ln)
		}
	})
	inner := opt.Dial
	opt.MaxInFlight = 10
	opt.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if inner != nil {
			if _, err := inner(ctx, network, address); err != nil {
				return nil, err
			}
		}
		return ln.dial(ctx, network, address)
	}
	e, err := k.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return e, func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		_ = srv.Close()
		serving.Wait()
	}
}

// The times that every engine tells are those that the server and the network
// took, to the nanosecond.
func TestEnginesTimes(t *testing.T) {
	const connect, handshake, first, rest = 20 * time.Millisecond, 40 * time.Millisecond, 30 * time.Millisecond, 70 * time.Millisecond
	for _, k := range engines() {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/tls=%v", k.Name, secure), func(t *testing.T) {
				conf := testTLS(t) // a server of its own, outside the bubble
				synctest.Test(t, func(t *testing.T) {
					url, shake := "http://target/", time.Duration(0)
					if secure {
						url, shake = "https://target/", handshake
						conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
							time.Sleep(handshake)
							return nil, nil
						}
					} else {
						conf = nil
					}
					e, closed := onPipes(t, k, httpx.Options{Protocol: "http1", TLS: wire.TLS{Insecure: true}, Dial: func(context.Context, string, string) (net.Conn, error) {
						time.Sleep(connect)
						return nil, nil
					}}, conf, func(w http.ResponseWriter, _ *http.Request) {
						time.Sleep(first)
						_, _ = io.WriteString(w, "one")
						_ = http.NewResponseController(w).Flush()
						time.Sleep(rest)
						_, _ = io.WriteString(w, "two")
					})
					defer closed()
					for i := range 3 {
						r := e.Send(t.Context(), &httpx.Call{Method: "GET", URL: url})
						if r.Err != nil || r.BytesIn != 6 {
							t.Fatalf("found %d bytes, %v", r.BytesIn, r.Err)
						}
						want := [3]time.Duration{0, 0, first + rest}
						if i == 0 {
							want = [3]time.Duration{connect, shake, connect + shake + first + rest}
						}
						if got := [3]time.Duration{r.Phases[timeline.Connect], r.Phases[timeline.Handshake], r.Done.Sub(r.Sent)}; got != want {
							t.Errorf("request %d: expected connect, handshake and service time of %v, found %v", i, want, got)
						}
					}
				})
			})
		}
	}
}

// A timeout is exact, and says whether an answer had begun.
func TestEnginesTimeouts(t *testing.T) {
	for _, k := range engines() {
		for _, c := range []struct {
			path string
			kind string
			in   int64
		}{{"/silent", timeline.KindTimeout, 0}, {"/header", timeline.KindStalled, 0}, {"/body", timeline.KindStalled, 3}} {
			t.Run(k.Name+c.path, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e, closed := onPipes(t, k, httpx.Options{}, nil, func(w http.ResponseWriter, r *http.Request) {
						switch r.URL.Path {
						case "/header":
							_ = http.NewResponseController(w).Flush()
						case "/body":
							_, _ = io.WriteString(w, "one")
							_ = http.NewResponseController(w).Flush()
						}
						<-r.Context().Done()
					})
					defer closed()
					for range 2 {
						begun := time.Now()
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						r := e.Send(ctx, &httpx.Call{Method: "GET", URL: "http://target" + c.path})
						cancel()
						ch, _ := expect.New(expect.Expect{})
						if kind, detail := judge(ch, &r, r.Done.Sub(r.Sent)); kind != c.kind || r.BytesIn != c.in || r.Done.Sub(begun) != time.Second {
							t.Errorf("expected %s after 1s and %d bytes, found %s after %s and %d: %s", c.kind, c.in, kind, r.Done.Sub(begun), r.BytesIn, detail)
						}
					}
				})
			})
		}
	}
}
