package container_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/target/container"
	"github.com/seed-1574e9de/ordeal/internal/target/container/dockertest"
)

// hesitant stands before the engine: it tells when a call comes to a path, and
// passes it on only later, also if whoever called has hung up by then.
type hesitant struct {
	mu      sync.Mutex
	path    string
	arrived func()
	passing sync.WaitGroup
}

// on arms it for one call.
func (h *hesitant) on(path string, arrived func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.path, h.arrived = path, arrived
}

func startHesitant(t *testing.T) *hesitant {
	t.Helper()
	dockertest.Need(t)
	real := newClient(t)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return real.Dialer()(ctx)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "docker" },
		Transport:     transport,
		FlushInterval: -1,
	}
	h := new(hesitant)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		arrived := h.arrived
		hit := arrived != nil && strings.HasSuffix(r.URL.Path, h.path)
		if hit {
			h.arrived = nil
			h.passing.Add(1)
		}
		h.mu.Unlock()
		if hit {
			defer h.passing.Done()
			body, _ := io.ReadAll(r.Body) // as the engine has read all before it acts
			// One that cannot end would make the proxy watch the caller instead.
			ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
			defer cancel()
			r = r.WithContext(ctx)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			arrived()
			time.Sleep(500 * time.Millisecond)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	t.Setenv("DOCKER_HOST", "tcp://"+srv.Listener.Addr().String())
	return h
}

// TestInterruptedWhileMaking interrupts each call that makes something in the
// engine at the moment at which the engine has it: the engine goes on, and what
// it makes has to be found and removed all the same.
func TestInterruptedWhileMaking(t *testing.T) {
	for _, tt := range []struct{ name, path string }{
		{"the network", "/networks/create"},
		{"the image", "/images/create"},
		{"a container", "/containers/create"},
		{"a helper", "/containers/create"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := startHesitant(t)
			e := connect(t)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			if tt.name == "the network" {
				h.on(tt.path, interrupt)
			}
			s, err := e.NewStack(ctx, run(t), run(t), nil)
			if err == nil {
				err = steps(ctx, t, s, tt.name, func() { h.on(tt.path, interrupt) })
			}
			if ctx.Err() == nil {
				t.Fatalf("never interrupted: %v", err)
			}
			if s != nil {
				if err := s.Close(ctx); err != nil {
					t.Errorf("closing the stack: %v", err)
				}
			}
			h.passing.Wait()
			if left := labelled(t, container.LabelRun+"="+run(t)); len(left) > 0 {
				t.Errorf("left behind: %q", left)
				_, _ = e.Sweep(context.Background(), func(owner, _ string) bool { return owner == run(t) })
			}
		})
	}
}

// steps goes as far as the thing that is to be interrupted.
func steps(ctx context.Context, t *testing.T, s *container.Stack, last string, arm func()) error {
	if last == "the network" {
		return nil
	}
	if last != "a helper" {
		arm()
		_, err := s.Start(ctx, service("api"))
		return err
	}
	c := start(t, s, service("api"))
	arm()
	_, err := c.Impair(ctx, "slow", chaos.NetCondition{Latency: chaos.Latency{Delay: delay}}, time.Minute)
	return err
}
