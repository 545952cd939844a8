package fast_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/runner"
)

// The test that gives the project its reason: a server that answers at once
// stalls wholly for one second of a ten-second run at 1,000 requests/s. One
// caller in ten comes during the stall and waits 0 to 1000 ms, so p95 is 500 ms
// and p99 is 900 ms, however many requests the generator can have in flight.
// Peers report 0.5 to 0.9 ms here when they run out of workers.

func truthPlan(engine string, maxInFlight int, url string) *attack.Plan {
	return &attack.Plan{
		Seed: 1, Engine: engine, Arrivals: arrivals.Uniform, Timeout: 5 * time.Second, MaxInFlight: maxInFlight,
		Stages:   []attack.Stage{{Name: "steady", For: 10 * time.Second, Kind: "rate", Shape: arrivals.Hold{Per: 1000}, Judged: true}},
		Requests: []attack.Request{{Name: "get", Weight: 1, Protocol: httpx.Name, Spec: &httpx.Request{URL: url}}},
	}
}

// stalling answers at once, save for one stretch of the run.
func stalling(start time.Time, from, to time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if t := time.Since(start); t >= from && t < to {
			time.Sleep(to - t)
		}
		_, _ = io.WriteString(w, "ok\n")
	})
}

func TestTruth(t *testing.T) {
	for _, engine := range engines() {
		for _, maxInFlight := range []int{2000, 10} {
			t.Run(fmt.Sprintf("%s/%d", engine.Name, maxInFlight), func(t *testing.T) {
				// Under a fake clock and on pipes the figures are exact: what is
				// tolerated is the histogram's 0.1 % and one gap between arrivals.
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					ln := newPipes()
					srv := &http.Server{Handler: stalling(start, 4*time.Second, 5*time.Second)}
					var serving sync.WaitGroup
					serving.Go(func() { _ = srv.Serve(ln) })
					p := truthPlan(engine.Name, maxInFlight, "http://target/")
					e, err := engine.New(httpx.Options{MaxInFlight: maxInFlight, Dial: ln.dial})
					if err != nil {
						t.Fatal(err)
					}
					res, c := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
					if err := e.Close(); err != nil {
						t.Error(err)
					}
					_ = srv.Close()
					serving.Wait()
					if want := (runner.RunResult{Planned: 10_000, Done: 10_000, End: 10 * time.Second}); res != want {
						t.Errorf("expected %+v, found %+v", want, res)
					}
					for _, r := range c.Results {
						if r.Kind != "" {
							t.Fatalf("expected no errors, found %s: %s", r.Kind, r.Detail)
						}
					}
					within := func(got, truth time.Duration) bool { return (got - truth).Abs() <= truth/100 }
					if p95, p99 := c.Percentiles(); !within(p95, 500*time.Millisecond) || !within(p99, 900*time.Millisecond) {
						t.Errorf("expected a p95 of 500ms and a p99 of 900ms within 1 %%, found %s and %s", p95, p99)
					}
				})
			})
		}
	}
}

// The same on real sockets and by the real clock, at a smaller scale: one caller
// in ten waits 0 to 300 ms. A busy machine makes the figures higher, even makes
// requests time out, and that is then the truth; nothing makes them lower but a
// generator that flatters.
func TestTruthOnSockets(t *testing.T) {
	const stallFrom, stallTo = 1200 * time.Millisecond, 1500 * time.Millisecond
	for _, engine := range engines() {
		for _, maxInFlight := range []int{2000, 10} {
			t.Run(fmt.Sprintf("%s/%d", engine.Name, maxInFlight), func(t *testing.T) {
				t.Parallel()
				start := time.Now().Add(100 * time.Millisecond)
				srv := httptest.NewServer(stalling(start, stallFrom, stallTo))
				defer srv.Close()
				p := truthPlan(engine.Name, maxInFlight, srv.URL)
				p.Stages[0].For, p.Stages[0].Shape = 3*time.Second, arrivals.Hold{Per: 300}
				e, err := engine.New(httpx.Options{MaxInFlight: maxInFlight})
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				res, c := attacktest.Run(t, t.Context(), p, e, runner.Options{Start: start})
				if res.Planned != 900 || res.Interrupted != 0 {
					t.Errorf("expected 900 planned and none interrupted, found %+v", res)
				}
				p95, p99 := c.Percentiles()
				if p95 < 147*time.Millisecond || p99 < 264*time.Millisecond {
					t.Errorf("the truth is a p95 of 150ms and a p99 of 270ms at least, found %s and %s", p95, p99)
				}
			})
		}
	}
}

// pipes is a listener in memory, as a fake clock cannot wait for sockets.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
