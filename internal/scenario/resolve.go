package scenario

import (
	"errors"
	"fmt"
	"net"
	neturl "net/url"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
)

// Resolve returns the attack with everything that only the run knows put in:
// addresses of services, absolute URLs (the target with the request's path; the
// query stays apart), paths of files from the present folder. It looks up host
// names, and refuses hosts that are neither on this machine, nor in a private
// network, nor listed in allow_hosts.
func (p *Plan) Resolve(addr func(service string) (string, bool)) (attack.Plan, error) {
	return p.resolve(addr, net.DefaultResolver.LookupNetIP)
}

func (p *Plan) resolve(addr func(string) (string, bool), find lookup) (attack.Plan, error) {
	r := resolver{addr: addr, find: find, verified: map[string]error{}}
	for _, h := range p.AllowHosts {
		if err := r.add(h); err != nil {
			return attack.Plan{}, err
		}
	}
	out := p.Attack
	out.TLS.CA, out.TLS.Cert, out.TLS.Key = p.file(out.TLS.CA), p.file(out.TLS.Cert), p.file(out.TLS.Key)
	out.Connections = r.connections(p)
	r.ways = out.Connections
	base := strings.TrimSuffix(r.expand(p.Target), "/")
	out.Requests = make([]attack.Request, len(p.Attack.Requests))
	for i, q := range p.Attack.Requests {
		if len(q.Targets) > 0 {
			q.Targets = r.targets(base, q.Targets)
			out.Requests[i] = q
			continue
		}
		q = expanded(q, r.expand)
		q.URL = r.absolute(base, q.URL)
		out.Requests[i] = q
	}
	for _, s := range p.Services {
		if s.Link == nil {
			continue
		}
		host, _, err := net.SplitHostPort(r.expand(s.Link.Upstream))
		if err != nil {
			r.fail(fmt.Errorf("the upstream of %s: %w", s.Name, err))
			continue
		}
		r.host(host)
	}
	return out, errors.Join(r.errs...)
}

func (p *Plan) file(name string) string {
	if name == "" {
		return ""
	}
	return (&builder{dir: p.Dir}).path(name)
}

type resolver struct {
	hosts
	ways     attack.Connections
	addr     func(string) (string, bool)
	find     lookup
	verified map[string]error
	errs     []error
}

func (r *resolver) fail(err error) {
	for _, e := range r.errs {
		if e.Error() == err.Error() {
			return
		}
	}
	r.errs = append(r.errs, err)
}

func (r *resolver) expand(s string) string {
	out, err := Expand(s, r.addr)
	if err != nil {
		r.fail(err)
	}
	return out
}

func (r *resolver) absolute(base, url string) string {
	if strings.HasPrefix(url, "/") {
		url = base + url
	}
	// Templates can stand in the path; the host is whole, as Parse saw to it.
	whole := url
	if scheme, rest, ok := strings.Cut(url, "://"); ok {
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			whole = scheme + "://" + rest[:i]
		}
	}
	u, err := neturl.Parse(whole)
	switch {
	case err != nil:
		r.fail(fmt.Errorf("expected a URL such as http://127.0.0.1:8080, found %q", withoutUser(whole)))
	case u.Hostname() == "":
		r.fail(fmt.Errorf("the URL %q has no host, and there is no target", withoutUser(url)))
	case r.ways.Redirects(attack.Address(u)):
		// Where it leads instead was looked at.
	default:
		r.host(u.Hostname())
	}
	return url
}

func (r *resolver) targets(base string, in []attack.Target) []attack.Target {
	out := make([]attack.Target, len(in))
	for i, t := range in {
		t.URL = r.absolute(base, t.URL)
		out[i] = t
	}
	return out
}

func (r *resolver) host(host string) {
	err, known := r.verified[host]
	if !known {
		err = r.verify(host, r.find)
		r.verified[host] = err
	}
	if err != nil {
		r.fail(err)
	}
}
