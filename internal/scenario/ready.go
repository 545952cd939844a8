package scenario

import (
	"fmt"
	neturl "net/url"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// ready returns the readiness check that a file asks for; own is the default, the zero Check for
// none.
func (b *builder) ready(r *target.ReadyFile, own ready.Check) ready.Check {
	if r.Node() == nil {
		return own
	}
	c := ready.Check{HTTP: r.HTTP, TCP: r.TCP, Command: r.Command}
	if r == &b.file.Attack.Ready && strings.HasPrefix(r.HTTP, "/") && overTCP(b.file.Target) {
		b.Failf(b.Where(&r.HTTP, r.Node()).Span,
			"write ready: tcp, or the whole URL",
			"%q is a path, and the target is no HTTP server: it is %s",
			strictyaml.Shorten(r.HTTP), strictyaml.Shorten(b.file.Target))
	}
	b.hosts.ready(r.HTTP, b.Where(&r.HTTP, r.Node()))
	if r.TCP != "" && r.TCP != target.OwnAddress {
		b.hosts.ready("tcp://"+r.TCP, b.Where(&r.TCP, r.Node()))
	}
	b.secrets.urls(r.Command...)
	if b.Set(&r.TLS) {
		b.tls(&r.TLS, b.Where(&r.TLS, r.Node()))
		tls := r.TLS
		c.TLS = &tls
	}
	return c
}

// ResolveReady completes a check: own is the address of the service itself, ""
// if it is not known, and expand puts in what only the run knows. An https URL
// is asked with the attack's TLS options unless the check has its own; files are
// taken from the scenario's folder. https says that a path is asked over TLS.
func (p *Plan) ResolveReady(
	c ready.Check,
	own string,
	https bool,
	expand func(string) (string, error),
) (ready.Check, error) {
	if target.AsksOwn(c) && own == "" {
		return c, fmt.Errorf(
			"ready: %s is asked at the service's own address, and that is not known: give a "+
				"whole URL or host:port, or a command",
			c,
		)
	}
	var err error
	put := func(s string) string {
		out, e := expand(s)
		if e != nil && err == nil {
			err = e
		}
		return out
	}
	out := ready.Check{HTTP: put(c.HTTP), TCP: put(c.TCP)}
	for _, arg := range c.Command {
		out.Command = append(out.Command, put(arg))
	}
	if strings.HasPrefix(out.HTTP, "/") {
		scheme := "http"
		if https || c.TLS != nil { // TLS options are for nothing else
			scheme = "https"
		}
		out.HTTP = scheme + "://" + own + out.HTTP
	}
	if out.TCP == target.OwnAddress {
		out.TCP = own
	}
	if strings.HasPrefix(out.HTTP, "https:") {
		tls := p.Attack.TLS
		if c.TLS != nil {
			tls = *c.TLS
		}
		tls.CA, tls.Cert, tls.Key = p.file(tls.CA), p.file(tls.Cert), p.file(tls.Key)
		out.TLS = &tls
	}
	return out, err
}

// OverTLS says whether the target is a service's own address, over TLS.
func (p *Plan) OverTLS(service string) bool {
	return strings.HasPrefix(p.Target, "https://${"+service+".addr}")
}

// ResolveTargetReady completes what the target is asked before the load.
func (p *Plan) ResolveTargetReady(addr func(service string) (string, bool)) (ready.Check, error) {
	expand := func(s string) (string, error) { return target.Expand(s, addr) }
	base, err := expand(p.Target)
	if err != nil {
		return ready.Check{}, err
	}
	u, err := neturl.Parse(base)
	if err != nil {
		return ready.Check{}, fmt.Errorf(
			"expected a URL as target, found %q",
			secret.Mask(base),
		)
	}
	own := ""
	if u.Host != "" {
		own = wire.Address(u)
	}
	return p.ResolveReady(p.Ready, own, u.Scheme == "https", expand)
}
