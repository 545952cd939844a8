// Package allow holds the rule of allow_hosts: which hosts a run may connect to.
// They are this machine, private networks, and what the scenario lists. A run
// against anybody else would be an attack.
//
// The rule is asked twice. Judge and Verify look at names before anything is
// started, so that a mistake is found early. Dialer judges each connection by the
// address that it really goes to, as a name can lead elsewhere a second later.
// Whatever ordeal sends for a scenario (load, readiness checks, proxies, links)
// opens its connections through a Dialer.
package allow

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Hosts is the rule. The zero value, and nil, allow this machine and private
// networks only. It is safe for concurrent use once no more is added.
type Hosts struct {
	names    []string // exact, or *.domain
	networks []netip.Prefix
}

// New returns the rule that allows what entries list, beside this machine and
// private networks.
func New(entries []string) (*Hosts, error) {
	h := new(Hosts)
	for _, s := range entries {
		if err := h.Add(s); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Add allows a name, *.domain, an address, or a network such as 203.0.113.0/24.
func (h *Hosts) Add(s string) error {
	if p, err := netip.ParsePrefix(s); err == nil {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		h.networks = append(h.networks, p.Masked())
		return nil
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		a = a.Unmap().WithZone("")
		h.networks = append(h.networks, netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	name, wild := strings.CutPrefix(s, "*.")
	if name == "" || strings.ContainsAny(name, "*/:@ ") {
		return fmt.Errorf("%q is no host", clip(s))
	}
	name = canonical(name)
	if wild {
		name = "*." + name
	}
	h.names = append(h.names, name)
	return nil
}

// canonical is the one spelling of a name: in small letters, without a dot at the end, and
// in ASCII (xn--).
func canonical(name string) string {
	name = strings.TrimSuffix(name, ".")
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		return ascii
	}
	return strings.ToLower(name)
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// Lists says whether a name is listed. A listed name may lead anywhere.
func (h *Hosts) Lists(name string) bool {
	if h == nil {
		return false
	}
	name = canonical(name)
	return slices.ContainsFunc(h.names, func(n string) bool {
		domain, wild := strings.CutPrefix(n, "*")
		return n == name || wild && strings.HasSuffix(name, domain)
	})
}

// metadata are addresses within private networks at which clouds serve
// credentials to their machines: no load belongs there. Those of IPv4 are
// link-local or public, and so outside of private networks anyway.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), // Amazon
	netip.MustParseAddr("fd20:ce::254"),  // Google
}

// nat64 is the well-known prefix (RFC 6052) behind which the last 32 bits are an
// IPv4 address.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// Permits says whether connections may go to an address.
func (h *Hosts) Permits(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if (a.IsLoopback() || a.IsPrivate() || a.IsUnspecified()) && !slices.Contains(metadata, a) {
		return true
	}
	return h.contains(a) || nat64.Contains(a) && h.contains(embedded(a))
}

func (h *Hosts) contains(a netip.Addr) bool {
	return h != nil &&
		slices.ContainsFunc(h.networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// embedded is the IPv4 address within one of NAT64.
func embedded(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// what says in words what kind of address a is that is not allowed.
func what(a netip.Addr) string {
	switch a = a.Unmap().WithZone(""); {
	case slices.Contains(metadata, a), a == netip.MustParseAddr("169.254.169.254"):
		return "the address of a cloud's metadata service"
	case a.IsLinkLocalUnicast():
		return "a link-local address"
	case a.IsMulticast(), a == netip.MustParseAddr("255.255.255.255"):
		return "an address of many machines at once"
	case nat64.Contains(a):
		return "a public address (by NAT64, " + embedded(a).String() + ")"
	}
	return "a public address"
}

// localDomains are names that are never public (RFC 6761, 6762, 8375, and
// ICANN's reservation of .internal).
var localDomains = []string{".localhost", ".local", ".internal", ".test", ".home.arpa"}

// Judge says why nothing may be sent to a host, as far as its text tells.
// unsure says that only looking the name up can tell.
func (h *Hosts) Judge(host string) (refused string, unsure bool) {
	host = strings.Trim(host, "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		if h.Permits(a) {
			return "", false
		}
		return (&Error{Addr: a}).refusal(), false
	}
	host = canonical(host)
	switch {
	case host == "localhost", h.Lists(host):
		return "", false
	case !strings.Contains(host, "."),
		slices.ContainsFunc(localDomains, func(d string) bool { return strings.HasSuffix(host, d) }):
		return "", true
	}
	return host + " may be a public host, and this would put it under load", false
}

// Hint says how to allow a host.
func Hint(host string) string {
	return fmt.Sprintf("if it is yours, list it: allow_hosts: [%s]", strings.Trim(host, "[]"))
}

// Lookup finds the addresses of a host, as net.Resolver.LookupNetIP does.
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// lookupTimeout bounds a look-up before the run.
const lookupTimeout = 5 * time.Second

// Verify is Judge with the name looked up where its text does not tell. All
// addresses of the name must be allowed.
func (h *Hosts) Verify(ctx context.Context, host string, find Lookup) error {
	refused, unsure := h.Judge(host)
	if refused != "" {
		return fmt.Errorf("%s: %s", refused, Hint(host))
	}
	if !unsure {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	addrs, err := find(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("the host %s cannot be found: %w", host, err)
	}
	for _, a := range addrs {
		if !h.Permits(a) {
			return &Error{Host: host, Addr: a}
		}
	}
	return nil
}

// Error is a connection that was not opened, as it would have gone to an address
// that is not allowed.
type Error struct {
	Host string // the name that led there; empty if the address itself was asked for
	Addr netip.Addr
}

func (e *Error) refusal() string {
	if e.Host == "" || e.Host == e.Addr.String() {
		return fmt.Sprintf("%s is %s, and this would put it under load", e.Addr, what(e.Addr))
	}
	return fmt.Sprintf(
		"%s is at %s, %s, and this would put it under load",
		e.Host,
		e.Addr,
		what(e.Addr),
	)
}

// Error implements error.
func (e *Error) Error() string {
	host := e.Host
	if host == "" {
		host = e.Addr.String()
	}
	return e.refusal() + ": " + Hint(host)
}

var _ net.Error = (*Error)(nil)

// Timeout implements net.Error.
func (e *Error) Timeout() bool { return false }

// Temporary implements net.Error.
func (e *Error) Temporary() bool { return false }
