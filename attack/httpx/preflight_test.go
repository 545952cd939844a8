package httpx_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/attacktest"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// connectProxy answers CONNECT by connecting to one address, whatever is asked for,
// or with a status.
func connectProxy(t *testing.T, to, status string) string {
	return attacktest.Requests(t, func(c net.Conn, req *http.Request) bool {
		if req.Method != http.MethodConnect || status != "" {
			_, _ = io.WriteString(c, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
			return false
		}
		up, err := net.Dial("tcp", to)
		if err != nil {
			return false
		}
		defer up.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(c, up)
			c.Close()
		}()
		_, _ = io.Copy(up, c)
		return false
	})
}

func TestPreflight(t *testing.T) {
	serve := func(h2 bool) *httptest.Server {
		s := httptest.NewUnstartedServer(attacktest.Calibrated())
		s.Config.ErrorLog = attacktest.Quiet
		s.EnableHTTP2 = h2
		s.TLS = &tls.Config{Certificates: []tls.Certificate{attacktest.SelfSigned(t)}}
		if h2 {
			s.TLS.NextProtos = []string{"h2", "http/1.1"}
		}
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	http1, http2 := serve(false), serve(true)
	plain := httptest.NewServer(attacktest.Calibrated())
	t.Cleanup(plain.Close)
	insecure := wire.TLS{Insecure: true}
	for _, c := range []struct {
		name     string
		url      string
		proxy    string
		plan     attack.Plan
		protocol string
		err      string
		never    bool // no waiting mends it
	}{
		{name: "plain", url: plain.URL},
		{name: "HTTP/1.1", url: http1.URL, plan: attack.Plan{TLS: insecure}, protocol: "http/1.1"},
		{name: "HTTP/2", url: http2.URL, plan: attack.Plan{TLS: insecure}, protocol: "h2"},
		{name: "HTTP/1.1 asked for", url: http2.URL, plan: attack.Plan{TLS: insecure, Protocol: "http1"}, protocol: "http/1.1"},
		{name: "HTTP/2 not taken", url: http1.URL, plan: attack.Plan{TLS: insecure, Protocol: "http2"}, err: "it takes no HTTP/2", never: true},
		{name: "certificate", url: http1.URL, err: "its certificate is not accepted", never: true},
		{name: "no TLS there", url: strings.Replace(plain.URL, "http:", "https:", 1), plan: attack.Plan{TLS: insecure}, err: "speaks HTTP without TLS", never: true},
		{name: "nobody there", url: "http://127.0.0.1:1", err: "refused"},
		{name: "public", url: "http://203.0.113.9", err: "203.0.113.9 is a public address", never: true},
		{name: "through a proxy", url: "https://10.1.2.3", proxy: connectProxy(t, http2.Listener.Addr().String(), ""), plan: attack.Plan{TLS: insecure, Engine: "http"}, protocol: "h2"},
		{name: "a proxy that refuses", url: "https://10.1.2.3", proxy: connectProxy(t, "", "403 Forbidden"), plan: attack.Plan{Engine: "http"}, err: "it refuses to connect to 10.1.2.3:443: 403 Forbidden", never: true},
		{name: "a proxy whose target is not up", url: "https://10.1.2.3", proxy: connectProxy(t, "", "502 Bad Gateway"), plan: attack.Plan{Engine: "http"}, err: "it cannot connect to 10.1.2.3:443"},
		{name: "a proxy that is down", url: "http://10.1.2.3", proxy: "http://127.0.0.1:1", plan: attack.Plan{Engine: "http"}, err: "the proxy 127.0.0.1:1"},
		{name: "a public proxy", url: "http://10.1.2.3", proxy: "http://203.0.113.9:3128", plan: attack.Plan{Engine: "http"}, err: "203.0.113.9 is a public address", never: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, v := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "REQUEST_METHOD"} {
				t.Setenv(v, "")
			}
			t.Setenv("HTTP_PROXY", c.proxy)
			t.Setenv("HTTPS_PROXY", c.proxy)
			f, err := httpx.NewPreflight(&c.plan)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(c.url)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			protocol, err := f.Open(ctx, u)
			if protocol != c.protocol || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("found %q, %v, want %q, %q", protocol, err, c.protocol, c.err)
			}
			if _, never := errors.AsType[*httpx.Permanent](err); never != c.never {
				t.Errorf("waited for: %v, want %v (%v)", !never, !c.never, err)
			}
		})
	}
}
