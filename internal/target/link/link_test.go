package link

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upstream answers at once; get asks it through the link on a new connection.
func start(t *testing.T) (l *Link, get func() time.Duration) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	t.Cleanup(srv.Close)
	l, err := Start(t.Context(), "db", "127.0.0.1:0", srv.Listener.Addr().String(), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	return l, func() time.Duration {
		t.Helper()
		begun := time.Now()
		resp, err := client.Get("http://" + l.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "ok" {
			t.Fatalf("read %q, %v", b, err)
		}
		return time.Since(begun)
	}
}

func TestLatencyFault(t *testing.T) {
	l, get := start(t)
	get()
	const delay = 60 * time.Millisecond
	fault, err := (&chaos.Latency{Delay: delay, Jitter: delay / 3}).Bind(l, "id", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	state, err := fault.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	proof, err := fault.Inject(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	if proof.Mechanism != "link" || !strings.HasPrefix(proof.Evidence, "round trip ") || !strings.Contains(proof.Evidence, " → ") {
		t.Errorf("proof %+v", proof)
	}
	// Opening and answer, each at least delay − jitter: timers never fire early.
	if d := get(); d < 2*(delay-delay/3) {
		t.Errorf("a request through the slowed link took %v, want at least %v", d, 2*(delay-delay/3))
	}
	proof, err = fault.Revert(t.Context(), state)
	if err != nil || proof.Caveat != "" || !strings.HasSuffix(proof.Evidence, " again") {
		t.Errorf("Revert = %+v, %v", proof, err)
	}
	if proof, err := fault.Revert(t.Context(), state); err != nil || proof.Caveat != "" {
		t.Errorf("a second Revert = %+v, %v", proof, err)
	}
	if s := l.proxy.Impairment(); s.Delay != 0 || s.Jitter != 0 {
		t.Errorf("the impairment is %+v after the revert", s)
	}
	before := l.Stats()
	get()
	if s := l.Stats(); s.DelayedChunks != before.DelayedChunks || s.Conns != before.Conns+1 {
		t.Errorf("stats went from %+v to %+v with one request after the fault", before, s)
	}
}

func latency(delay, jitter time.Duration) chaos.NetCondition {
	return chaos.NetCondition{Latency: chaos.Latency{Delay: delay, Jitter: jitter}}
}

func TestCaveatWithoutTraffic(t *testing.T) {
	l, _ := start(t)
	if _, err := l.Impair(t.Context(), "a", latency(20*time.Millisecond, 20*time.Millisecond), 0); err != nil {
		t.Fatal(err)
	}
	proof, err := l.Clear(t.Context(), "a")
	if err != nil || !strings.Contains(proof.Caveat, "no traffic") {
		t.Errorf("Clear = %+v, %v, want a caveat", proof, err)
	}
	if s := l.Stats(); s.Conns != 0 || s.Bytes != 0 {
		t.Errorf("measuring shows in the stats: %+v", s)
	}
}

func TestDelaysOfSeveralFaultsAddUp(t *testing.T) {
	l, _ := start(t)
	ctx := t.Context()
	for _, id := range []string{"a", "b"} {
		if _, err := l.Impair(ctx, id, latency(30*time.Millisecond, 5*time.Millisecond), 0); err != nil {
			t.Fatal(err)
		}
	}
	if s := l.proxy.Impairment(); s.Delay != 60*time.Millisecond || s.Jitter != 10*time.Millisecond {
		t.Errorf("the impairment is %+v, want the sum of both", s)
	}
	if _, err := l.Clear(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if s := l.proxy.Impairment(); s.Delay != 30*time.Millisecond {
		t.Errorf("the impairment is %+v, want what is left", s)
	}
	if _, err := l.Clear(ctx, "b"); err != nil {
		t.Fatal(err)
	}
}

func TestImpairIsGivenUpWithItsContext(t *testing.T) {
	l, get := start(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("ctrl-c"))
	defer cancel()
	_, err := l.Impair(ctx, "a", latency(time.Hour, 0), 0)
	if err == nil || !strings.Contains(err.Error(), "ctrl-c") {
		t.Errorf("Impair = %v, want the context's cause", err)
	}
	// A partial injection is undone like a whole one.
	if _, err := l.Clear(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	get()
}

// TestBehind asks whether connections to a link get to its upstream.
func TestBehind(t *testing.T) {
	up, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Start(t.Context(), "hop", "0.0.0.0:0", up.Addr().String(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr())
	for _, other := range []string{"127.0.0.1:1", "192.0.2.1:" + port, "nonsense"} {
		if there, err := l.Behind(t.Context(), other); err != nil || there != nil {
			t.Errorf("%s is not the link's, found %v", other, err)
		}
	}
	for _, own := range []string{l.Addr(), "127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port} {
		there, err := l.Behind(t.Context(), own)
		if err != nil || there == nil {
			t.Fatalf("%s is the link's, found %v", own, err)
		}
		if err := there(t.Context()); err != nil {
			t.Errorf("%s: with an upstream: %v", own, err)
		}
	}
	there, err := l.Behind(t.Context(), l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	up.Close()
	err = there(t.Context())
	if _, ok := errors.AsType[*target.Deserted](err); !ok || !strings.Contains(err.Error(), up.Addr().String()) {
		t.Errorf("expected an upstream that is down to be named, found %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, tt := range []struct{ name, listen, upstream, want string }{
		{"address in use", ln.Addr().String(), "127.0.0.1:1", "another program does; stop it, or choose another address"},
		{"address of another machine", "192.0.2.1:0", "127.0.0.1:1", "this machine does not have that address"},
		{"no port", "127.0.0.1", "127.0.0.1:1", "cannot listen on 127.0.0.1"},
		{"upstream without port", "127.0.0.1:0", "db", `upstream as host:port, found "db"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := Start(t.Context(), "db", tt.listen, tt.upstream, 1)
			if err == nil {
				l.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
}

func TestALinkCannotBeKilledOrPaused(t *testing.T) {
	l, _ := start(t)
	for _, spec := range []chaos.Spec{&chaos.Kill{Signal: "SIGKILL"}, &chaos.Pause{}} {
		if _, err := spec.Bind(l, "id", 0); err == nil || !strings.Contains(err.Error(), "slow the link with latency") {
			t.Errorf("Bind(%T) = %v, want what to do instead", spec, err)
		}
	}
}

func TestAnyAddressIsMeasuredOverLoopback(t *testing.T) {
	l, err := Start(t.Context(), "db", "0.0.0.0:0", "127.0.0.1:1", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Impair(t.Context(), "a", latency(10*time.Millisecond, 0), 0); err != nil {
		t.Error(err)
	}
	if _, err := l.Clear(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}
