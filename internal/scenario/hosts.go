package scenario

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// hosts is the rule of who may be put under load: this machine, private
// networks, and what allow_hosts lists. A run against anybody else would be an
// attack.
type hosts struct {
	names    []string // exact, or *.domain
	networks []netip.Prefix
}

// allowed reads allow_hosts.
func (b *builder) allowed() {
	for i := range b.file.AllowHosts {
		ptr := &b.file.AllowHosts[i]
		if err := b.hosts.add(*ptr); err != nil && *ptr != "" {
			b.failf(b.where(ptr, b.root).span, "write a name, *.domain, an address, or a network such as 203.0.113.0/24", "allow_hosts: %s", err)
		}
	}
}

func (h *hosts) add(s string) error {
	if p, err := netip.ParsePrefix(s); err == nil {
		h.networks = append(h.networks, p.Masked())
		return nil
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		h.networks = append(h.networks, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		return nil
	}
	name := strings.TrimPrefix(s, "*.")
	if name == "" || strings.ContainsAny(name, "*/:@ ") {
		return fmt.Errorf("%q is no host", shorten(s))
	}
	h.names = append(h.names, strings.ToLower(s))
	return nil
}

func (h *hosts) lists(host string) bool {
	return slices.ContainsFunc(h.names, func(n string) bool {
		domain, wild := strings.CutPrefix(n, "*")
		return n == host || wild && strings.HasSuffix(host, domain)
	})
}

// permits says whether an address may be put under load.
func (h *hosts) permits(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsLoopback() || a.IsPrivate() || a.IsUnspecified() ||
		slices.ContainsFunc(h.networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// localDomains are names that are never public (RFC 6761, 6762, 8375, and
// ICANN's reservation of .internal).
var localDomains = []string{".localhost", ".local", ".internal", ".test", ".home.arpa"}

// judge says why a host may not be put under load, as far as its text tells.
// unsure says that only looking the name up can tell.
func (h *hosts) judge(host string) (refused string, unsure bool) {
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if a, err := netip.ParseAddr(host); err == nil {
		if h.permits(a) {
			return "", false
		}
		return fmt.Sprintf("%s is a public address, and this would put it under load", host), false
	}
	switch {
	case host == "localhost", h.lists(host):
		return "", false
	case !strings.Contains(host, "."), slices.ContainsFunc(localDomains, func(d string) bool { return strings.HasSuffix(host, d) }):
		return "", true
	}
	return fmt.Sprintf("%s may be a public host, and this would put it under load", host), false
}

func allowHint(host string) string {
	return fmt.Sprintf("if it is yours, list it: allow_hosts: [%s]", strings.Trim(host, "[]"))
}

// host notes a host that must not be put under load.
func (b *builder) host(host string, n *node) {
	if refused, _ := b.judge(host); refused != "" {
		b.failf(n.span, allowHint(host), "%s", refused)
	}
}

// lookup finds the addresses of a host.
type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// lookupTimeout bounds the check of a name before the run.
const lookupTimeout = 5 * time.Second

// verify is judge with names looked up.
func (h *hosts) verify(host string, find lookup) error {
	refused, unsure := h.judge(host)
	if refused != "" {
		return fmt.Errorf("%s: %s", refused, allowHint(host))
	}
	if !unsure {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	addrs, err := find(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("the host %s cannot be found: %w", host, err)
	}
	for _, a := range addrs {
		if !h.permits(a) {
			return fmt.Errorf("%s is at the public address %s, and this would put it under load: %s", host, a, allowHint(host))
		}
	}
	return nil
}
