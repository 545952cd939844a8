// Package protocols lists the ways to send a request.
package protocols

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/httpx/fast"
	"github.com/seed-1574e9de/ordeal/attack/httpx/std"
	"github.com/seed-1574e9de/ordeal/attack/httpx/vegeta"
	"github.com/seed-1574e9de/ordeal/attack/tcp"
)

// All lists every protocol, HTTP first.
func All() []attack.Protocol {
	return []attack.Protocol{
		{Name: "", Doc: "HTTP, by one of the engines", Compile: http},
		tcp.Protocol(),
	}
}

// Compile returns what sends the requests of a plan: a client for each protocol of all
// that one of them is of.
func Compile(all []attack.Protocol, p *attack.Plan) (attack.Clients, error) {
	clients := make(attack.Clients)
	var errs []error
	known := make(map[string]bool)
	for _, protocol := range all {
		known[protocol.Name] = true
		if !p.Sends(protocol.Name) {
			continue
		}
		client, err := protocol.Compile(p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		clients[protocol.Name] = client
	}
	for _, r := range p.Requests {
		if !known[r.Protocol] {
			errs = append(
				errs,
				fmt.Errorf("request %q: there is no protocol %q", r.Name, r.Protocol),
			)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, clients.Close())
	}
	return clients, nil
}

// Origins lists where a plan's requests go, each scheme and host once: of those that
// are not sent by HTTP the scheme is the protocol's name.
func Origins(p *attack.Plan) []*url.URL {
	out := httpx.Origins(p)
	seen := make(map[string]bool)
	for i := range p.Requests {
		r := &p.Requests[i]
		if r.Spec == nil {
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

// http is HTTP by the engine that the plan names.
func http(p *attack.Plan) (attack.Client, error) {
	engine, err := httpx.NewEngine(p, Engines())
	if err != nil {
		return nil, err
	}
	client, err := httpx.NewClient(p, engine)
	if err != nil {
		_ = engine.Close() // nothing was sent
		return nil, err
	}
	return client, nil
}
