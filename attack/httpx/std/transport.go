package std

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/fielderr"
)

// Transport is what the engines share: connections kept alive, one for each
// request in flight, nothing added to a request and nothing followed.
type Transport struct {
	// http has the connections; another takes its place when they are renewed, as net/http
	// keeps what was in use for others.
	http     atomic.Pointer[http.Transport]
	fresh    func() *http.Transport
	renewed  atomic.Uint32 // how often
	protocol string
	once     bool         // each connection carries one request
	gates    *wire.Limits // to each host, where a connection carries one request at a time
	// Limits connections to each host that may carry several requests; nil: no limit.
	few     *fewConns
	maxBody int64 // of an answer; 0: without end
	strays  *httpx.Strays
	stop    context.CancelFunc // ends dials
}

func NewTransport(opt httpx.Options) (*Transport, error) {
	conf, err := opt.TLS.Config()
	if err != nil {
		return nil, fielderr.Of(err).Below(fielderr.Field("tls"), "tls").Err()
	}
	var protocols http.Protocols
	switch opt.Protocol {
	case "", "auto":
		protocols.SetHTTP1(true)
		protocols.SetHTTP2(true)
	case "http1":
		protocols.SetHTTP1(true)
	case "http2":
		protocols.SetHTTP2(true)
	case "h2c":
		protocols.SetUnencryptedHTTP2(true)
	default:
		return nil, httpx.UnknownVersion(opt.Protocol)
	}
	dialer, err := wire.NewDialer(opt.Dialing())
	if err != nil {
		return nil, err
	}
	via := httpx.ProxiesOf("http", opt.Connections)
	plain := func(u *url.URL) bool { // HTTP/1 is spoken on the connection as it is
		proxy, err := via(u)
		return u.Scheme == "http" && opt.Protocol != "h2c" && err == nil && proxy == nil
	}
	open, stop := context.WithCancel(context.Background())
	strays := new(httpx.Strays)
	t := &Transport{
		strays:   strays,
		protocol: opt.Protocol,
		once:     opt.Connections.NoKeepAlive,
		gates:    wire.NewLimits(opt.Connections.PerHost),
		maxBody:  opt.MaxBody,
		stop:     stop,
	}
	t.fresh = func() *http.Transport {
		return &http.Transport{
			Proxy: proxyFor(opt.Connections, httpx.EnvironmentProxies()),
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				own, cancel := context.WithTimeout(ctx, wire.Timeout)
				defer cancel()
				defer context.AfterFunc(open, cancel)()
				begun, renewed := time.Now(), t.renewed.Load()
				conn, err := dialer.Connect(own, network, address)
				if err != nil {
					return nil, err
				}
				if renewed != t.renewed.Load() { // it may be of before
					conn.Close()
					begun = time.Now()
					if conn, err = dialer.Connect(own, network, address); err != nil {
						return nil, err
					}
				}
				c := &countedConn{
					Conn:    conn,
					opened:  time.Now(),
					connect: time.Since(begun),
					strays:  strays.To(address),
				}
				if u := opening(ctx, c); u != nil {
					c.http1 = plain(u)
				}
				return c, nil
			},
			TLSClientConfig:     conf.Clone(), // net/http changes it
			Protocols:           &protocols,
			MaxIdleConnsPerHost: max(1, opt.MaxInFlight),
			MaxConnsPerHost:     opt.Connections.PerHost,
			DisableKeepAlives:   opt.Connections.NoKeepAlive,
			IdleConnTimeout:     90 * time.Second,
			TLSHandshakeTimeout: wire.Timeout,
			DisableCompression:  true, // bytes are counted as they come over the wire
		}
	}
	t.http.Store(t.fresh())
	t.few = newFewConns(t.http.Load(), opt.Connections)
	return t, nil
}

// Renew implements httpx.Renewer.
func (t *Transport) Renew() {
	t.renewed.Add(1)
	t.http.Swap(t.fresh()).CloseIdleConnections()
	t.few.renew()
}

// Through says that a request is through. What was renewed meanwhile has no use for its
// connection.
func (t *Transport) Through(a *Attempts) {
	if a != nil && a.by != nil && a.by != t.http.Load() {
		a.by.CloseIdleConnections()
	}
}

// Exchange refuses what net/http would quietly send by HTTP/1.1 instead, or quietly
// send again. What it returns beside the answer has followed the request.
func (t *Transport) Exchange(req *http.Request) (*http.Response, *Attempts, error) {
	if err := httpx.Fits(t.protocol, req.URL.Scheme); err != nil {
		return nil, new(Attempts), err
	}
	if t.strays.Take(wire.Address(req.URL)) {
		return nil, new(Attempts), httpx.ErrUnsolicited
	}
	// What HTTP/2 was given and not looked at, it tells apart by itself.
	req, a := follow(req, t.protocol == "h2c")
	req.Close = t.once // said in the same place of the header by all engines
	var gate wire.Limit
	if !t.shares(req.URL.Scheme) {
		gate = t.gates.Of(req.URL.Scheme + "://" + wire.PlainAddress(wire.Address(req.URL)))
	}
	waited, err := gate.Enter(req.Context(), wire.DeadlinesOf(req.Context()))
	if err != nil {
		return nil, a, err
	}
	if waited {
		a.waited = time.Now()
	}
	resp, err := t.roundTrip(req, a)
	if err == nil {
		err = improper(resp)
	}
	if err != nil {
		gate.Leave()
		return nil, a, err
	}
	if gate != nil {
		resp.Body = &leaving{ReadCloser: resp.Body, gate: gate}
	}
	return resp, a, nil
}

func (t *Transport) roundTrip(req *http.Request, a *Attempts) (*http.Response, error) {
	if t.few == nil || !t.shares(req.URL.Scheme) {
		a.by = t.http.Load()
		return a.by.RoundTrip(req)
	}
	return t.few.roundTrip(req, a)
}

// improper refuses answers that net/http takes, and nobody else does; it closes
// them.
func improper(resp *http.Response) error {
	if resp.ProtoMajor != 1 {
		return nil
	}
	err := httpx.Misspelt(resp.Header)
	if err == nil && resp.StatusCode < 100 {
		err = &httpx.Malformed{Err: fmt.Errorf("status %03d", resp.StatusCode)}
	}
	if err != nil {
		resp.Body.Close()
	}
	return err
}

// shares says whether a connection may carry several requests at once, so that
// only net/http itself can tell how many connections there are.
func (t *Transport) shares(scheme string) bool {
	return t.protocol == "h2c" || scheme == "https" && t.protocol != "http1"
}

// leaving is a body with whose end its request leaves a gate.
type leaving struct {
	io.ReadCloser
	gate wire.Limit
	once sync.Once
}

func (l *leaving) Close() error {
	err := l.ReadCloser.Close()
	l.once.Do(l.gate.Leave)
	return err
}

func (t *Transport) Shut() {
	t.stop()
	t.few.close()
	t.http.Load().CloseIdleConnections()
}

// body counts the bytes of a request's body that were sent. net/http can read
// on after it has returned, hence atomic.
type body struct {
	io.Reader
	sent *atomic.Int64
}

func (b body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.sent.Add(int64(n))
	return n, err
}

func (body) Close() error { return nil }

// CountBody makes req count into sent. A request that net/http sends again, as
// its connection had closed before it was written, counts from 0.
func CountBody(req *http.Request, b []byte, sent *atomic.Int64) {
	if len(b) == 0 {
		return
	}
	req.ContentLength = int64(len(b))
	req.GetBody = func() (io.ReadCloser, error) {
		sent.Store(0)
		return body{bytes.NewReader(b), sent}, nil
	}
	req.Body = body{bytes.NewReader(b), sent}
}

// Body reads an answer's body to its end or up to max, and keeps as much of it as httpx.BodyKept
// says. Its fields are valid once Read has returned an error.
type Body struct {
	io.ReadCloser
	want     bool
	status   int
	max      int64 // 0: without end
	endless  bool  // no length was declared: the body ends with the connection
	declared int64 // the declared length; at most 0: none, or an empty body
	kept     []byte
	n        int64
	Err      error // of the first failed read; nil at a proper end
	End      bool
}

func (t *Transport) Answer(resp *http.Response, call *httpx.Call) *Body {
	a := &Body{
		ReadCloser: resp.Body,
		want:       call.WantBody,
		status:     resp.StatusCode,
		max:        t.maxBody,
		declared:   resp.ContentLength,
	}
	a.endless = resp.ProtoMajor == 1 && resp.ContentLength < 0 && len(resp.TransferEncoding) == 0
	if call.Method == http.MethodHead {
		a.declared = 0
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// HTTP is over, and what net/http leaves in the body's place is the
		// connection itself, whose reads no context ends.
		resp.Body.Close()
		a.ReadCloser = http.NoBody
	}
	return a
}

func (a *Body) Read(p []byte) (int, error) {
	n, err := a.read(p)
	a.n += int64(n)
	if room := httpx.BodyKept(a.want, a.status) - len(a.kept); room > 0 {
		a.kept = append(a.kept, p[:min(n, room)]...)
	}
	if err == io.EOF {
		a.End = true
	} else if err != nil && a.Err == nil {
		a.Err = err
	}
	return n, err
}

func (a *Body) read(p []byte) (int, error) {
	if a.max <= 0 {
		return a.ReadCloser.Read(p)
	}
	room := a.max - a.n
	if a.declared > a.max {
		return 0, &httpx.TooLarge{Limit: a.max}
	}
	if int64(len(p)) > room+1 {
		p = p[:room+1] // one more tells whether there is more
	}
	n, err := a.ReadCloser.Read(p)
	if int64(n) > room {
		return int(room), &httpx.TooLarge{Limit: a.max}
	}
	return n, err
}
