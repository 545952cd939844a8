package wire

import (
	"fmt"
	"net"
	"net/url"
	"strconv"

	"golang.org/x/net/idna"

	"github.com/seed-1574e9de/ordeal/internal/plaintext"
)

// EndpointOf is where a URL leads to. Its port is that of the scheme if it has none.
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

// CheckAddress says what is wrong with an address, which is to be host:port.
func CheckAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
		return fmt.Errorf(
			"expected host:port such as 127.0.0.1:6379, found %q", plaintext.Clip(s, 60))
	}
	return nil
}
