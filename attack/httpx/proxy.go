package httpx

import (
	"net"
	"net/url"

	"golang.org/x/net/http/httpproxy"

	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// ProxyFunc returns the proxy for a URL, nil if there is none.
type ProxyFunc func(*url.URL) (*url.URL, error)

// EnvironmentProxies returns the proxies that HTTP_PROXY, HTTPS_PROXY and
// NO_PROXY name, as net/http reads them: ALL_PROXY is not looked at, and this
// machine's own names and addresses have none.
func EnvironmentProxies() ProxyFunc { return httpproxy.FromEnvironment().ProxyFunc() }

// ProxiesOf returns what finds the proxy by which requests for a URL go, nil if
// they go straight. Engine fast knows no proxies, and what Connections leads
// elsewhere goes there, past every proxy.
func ProxiesOf(engine string, c wire.Connections) func(*url.URL) (*url.URL, error) {
	environment := EnvironmentProxies()
	return func(u *url.URL) (*url.URL, error) {
		if engine == "fast" || c.Redirects(wire.Address(u)) {
			return nil, nil
		}
		return environment(u)
	}
}

// ProxyVariable is the name of the environment variable that proxies of a scheme
// stand in, for people.
func ProxyVariable(scheme string) string {
	if scheme == "https" {
		return "HTTPS_PROXY"
	}
	return "HTTP_PROXY"
}

// proxyAddress is the host:port of a proxy.
func proxyAddress(proxy *url.URL) string {
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[proxy.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(proxy.Hostname(), port)
}
