package httpx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

func TestChooseEngine(t *testing.T) {
	for _, c := range []struct {
		name, protocol string
		urls           []string
		proxy          string
		connections    wire.Connections
		engine, why    string
		redirects      int
	}{
		{"redirects", "http1", []string{"http://127.0.0.1/"}, "", wire.Connections{}, "http", "redirects are to be followed", 3},
		{"plain", "auto", []string{"http://127.0.0.1:80/a"}, "", wire.Connections{}, "fast", "nothing beyond", 0},
		{"nothing said", "", []string{"HTTP://127.0.0.1:80/{{ .a }}?b=c"}, "", wire.Connections{}, "fast", "nothing beyond", 0},
		{"http1 over tls", "http1", []string{"https://127.0.0.1/"}, "", wire.Connections{}, "fast", "nothing beyond", 0},
		{"tls", "auto", []string{"http://127.0.0.1/", "HTTPS://127.0.0.1/{{ .a }}"}, "", wire.Connections{}, "auto", "asked before the load", 0},
		{"http2", "http2", []string{"https://127.0.0.1/"}, "", wire.Connections{}, "http", "the protocol is http2", 0},
		{"h2c", "h2c", []string{"http://127.0.0.1/"}, "", wire.Connections{}, "http", "the protocol is h2c", 0},
		{"proxy", "auto", []string{"http://10.1.2.3:80/a?b"}, "http://10.0.0.1:3128", wire.Connections{}, "http", "a proxy for 10.1.2.3", 0},
		{"no proxy to this machine", "auto", []string{"http://127.0.0.1:80", "http://localhost/"}, "http://10.0.0.1:3128", wire.Connections{}, "fast", "nothing beyond", 0},
		{"unix socket beside a proxy", "auto", []string{"http://10.1.2.3:80/a?b"}, "http://10.0.0.1:3128", wire.Connections{Unix: "/s"}, "fast", "nothing beyond", 0},
		{"led elsewhere beside a proxy", "auto", []string{"http://shop.test/"}, "http://10.0.0.1:3128", wire.Connections{To: map[string]string{"Shop.test:80": "127.0.0.1:8080"}}, "fast", "nothing beyond", 0},
		{"others led elsewhere", "auto", []string{"http://10.1.2.3/"}, "http://10.0.0.1:3128", wire.Connections{To: map[string]string{"10.1.2.3:81": "127.0.0.1:8080"}}, "http", "a proxy for 10.1.2.3", 0},
		{"unix socket and tls", "auto", []string{"https://10.1.2.3/"}, "", wire.Connections{Unix: "/s"}, "auto", "asked before the load", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, v := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "REQUEST_METHOD"} {
				t.Setenv(v, "")
			}
			t.Setenv("HTTP_PROXY", c.proxy)
			engine, why := httpx.ChooseEngine(&attack.Plan{Protocol: c.protocol, Connections: c.connections, Redirects: c.redirects}, slices.Values(c.urls))
			if engine != c.engine || !strings.Contains(why, c.why) {
				t.Errorf("expected %s because %q, found %s because %q", c.engine, c.why, engine, why)
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	p := &attack.Plan{Requests: []attack.Request{
		{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://127.0.0.1:8080/{{ .a }}"}},
		{Protocol: httpx.Name, Spec: &httpx.Request{URL: "HTTP://127.0.0.1:8080?q={{ .b }}"}},
		{Protocol: httpx.Name, Spec: &httpx.Request{URL: "https://localhost/x"}},
		{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://localhost:443/x"}},
		{Protocol: httpx.Name, Spec: &httpx.Request{URL: "http://[::1]/x"}},
		{Protocol: httpx.Name, Spec: &httpx.Request{URL: "nonsense"}},
		{Protocol: httpx.Name, Spec: &httpx.Request{Targets: []httpx.Target{{URL: "http://127.0.0.1:9/"}, {URL: "http://LOCALHOST:443/"}}}},
	}}
	var got []string
	for _, u := range httpx.Origins(p) {
		got = append(got, u.String())
	}
	want := []string{"http://127.0.0.1:8080", "https://localhost", "http://localhost:443", "http://[::1]", "http://127.0.0.1:9"}
	if !slices.Equal(got, want) {
		t.Errorf("Origins = %v, want %v", got, want)
	}
}

func TestSettleEngine(t *testing.T) {
	for _, c := range []struct {
		asked       []httpx.Asked
		engine, why string
	}{
		{[]httpx.Asked{{"a:443", "http/1.1"}}, "fast", "asked before the load: a:443 takes HTTP/1.1"},
		{[]httpx.Asked{{"a:443", ""}, {"b:443", "http/1.1"}}, "fast", "asked before the load: a:443 and b:443 take HTTP/1.1"},
		{[]httpx.Asked{{"a:443", "h2"}}, "http", "asked before the load: a:443 takes HTTP/2; with protocol: http1 engine fast would send HTTP/1.1"},
		{[]httpx.Asked{{"a:443", "h2"}, {"b:443", "http/1.1"}, {"c:443", "h2"}, {"d:443", "h2"}, {"e:443", "h2"}}, "http",
			"asked before the load: a:443, c:443 and 2 others take HTTP/2, b:443 takes HTTP/1.1; with protocol: http1 engine fast would send HTTP/1.1 to all"},
	} {
		if engine, why := httpx.SettleEngine(c.asked); engine != c.engine || why != c.why {
			t.Errorf("SettleEngine(%v) = %s, %q, want %s, %q", c.asked, engine, why, c.engine, c.why)
		}
	}
}
