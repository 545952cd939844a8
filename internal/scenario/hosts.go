package scenario

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// hostRules say what may be put under load, and how it is reached.
type hostRules struct {
	*strictyaml.Decoder
	allowed  allow.Hosts
	hint     func(host string) string // how to allow one
	ways     wire.Connections         // where connections go in place of what URLs say
	engine   string
	protocol string
	proxies  func(*url.URL) (*url.URL, error) // of requests; nil until needed
}

// newHostRules reads allow_hosts.
func newHostRules(
	d *strictyaml.Decoder,
	f *scenarioFile,
	root *strictyaml.Node,
	hint func(string) string,
) *hostRules {
	h := &hostRules{Decoder: d, hint: hint, engine: f.Attack.Engine, protocol: f.Attack.Protocol}
	h.ways = wire.Connections{Unix: f.Attack.Connections.Unix, To: f.Attack.Connections.ConnectTo}
	if hint == nil {
		h.hint = allow.Hint
	}
	for i := range f.AllowHosts {
		ptr := &f.AllowHosts[i]
		if err := h.allowed.Add(*ptr); err != nil && *ptr != "" {
			h.Failf(h.Where(ptr, root).Span,
				"write a name, *.domain, an address, or a network such as 203.0.113.0/24",
				"allow_hosts: %s", err)
		}
	}
	return h
}

// check notes a host that must not be put under load.
func (h *hostRules) check(host string, n *strictyaml.Node) (ok bool) {
	refused, _ := h.allowed.Judge(host)
	if refused != "" {
		h.Failf(n.Span, h.hint(host), "%s", refused)
	}
	return refused == ""
}

// ready notes a readiness check of a host that must not be asked; raw is a path or a
// URL. It is asked many times a second, by a machine that may be anywhere.
func (h *hostRules) ready(raw string, n *strictyaml.Node) {
	if raw == "" || strings.HasPrefix(raw, "/") {
		return
	}
	if u, err := url.Parse(target.CheckedOwn(raw)); err == nil && u.Hostname() != "" {
		h.check(u.Hostname(), n)
	}
}

// url checks that the host of a URL can be reached and may be put under load.
func (h *hostRules) url(u *url.URL, at *strictyaml.Node) (ok bool) {
	ok = h.port(u, at)
	ok = h.reached(u, at) && ok
	return h.overTLS(u.Scheme, at) && ok
}

// port checks that something can listen on the port of a URL.
func (h *hostRules) port(u *url.URL, at *strictyaml.Node) (ok bool) {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || n == 0) {
		h.Failf(at.Span, "give a port from 1 to 65535", "%s is no port", u.Port())
		return false
	}
	return true
}

// overTLS checks that the scheme and the protocol go together.
func (h *hostRules) overTLS(scheme string, at *strictyaml.Node) (ok bool) {
	switch p := h.protocol; {
	case p == "http2" && scheme == "http":
		h.Failf(at.Span,
			"take an https URL, or protocol: h2c",
			"protocol http2 runs over TLS, but this URL is plain http")
	case p == "h2c" && scheme == "https":
		h.Failf(at.Span,
			"take an http URL, or protocol: http2",
			"protocol h2c is HTTP/2 without TLS, but this URL is https")
	default:
		return true
	}
	return false
}

// reached checks that the host of a URL may be put under load, if that is where
// connections go, and so the proxy that leads there.
func (h *hostRules) reached(u *url.URL, at *strictyaml.Node) (ok bool) {
	if h.ways.Redirects(wire.Address(u)) {
		return true
	}
	ok = h.check(u.Hostname(), at)
	if h.proxies == nil {
		h.proxies = httpx.ProxiesOf(h.engine, h.ways)
	}
	via, err := h.proxies(u)
	variable := httpx.ProxyVariable(u.Scheme)
	switch {
	case err != nil:
		h.Failf(at.Span,
			"correct "+variable+", or name "+u.Hostname()+" in NO_PROXY",
			"the proxy that %s names for %s cannot be used: %s", variable, u.Hostname(), err)
		return false
	case via != nil:
		if refused, _ := h.allowed.Judge(via.Hostname()); refused != "" {
			h.Failf(
				at.Span,
				fmt.Sprintf(
					"unset %s, or name %s in NO_PROXY; %s",
					variable,
					u.Hostname(),
					h.hint(via.Hostname()),
				),
				"the proxy that %s names for %s: %s",
				variable,
				u.Hostname(),
				refused,
			)
			return false
		}
	}
	return ok
}

// redirect notes a host that must not be put under load, unless connections
// for it go elsewhere.
func (h *hostRules) redirect(host, port string, at *strictyaml.Node) {
	if h.ways.Unix != "" || port != "" && h.ways.Redirects(net.JoinHostPort(host, port)) {
		return
	}
	h.check(host, at)
}
