// Package protocols lists the ways to send a request.
package protocols

import (
	"net/url"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/fast"
	"github.com/seed-1574e9de/ordeal/attack/httpx/std"
	"github.com/seed-1574e9de/ordeal/attack/httpx/vegeta"
	"github.com/seed-1574e9de/ordeal/attack/tcp"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// All lists every protocol, HTTP first.
func All() []attack.Protocol {
	return []attack.Protocol{
		httpx.Protocol(Engines()),
		tcp.Protocol(),
	}
}

// Compile returns what sends the requests of a plan: a client for each protocol of all
// that one of them is of; or all that is wrong, by field of the plan.
func Compile(all []attack.Protocol, p *attack.Plan) (attack.Clients, fielderr.List) {
	clients := make(attack.Clients)
	var wrong fielderr.List
	known := make(map[string]bool)
	for _, protocol := range all {
		known[protocol.Name] = true
		if !p.Sends(protocol.Name) {
			continue
		}
		client, bad := protocol.Compile(p)
		if bad != nil {
			wrong = append(wrong, bad...)
			continue
		}
		clients[protocol.Name] = client
	}
	for i := range p.Requests {
		if name := p.Requests[i].Protocol; !known[name] {
			wrong = append(wrong, attack.InRequest(p, i, fielderr.List{
				fielderr.At(fielderr.Field("protocol"), "there is no protocol %q", name),
			})...)
		}
	}
	if wrong != nil {
		return nil, append(wrong, fielderr.Of(clients.Close())...)
	}
	return clients, nil
}

// Origins lists where a plan's requests go, each scheme and host once: of those that
// are not sent by HTTP the scheme is the protocol's name.
func Origins(p *attack.Plan) []*url.URL {
	return origins(p, func(attack.Spec) bool { return true })
}

// Awaited lists the Origins that have to accept connections before anything is sent.
func Awaited(p *attack.Plan) []*url.URL {
	return origins(p, func(s attack.Spec) bool {
		_, without := s.(attack.Connectionless)
		return !without
	})
}

func origins(p *attack.Plan, of func(attack.Spec) bool) []*url.URL {
	out := httpx.Origins(p)
	seen := make(map[string]bool)
	for i := range p.Requests {
		r := &p.Requests[i]
		if r.Protocol == httpx.Name || !of(r.Spec) {
			continue
		}
		u := &url.URL{Scheme: r.Protocol, Host: r.Spec.Endpoint()}
		if !seen[u.String()] {
			seen[u.String()] = true
			out = append(out, u)
		}
	}
	return out
}

// Engines lists every engine of HTTP. httpx.ChooseEngine says which is taken where
// none is named.
func Engines() []httpx.EngineKind {
	return []httpx.EngineKind{
		{Name: "fast", Doc: "HTTP/1.1 on connections of its own: the fastest", New: fast.New},
		{
			Name: "http",
			Doc:  "Go's net/http: HTTP/1.1, HTTP/2 and h2c; proxies; follows redirects if told to",
			New:  std.New,
		},
		{
			Name: "vegeta",
			Doc:  "vegeta's Attacker, with latency counted from the intended time",
			New:  vegeta.New,
		},
	}
}
