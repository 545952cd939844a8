package wire

import (
	"net"
	"net/url"

	"golang.org/x/net/idna"
)

func EndpointOf(u *url.URL) Endpoint {
	a := Endpoint{TLS: u.Scheme == "https", Name: u.Hostname()}
	if ascii, err := idna.Lookup.ToASCII(a.Name); err == nil && net.ParseIP(a.Name) == nil {
		a.Name = ascii
	}
	port := u.Port()
	if port == "" {
		port = "80"
		if a.TLS {
			port = "443"
		}
	}
	a.Address = net.JoinHostPort(a.Name, port)
	return a
}

// Endpoint is where connections lead; those of one address are alike.
type Endpoint struct {
	TLS     bool
	Address string // host:port, as dialled
	Name    string // of the host, for its certificate
}

// Address returns the host:port that a URL leads to.
func Address(u *url.URL) string { return EndpointOf(u).Address }

// HostPort is the host:port that a URL leads to; empty if it has no host.
func HostPort(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return ""
	}
	return Address(u)
}
