package attack

import (
	"bufio"
	"bytes"
	"cmp"
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
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// fake is an engine whose answers take as long as it is told, by the clock of
// the bubble it runs in.
type hfake struct {
	takes func(call *Call) time.Duration
	fail  error

	now, peak atomic.Int64
	mu        sync.Mutex
	urls      []string
}

func (f *hfake) Send(ctx context.Context, call *Call) (r Reply) {
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

func (*hfake) Close() error { return nil }

func htakes(d time.Duration) *hfake {
	return &hfake{takes: func(*Call) time.Duration { return d }}
}

// over is a client that sends by an engine.
func hover(tb testing.TB, p *Plan, e Engine) Client {
	tb.Helper()
	c, err := NewClient(p, e)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// bubble runs the plan under a fake clock.
func hbubble(t *testing.T, f func(t *testing.T, start time.Time)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, time.Now()) })
}

func hrun(t *testing.T, ctx context.Context, p *Plan, opt RunOptions) (RunResult, *hcollector) {
	t.Helper()
	c := new(hcollector)
	opt.Sink = c
	live := new(Live)
	opt.Live = live
	res, err := Run(ctx, p, opt)
	if err != nil {
		t.Fatal(err)
	}
	c.balanced(t, res)
	if q, f := live.Queued.Load(), live.InFlight.Load(); q != 0 || f != 0 || live.Planned.Load() != res.Planned {
		t.Errorf("after the run: expected nothing queued or in flight, found %d and %d", q, f)
	}
	return res, c
}

func hholdPlan(rate arrivals.Rate, d, timeout time.Duration, maxInFlight int) *Plan {
	p := hplanOf(arrivals.Uniform, arrivals.Hold{Per: rate}, d)
	p.Timeout, p.MaxInFlight = timeout, maxInFlight
	return p
}

type hinstant struct{}

func (hinstant) Send(context.Context, *Call) Reply {
	now := time.Now()
	return Reply{Answer: Answer{Status: 200}, Sent: now, Done: now}
}

func (i hinstant) SendBy(ctx context.Context, _ Deadlines, call *Call) Reply {
	return i.Send(ctx, call)
}

func (hinstant) Close() error { return nil }

// collector is a Sink that keeps all and checks what a Sink may rely on.
type hcollector struct {
	mu      sync.Mutex
	planned []Arrival
	results []Result
	faults  []string
}

// percentiles are of the response times of all that was done or unsent.
func (c *hcollector) percentiles() (p95, p99 time.Duration) {
	d := timeline.NewDistribution(nil)
	for _, r := range c.results {
		d.Record(r.Done - r.Intended)
	}
	p95, _ = d.Quantile(0.95)
	p99, _ = d.Quantile(0.99)
	return p95, p99
}

func (c *hcollector) Planned(a Arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.planned); n > 0 && (a.Seq != c.planned[n-1].Seq+1 || a.Intended < c.planned[n-1].Intended) {
		c.faults = append(c.faults, fmt.Sprintf("%+v was planned after %+v", a, c.planned[n-1]))
	}
	c.planned = append(c.planned, a)
}

func (c *hcollector) Record(_ int, r *Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Acted < r.Intended || r.Done < r.Intended || r.Outcome == Done && (r.Sent < r.Acted || r.Done < r.Sent) {
		c.faults = append(c.faults, fmt.Sprintf("times out of order: %+v", *r))
	}
	c.results = append(c.results, *r)
}

// balanced checks that each planned arrival was recorded once, and that the
// sums agree.
func (c *hcollector) balanced(t *testing.T, res RunResult) {
	t.Helper()
	for _, f := range c.faults {
		t.Error(f)
	}
	seen := make(map[uint64]bool)
	var by [3]uint64
	for _, r := range c.results {
		if seen[r.Seq] {
			t.Errorf("arrival %d was recorded twice", r.Seq)
		}
		seen[r.Seq] = true
		by[r.Outcome]++
	}
	if len(seen) != len(c.planned) || res.Planned != uint64(len(c.planned)) {
		t.Errorf("expected as many recorded as planned, found %d of %d, and %+v", len(seen), len(c.planned), res)
	}
	if want := (RunResult{Planned: res.Planned, Done: by[Done], Unsent: by[Unsent], Interrupted: by[Interrupted], End: res.End, Stopped: res.Stopped}); res != want {
		t.Errorf("expected sums %+v, found %+v", want, res)
	}
	if res.Planned != res.Done+res.Unsent+res.Interrupted {
		t.Errorf("planned is not done + unsent + interrupted: %+v", res)
	}
}

// of returns the results of one outcome in order of the schedule.
func (c *hcollector) of(o Outcome) []Result {
	var out []Result
	for _, r := range c.results {
		if r.Outcome == o {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Result) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

// loose is a Sink for load whose arrivals come from several goroutines.
type hloose struct {
	hcollector
}

func (c *hloose) Planned(a Arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.planned = append(c.planned, a)
}

// requests are the results that are no whole flows, flows those that are.
func (c *hloose) split(t *testing.T, res RunResult) (requests, flows []Result) {
	t.Helper()
	for _, f := range c.faults {
		t.Error(f)
	}
	planned := map[uint64]Arrival{}
	for _, a := range c.planned {
		if _, twice := planned[a.Seq]; twice {
			t.Errorf("two arrivals have number %d", a.Seq)
		}
		planned[a.Seq] = a
	}
	var by [3]uint64
	for _, r := range c.results {
		if planned[r.Seq] != r.Arrival {
			t.Errorf("expected %+v to be planned and recorded once, found %+v", r.Arrival, planned[r.Seq])
		}
		delete(planned, r.Seq)
		if r.Whole {
			flows = append(flows, r)
			continue
		}
		by[r.Outcome]++
		requests = append(requests, r)
	}
	if len(planned) > 0 {
		t.Errorf("%d arrivals were planned and never recorded", len(planned))
	}
	if by != [3]uint64{res.Done, res.Unsent, res.Interrupted} || res.Planned != res.Done+res.Unsent+res.Interrupted {
		t.Errorf("recorded %v, and the sums are %+v", by, res)
	}
	hbyIntended := func(a, b Result) int { return int(a.Intended - b.Intended) }
	slices.SortStableFunc(requests, hbyIntended)
	slices.SortStableFunc(flows, hbyIntended)
	return requests, flows
}

func hrunLoose(t *testing.T, ctx context.Context, p *Plan, opt RunOptions) (RunResult, []Result, []Result) {
	t.Helper()
	c := new(hloose)
	opt.Sink = c
	res, err := Run(ctx, p, opt)
	if err != nil {
		t.Fatal(err)
	}
	requests, flows := c.split(t, res)
	return res, requests, flows
}

func hplanOf(process arrivals.Process, s arrivals.Shape, d time.Duration) *Plan {
	return &Plan{
		Seed: 42, Arrivals: process, Timeout: time.Second, MaxInFlight: 10,
		Stages:   []Stage{{Name: "only", For: d, Shape: s}},
		Requests: []Request{{Name: "a", Weight: 1, URL: "http://target/"}},
	}
}

// hdataOf is data of rows that are right.
func hdataOf(rows []map[string]string) *Data {
	d, err := NewData(rows)
	if err != nil {
		panic(err)
	}
	return d
}

// crooked is a server that reads requests and leaves the answers to serve,
// which is called until it returns false. It returns its URL.
func hcrooked(t *testing.T, serve func(c net.Conn, req *http.Request) bool) string {
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

// hselfSigned is a certificate that nobody trusts, and that is quick to shake
// hands with.
func hselfSigned(tb testing.TB) tls.Certificate {
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
func hcalibrated() http.Handler {
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
var hquiet = log.New(io.Discard, "", 0)

func hwrite(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
