package httpx

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/net/proxy"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Preflight opens connections as the load will: to the same addresses, through
// the same proxies, with the same TLS. It sends no request.
type Preflight struct {
	plan *attack.Plan
	dial *wire.Dialer
	via  ProxyFunc
	tls  *tls.Config
}

// NewPreflight returns the one of a plan whose addresses are known.
func NewPreflight(p *attack.Plan) (*Preflight, error) {
	opt, err := engineOptions(p)
	if err != nil {
		return nil, err
	}
	f := &Preflight{plan: p, via: ProxiesOf(p.Engine, p.Connections)}
	if f.dial, err = wire.NewDialer(opt.Dialing()); err != nil {
		return nil, err
	}
	if f.tls, err = opt.TLS.Config(); err != nil {
		return nil, fielderr.Of(err).Below(fielderr.Field("tls"), "tls").Err()
	}
	switch {
	case p.Protocol == "http2":
		f.tls.NextProtos = []string{"h2"}
	case p.Protocol == "http1", p.Engine == "fast":
		f.tls.NextProtos = []string{"http/1.1"}
	default:
		f.tls.NextProtos = []string{"h2", "http/1.1"}
	}
	return f, nil
}

// Way says how connections for a URL are opened, for people: where to, and by
// which proxy.
func (f *Preflight) Way(u *url.URL) string {
	host := wire.Address(u)
	if _, to := f.plan.Connections.Where(host); to != host {
		return fmt.Sprintf("%s, reached at %s,", host, to)
	}
	if via, err := f.via(u); err == nil && via != nil {
		return fmt.Sprintf("%s, reached through the proxy %s,", host, proxyAddress(via))
	}
	return host
}

// Open opens a connection for a URL, of which scheme and host are looked at, and
// closes it. It returns the protocol that the server chose in the TLS handshake:
// h2 or http/1.1; empty without TLS, or if the server chose none.
func (f *Preflight) Open(ctx context.Context, u *url.URL) (protocol string, err error) {
	via, err := f.via(u)
	if err != nil {
		return "", &Permanent{
			fmt.Errorf("the proxy that %s names: %w", ProxyVariable(u.Scheme), err),
		}
	}
	conn, err := f.connect(ctx, u, via)
	if err != nil {
		return "", permanently(err)
	}
	defer conn.Close()
	switch u.Scheme {
	case "https":
	case "http":
		return "", HeldOpen(ctx, conn)
	default: // of another protocol a server may well close connections at once
		return "", nil
	}
	secure, err := f.shake(ctx, conn, f.tls, wire.EndpointOf(u).Name)
	if err != nil {
		return "", permanently(f.handshake(u, err))
	}
	return secure.ConnectionState().NegotiatedProtocol, nil
}

// Dial opens a connection as the load does, past any proxy.
func (f *Preflight) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := f.dial.Connect(ctx, network, address)
	return conn, permanently(err)
}

// holdFor is how long a connection must stay open for its peer to count as
// there. A proxy whose upstream refuses closes within milliseconds.
const holdFor = 200 * time.Millisecond

// ErrHungUp says that a connection was accepted and closed at once.
var ErrHungUp = errors.New(
	"it accepts connections and closes them at once, as a proxy does that has nobody behind it",
)

// HeldOpen returns nil if the peer of a new connection keeps it open for a
// moment, or says something; ErrHungUp if not, and the cause of ctx if that ends
// meanwhile. Nothing is sent.
func HeldOpen(ctx context.Context, conn net.Conn) error { return heldOpen(ctx, conn, holdFor) }

// StillOpen is HeldOpen for a connection that was held for that moment already.
func StillOpen(ctx context.Context, conn net.Conn) error {
	return heldOpen(ctx, conn, time.Millisecond)
}

func heldOpen(ctx context.Context, conn net.Conn, d time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()
	n, err := conn.Read(make([]byte, 1))
	if n == 0 && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return ErrHungUp
}

// connect opens the connection that TLS or a request is spoken on.
func (f *Preflight) connect(ctx context.Context, u, via *url.URL) (net.Conn, error) {
	address := wire.Address(u)
	if via == nil {
		return f.dial.Connect(ctx, "tcp", address)
	}
	through := func(err error) error { return fmt.Errorf("the proxy %s: %w", proxyAddress(via), err) }
	switch via.Scheme {
	case "socks5", "socks5h":
		var auth *proxy.Auth
		if via.User != nil {
			password, _ := via.User.Password()
			auth = &proxy.Auth{User: via.User.Username(), Password: password}
		}
		socks, err := proxy.SOCKS5("tcp", proxyAddress(via), auth, forward{f.dial})
		if err != nil {
			return nil, err
		}
		conn, err := socks.(proxy.ContextDialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, through(err)
		}
		return conn, nil
	}
	conn, err := f.dial.Connect(ctx, "tcp", proxyAddress(via))
	if err != nil {
		return nil, through(err)
	}
	if via.Scheme == "https" {
		conf := f.tls.Clone()
		conf.ServerName, conf.NextProtos = "", nil
		secure, err := f.shake(ctx, conn, conf, via.Hostname())
		if err != nil {
			return nil, through(err)
		}
		conn = secure
	}
	if u.Scheme == "https" {
		if err := tunnel(ctx, conn, address, via); err != nil {
			conn.Close()
			return nil, through(err)
		}
	}
	return conn, nil
}

// forward opens the connection to a SOCKS proxy.
type forward struct{ *wire.Dialer }

var _ proxy.ContextDialer = forward{}

func (f forward) Dial(network, address string) (net.Conn, error) {
	return f.Connect(context.Background(), network, address)
}

func (f forward) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f.Connect(ctx, network, address)
}

// tunnel asks a proxy to connect to address.
func tunnel(ctx context.Context, conn net.Conn, address string, via *url.URL) error {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	req := &http.Request{
		Method: http.MethodConnect,
		URL:    &url.URL{Opaque: address},
		Host:   address,
		Header: make(http.Header),
	}
	if u := via.User; u != nil {
		password, _ := u.Password()
		req.Header.Set(
			"Proxy-Authorization",
			"Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)),
		)
	}
	if err := req.Write(conn); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode < 500:
		return &Permanent{fmt.Errorf("it refuses to connect to %s: %s", address, resp.Status)}
	}
	return fmt.Errorf("it cannot connect to %s: %s", address, resp.Status)
}

// shake makes the TLS handshake.
func (f *Preflight) shake(
	ctx context.Context,
	conn net.Conn,
	conf *tls.Config,
	name string,
) (*tls.Conn, error) {
	if conf.ServerName == "" {
		conf = conf.Clone()
		conf.ServerName = name
	}
	secure := tls.Client(conn, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// handshake says what to do about a handshake that failed.
func (f *Preflight) handshake(u *url.URL, err error) error {
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, hostname := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[*tls.CertificateVerificationError](err)
	record, noTLS := errors.AsType[tls.RecordHeaderError](err)
	alert, isAlert := errors.AsType[tls.AlertError](err)
	switch {
	case authority:
		return &Permanent{
			fmt.Errorf(
				"its certificate is not accepted: %w; name its authority as attack.tls.ca, or "+
					"set attack.tls.insecure: true",
				err,
			),
		}
	case hostname:
		return &Permanent{
			fmt.Errorf(
				"its certificate is not accepted: %w; name what it is for as attack.tls.server_name",
				err,
			),
		}
	case invalid:
		return &Permanent{
			fmt.Errorf(
				"its certificate is not accepted: %w; set attack.tls.insecure: true to accept any",
				err,
			),
		}
	case noTLS:
		if strings.HasPrefix(string(record.RecordHeader[:]), "HTTP/") {
			return &Permanent{
				fmt.Errorf(
					"it speaks HTTP without TLS: write http:// in place of https://, found %s",
					u.Scheme+"://"+u.Host,
				),
			}
		}
		return &Permanent{
			fmt.Errorf(
				"it does not speak TLS: %w; write http:// in place of https://, or correct the port",
				err,
			),
		}
	case isAlert && alert == noApplicationProtocol,
		strings.Contains(err.Error(), "no application protocol"):
		if f.plan.Protocol == "http2" {
			return &Permanent{
				errors.New("it takes no HTTP/2: leave attack.protocol out, or set it to http1"),
			}
		}
		return &Permanent{
			fmt.Errorf("it takes neither of %s: %w", strings.Join(f.tls.NextProtos, ", "), err),
		}
	}
	return fmt.Errorf("TLS handshake: %w", err)
}

// noApplicationProtocol is the alert of a server that takes none of the protocols
// offered (RFC 7301).
const noApplicationProtocol = 120

// Permanent is an error that will not go away by waiting.
type Permanent struct{ Err error }

// Error implements error.
func (h *Permanent) Error() string { return h.Err.Error() }

// Unwrap returns the error.
func (h *Permanent) Unwrap() error { return h.Err }

// permanently makes a refusal Hopeless.
func permanently(err error) error {
	if _, ok := errors.AsType[*Permanent](err); ok {
		return err
	}
	if _, ok := errors.AsType[*allow.Error](err); ok {
		return &Permanent{err}
	}
	return err
}
