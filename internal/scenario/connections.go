package scenario

import (
	"fmt"
	"maps"
	"net"
	"slices"

	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// connections checks how targets are reached. Where connections really go must
// be allowed, whatever the URLs say.
func (b *builder) connections() wire.Connections {
	f := &b.file.Attack.Connections
	own := b.Where(f, b.root)
	c := wire.Connections{
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
		from, there := e.Key.Text, target.Checked(f.ConnectTo[e.Key.Text])
		if !target.HostPort(b, "connect_to", from, e.Key, false) ||
			!target.HostPort(b, "connect_to", there, e.Value, false) {
			continue
		}
		if (wire.Connections{To: sound.To}).Redirects(from) {
			b.Failf(e.Key.Span,
				"keep one of them",
				"connect_to: %s stands here twice", strictyaml.Shorten(from))
			continue
		}
		sound.To[from] = there
		host, _, _ := net.SplitHostPort(there)
		b.hosts.check(host, e.Value)
	}
	if f.Unix != "" {
		sound.Unix = b.files.path(f.Unix)
	}
	noteFields(b.Decoder, sound.Validate(), f, own, "connections: how targets are reached")
	return c
}

// connections puts in what only the run knows, and refuses hosts that must not
// be put under load.
func (r *resolver) connections(p *Plan) wire.Connections {
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
