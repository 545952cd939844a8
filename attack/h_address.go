package attack

import (
	"net"
	"net/url"

	"golang.org/x/net/idna"
)

func addressOf(u *url.URL) fastAddr {
	a := fastAddr{secure: u.Scheme == "https", name: u.Hostname()}
	if ascii, err := idna.Lookup.ToASCII(a.name); err == nil && net.ParseIP(a.name) == nil {
		a.name = ascii
	}
	port := u.Port()
	if port == "" {
		port = "80"
		if a.secure {
			port = "443"
		}
	}
	a.address = net.JoinHostPort(a.name, port)
	return a
}

// fastAddr is where connections lead; those of one address are alike.
type fastAddr struct {
	secure  bool
	address string // host:port, as dialled
	name    string // of the host, for its certificate
}

// Address returns the host:port that a URL leads to.
func Address(u *url.URL) string { return addressOf(u).address }
