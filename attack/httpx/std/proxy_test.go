package std_test

import (
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/seed-1574e9de/ordeal/attack/httpx/std"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// A proxy would take what is led elsewhere to where the URL says.
func TestProxyOnlyForWhatGoesWhereTheURLSays(t *testing.T) {
	proxy, _ := url.Parse("http://proxy.test:3128")
	always := func(*url.URL) (*url.URL, error) { return proxy, nil }
	to := wire.Connections{To: map[string]string{"shop.test:80": "127.0.0.1:1"}}
	for _, c := range []struct {
		c    wire.Connections
		url  string
		want *url.URL
	}{
		{wire.Connections{}, "http://shop.test/", proxy},
		{to, "http://shop.test/", nil},
		{to, "http://shop.test:81/", proxy},
		{wire.Connections{Unix: "/s"}, "http://shop.test/", nil},
	} {
		req := httptest.NewRequest("GET", c.url, nil)
		if got, err := std.ProxyFor(c.c, always)(req); got != c.want || err != nil {
			t.Errorf("%s by %+v: expected proxy %v, found %v, %v", c.url, c.c, c.want, got, err)
		}
	}
}
