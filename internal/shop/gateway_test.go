package shop

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/freeport/porttest"
)

// newTestGateway puts a gateway with the given flags before apis.
func newTestGateway(t *testing.T, set func(*gatewayCommand), apis ...string) (*httptest.Server, *gateway) {
	t.Helper()
	c := &gatewayCommand{apis: apis, retries: 2, tryTimeout: time.Second}
	if set != nil {
		set(c)
	}
	if err := c.validate(); err != nil {
		t.Fatal(err)
	}
	g := c.gateway(log.New(t.Output(), "gateway: ", 0))
	srv := httptest.NewServer(g)
	t.Cleanup(func() {
		srv.Close()
		g.close()
	})
	return srv, g
}

func newReplica(t *testing.T, h http.HandlerFunc) string {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func say(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) }
}

// Every way in which a replica can fail is hidden by another one.
func TestRetry(t *testing.T) {
	broken := map[string]func(t *testing.T) string{
		"refuses": porttest.Refused,
		"closes at once": func(t *testing.T) string {
			return newReplica(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		},
		"dies in its answer": func(t *testing.T) string {
			return newReplica(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, "the first part")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
		},
		"hangs": func(t *testing.T) string {
			return newReplica(t, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				<-r.Context().Done()
			})
		},
	}
	for name, make := range broken {
		t.Run(name, func(t *testing.T) {
			srv, _ := newTestGateway(t, func(c *gatewayCommand) { c.tryTimeout = 200 * time.Millisecond },
				make(t), newReplica(t, say("well")))
			c := client(t)
			for range 4 {
				resp, err := c.Post(srv.URL+"/checkout", "", strings.NewReader("body"))
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != 200 || string(b) != "well" {
					t.Errorf("%d %q %v", resp.StatusCode, b, err)
				}
			}
		})
	}
}

// A retried order carries the same body and key.
func TestRetrySendsTheSameOrder(t *testing.T) {
	type seen struct{ key, body string }
	var mu sync.Mutex
	var all []seen
	h := func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		all = append(all, seen{r.Header.Get(keyHeader), string(b)})
		first := len(all) == 1
		mu.Unlock()
		if first {
			panic(http.ErrAbortHandler)
		}
	}
	srv, _ := newTestGateway(t, nil, newReplica(t, h), newReplica(t, h))
	resp, err := client(t).Post(srv.URL+"/checkout", "", strings.NewReader("an order"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if len(all) != 2 {
		t.Fatalf("the replicas saw %q, want two orders", all)
	}
	if all[0] != all[1] {
		t.Errorf("the retry is %q, want the same as %q", all[1], all[0])
	}
	if all[0].key == "" {
		t.Error("the order has no key")
	}
	if body := all[0].body; body != "an order" {
		t.Errorf("the order is %q, want %q", body, "an order")
	}
}

func TestNoRetries(t *testing.T) {
	srv, g := newTestGateway(t, func(c *gatewayCommand) { c.noRetries = true }, porttest.Refused(t), newReplica(t, say("well")))
	c := client(t)
	failed := 0
	for range 10 {
		if status, body := get(t, c, srv.URL+"/products"); status == http.StatusBadGateway {
			failed++
			if !strings.Contains(body, "connection refused") {
				t.Errorf("error %q does not name its cause", body)
			}
		}
	}
	if failed != 5 {
		t.Errorf("%d of 10 failed, expected every second one", failed)
	}
	if g.balancer.replicas[0].out.Load() {
		t.Error("the dead replica was left out")
	}
}

func TestAllDead(t *testing.T) {
	srv, _ := newTestGateway(t, nil, porttest.Refused(t), porttest.Refused(t))
	c := client(t)
	if status, body := get(t, c, srv.URL+"/products"); status != 502 || !strings.Contains(body, "no api answered, 3 tried") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(t, c, srv.URL+"/healthz"); status != 200 {
		t.Errorf("healthz: %d, expected 200: the gateway itself is up", status)
	}
	if status, body := get(t, c, srv.URL+"/readyz"); status != 503 || strings.Count(body, `"down"`) != 2 {
		t.Errorf("readyz: %d %s, expected 503", status, body)
	}
}

func TestHangingReplicaIsATimeout(t *testing.T) {
	hang := newReplica(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	srv, _ := newTestGateway(t, func(c *gatewayCommand) { c.retries, c.tryTimeout = 0, 50*time.Millisecond }, hang)
	if status, body := get(t, client(t), srv.URL+"/products"); status != http.StatusGatewayTimeout {
		t.Errorf("%d %s, expected 504", status, body)
	}
}

// A slow replica is not a broken one: its slowness must be seen, not hidden.
func TestSlowReplicaStays(t *testing.T) {
	var slow, fast atomic.Int32
	a := newReplica(t, func(w http.ResponseWriter, r *http.Request) {
		slow.Add(1)
		sleep(r.Context(), 30*time.Millisecond)
	})
	b := newReplica(t, func(http.ResponseWriter, *http.Request) { fast.Add(1) })
	srv, _ := newTestGateway(t, nil, a, b)
	c := client(t)
	for range 10 {
		get(t, c, srv.URL+"/products")
	}
	if slow.Load() != 5 || fast.Load() != 5 {
		t.Errorf("slow %d, fast %d, expected 5 each", slow.Load(), fast.Load())
	}
}

// A caller who leaves does not cost the replica its place.
func TestCallerWhoLeaves(t *testing.T) {
	entered := make(chan struct{}, 1)
	a := newReplica(t, func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	})
	srv, g := newTestGateway(t, nil, a)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+"/products", nil)
	if resp, err := client(t).Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("the request ended well")
	}
	srv.Close() // waits for the handler
	if g.balancer.replicas[0].out.Load() {
		t.Error("the replica was left out")
	}
}

func TestBodyTooLarge(t *testing.T) {
	srv, g := newTestGateway(t, nil, newReplica(t, say("well")))
	resp, err := client(t).Post(srv.URL+"/checkout", "", strings.NewReader(strings.Repeat("x", maxBody+1)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%d, expected 413", resp.StatusCode)
	}
	if g.balancer.replicas[0].out.Load() {
		t.Error("the replica was left out")
	}
}

// The point of the whole: one of two replicas, a real process, is killed with
// SIGKILL under load and comes back, and no caller sees it.
func TestKillUnderLoad(t *testing.T) {
	first, addr := startProcess(t, "api")
	_, other := startProcess(t, "api", "--seed", "2")
	srv, g := newTestGateway(t, nil, addr, other)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var sent, failed atomic.Int64
	tr := &http.Transport{MaxIdleConnsPerHost: 8}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				resp, err := c.Post(srv.URL+"/checkout", "", strings.NewReader(`{"sku":"pot-1","qty":1}`))
				sent.Add(1)
				if err != nil {
					failed.Add(1)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusCreated {
					failed.Add(1)
				}
			}
		})
	}
	until(t, "load is flowing", func() bool { return sent.Load() > 100 })
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	until(t, "the dead replica is left out", g.balancer.replicas[0].out.Load)
	mark := sent.Load()
	until(t, "load flows on", func() bool { return sent.Load() > mark+100 })

	startProcess(t, "api", "--listen", addr)
	until(t, "the replica is back", func() bool { return !g.balancer.replicas[0].out.Load() })
	mark = sent.Load()
	until(t, "load flows on", func() bool { return sent.Load() > mark+100 })
	cancel()
	wg.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed, expected none", failed.Load(), sent.Load())
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited 20 s in vain: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
