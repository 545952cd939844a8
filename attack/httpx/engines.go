package httpx

import (
	"context"
	"net"
	"net/netip"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Options are what an engine needs to know of a plan.
type Options struct {
	MaxInFlight int    // sends at once; connections are kept for as many; at least 1
	Protocol    string // auto (also empty), http1, http2 or h2c
	TLS         wire.TLS
	MaxBody     int64 // of an answer, in bytes: what is larger is an error; 0: without end
	Connections wire.Connections
	// Allow is where connections may go; nil: to this machine and private networks.
	Allow *allow.Hosts
	// Redirects is how many an engine follows at most within a send, and only to
	// Hosts, which are host:port, or a host for all of its ports; with 0 a redirect is an answer.
	Redirects int
	Hosts     map[string]bool
	// Dial, if set, opens connections in place of the network's own dialer. Where
	// to is what Connections made of it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Lookup, if set, finds the addresses of a host in place of the system's
	// resolver, for Connections.DNSRefresh.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Dialing are those that the engine's dialer needs.
func (o *Options) Dialing() wire.DialOptions {
	return wire.DialOptions{
		Connections: o.Connections,
		Allow:       o.Allow,
		Dial:        o.Dial,
		Lookup:      o.Lookup,
	}
}

// EngineKind is an entry of the registry of engines.
type EngineKind struct {
	Name string
	Doc  string
	New  func(Options) (Engine, error)
}

// NewEngine returns the one of the engines that the plan names, or the one that
// ChooseEngine does if it names none.
func NewEngine(p *attack.Plan, engines []EngineKind) (Engine, fielderr.List) {
	name := p.Engine
	if name == "" || name == AutoEngine {
		if name, _ = ChooseEngine(p, targets(p)); name == AutoEngine {
			name = "http" // speaks whatever the servers choose
		}
	}
	opt, err := engineOptions(p)
	if err != nil {
		return nil, fielderr.Of(err)
	}
	var names []string
	for _, k := range engines {
		if k.Name == name {
			e, err := k.New(opt)
			if err != nil {
				return nil, fielderr.Of(err)
			}
			return e, nil
		}
		names = append(names, k.Name)
	}
	return nil, fielderr.List{
		fielderr.At(
			fielderr.Field("engine"), "engine: expected one of %v, found %q", names, p.Engine,
		),
	}
}

// engineOptions are the options of an engine by the plan.
func engineOptions(p *attack.Plan) (Options, error) {
	hosts, err := allow.New(p.AllowHosts)
	if err != nil {
		return Options{}, fielderr.Wrap(err, "allow_hosts", fielderr.Field("allow_hosts"))
	}
	opt := Options{
		MaxInFlight: p.MaxInFlight, Protocol: p.Protocol, TLS: p.TLS, MaxBody: p.MaxBody, Connections: p.Connections,
		Allow: hosts, Redirects: p.Redirects,
	}
	if p.Redirects > 0 {
		if opt.Hosts, err = followed(p); err != nil {
			return Options{}, err
		}
	}
	return opt, nil
}
