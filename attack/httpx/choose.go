package httpx

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// AutoEngine stands for the engine that ChooseEngine chooses.
const AutoEngine = "auto"

// ChooseEngine returns the fastest engine that can send to the URLs as the plan
// says, as engine http would, and why it is that one. Of the URLs only scheme and
// host are looked at; they may be stand-ins for hosts that only the run knows. It
// is AutoEngine if only the servers can tell, by the protocol that they choose in
// the TLS handshake: SettleEngine says what follows from that. As it depends on
// the proxies that the environment names, the choice is made once, and kept.
func ChooseEngine(p *attack.Plan, urls iter.Seq[string]) (name, why string) {
	why, ask := beyondFast(p, urls)
	switch {
	case why != "":
		return "http", why
	case ask:
		return AutoEngine, "asked before the load: fast for a server that speaks HTTP/1.1, http " +
			"for one that takes HTTP/2"
	}
	return "fast", "nothing beyond HTTP/1.1 is needed"
}

// beyondFast says what the plan needs that engine fast does not have; empty if there is nothing.
// ask says that it depends on which protocol servers choose.
func beyondFast(p *attack.Plan, urls iter.Seq[string]) (why string, ask bool) {
	protocol := p.Protocol
	if p.Redirects > 0 {
		return "redirects are to be followed", false
	}
	if protocol == "http2" || protocol == "h2c" {
		return "the protocol is " + protocol, false
	}
	via := EnvironmentProxies()
	for s := range urls {
		u, ok := Origin(s)
		if !ok {
			continue // cannot be sent to at all
		}
		ask = ask || u.Scheme == "https" && protocol != "http1"
		if p.Connections.Redirects(wire.EndpointOf(u).Address) {
			continue // past every proxy
		}
		if proxy, err := via(u); err != nil || proxy != nil {
			return "the environment names a proxy for " + u.Hostname(), false
		}
	}
	return "", ask
}

// Origin returns the scheme and the host of a URL, after which templates can
// stand; false if it has none.
func Origin(s string) (*url.URL, bool) {
	scheme, rest, _ := strings.Cut(s, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	u, err := url.Parse(strings.ToLower(scheme) + "://" + rest)
	if err != nil || u.Hostname() == "" {
		return nil, false
	}
	return u, true
}

// Origins lists where the plan's requests go, each scheme and host once, in
// order.
func Origins(p *attack.Plan) []*url.URL {
	var out []*url.URL
	seen := make(map[string]bool)
	for s := range targets(p) {
		u, ok := Origin(s)
		if !ok {
			continue
		}
		if key := u.Scheme + "://" + wire.PlainAddress(wire.Address(u)); !seen[key] {
			seen[key] = true
			out = append(out, u)
		}
	}
	return out
}

// Asked is the protocol that a server chose when it was offered HTTP/2 and
// HTTP/1.1: h2, http/1.1, or empty if it chose none, which means HTTP/1.1 too.
type Asked struct{ Host, Protocol string }

// SettleEngine returns the engine for a plan for which ChooseEngine left it to
// the servers, and why. One engine sends all: http speaks both versions, so that
// it is taken if any server takes HTTP/2.
func SettleEngine(asked []Asked) (name, why string) {
	var h2, h1 []string
	for _, a := range asked {
		if a.Protocol == "h2" {
			h2 = append(h2, a.Host)
		} else {
			h1 = append(h1, a.Host)
		}
	}
	switch {
	case len(h2) == 0:
		return "fast", "asked before the load: " + speaks(h1, "HTTP/1.1")
	case len(h1) == 0:
		return "http", fmt.Sprintf(
			"asked before the load: %s; with protocol: http1 engine fast would send HTTP/1.1",
			speaks(h2, "HTTP/2"),
		)
	}
	return "http", fmt.Sprintf(
		"asked before the load: %s, %s; with protocol: http1 engine fast would send HTTP/1.1 to all",
		speaks(h2, "HTTP/2"),
		speaks(h1, "HTTP/1.1"),
	)
}

// speaks says in words which protocol hosts take.
func speaks(hosts []string, protocol string) string {
	if len(hosts) == 1 {
		return hosts[0] + " takes " + protocol
	}
	const most = 3
	list := slices.Clone(hosts)
	if len(list) > most {
		list = append(list[:most-1], fmt.Sprintf("%d others", len(hosts)-most+1))
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " and " + list[last] + " take " + protocol
}

// targets iterates over the URLs of all requests of this protocol.
func targets(p *attack.Plan) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range p.Requests {
			spec, ok := p.Requests[i].Spec.(*Request)
			if !ok {
				continue
			}
			for s := range spec.URLs() {
				if !yield(s) {
					return
				}
			}
		}
	}
}
