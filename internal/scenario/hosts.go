package scenario

import (
	"net/url"
	"strings"

	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// allowed reads allow_hosts.
func (b *builder) allowed() {
	for i := range b.file.AllowHosts {
		ptr := &b.file.AllowHosts[i]
		if err := b.hosts.Add(*ptr); err != nil && *ptr != "" {
			b.Failf(b.Where(ptr, b.root).Span, "write a name, *.domain, an address, or a network such as 203.0.113.0/24", "allow_hosts: %s", err)
		}
	}
}

// host checks that a host may be put under load.
func (b *builder) host(host string, n *strictyaml.Node) (ok bool) {
	refused, _ := b.hosts.Judge(host)
	if refused != "" {
		b.Failf(n.Span, b.allowHint(host), "%s", refused)
	}
	return refused == ""
}

// readyHost notes a readiness check of a host that must not be asked; raw is a
// path or a URL. It is asked many times a second, by a machine that may be anywhere.
func (b *builder) readyHost(raw string, n *strictyaml.Node) {
	if raw == "" || strings.HasPrefix(raw, "/") {
		return
	}
	if u, err := url.Parse(asRun(raw)); err == nil && u.Hostname() != "" {
		b.host(u.Hostname(), n)
	}
}
