package nethelper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/roundtrip"
	"github.com/seed-1574e9de/ordeal/internal/target/link/tcpproxy"
)

// nftProxy redirects the connections that come into the namespace to a proxy
// inside it, which delays the answers. See rules for what is redirected.
//
// The target sees these connections come from its own address and not from the
// client's: that is the price for needing nothing but nf_tables.
type nftProxy struct {
	proxy  *tcpproxy.Proxy
	echo   *echo
	prober *roundtrip.Prober
	rules  rules
	served sync.WaitGroup

	touched bool          // the namespace may hold rules
	probed  atomic.Uint64 // probes that came through the proxy
}

// drainTime is how long open connections may take to finish once traffic is
// clear. What is then left is cut: the kernel translates their addresses
// only as long as the table is there.
const drainTime = 2 * time.Second

func (m *nftProxy) apply(ctx context.Context, p Params, carrying func() error) (string, error) {
	var err error
	if m.rules.listening, err = listeningPorts(); err != nil {
		return "", err
	}
	// Before the proxy serves, as its connections read where the echo is.
	if m.echo, err = startEcho("127.0.0.1:0"); err != nil {
		return "", err
	}
	m.rules.echo = uint16(m.echo.addr().Port)
	m.proxy = tcpproxy.New(m.dial, p.Seed)
	if err := m.listen(); err != nil {
		return "", err
	}

	// There is one helper in a namespace at a time, as its container's name is a lock: a table that
	// is there already was left by a helper that was killed.
	m.touched = true
	if _, err := removeTable(); err != nil {
		return "", err
	}
	if err := m.rules.install(); err != nil {
		return "", err
	}
	if err := carrying(); err != nil {
		return "", err
	}
	if err := m.rules.resetOld(); err != nil {
		return "", err
	}
	if m.prober, err = roundtrip.Open(ctx, m.dialProbe); err != nil {
		return "", err
	}
	// The base round trip is measured through redirect and proxy, before the condition acts, so
	// that the condition alone makes the difference.
	impairment := tcpproxy.Impairment{}.Under(p.Condition)
	return tcpproxy.Put(ctx, m.prober.Round, p.Condition, impairment, func() error {
		if n := m.probed.Load(); n != roundtrip.Conns {
			return fmt.Errorf(
				"the redirect does not act: expected %d probes to come through the proxy, found %d",
				roundtrip.Conns,
				n,
			)
		}
		m.proxy.SetImpairment(impairment)
		return nil
	})
}

// listen opens the proxy's port for both families.
func (m *nftProxy) listen() error {
	v4, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return fmt.Errorf("listening for redirected connections: %w", err)
	}
	port := v4.Addr().(*net.TCPAddr).Port
	m.rules.proxy = uint16(port)
	m.served.Go(func() { _ = m.proxy.Serve(v4) })
	v6, err := net.Listen("tcp6", net.JoinHostPort("::", strconv.Itoa(port)))
	switch {
	case err == nil:
		m.served.Go(func() { _ = m.proxy.Serve(v6) })
	case errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EADDRNOTAVAIL):
		// A namespace without IPv6 has no connections by it either.
	default:
		return fmt.Errorf("listening for redirected connections on IPv6: %w", err)
	}
	return nil
}

// uncounted keeps probes out of the proxy's counts.
type uncounted struct{ *net.TCPConn }

func (uncounted) Uncounted() {}

// dial goes on to where the client was going, from inside the namespace, where
// the redirect does not reach.
func (m *nftProxy) dial(ctx context.Context, client net.Conn) (net.Conn, error) {
	dst, err := originalDst(client)
	if err != nil {
		return nil, err
	}
	if dst.Port() == m.rules.proxy {
		return nil, fmt.Errorf("%s asked for the proxy itself", client.RemoteAddr())
	}
	c, err := new(net.Dialer).DialContext(ctx, "tcp", dst.String())
	if err != nil {
		return nil, err
	}
	if dst == m.echoAddr() {
		m.probed.Add(1)
		return uncounted{c.(*net.TCPConn)}, nil
	}
	return c, nil
}

func (m *nftProxy) echoAddr() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), m.rules.echo)
}

// dialProbe opens a connection to the echo that rules redirect.
func (m *nftProxy) dialProbe(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if e := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, probeMark)
		}); e != nil {
			return e
		}
		return os.NewSyscallError("setsockopt SO_MARK", err)
	}}
	return d.DialContext(ctx, "tcp4", m.echoAddr().String())
}

func (m *nftProxy) revert(ctx context.Context, cleared func()) (Cleared, error) {
	var errs []error
	var traffic *Traffic
	if m.proxy != nil {
		m.proxy.SetImpairment(tcpproxy.Impairment{})
	}
	m.prober.Close()
	m.prober = nil
	if m.touched {
		// Not yet the table: open connections live on its translation.
		errs = append(errs, m.rules.lift())
	}
	cleared()
	cut := 0
	if m.proxy != nil {
		limit, cancel := context.WithTimeout(ctx, drainTime)
		cut = m.proxy.Drain(limit)
		cancel()
		m.served.Wait()
		s := m.proxy.Stats()
		traffic = &Traffic{Conns: s.Conns, Impaired: s.ImpairedSince(tcpproxy.Stats{})}
		errs = append(errs, m.settle(ctx))
	}
	if m.touched {
		_, err := removeTable()
		errs = append(errs, err)
	}
	evidence := "the redirect is gone"
	if m.echo != nil {
		trip, err := m.probeClear(ctx)
		if err != nil {
			errs = append(errs, err)
		} else {
			evidence += fmt.Sprintf(", round trip %s", quantity.FormatDuration(trip))
		}
		m.echo.close()
		m.echo = nil
	}
	if err := errors.Join(errs...); err != nil {
		return Cleared{}, err
	}
	if cut > 0 {
		evidence += fmt.Sprintf(", connections that would not end and were cut: %d", cut)
	}
	return Cleared{Evidence: evidence, Traffic: traffic}, nil
}

// probeClear measures a round trip that the redirect would have caught. With
// the proxy gone, one that is still redirected is refused.
func (m *nftProxy) probeClear(ctx context.Context) (time.Duration, error) {
	limit, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	p, err := roundtrip.Open(limit, m.dialProbe)
	if err != nil {
		return 0, fmt.Errorf("after the undo: %w", err)
	}
	defer p.Close()
	trip, err := roundtrip.Base(limit, p.Round)
	if err != nil {
		return 0, fmt.Errorf("after the undo: %w", err)
	}
	return trip, nil
}

// settle waits until the proxy's sockets have delivered what is still in their buffers. It does not
// wait for long, as a client that is gone never acknowledges.
func (m *nftProxy) settle(ctx context.Context) error {
	limit, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	for {
		all, err := sockets()
		if err != nil {
			return err
		}
		busy := slices.ContainsFunc(all, func(s socket) bool {
			return s.local.Port() == m.rules.proxy && s.state != tcpListen && s.state != tcpTimeWait
		})
		if !busy {
			return nil
		}
		select {
		case <-limit.Done():
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// sockets lists the TCP sockets of the namespace.
func sockets() ([]socket, error) { return socketsIn("/proc/thread-self/net") }

// listeningPorts lists the ports that the namespace's processes listen on.
func listeningPorts() ([]uint16, error) {
	all, err := sockets()
	if err != nil {
		return nil, err
	}
	var ports []uint16
	for _, s := range all {
		if s.state == tcpListen {
			ports = append(ports, s.local.Port())
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}
