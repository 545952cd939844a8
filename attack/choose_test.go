package attack

import (
	"slices"
	"strings"
	"testing"
)

func TestChooseEngine(t *testing.T) {
	for _, c := range []struct {
		name, protocol string
		urls           []string
		proxy          string
		engine, why    string
	}{
		{"plain", "auto", []string{"http://127.0.0.1:80/a"}, "", "fast", "nothing beyond"},
		{"nothing said", "", []string{"HTTP://127.0.0.1:80/{{ .a }}?b=c"}, "", "fast", "nothing beyond"},
		{"http1 over tls", "http1", []string{"https://127.0.0.1/"}, "", "fast", "nothing beyond"},
		{"tls", "auto", []string{"http://127.0.0.1/", "HTTPS://127.0.0.1/{{ .a }}"}, "", "http", "HTTP/2 may be spoken"},
		{"http2", "http2", []string{"https://127.0.0.1/"}, "", "http", "the protocol is http2"},
		{"h2c", "h2c", []string{"http://127.0.0.1/"}, "", "http", "the protocol is h2c"},
		{"proxy", "auto", []string{"http://10.1.2.3:80/a?b"}, "http://10.0.0.1:3128", "http", "a proxy for 10.1.2.3"},
		{"no proxy to this machine", "auto", []string{"http://127.0.0.1:80", "http://localhost/"}, "http://10.0.0.1:3128", "fast", "nothing beyond"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, v := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "REQUEST_METHOD"} {
				t.Setenv(v, "")
			}
			t.Setenv("HTTP_PROXY", c.proxy)
			engine, why := ChooseEngine(c.protocol, slices.Values(c.urls))
			if engine != c.engine || !strings.Contains(why, c.why) {
				t.Errorf("expected %s because %q, found %s because %q", c.engine, c.why, engine, why)
			}
		})
	}
}
