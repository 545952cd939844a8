// Package wire is what protocols over connections have in common: where connections
// go, and which may be opened; host names and their addresses; the limit of
// connections to one host; TLS; the kinds of errors.
package wire

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// maxUnix is how long the path of a Unix socket can be, in bytes (unix(7)).
const maxUnix = 107

// Validate says what is wrong with the options, nil if nothing. It asks the
// machine whether Source is one of its addresses.
func (c Connections) Validate() fielderr.List {
	var wrong fielderr.List
	if c.PerHost < 0 {
		wrong.Add(
			"per_host",
			"per_host: expected at least 1, or 0 for as many as needed, found %d",
			c.PerHost,
		)
	}
	if c.DNSRefresh < 0 {
		wrong.Add("dns_refresh", "dns_refresh: expected at least 0, found %s", c.DNSRefresh)
	}
	seen := make(map[string]string)
	for _, from := range slices.Sorted(maps.Keys(c.To)) {
		if other, ok := seen[PlainAddress(from)]; ok {
			wrong.Add("connect_to", "connect_to: %s and %s are the same address", other, from)
		}
		seen[PlainAddress(from)] = from
		for _, s := range []string{from, c.To[from]} {
			if err := hostPort(s); err != nil {
				wrong.Add("connect_to", "connect_to: %s", err)
			}
		}
	}
	if len(c.Unix) > maxUnix {
		wrong.Add(
			"unix",
			"unix: expected a path of at most %d bytes, found %d",
			maxUnix,
			len(c.Unix),
		)
	}
	if c.Unix != "" {
		for _, other := range []struct {
			key string
			set bool
		}{{"connect_to", len(c.To) > 0}, {"source", c.Source != ""}, {"dns_refresh", c.DNSRefresh > 0}} {
			if other.set {
				wrong.Add(
					other.key,
					"%s has no effect: all connections go to the Unix socket",
					other.key,
				)
			}
		}
	}
	if c.Source != "" {
		if err := ownAddress(c.Source); err != nil {
			wrong.Add("source", "source: %s", err)
		}
	}
	return wrong
}

func hostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
		return fmt.Errorf("expected host:port, found %q", s)
	}
	return nil
}

// ownAddress says why connections cannot come from an address. Only binding an address tells
// whether it is one of this machine: all of 127.0.0.0/8 are, and only one of these is listed.
func ownAddress(s string) error {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return fmt.Errorf("expected an IP address of this machine, found %q", s)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if err != nil {
		return fmt.Errorf(
			"expected an IP address of this machine, found %s, which is none of it",
			s,
		)
	}
	return conn.Close()
}

// Where says to which network and address connections go for a host:port of a URL.
func (c Connections) Where(address string) (network, to string) {
	if c.Unix != "" {
		return "unix", c.Unix
	}
	if to, ok := c.mapped(address); ok {
		return "tcp", to
	}
	return "tcp", address
}

// Redirects says whether connections for an address of a URL go elsewhere.
func (c Connections) Redirects(address string) bool {
	_, mapped := c.mapped(address)
	return mapped || c.Unix != ""
}

// Redirect says whether connections for any address go elsewhere.
func (c Connections) Redirect() bool { return c.Unix != "" || len(c.To) > 0 }

func (c Connections) mapped(address string) (string, bool) {
	if len(c.To) == 0 {
		return "", false
	}
	plain := PlainAddress(address)
	for from, to := range c.To {
		if PlainAddress(from) == plain {
			return to, true
		}
	}
	return "", false
}

// PlainAddress spells a host:port in one way for all its spellings.
func PlainAddress(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return s
	}
	return net.JoinHostPort(CanonicalHost(host), port)
}

func CanonicalHost(host string) string {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.String()
	}
	host = strings.TrimSuffix(host, ".")
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return strings.ToLower(host)
}

// Dialer opens the connections of every engine, where Connections says and from
// the address that it says. It is safe for concurrent use.
type Dialer struct {
	where Connections
	names *resolver // nil: names are looked up anew for each connection
	// open opens a connection to an address; host is the name that it was looked up
	// from, or stands in it.
	open func(ctx context.Context, host, network, address string) (net.Conn, error)
}

// DialOptions are what a dialer needs to know.
type DialOptions struct {
	Connections Connections
	// Allow is where connections may go; nil: to this machine and private networks.
	Allow *allow.Hosts
	// Dial, if set, opens connections in place of the network's own dialer. Where
	// to is what Connections made of it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Lookup, if set, finds the addresses of a host in place of the system's
	// resolver, for Connections.DNSRefresh.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

func NewDialer(opt DialOptions) (*Dialer, error) {
	c := opt.Connections
	wrong := c.Validate().Below(fielderr.Field("connections"), "connections")
	if wrong != nil {
		return nil, wrong.Err()
	}
	d := &Dialer{where: c}
	d.where.To = make(map[string]string, len(c.To))
	for from, to := range c.To {
		d.where.To[PlainAddress(from)] = to
	}
	var source netip.Addr
	if c.Source != "" {
		source = netip.MustParseAddr(c.Source)
	}
	n := &allow.Dialer{
		Hosts: opt.Allow,
		Net:   net.Dialer{Timeout: Timeout, KeepAlive: 30 * time.Second},
	}
	if source.IsValid() {
		n.Net.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		n.Net.Control = manyPorts
	}
	d.open = n.DialHost
	if opt.Dial != nil {
		d.open = func(ctx context.Context, _, network, address string) (net.Conn, error) {
			return opt.Dial(ctx, network, address)
		}
	}
	if c.DNSRefresh > 0 {
		d.names = newResolver(c.DNSRefresh, source, opt.Lookup)
	}
	return d, nil
}

// Connect opens a connection for address, which is host:port of a URL or a proxy.
func (d *Dialer) Connect(ctx context.Context, network, address string) (net.Conn, error) {
	if d.where.Unix != "" {
		return d.open(ctx, "", "unix", d.where.Unix)
	}
	if len(d.where.To) > 0 {
		if to, ok := d.where.To[PlainAddress(address)]; ok {
			address = to
		}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || d.names == nil {
		return d.open(ctx, host, network, address)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return d.open(ctx, host, network, address)
	}
	addrs, err := d.names.find(ctx, host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return d.any(ctx, host, network, addrs, port)
}

// any opens a connection to the first address that accepts one. Each address gets its share of the
// time that is left, so that a silent one leaves time for the next.
func (d *Dialer) any(
	ctx context.Context,
	host, network string,
	addrs []netip.Addr,
	port string,
) (conn net.Conn, first error) {
	for i, a := range addrs {
		one, cancel := ctx, context.CancelFunc(func() {})
		if deadline, ok := ctx.Deadline(); ok && i < len(addrs)-1 {
			one, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(len(addrs)-i))
		}
		conn, err := d.open(one, host, network, net.JoinHostPort(a.String(), port))
		cancel()
		if err == nil {
			return conn, nil
		}
		first = cmp.Or(first, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}
