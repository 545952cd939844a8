package shop

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
)

type gatewayCommand struct {
	apis       []string
	retries    int
	noRetries  bool
	tryTimeout time.Duration
	auth       string
	failOpen   bool
}

func (c *gatewayCommand) flags(fs *pflag.FlagSet) {
	fs.StringArrayVar(
		&c.apis,
		"api",
		nil,
		"address of an api, HOST:PORT; repeat it for each replica",
	)
	fs.IntVar(
		&c.retries,
		"retries",
		2,
		"how often a failed request is tried again, on another replica if there is one",
	)
	fs.BoolVar(
		&c.noRetries,
		"no-retries",
		false,
		"plain round robin: a failed try is the caller's error, and a dead replica stays in the round",
	)
	fs.DurationVar(
		&c.tryTimeout,
		"try-timeout",
		time.Second,
		"how long one try may take before the next",
	)
	fs.StringVar(
		&c.auth,
		"auth",
		"",
		"address of an auth service, HOST:PORT, which is asked who may open /admin",
	)
	fs.BoolVar(
		&c.failOpen,
		"fail-open",
		false,
		"let everybody open /admin while the auth service does not answer: a mistake to be found",
	)
}

func (c *gatewayCommand) validate() error {
	if len(c.apis) == 0 {
		return errors.New("expected at least one --api HOST:PORT, found none")
	}
	for i := range c.apis {
		if err := hostPort("--api", &c.apis[i]); err != nil {
			return err
		}
	}
	if c.auth == "" && c.failOpen {
		return errors.New("expected --auth HOST:PORT beside --fail-open, found none")
	}
	if c.auth != "" {
		if err := hostPort("--auth", &c.auth); err != nil {
			return err
		}
	}
	if c.retries < 0 {
		return fmt.Errorf("expected --retries of at least 0, found %d", c.retries)
	}
	if c.tryTimeout <= 0 {
		return fmt.Errorf("expected --try-timeout above 0, found %s", c.tryTimeout)
	}
	return nil
}

// hostPort takes http:// off the address that a flag has, and makes sure that it is one.
func hostPort(flag string, addr *string) error {
	a := strings.TrimSuffix(strings.TrimPrefix(*addr, "http://"), "/")
	if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "" {
		return fmt.Errorf("expected %s HOST:PORT, such as 127.0.0.1:8081, found %q", flag, *addr)
	}
	*addr = a
	return nil
}

func (c *gatewayCommand) run(ctx context.Context, ln net.Listener, stdout, stderr io.Writer) error {
	fmt.Fprintf(
		stdout,
		"gateway listens on http://%s, apis: %s\n",
		ln.Addr(),
		strings.Join(c.apis, ", "),
	)
	g := c.gateway(log.New(stderr, "gateway: ", 0))
	defer g.close()
	return serve(ctx, ln, g)
}

func (c *gatewayCommand) gateway(logs *log.Logger) *gateway {
	b := newBalancer(c.apis, c.tryTimeout, logs)
	if b.retries = c.retries; c.noRetries {
		b.retries, b.plain = 0, true
	}
	g := newGateway(b)
	if c.auth != "" {
		g.admin = newAdmin(c.auth, c.failOpen)
		g.admin.routes(g.mux)
	}
	return g
}

// gateway is a reverse proxy over replicas of the api.
//
// GET /healthz says that the gateway itself is up; GET /readyz that at least
// one api answers it at this moment.
type gateway struct {
	mux      *http.ServeMux
	balancer *balancer
	admin    *admin // nil without an auth service: then /admin is a page like any other
}

func newGateway(b *balancer) *gateway {
	g := &gateway{mux: http.NewServeMux(), balancer: b}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			// The balancer puts the replica's address in, anew for each try.
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "api"
			if r.Out.Method == http.MethodPost && r.Out.Header.Get(keyHeader) == "" {
				// Makes an order safe to send again: see newAPI.
				r.Out.Header.Set(keyHeader, rand.Text())
			}
		},
		Transport:    b,
		ErrorHandler: proxyError,
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	g.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	g.mux.HandleFunc("GET /readyz", g.readyz)
	g.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		proxy.ServeHTTP(w, r)
	})
	return g
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// close stops what the gateway started. No request may be in flight.
func (g *gateway) close() {
	g.balancer.close()
	if g.admin != nil {
		g.admin.close()
	}
}

func (g *gateway) readyz(w http.ResponseWriter, r *http.Request) {
	up := make([]bool, len(g.balancer.replicas))
	var wg sync.WaitGroup
	for i, rep := range g.balancer.replicas {
		wg.Go(func() { up[i] = g.balancer.answers(r.Context(), rep) })
	}
	wg.Wait()
	status, apis := http.StatusServiceUnavailable, make(map[string]string)
	for i, rep := range g.balancer.replicas {
		if apis[rep.addr] = "down"; up[i] {
			apis[rep.addr], status = "up", http.StatusOK
		}
	}
	answer(w, status, map[string]any{"apis": apis})
}

func proxyError(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusBadGateway
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		status = http.StatusRequestEntityTooLarge
	} else if isTimeout(err) {
		status = http.StatusGatewayTimeout
	}
	answer(w, status, map[string]string{"error": err.Error()})
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// RoundTrip sends req to a replica, and to others if that fails. Body and
// answer are held in memory: only so can an api be killed at any moment without
// its caller seeing it.
func (b *balancer) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	tried := make([]bool, len(b.replicas))
	for try := 0; ; try++ {
		i := b.pick(tried)
		resp, err := b.try(req, body, b.replicas[i])
		if err == nil {
			return resp, nil
		}
		// A caller who left says nothing about the replica.
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		b.leaveOut(b.replicas[i], err)
		if try == b.retries {
			return nil, fmt.Errorf("no api answered, %d tried: %w", try+1, plainCause(err))
		}
		if tried[i] = true; !slices.Contains(tried, false) {
			clear(tried)
			if !sleep(req.Context(), time.Duration(try+1)*20*time.Millisecond) {
				return nil, req.Context().Err()
			}
		}
	}
}

func (b *balancer) try(req *http.Request, body []byte, r *replica) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), b.tryTimeout)
	defer cancel()
	out := req.Clone(ctx)
	out.URL.Host = r.addr
	out.Host = r.addr
	out.Body, out.ContentLength = http.NoBody, int64(len(body))
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := b.transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(all))
	if req.Method != http.MethodHead {
		resp.ContentLength = int64(len(all))
	}
	resp.Header.Set("X-Served-By", r.addr)
	return resp, nil
}

// plainCause drops net/http's wrapping, which repeats the URL.
func plainCause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// sleep waits for d and says whether it could, or false if ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
