package scenario

import (
	"context"
	"errors"
	"fmt"
	"net"
	neturl "net/url"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/observe"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// Resolve returns the attack with everything that only the run knows put in:
// addresses of services, absolute URLs (the target with the request's path; the
// query stays apart), paths of files from the present folder. It looks up host
// names, and refuses hosts that are neither on this machine, nor in a private
// network, nor listed in allow_hosts.
func (p *Plan) Resolve(addr func(service string) (string, bool)) (attack.Plan, error) {
	return p.resolve(addr, net.DefaultResolver.LookupNetIP)
}

func (p *Plan) resolve(addr func(string) (string, bool), find allow.Lookup) (attack.Plan, error) {
	r, err := p.resolver(addr, find)
	if err != nil {
		return attack.Plan{}, err
	}
	out := p.Attack
	out.AllowHosts = p.AllowHosts
	out.TLS.CA = p.file(out.TLS.CA)
	out.TLS.Cert, out.TLS.Key = p.file(out.TLS.Cert), p.file(out.TLS.Key)
	out.Connections = r.ways
	out.Requests = make([]attack.Request, len(p.Attack.Requests))
	for i, q := range p.Attack.Requests {
		out.Requests[i] = r.request(q)
	}
	out.RedirectHosts = r.redirectHosts(p.Attack.RedirectHosts)
	for _, s := range p.Services {
		carrier, ok := s.Settings.(target.Carrier)
		if !ok {
			continue
		}
		host, _, err := net.SplitHostPort(r.expand(carrier.Upstream()))
		if err != nil {
			r.fail(fmt.Errorf("the upstream of %s: %w", s.Name, err))
			continue
		}
		r.host(host)
	}
	return out, errors.Join(r.errs...)
}

// ResolveObserve returns what asks for something beside the load, with everything that only the
// run knows put in, as Resolve does.
func (p *Plan) ResolveObserve(
	addr func(service string) (string, bool),
) (probes []observe.Probe, metrics []observe.Metric, err error) {
	if p.Observe == nil {
		return nil, nil, nil
	}
	r, err := p.resolver(addr, net.DefaultResolver.LookupNetIP)
	if err != nil {
		return nil, nil, err
	}
	for _, one := range p.Observe.Probes {
		if one.Request != nil {
			q := r.request(*one.Request)
			one.Request = &q
		}
		var command []string
		for _, a := range one.Command {
			command = append(command, r.expand(a))
		}
		one.Command = command
		probes = append(probes, one)
	}
	for _, m := range p.Observe.Metrics {
		m.Of = m.Of.Expanded(r.expand)
		if asks := m.Of.Asks(); asks != "" {
			if u, err := neturl.Parse(asks); err != nil || u.Hostname() == "" {
				r.fail(fmt.Errorf("metric %s: expected a URL to ask, found %q", m.Name, secret.Mask(asks)))
			} else {
				r.host(u.Hostname())
			}
		}
		metrics = append(metrics, m)
	}
	return probes, metrics, errors.Join(r.errs...)
}

// resolver puts in what only the run knows.
func (p *Plan) resolver(addr func(string) (string, bool), find allow.Lookup) (*resolver, error) {
	hosts, err := p.Hosts()
	if err != nil {
		return nil, err
	}
	r := &resolver{hosts: hosts, addr: addr, find: find, verified: map[string]error{}}
	r.ways = r.connections(p)
	r.proxies = httpx.ProxiesOf(p.Attack.Engine, r.ways)
	r.base = strings.TrimSuffix(r.expand(p.Target), "/")
	return r, nil
}

// request puts what only the run knows into a request.
func (r *resolver) request(q attack.Request) attack.Request {
	if spec, ok := q.Spec.(*httpx.Request); ok {
		q.Spec = r.http(r.base, spec)
		return q
	}
	return r.other(r.base, q)
}

// Hosts is the rule of where the run may connect to.
func (p *Plan) Hosts() (*allow.Hosts, error) { return allow.New(p.AllowHosts) }

func (p *Plan) file(name string) string {
	if name == "" {
		return ""
	}
	return inDir(p.Dir, name)
}

type resolver struct {
	base     string // of the target
	hosts    *allow.Hosts
	ways     wire.Connections
	proxies  func(*neturl.URL) (*neturl.URL, error)
	addr     func(string) (string, bool)
	find     allow.Lookup
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
	out, err := target.Expand(s, r.addr)
	if err != nil {
		r.fail(err)
	}
	return out
}

// http puts what only the run knows into a request of HTTP, and checks where it goes.
func (r *resolver) http(base string, spec *httpx.Request) attack.Spec {
	out := spec.Expanded(r.expand, base).(*httpx.Request)
	for url := range out.URLs() {
		r.goes(url)
	}
	return out
}

// goes checks where a URL goes.
func (r *resolver) goes(url string) {
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
		r.fail(
			fmt.Errorf(
				"expected a URL such as http://127.0.0.1:8080, found %q",
				secret.Mask(whole),
			),
		)
	case u.Hostname() == "":
		r.fail(fmt.Errorf("the URL %q has no host, and there is no target", secret.Mask(url)))
	case r.ways.Redirects(wire.Address(u)):
		// Where it leads instead was looked at.
	default:
		r.reached(u)
	}
}

// reached refuses a URL's host, or the proxy that leads there, if it must not be
// put under load.
func (r *resolver) reached(u *neturl.URL) {
	via, err := r.proxies(u)
	variable := httpx.ProxyVariable(u.Scheme)
	switch {
	case err != nil:
		r.fail(
			fmt.Errorf(
				"the proxy that %s names for %s cannot be used: %w",
				variable,
				u.Hostname(),
				err,
			),
		)
	case via == nil:
		r.host(u.Hostname())
	default:
		if err := r.verify(via.Hostname()); err != nil {
			r.fail(
				fmt.Errorf(
					"the proxy that %s names for %s: %w; or unset %s, or name %s in NO_PROXY",
					variable,
					u.Hostname(),
					err,
					variable,
					u.Hostname(),
				),
			)
		}
		// Where the host is the proxy looks up. Who cannot is told to say it.
		err := r.verify(u.Hostname())
		if unknown, ok := errors.AsType[*net.DNSError](err); ok {
			err = fmt.Errorf(
				"%s cannot be looked up here (%s), so that only the proxy knows where it leads: %s",
				u.Hostname(),
				unknown.Err,
				allow.Hint(u.Hostname()),
			)
		}
		if err != nil {
			r.fail(err)
		}
	}
}

// redirectHosts puts in what only the run knows. A host that connections do not go
// to as it stands is judged where they go.
func (r *resolver) redirectHosts(in []string) []string {
	var out []string
	for _, s := range in {
		s = r.expand(s)
		host, port, err := httpx.RedirectHost(s)
		switch {
		case err != nil:
			r.fail(fmt.Errorf("redirect_hosts: %w", err))
		case r.ways.Unix != "", port != "" && r.ways.Redirects(net.JoinHostPort(host, port)):
		default:
			r.host(host)
		}
		out = append(out, s)
	}
	return out
}

func (r *resolver) host(host string) {
	if err := r.verify(host); err != nil {
		r.fail(err)
	}
}

// verify says why a host must not be put under load, nil if it may.
func (r *resolver) verify(host string) error {
	err, known := r.verified[host]
	if !known {
		err = r.hosts.Verify(context.Background(), host, r.find)
		r.verified[host] = err
	}
	return err
}
