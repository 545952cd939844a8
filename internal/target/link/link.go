// Package link runs TCP hops that a scenario puts between two parts of a system,
// and impairs their traffic. It is the way to slow the traffic of something whose network ordeal
// cannot change, such as a process or a database elsewhere.
package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/roundtrip"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/internal/target/link/tcpproxy"
)

// dialTimeout is how long the upstream may take to accept a connection.
const dialTimeout = 10 * time.Second

// Link is a running hop. Its methods may be called from any goroutine.
type Link struct {
	name     string
	addr     string
	upstream string
	proxy    *tcpproxy.Proxy
	served   chan error
	open     allow.Dialer // of upstream connections
	refused  func(error)  // called with the error of a connection that was refused; may be nil

	mu     sync.Mutex // also held while a fault comes or goes, measuring included
	faults map[string]inForce
	probes probes
}

// inForce is one fault in force.
type inForce struct {
	chaos.NetCondition
	before tcpproxy.Stats // when it began
}

var (
	_ chaos.Target        = (*Link)(nil)
	_ chaos.Impairer      = (*Link)(nil)
	_ chaos.ImpairChecker = (*Link)(nil)
	_ chaos.Remedier      = (*Link)(nil)
	_ target.Published    = (*Link)(nil)
	_ chaos.Limited       = (*Link)(nil)
)

// Option changes a link that Start makes.
type Option func(*Link)

// WithHosts says which upstreams the link may connect to, beside this machine and
// private networks; refused is told of each connection that it must not open.
func WithHosts(hosts *allow.Hosts, refused func(error)) Option {
	return func(l *Link) { l.open.Hosts, l.refused = hosts, refused }
}

// Start listens on the address listen (port 0 picks a free one) and carries each
// connection to upstream, which need not be there yet. Delays draw their jitter
// from seed. ctx is for the start alone; Close ends the link.
func Start(
	ctx context.Context, name, listen, upstream string, seed uint64, opts ...Option,
) (*Link, error) {
	if _, _, err := net.SplitHostPort(upstream); err != nil {
		return nil, fmt.Errorf(
			"link %s: expected its upstream as host:port, found %q",
			name,
			upstream,
		)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf(
			"link %s cannot listen on %s: another program does; stop it, or choose "+
				"another address (port 0 picks a free one, which is ${%s.addr})",
			name,
			listen,
			name,
		)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf(
			"link %s cannot listen on %s: this machine does not have that address; "+
				"127.0.0.1 is there always",
			name,
			listen,
		)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf(
			"link %s cannot listen on %s: ports below 1024 need rights that this "+
				"user does not have; choose a higher one",
			name,
			listen,
		)
	case err != nil:
		return nil, fmt.Errorf("link %s cannot listen on %s: %w", name, listen, err)
	}
	l := &Link{name: name, addr: ln.Addr().String(), upstream: upstream,
		faults: make(map[string]inForce), served: make(chan error, 1)}
	l.open.Net.Timeout = dialTimeout
	for _, opt := range opts {
		opt(l)
	}
	l.proxy = tcpproxy.New(l.dial, seed)
	go func() { l.served <- l.proxy.Serve(ln) }()
	return l, nil
}

func (l *Link) dial(ctx context.Context, client net.Conn) (net.Conn, error) {
	if l.probes.is(client) {
		return newEcho(), nil
	}
	conn, err := l.open.DialContext(ctx, "tcp", l.upstream)
	if e, ok := errors.AsType[*allow.Error](err); ok && l.refused != nil {
		l.refused(e)
	}
	return conn, err
}

// Behind implements target.Published: whoever connects to the link means its upstream.
func (l *Link) Behind(_ context.Context, address string) (func(context.Context) error, error) {
	if !l.at(address) {
		return nil, nil
	}
	return func(ctx context.Context) error {
		conn, err := l.open.DialContext(ctx, "tcp", l.upstream)
		if err == nil {
			return conn.Close()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &target.Deserted{Err: fmt.Errorf(
			"the link %s cannot connect to its upstream %s: %w; start what listens there, or "+
				"correct the link's upstream",
			l.name,
			l.upstream,
			err,
		)}
	}, nil
}

// at says whether an address is the link's.
func (l *Link) at(address string) bool {
	if address == l.addr {
		return true
	}
	own, err := netip.ParseAddrPort(l.addr)
	if err != nil || !own.Addr().IsUnspecified() {
		return false
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != strconv.Itoa(int(own.Port())) {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// Addr is where the link listens, as host:port.
func (l *Link) Addr() string { return l.addr }

// Stats returns what the link has carried, its own measuring left out.
func (l *Link) Stats() tcpproxy.Stats { return l.proxy.Stats() }

// Close cuts all connections and stops listening. It may be called again.
func (l *Link) Close() error {
	l.proxy.Close()
	err := <-l.served
	l.served <- err
	return err
}

// Name implements chaos.Target.
func (l *Link) Name() string { return l.name }

// Ref implements chaos.Target. A link ends with the process that runs it, so
// there is nothing to find again.
func (l *Link) Ref() chaos.Ref { return chaos.Ref{Kind: kindName, Name: l.name} }

// Remedy implements chaos.Remedier.
func (l *Link) Remedy(chaos.Capability) string {
	return chaos.Needless("the link " + l.name + " has ended with the run")
}

// conditions names the network conditions that a link can do.
func conditions() []string { return tcpproxy.Conditions() }

// Impairable implements chaos.ImpairChecker.
func (l *Link) Impairable(_ context.Context, c chaos.NetCondition) error {
	if err := c.Only(conditions()); err != nil {
		return fmt.Errorf("it is a link: %w", err)
	}
	return nil
}

// Impair implements chaos.Impairer: traffic through the link is under a condition, and
// that was measured on a connection through it. The delays of several faults add up.
// The deadline is not needed: a link does not outlive its owner.
func (l *Link) Impair(
	ctx context.Context, id string, c chaos.NetCondition, _ time.Duration,
) (chaos.Proof, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, err := l.openProber(ctx)
	if err != nil {
		return chaos.Proof{}, err
	}
	defer p.Close()
	evidence, err := tcpproxy.Put(ctx, p.Round, c, l.impairment().Under(c), func() error {
		l.faults[id] = inForce{c, l.proxy.Stats()}
		chaos.DisturbanceStarted(ctx)
		l.apply()
		return nil
	})
	if err != nil {
		return chaos.Proof{}, fmt.Errorf("measuring the link %s: %w", l.name, err)
	}
	return chaos.Proof{Mechanism: kindName, Evidence: evidence}, nil
}

// Clear implements chaos.Impairer.
func (l *Link) Clear(ctx context.Context, id string) (chaos.Proof, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, ok := l.faults[id]
	if !ok {
		return chaos.Proof{Mechanism: kindName}, nil
	}
	had := l.impairment()
	proof := chaos.Proof{Mechanism: kindName}
	if !l.proxy.Stats().ImpairedSince(f.before) { // nobody noticed
		proof.Caveat = fmt.Sprintf("no traffic passed through the link while %s was in force",
			f.NetCondition)
	}
	delete(l.faults, id)
	l.apply()
	chaos.DisturbanceEnded(ctx)
	if err := l.cleared(ctx, had, &proof); err != nil {
		l.faults[id] = f // so that another try verifies too; the link itself stays as it is
		return proof, err
	}
	return proof, nil
}

// cleared measures until a round trip is quicker than it was under the impairment before,
// which on a busy machine may take more than one.
func (l *Link) cleared(ctx context.Context, had tcpproxy.Impairment, proof *chaos.Proof) error {
	now := l.impairment()
	if had.Delay <= now.Delay {
		return nil // the condition did not make round trips longer
	}
	p, err := l.openProber(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	limit := now.Slowest() + max((had.Delay-now.Delay)/2, time.Millisecond)
	rtt, err := roundtrip.Below(ctx, p.Round, limit)
	if err != nil {
		return fmt.Errorf("the link %s is still slow: %w", l.name, err)
	}
	proof.Evidence = "round trip " + quantity.FormatDuration(rtt) + " again"
	return nil
}

// impairment is the sum of all faults in force.
func (l *Link) impairment() (s tcpproxy.Impairment) {
	for _, f := range l.faults {
		s = s.Under(f.NetCondition)
	}
	return s
}

func (l *Link) apply() { l.proxy.SetImpairment(l.impairment()) }

// probes knows which clients are the link's own.
type probes struct {
	mu    sync.RWMutex // held for writing from before a probe connects until it is known
	local []string
}

func (p *probes) is(client net.Conn) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Contains(p.local, client.RemoteAddr().String())
}

// probe is a connection through the link to an echo inside it. It meets the same impairment as all
// other connections, but not the upstream.
type probe struct {
	net.Conn
	of *probes
}

func (p probe) Close() error {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.of.local = slices.DeleteFunc(p.of.local,
		func(a string) bool { return a == p.LocalAddr().String() })
	return p.Conn.Close()
}

// openProber fails with an error that names the link.
func (l *Link) openProber(ctx context.Context) (*roundtrip.Prober, error) {
	host, port, _ := net.SplitHostPort(l.addr)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = map[bool]string{true: "127.0.0.1", false: "::1"}[ip.To4() != nil]
	}
	p, err := roundtrip.Open(ctx, func(ctx context.Context) (net.Conn, error) {
		l.probes.mu.Lock()
		defer l.probes.mu.Unlock()
		d := net.Dialer{Timeout: dialTimeout}
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
		if err != nil {
			return nil, err
		}
		l.probes.local = append(l.probes.local, conn.LocalAddr().String())
		return probe{conn, &l.probes}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("measuring the link %s: %w", l.name, err)
	}
	return p, nil
}

// echo answers with what it is told, in memory.
type echo struct{ net.Conn }

func newEcho() net.Conn {
	near, far := net.Pipe()
	go func() {
		io.Copy(far, far)
		far.Close()
	}()
	return echo{near}
}

// Uncounted implements tcpproxy.Uncounted.
func (echo) Uncounted() {}

var _ tcpproxy.Uncounted = echo{}
