package ready_test

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/ready"
)

func prober(t *testing.T, c ready.Check) *ready.Prober {
	t.Helper()
	p, err := ready.NewProber(c, ready.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestAsk(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/moved", http.RedirectHandler("/ok", http.StatusFound))
	mux.Handle("/lost", http.RedirectHandler("/none", http.StatusFound))
	plain := httptest.NewServer(mux)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(mux)
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}
	if err := os.WriteFile(ca, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := net.Listen("tcp", "127.0.0.1:0") // takes connections into its queue
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	proxy, err := net.Listen("tcp", "127.0.0.1:0") // that has nobody behind it
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	go func() {
		for {
			conn, err := proxy.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	for _, tt := range []struct {
		name string
		c    ready.Check
		want string // of the error; "" is a yes
	}{
		{"2xx", ready.Check{HTTP: plain.URL + "/ok"}, ""},
		{"a redirect to 2xx", ready.Check{HTTP: plain.URL + "/moved"}, ""},
		{"a redirect to 404", ready.Check{HTTP: plain.URL + "/lost"}, "it answered 404"},
		{"404", ready.Check{HTTP: plain.URL + "/none"}, "it answered 404"},
		{"an authority of the user's own, not named", ready.Check{HTTP: secure.URL + "/ok"}, "certificate"},
		{"an authority of the user's own", ready.Check{HTTP: secure.URL + "/ok", TLS: &wire.TLS{CA: ca}}, ""},
		{"any certificate", ready.Check{HTTP: secure.URL + "/ok", TLS: &wire.TLS{Insecure: true}}, ""},
		{"a connection that stays", ready.Check{TCP: held.Addr().String()}, ""},
		{"a connection that is closed at once", ready.Check{TCP: proxy.Addr().String()}, "closes them at once"},
		{"a public address", ready.Check{TCP: "203.0.113.7:80"}, "public address"},
		{"a command that says yes", ready.Check{Command: []string{"sh", "-c", "exit 0"}}, ""},
		{"a command that says no", ready.Check{Command: []string{"sh", "-c", "echo starting; echo no table >&2; exit 3"}}, "exit status 3; stderr: no table; stdout: starting"},
		{"a command that says no at length", ready.Check{Command: []string{"sh", "-c", "yes no | head -n 100000; printf 'no \\033[31mtable\\n'; exit 3"}}, "exit status 3; stdout: no ·[31mtable"},
		{"no such command", ready.Check{Command: []string{"no-such-program"}}, "no-such-program"},
	} {
		err := prober(t, tt.c).Ask(t.Context())
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := ready.NewProber(ready.Check{HTTP: secure.URL, TLS: &wire.TLS{CA: ca + ".none"}}, ready.Options{}); err == nil || !strings.Contains(err.Error(), "ready: tls: ca") {
		t.Errorf("an authority that is not there: %v", err)
	}
}

func TestAwait(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	if err := prober(t, ready.Check{HTTP: s.URL}).Await(t.Context(), time.Minute, nil); err != nil || asked.Load() != 3 {
		t.Errorf("Await = %v after %d questions, want 3", err, asked.Load())
	}
	never := ready.Check{Command: []string{"sh", "-c", "exit 1"}}
	err := prober(t, never).Await(t.Context(), 20*time.Millisecond, nil)
	if slow, ok := errors.AsType[*ready.TimeoutError](err); !ok || !strings.Contains(slow.Error(), "not ready after 20ms: expected exit status 0 of the command sh -c exit 1") {
		t.Errorf("never ready: %v", err)
	}
	dead := errors.New("it is dead")
	if err := prober(t, never).Await(t.Context(), time.Minute, func() error { return dead }); !errors.Is(err, dead) {
		t.Errorf("hopeless: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("ctrl-c"))
	if err := prober(t, never).Await(ctx, time.Minute, nil); err == nil || !strings.Contains(err.Error(), "ctrl-c") {
		t.Errorf("given up: %v", err)
	}
	if err := prober(t, ready.Check{TCP: "203.0.113.7:80"}).Await(t.Context(), time.Minute, nil); err == nil || !strings.Contains(err.Error(), "is not to be asked") {
		t.Errorf("a public address is waited for: %v", err)
	}
}

// A question does not outlast its context, nor is its end taken for an answer.
func TestAskEndsWithItsContext(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	ended := errors.New("ctrl-c")
	ctx, cancel := context.WithCancelCause(t.Context())
	p, err := ready.NewProber(ready.Check{TCP: held.Addr().String()}, ready.Options{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			cancel(ended) // while it is held open
			return conn, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ask(ctx); !errors.Is(err, ended) {
		t.Errorf("Ask = %v, want %v", err, ended)
	}
}

func TestAwaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		missing, cut := errors.New("no table"), errors.New("cut short")
		begun := time.Now()
		end := ready.Await(t.Context(), time.Minute, func(ctx context.Context) (error, bool) {
			if ctx.Err() != nil {
				return cut, false
			}
			time.Sleep(7 * time.Second)
			return missing, false
		})
		wantEnd(t, "late", end, ready.Unready{Late: true, Missing: missing})
		if took := time.Since(begun); took > 70*time.Second {
			t.Errorf("late after %s, want 70s at most", took)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("ctrl-c")
		time.AfterFunc(time.Second, func() { cancel(stop) })
		end = ready.Await(ctx, time.Minute, func(context.Context) (error, bool) { return missing, false })
		wantEnd(t, "given up", end, ready.Unready{GivenUp: stop, Missing: missing})
		end = ready.Await(t.Context(), time.Minute, func(context.Context) (error, bool) { return missing, true })
		wantEnd(t, "in vain", end, ready.Unready{Missing: missing})
	})
}

func wantEnd(t *testing.T, name string, got *ready.Unready, want ready.Unready) {
	t.Helper()
	if diff := cmp.Diff(&want, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
