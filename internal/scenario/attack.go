package scenario

import (
	"cmp"
	"iter"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/arrivals"
	"github.com/seed-1574e9de/ordeal/internal/secret"
	"github.com/seed-1574e9de/ordeal/internal/strictyaml"
)

const (
	maxData = 256 << 20 // of rows or targets
	maxBody = 16 << 20  // of a body from a file
	maxPEM  = 1 << 20

	maxBodies = 128 << 20 // of all bodies from files

	// Templates are tried with so many rows in all, and each request's with so many
	// even then.
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
	u, err := url.Parse(checked(f.Target))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		_, authority, _ := strings.Cut(f.Target, "://")
		authority, _, _ = strings.Cut(authority, "/")
		b.Failf(at.Span, cmp.Or(bareIPv6(authority), hint), "target: expected an http or https URL, found %q", strictyaml.Shorten(secret.WithoutUser(f.Target)))
	case strings.Contains(f.Target, "{{"):
		b.Failf(at.Span, "put the template into the request's path", "target: a template cannot stand here")
	case u.RawQuery != "" || u.Fragment != "":
		b.Failf(at.Span, "give query parameters with the requests", "target: expected no query and no fragment")
	default:
		b.secret(secret.InURL(f.Target)...)
		b.port(u, at)
		b.reached(u, at)
		b.overTLS(u.Scheme, at)
	}
}

// port checks that something can listen on the port of a URL.
func (b *builder) port(u *url.URL, at *strictyaml.Node) (ok bool) {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || n == 0) {
		b.Failf(at.Span, "give a port from 1 to 65535", "%s is no port", u.Port())
		return false
	}
	return true
}

// overTLS checks that the scheme and the protocol go together.
func (b *builder) overTLS(scheme string, at *strictyaml.Node) (ok bool) {
	switch p := b.file.Attack.Protocol; {
	case p == "http2" && scheme == "http":
		b.Failf(at.Span, "take an https URL, or protocol: h2c", "protocol http2 runs over TLS, but this URL is plain http")
	case p == "h2c" && scheme == "https":
		b.Failf(at.Span, "take an http URL, or protocol: http2", "protocol h2c is HTTP/2 without TLS, but this URL is https")
	default:
		return true
	}
	return false
}

func (b *builder) attack(seed uint64) attack.Plan {
	f := &b.file.Attack
	p := attack.Plan{
		Seed: seed, Engine: f.Engine, Arrivals: arrivals.Process(f.Arrivals), Timeout: f.Timeout, MaxInFlight: f.MaxInFlight,
		Protocol: f.Protocol, TLS: f.TLS, LateBudget: f.LateBudget, Redirects: f.Redirects, RedirectHosts: f.RedirectTo,
		CatchUp: attack.CatchUp(f.CatchUp), MaxBody: f.MaxBody, Connections: b.connections(),
	}
	b.tls(&f.TLS, b.Where(&f.TLS, b.root))
	names := map[string]*strictyaml.Node{}
	weight, broken := 0.0, false
	for i := range f.Requests {
		r := &f.Requests[i]
		b.unique(names, r.Name, "request", b.ownNode(r))
		weight += r.Weight
		broken = broken || b.Broken(r)
		p.Requests = append(p.Requests, b.request(r))
	}
	b.sends()
	for i := range f.Flows {
		x := &f.Flows[i]
		weight += x.Weight
		broken = broken || b.Broken(x)
		b.flow(x, &p, names)
	}
	if at := b.firstWeight(); weight == 0 && at != nil && !broken {
		b.Failf(at.Span, "give at least one request or flow a weight above 0", "the weights of all requests and flows are 0, so nothing would be sent")
	}
	b.declared(&p)
	b.columnSecrets(&p)
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

// engine puts in what auto stands for, so that the plan says what will send.
func (b *builder) engine(p *attack.Plan) {
	f := &b.file.Attack
	b.redirectHosts()
	switch {
	case f.Redirects < 0 || f.Redirects > maxRedirects:
		b.Failf(b.Where(&f.Redirects, b.root).Span, "10 is what most clients follow", "redirects: expected 0 to %d, found %d", maxRedirects, f.Redirects)
	case f.Redirects > 0 && f.Engine != attack.AutoEngine && f.Engine != "http":
		b.Failf(b.Where(&f.Redirects, b.root).Span, "take engine: http, or leave engine out", "redirects: only engine http follows them, and the engine is %s", f.Engine)
	case f.Engine == attack.AutoEngine:
		p.Engine, p.EngineWhy = attack.ChooseEngine(p, b.urls(p))
	case f.Engine == "fast" && (f.Protocol == "http2" || f.Protocol == "h2c"):
		b.Failf(b.Where(&f.Engine, b.root).Span, "take engine: http, or leave it out", "engine fast speaks HTTP/1.1 only, but the protocol is %s", f.Protocol)
	}
}

// redirectHosts checks the hosts that only redirects lead to.
func (b *builder) redirectHosts() {
	f := &b.file.Attack
	for i := range f.RedirectTo {
		ptr := &f.RedirectTo[i]
		at := b.Where(ptr, b.Where(&f.RedirectTo, b.root))
		host, port, err := attack.RedirectHost(checked(*ptr))
		switch {
		case err != nil:
			b.Failf(at.Span, "a redirect leads to a scheme, a host and a port; the path does not matter", "redirect_hosts: %s", err)
		case f.Redirects == 0:
			b.Failf(at.Span, "set redirects: 5, or remove it", "redirect_hosts has no effect: no redirects are followed")
			return
		default:
			b.redirectHost(host, port, at)
		}
	}
}

// redirectHost notes a host that must not be put under load, unless connections
// for it go elsewhere.
func (b *builder) redirectHost(host, port string, at *strictyaml.Node) {
	f := &b.file.Attack.Connections
	c := attack.Connections{Unix: f.Unix, To: f.ConnectTo}
	if f.Unix != "" || port != "" && c.Redirects(net.JoinHostPort(host, port)) {
		return
	}
	b.host(host, at)
}

// urls iterates over the URLs of all requests, with a stand-in for addresses
// that only the run knows.
func (b *builder) urls(p *attack.Plan) iter.Seq[string] {
	base := strings.TrimSuffix(checked(b.file.Target), "/")
	absolute := func(s string) string {
		if strings.HasPrefix(s, "/") {
			return base + s
		}
		return checked(s)
	}
	return func(yield func(string) bool) {
		for _, r := range p.Requests {
			if len(r.Targets) == 0 && !yield(absolute(r.URL)) {
				return
			}
			for _, t := range r.Targets {
				if !yield(absolute(t.URL)) {
					return
				}
			}
		}
	}
}

func (b *builder) stages() []attack.Stage {
	var out []attack.Stage
	names := map[string]*strictyaml.Node{}
	var total time.Duration
	expected, whole := 0.0, len(b.file.Attack.Stages) > 0
	for i := range b.file.Attack.Stages {
		s := &b.file.Attack.Stages[i]
		b.unique(names, s.Name, "stage", b.Where(&s.Name, s.n))
		if s.whole {
			b.replay(s)
		}
		b.enough(s)
		at := b.Where(&s.For, s.n)
		if s.For > maxLoad || total > maxLoad-s.For {
			b.Failf(at.Span, "make it shorter", "for: all stages together last more than a year")
			return nil
		}
		total += s.For
		if s.shape == nil {
			whole = false
			continue
		}
		if open, ok := s.shape.(arrivals.OpenShape); ok {
			expected += open.Expected(s.For, s.For)
		} else {
			expected++ // its users are at least one
		}
		out = append(out, attack.Stage{Name: s.Name, For: s.For, Kind: s.kind.Name, Shape: s.shape, Judged: s.Judged})
	}
	if whole && expected == 0 {
		b.Failf(b.file.Attack.Stages[0].n.Span, "give at least one stage a rate above 0/s", "no stage sends anything")
	}
	return out
}

// load is how long all stages last; ok is false if a stage could not be read.
func (b *builder) load() (total time.Duration, ok bool) {
	for i := range b.file.Attack.Stages {
		s := &b.file.Attack.Stages[i]
		if s.shape == nil {
			return 0, false
		}
		total += s.For
	}
	return total, total > 0
}
