package attack

import (
	"iter"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// AutoEngine stands for the engine that ChooseEngine chooses.
const AutoEngine = "auto"

// ChooseEngine returns the fastest engine that can send to the URLs as the plan
// says, as engine http would, and why it is that one. Of the URLs only scheme and
// host are looked at; they stand for the plan's own, which may not be known yet. As it depends on the proxies that the environment
// names, the choice is made once, and kept.
func ChooseEngine(p *Plan, urls iter.Seq[string]) (name, why string) {
	if why = beyondFast(p, urls); why != "" {
		return "http", why
	}
	return "fast", "nothing beyond HTTP/1.1 is needed"
}

// beyondFast says what engine fast has not; empty if it has all.
func beyondFast(p *Plan, urls iter.Seq[string]) string {
	protocol := p.Protocol
	if p.Redirects > 0 {
		return "redirects are to be followed"
	}
	if protocol == "http2" || protocol == "h2c" {
		return "the protocol is " + protocol
	}
	via := httpproxy.FromEnvironment().ProxyFunc()
	for s := range urls {
		scheme, rest, _ := strings.Cut(s, "://")
		host, _, _ := strings.Cut(rest, "/") // templates can stand in the path
		host, _, _ = strings.Cut(host, "?")
		u, err := url.Parse(strings.ToLower(scheme) + "://" + host)
		if err != nil {
			continue // cannot be sent to at all
		}
		if u.Scheme == "https" && protocol != "http1" {
			return "HTTP/2 may be spoken over TLS; with protocol: http1 engine fast would do"
		}
		if p.Connections.Redirects(addressOf(u).address) {
			continue // past every proxy
		}
		if proxy, err := via(u); err != nil || proxy != nil {
			return "the environment names a proxy for " + u.Hostname()
		}
	}
	return ""
}

// targets iterates over the URLs of all requests.
func (p *Plan) targets() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range p.Requests {
			r := &p.Requests[i]
			if len(r.Targets) == 0 && !yield(r.URL) {
				return
			}
			for j := range r.Targets {
				if !yield(r.Targets[j].URL) {
					return
				}
			}
		}
	}
}
