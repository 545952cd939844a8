package scenario

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

// connections checks how targets are reached. Where connections really go must
// be allowed, whatever the URLs say.
func (b *builder) connections() attack.Connections {
	f := &b.file.Attack.Connections
	own := b.Where(f, b.root)
	c := attack.Connections{
		NoKeepAlive: !f.KeepAlive, PerHost: f.PerHost, Unix: f.Unix, To: f.ConnectTo, Source: f.Source, DNSRefresh: f.DNSRefresh,
	}
	if b.Broken(f) {
		return c
	}
	sound := c // with what cannot be looked at yet, or was complained of already, left out
	sound.To = map[string]string{}
	to := b.Where(&f.ConnectTo, own)
	for _, e := range to.Entries {
		if f.ConnectTo == nil {
			break
		}
		from, target := e.Key.Text, checked(f.ConnectTo[e.Key.Text])
		if !b.hostPort("connect_to", from, e.Key, false) || !b.hostPort("connect_to", target, e.Value, false) {
			continue
		}
		if (attack.Connections{To: sound.To}).Redirects(from) {
			b.Failf(e.Key.Span, "keep one of them", "connect_to: %s stands here twice", strictyaml.Shorten(from))
			continue
		}
		sound.To[from] = target
		host, _, _ := net.SplitHostPort(target)
		b.host(host, e.Value)
	}
	if f.Unix != "" {
		sound.Unix = b.path(f.Unix)
	}
	noteFields(b.Decoder, sound.Validate(), f, own, "connections: how targets are reached")
	return c
}

// reached checks that the host of a URL may be put under load, if that is where
// connections go, and so the proxy that leads there.
func (b *builder) reached(u *url.URL, at *strictyaml.Node) (ok bool) {
	f := &b.file.Attack.Connections
	c := attack.Connections{Unix: f.Unix, To: f.ConnectTo}
	if c.Redirects(attack.Address(u)) {
		return true
	}
	ok = b.host(u.Hostname(), at)
	if b.proxies == nil {
		b.proxies = attack.ProxiesOf(b.file.Attack.Engine, c)
	}
	via, err := b.proxies(u)
	variable := attack.ProxyVariable(u.Scheme)
	switch {
	case err != nil:
		b.Failf(at.Span, "correct "+variable+", or name "+u.Hostname()+" in NO_PROXY", "the proxy that %s names for %s cannot be used: %s", variable, u.Hostname(), err)
		return false
	case via != nil:
		if refused, _ := b.hosts.Judge(via.Hostname()); refused != "" {
			b.Failf(at.Span, fmt.Sprintf("unset %s, or name %s in NO_PROXY; %s", variable, u.Hostname(), b.allowHint(via.Hostname())), "the proxy that %s names for %s: %s", variable, u.Hostname(), refused)
			return false
		}
	}
	return ok
}

// connections puts in what only the run knows, and refuses hosts that must not
// be put under load.
func (r *resolver) connections(p *Plan) attack.Connections {
	c := p.Attack.Connections
	c.Unix = p.file(c.Unix)
	c.To = maps.Clone(c.To)
	for _, from := range slices.Sorted(maps.Keys(c.To)) {
		c.To[from] = r.expand(c.To[from])
		host, _, err := net.SplitHostPort(c.To[from])
		if err != nil {
			r.fail(fmt.Errorf("connect_to: expected host:port, found %q", c.To[from]))
			continue
		}
		r.host(host)
	}
	return c
}
