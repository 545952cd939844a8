package tcpproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// onSockets starts a proxy on loopback in front of upstream.
func onSockets(t testing.TB, upstream string) (*Proxy, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := New(func(ctx context.Context, _ net.Conn) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", upstream)
	}, 1)
	served := make(chan error, 1)
	go func() { served <- r.Serve(ln) }()
	t.Cleanup(func() {
		r.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	return r, ln.Addr().String()
}

func TestHTTPWhileTheImpairmentChanges(t *testing.T) {
	body := strings.Repeat("0123456789", 10_000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n, _ := io.Copy(io.Discard, req.Body)
		fmt.Fprintf(w, "%d %s", n, body)
	}))
	defer srv.Close()
	r, addr := onSockets(t, srv.Listener.Addr().String())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()

	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 15 {
				resp, err := client.Post("http://"+addr, "text/plain", strings.NewReader(body))
				if err != nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if want := fmt.Sprintf("%d %s", len(body), body); err != nil || string(got) != want {
					t.Errorf("an answer of %d bytes arrived, %v; want %d unharmed ones", len(got), err, len(want))
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for i := 0; ; i++ {
		select {
		case <-done:
			if s := r.Stats(); s.DelayedChunks == 0 || s.Failed != 0 {
				t.Errorf("Stats() = %+v, want some chunks delayed and no connection failed", s)
			}
			return
		case <-time.After(3 * time.Millisecond):
			r.SetImpairment([]Impairment{{Delay: 5 * time.Millisecond, Jitter: 5 * time.Millisecond}, {Delay: time.Hour}, {}}[i%3])
		}
	}
}

func TestSocketsCarryResets(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, addr := onSockets(t, ln.Addr().String())
	pair := func() (client, server *net.TCPConn) {
		t.Helper()
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(20 * time.Second))
		s.SetDeadline(time.Now().Add(20 * time.Second))
		return c.(*net.TCPConn), s.(*net.TCPConn)
	}
	c, s := pair()
	s.SetLinger(0)
	s.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("client read %v, want a reset", err)
	}
	c.Close()

	c, s = pair()
	c.SetLinger(0)
	c.Close()
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("server read %v, want a reset", err)
	}
	s.Close()

	c, s = pair()
	c.Write([]byte("question"))
	c.CloseWrite()
	if got, err := io.ReadAll(s); err != nil || string(got) != "question" {
		t.Errorf("server read %q, %v", got, err)
	}
	s.Write([]byte("answer"))
	s.Close()
	if got, err := io.ReadAll(c); err != nil || string(got) != "answer" {
		t.Errorf("client read %q, %v", got, err)
	}
	c.Close()
}

func TestRefusedUpstreamResetsTheClient(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := ln.Addr().String()
	ln.Close()
	_, addr := onSockets(t, dead)
	// The reset may be there before Dial has looked whether it connected.
	c, err := net.Dial("tcp", addr)
	if err == nil {
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("client got %v, want a reset", err)
	}
}

func TestDrainOnSockets(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/slow" {
			<-release
		}
		io.WriteString(w, "done")
	}))
	defer srv.Close()
	r, addr := onSockets(t, srv.Listener.Addr().String())
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	get := func(path string) (string, error) {
		resp, err := client.Get("http://" + addr + path)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	if _, err := get("/"); err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	before := r.Stats().Bytes
	go func() {
		s, err := get("/slow")
		answer <- fmt.Sprint(s, err)
	}()
	for r.Stats().Bytes == before {
		time.Sleep(time.Millisecond)
	}
	drained := make(chan int, 1)
	go func() { drained <- r.Drain(t.Context()) }()
	time.Sleep(2 * quiet)
	select {
	case <-drained:
		close(release)
		t.Fatal("drained while a request was waiting for its answer")
	default:
	}
	close(release)
	if got := <-answer; got != "done<nil>" {
		t.Errorf("the request in flight got %s, want its answer", got)
	}
	if cut := <-drained; cut != 0 {
		t.Errorf("%d connections were cut, want 0", cut)
	}
	if _, err := get("/"); err == nil {
		t.Error("a new connection was accepted after the proxy had drained")
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go echo(c)
		}
	}()
	_, relayed := onSockets(b, ln.Addr().String())
	for name, addr := range map[string]string{"direct": ln.Addr().String(), "relayed": relayed} {
		b.Run(name, func(b *testing.B) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			buf := make([]byte, 256)
			for b.Loop() {
				c.Write(buf)
				io.ReadFull(c, buf)
			}
		})
	}
}
