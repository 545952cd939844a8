package scenario

import (
	"cmp"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

const (
	maxData = 256 << 20 // of rows or targets
	maxBody = 16 << 20  // of a body from a file
	maxPEM  = 1 << 20

	maxBodies = 128 << 20 // of all bodies from files

	// maxTrials is with how many rows templates are tried, over all requests. Once these are
	// spent, each request is still tried with leastRows.
	maxTrials = 2_000_000
	leastRows = 1000

	maxRedirects = 20

	// maxLoad keeps sums of offsets far from overflowing.
	maxLoad = 366 * 24 * time.Hour
)

// target checks the base of relative URLs.
func (b *builder) target() {
	f := b.file
	at := b.Where(&f.Target, b.root)
	if f.Target == "" {
		return
	}
	const hint = "write it such as http://127.0.0.1:8080 or http://${NAME.addr}"
	u, err := url.Parse(target.Checked(f.Target))
	switch {
	case overTCP(f.Target):
		if err != nil || u.Hostname() == "" || u.Port() == "" || u.User != nil ||
			strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			b.Failf(at.Span,
				"write it such as tcp://127.0.0.1:6379 or tcp://${NAME.addr}",
				"target: expected a host and a port after tcp://, found %q",
				strictyaml.Shorten(secret.Mask(f.Target)))
			return
		}
		b.hosts.url(u, at)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		_, authority, _ := strings.Cut(f.Target, "://")
		authority, _, _ = strings.Cut(authority, "/")
		b.Failf(at.Span,
			cmp.Or(bareIPv6(authority), hint),
			"target: expected an http or https URL, or tcp://host:port, found %q",
			strictyaml.Shorten(secret.Mask(f.Target)))
	case strings.Contains(f.Target, "{{"):
		b.Failf(at.Span,
			"put the template into the request's path",
			"target: a template cannot stand here")
	case u.RawQuery != "" || u.Fragment != "":
		b.Failf(at.Span,
			"give query parameters with the requests",
			"target: expected no query and no fragment")
	default:
		b.secrets.urls(f.Target)
		b.hosts.url(u, at)
	}
}

// overTCP says whether a target is no HTTP server, so that no path can be asked of it.
func overTCP(target string) bool { return strings.HasPrefix(target, "tcp://") }

func (b *builder) attack(seed uint64) attack.Plan {
	f := &b.file.Attack
	p := attack.Plan{
		Seed: seed, Engine: f.Engine, Arrivals: arrivals.Process(f.Arrivals), Timeout: f.Timeout, MaxInFlight: f.MaxInFlight,
		Protocol: f.Protocol, TLS: f.TLS, LateBudget: f.LateBudget, Redirects: f.Redirects, RedirectHosts: f.RedirectTo,
		CatchUp: attack.CatchUp(f.CatchUp), MaxBody: f.MaxBody, Connections: b.connections(),
	}
	b.tls(&f.TLS, b.Where(&f.TLS, b.root))
	requests := &requests{builder: b}
	names := map[string]*strictyaml.Node{}
	weight, broken := 0.0, false
	for i := range f.Requests {
		r := &f.Requests[i]
		b.names.unique(names, r.Name, "request", b.ownNode(r))
		weight += r.Weight
		broken = broken || b.Broken(r)
		p.Requests = append(p.Requests, requests.request(r, nil))
	}
	b.requireRequests()
	for i := range f.Flows {
		x := &f.Flows[i]
		weight += x.Weight
		broken = broken || b.Broken(x)
		requests.flow(x, &p, names)
	}
	if at := b.firstWeight(); weight == 0 && at != nil && !broken {
		b.Failf(at.Span,
			"give at least one request or flow a weight above 0",
			"the weights of all requests and flows are 0, so nothing would be sent")
	}
	b.declared(&p)
	b.secrets.columns(&p)
	p.Stages = b.stages()
	b.engine(&p)
	return p
}

// firstWeight is where the first weight stands; nil if there is nothing to have one.
func (b *builder) firstWeight() *strictyaml.Node {
	switch f := &b.file.Attack; {
	case len(f.Requests) > 0:
		return b.Where(&f.Requests[0].Weight, b.Where(&f.Requests, b.root))
	case len(f.Flows) > 0:
		return b.Where(&f.Flows[0].Weight, b.Where(&f.Flows, b.root))
	}
	return nil
}

// engine puts in what auto stands for, so that the plan says what will send. Where
// nothing is sent by HTTP, no engine sends anything.
func (b *builder) engine(p *attack.Plan) {
	f := &b.file.Attack
	b.redirectHosts()
	switch {
	case f.Redirects < 0 || f.Redirects > maxRedirects:
		b.Failf(b.Where(&f.Redirects, b.root).Span,
			"10 is what most clients follow",
			"redirects: expected 0 to %d, found %d", maxRedirects, f.Redirects)
	case f.Redirects > 0 && f.Engine != httpx.AutoEngine && f.Engine != "http":
		b.Failf(b.Where(&f.Redirects, b.root).Span,
			"take engine: http, or leave engine out",
			"redirects: only engine http follows them, and the engine is %s", f.Engine)
	case f.Engine == httpx.AutoEngine:
		p.Engine, p.EngineWhy = httpx.ChooseEngine(p, b.urls(p))
	case f.Engine == "fast" && (f.Protocol == "http2" || f.Protocol == "h2c"):
		b.Failf(b.Where(&f.Engine, b.root).Span,
			"take engine: http, or leave it out",
			"engine fast speaks HTTP/1.1 only, but the protocol is %s", f.Protocol)
	}
	if !p.Sends(httpx.Name) {
		p.Engine, p.EngineWhy = "", ""
	}
}

// redirectHosts checks the hosts that only redirects lead to.
func (b *builder) redirectHosts() {
	f := &b.file.Attack
	for i := range f.RedirectTo {
		ptr := &f.RedirectTo[i]
		at := b.Where(ptr, b.Where(&f.RedirectTo, b.root))
		host, port, err := httpx.RedirectHost(target.Checked(*ptr))
		switch {
		case err != nil:
			b.Failf(at.Span,
				"a redirect leads to a scheme, a host and a port; the path does not matter",
				"redirect_hosts: %s", err)
		case f.Redirects == 0:
			b.Failf(at.Span,
				"set redirects: 5, or remove it",
				"redirect_hosts has no effect: no redirects are followed")
			return
		default:
			b.hosts.redirect(host, port, at)
		}
	}
}

// urls iterates over the URLs of all requests of HTTP, with a stand-in for addresses
// that only the run knows.
func (b *builder) urls(p *attack.Plan) iter.Seq[string] {
	base := strings.TrimSuffix(target.Checked(b.file.Target), "/")
	absolute := func(s string) string {
		if strings.HasPrefix(s, "/") {
			return base + s
		}
		return target.Checked(s)
	}
	return func(yield func(string) bool) {
		for _, r := range p.Requests {
			spec, ok := r.Spec.(*httpx.Request)
			if !ok {
				continue
			}
			for s := range spec.URLs() {
				if !yield(absolute(s)) {
					return
				}
			}
		}
	}
}
