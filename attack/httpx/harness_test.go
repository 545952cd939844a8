package httpx

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/payload"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// fake is an engine whose answers take as long as it is told, by the clock of
// the bubble it runs in.
type fake struct {
	takes func(call *Call) time.Duration
	fail  error

	now, peak atomic.Int64
	mu        sync.Mutex
	urls      []string
}

func (f *fake) Send(ctx context.Context, call *Call) (r Reply) {
	n := f.now.Add(1)
	defer f.now.Add(-1)
	for p := f.peak.Load(); n > p && !f.peak.CompareAndSwap(p, n); p = f.peak.Load() {
	}
	f.mu.Lock()
	f.urls = append(f.urls, call.URL)
	f.mu.Unlock()
	r.Sent = time.Now()
	defer func() { r.Done = time.Now() }()
	select {
	case <-time.After(f.takes(call)):
		r.Status, r.Err = 200, f.fail
	case <-ctx.Done():
		r.Err = context.Cause(ctx)
	}
	return r
}

func (*fake) Close() error { return nil }

func takes(d time.Duration) *fake {
	return &fake{takes: func(*Call) time.Duration { return d }}
}

// over is a client that sends by an engine.
func over(tb testing.TB, p *attack.Plan, e Engine) attack.Client {
	tb.Helper()
	c, err := NewClient(p, e)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func holdPlan(rate arrivals.Rate, d, timeout time.Duration, maxInFlight int) *attack.Plan {
	p := planOf(arrivals.Uniform, arrivals.Hold{Per: rate}, d)
	p.Timeout, p.MaxInFlight = timeout, maxInFlight
	return p
}

type instant struct{}

func (instant) Send(context.Context, *Call) Reply {
	now := time.Now()
	return Reply{Answer: expect.Answer{Status: 200}, Sent: now, Done: now}
}

func (i instant) SendBy(ctx context.Context, _ wire.Deadlines, call *Call) Reply {
	return i.Send(ctx, call)
}

func (instant) Close() error { return nil }

func planOf(process arrivals.Process, s arrivals.Shape, d time.Duration) *attack.Plan {
	return &attack.Plan{
		Seed: 42, Arrivals: process, Timeout: time.Second, MaxInFlight: 10,
		Stages:   []attack.Stage{{Name: "only", For: d, Shape: s}},
		Requests: []attack.Request{{Name: "a", Weight: 1, Protocol: Name, Spec: &Request{URL: "http://target/"}}},
	}
}

// dataOf is data of rows that are right.
func dataOf(rows []map[string]string) *payload.Data {
	d, err := payload.NewData(rows)
	if err != nil {
		panic(err)
	}
	return d
}

// crooked is a server that reads requests and leaves the answers to serve,
// which is called until it returns false. It returns its URL.
func crooked(t *testing.T, serve func(c net.Conn, req *http.Request) bool) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				br := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(br)
					if err != nil || !serve(c, req) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return "http://" + ln.Addr().String()
}

// selfSigned is a certificate that nobody trusts, and that is quick to shake
// hands with.
func selfSigned(tb testing.TB) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// calibrated is a server whose answers the engines must agree on.
func calibrated() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/status/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscan(r.PathValue("n"), &n)
		w.Header().Set("Location", "http://127.0.0.1:1/%zz") // not to be followed, nor read
		w.WriteHeader(n)
	})
	mux.HandleFunc("/bytes/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscan(r.PathValue("n"), &n)
		_, _ = w.Write(bytes.Repeat([]byte("x"), n))
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Echo", "yes")
		fmt.Fprintf(w, "%s %s %s host=%s agent=%s x=%q encoding=%q auth=%q call=%q length=%d body=%s", r.Proto, r.Method, r.URL, r.Host,
			r.UserAgent(), r.Header["X-Own"], r.Header["Accept-Encoding"], r.Header.Get("Authorization"), r.Header.Get("X-Ordeal-Call"), r.ContentLength, b)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	})
	mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) { // an answer without end
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "drop")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) { // closed in the middle of the body
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	return mux
}

// quiet takes what servers say of handshakes that fail on purpose.
var quiet = log.New(io.Discard, "", 0)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
