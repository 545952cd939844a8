package allow

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// Dialer opens connections by a net.Dialer, and refuses those that would go to
// an address that is not allowed, with an *Error: at the moment of connecting,
// by the address that the name has then. Once an address was refused the dial fails,
// also if another address of the same name took the connection. Unix sockets are
// never refused. The zero value allows this machine and private networks.
type Dialer struct {
	Hosts *Hosts
	Net   net.Dialer // how connections are opened
}

// DialContext has the form of net.Dialer's.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = ""
	}
	return d.DialHost(ctx, host, network, address)
}

// DialHost is DialContext for an address that a look-up of host gave.
func (d *Dialer) DialHost(ctx context.Context, host, network, address string) (net.Conn, error) {
	if d.Hosts.Lists(host) {
		return d.Net.DialContext(ctx, network, address)
	}
	g := gate{dialer: d, host: host}
	guarded := d.Net
	guarded.Control, guarded.ControlContext = nil, g.control
	conn, err := guarded.DialContext(ctx, network, address)
	if refused := g.found(); refused != nil {
		if conn != nil {
			conn.Close()
		}
		return nil, &net.OpError{Op: "dial", Net: network, Err: refused}
	}
	return conn, err
}

// gate judges the addresses of one dial, of which two may be tried at the same
// time.
type gate struct {
	dialer *Dialer
	host   string

	mu      sync.Mutex
	refused *Error
}

// control is called with each address before it is connected to.
func (g *gate) control(ctx context.Context, network, address string, raw syscall.RawConn) error {
	if ap, err := netip.ParseAddrPort(address); err == nil && !g.dialer.Hosts.Permits(ap.Addr()) {
		e := &Error{Addr: ap.Addr()}
		if _, err := netip.ParseAddr(g.host); err != nil {
			e.Host = g.host
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.refused == nil {
			g.refused = e
		}
		return e
	}
	switch n := &g.dialer.Net; {
	case n.ControlContext != nil:
		return n.ControlContext(ctx, network, address, raw)
	case n.Control != nil:
		return n.Control(network, address, raw)
	}
	return nil
}

func (g *gate) found() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refused == nil {
		return nil
	}
	return g.refused
}
