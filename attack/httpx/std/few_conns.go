package std

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// fewConns keeps to Connections.PerHost where a connection may carry several
// requests at once. Transport.MaxConnsPerHost does not: with HTTP/2 it holds for
// connections that are being opened, and not for those that are (Go 1.26). So
// connections are opened and chosen here, and each says how many more requests it
// takes. Waiting for one is on the request's clock, in turn, as it is for HTTP/1.1.
type fewConns struct {
	transport *http.Transport
	most      int
	once      bool // each connection carries one request

	mu    sync.Mutex
	hosts map[string]*fewHost
}

func newFewConns(t *http.Transport, c wire.Connections) *fewConns {
	if c.PerHost <= 0 {
		return nil
	}
	return &fewConns{
		transport: t,
		most:      c.PerHost,
		once:      c.NoKeepAlive,
		hosts:     make(map[string]*fewHost),
	}
}

// fewHost has the connections to one host.
type fewHost struct {
	few     *fewConns
	waiting atomic.Int32
	leaving atomic.Int32 // of old

	mu    sync.Mutex
	conns []*http.ClientConn
	old   []*http.ClientConn // of before they were renewed, which are closed once out of use
	eras  int                // how often they were renewed
	// Places for connections: open ones, those being opened, and those in their only use.
	places int
	line   []chan struct{} // who waits, in turn; told by closing
	closed bool
}

func (f *fewConns) host(scheme, address string) *fewHost {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := scheme + "://" + address
	h := f.hosts[key]
	if h == nil {
		h = &fewHost{few: f}
		f.hosts[key] = h
	}
	return h
}

// roundTrip sends a request on one of few connections.
func (f *fewConns) roundTrip(req *http.Request, a *Attempts) (*http.Response, error) {
	h := f.host(req.URL.Scheme, wire.PlainAddress(wire.Address(req.URL)))
	by := wire.DeadlinesOf(req.Context())
	for tries := 0; ; tries++ {
		conn, waited, err := h.take(req, by, a)
		if err != nil {
			return nil, err
		}
		if waited {
			a.waited = time.Now()
		}
		resp, err := conn.RoundTrip(req)
		if err == nil {
			resp.Body = &leavingConn{
				ReadCloser: resp.Body,
				leave:      sync.OnceFunc(func() { h.leave(conn) }),
			}
			return resp, nil
		}
		gone := conn.Err() != nil
		h.leave(conn)
		again := unseen(err, gone) && tries < maxUnseen && req.Context().Err() == nil
		if again && req.GetBody != nil {
			req.Body, err = req.GetBody()
			again = err == nil
		}
		if !again {
			return nil, err
		}
	}
}

// maxUnseen is how often a request that the server did not look at is sent again.
const maxUnseen = 10

// unseen says of a request that failed that the server did not look at it: its
// connection had ended before, or was not yet known to take so few at once. net/http
// sends it again then, too, and keeps the types of these errors to itself.
func unseen(err error, gone bool) bool {
	return gone && strings.Contains(err.Error(), "not usable") ||
		strings.Contains(err.Error(), "REFUSED_STREAM")
}

// leavingConn is a body with whose end its request leaves a connection.
type leavingConn struct {
	io.ReadCloser
	leave func()
}

func (l *leavingConn) Close() error {
	err := l.ReadCloser.Close()
	l.leave()
	return err
}

// take returns a connection with room for a request, which is reserved.
func (h *fewHost) take(
	req *http.Request,
	by wire.Deadlines,
	a *Attempts,
) (conn *http.ClientConn, waited bool, err error) {
	for {
		h.mu.Lock()
		conn, open, turn := h.try(waited)
		h.mu.Unlock()
		switch {
		case conn != nil:
			return conn, waited, nil
		case open:
			conn, err := h.open(req)
			if err == nil {
				a.opened.Store(a.opening.Load())
			}
			return conn, waited, err
		case turn == nil:
			return nil, waited, httpx.ErrClosed
		}
		waited = true
		if err := h.wait(req.Context(), by, turn); err != nil {
			return nil, waited, err
		}
	}
}

// try reserves a place on a connection, or for one that is to be opened, or in the
// line: at its head for who was there before. h.mu is held.
func (h *fewHost) try(again bool) (conn *http.ClientConn, open bool, turn chan struct{}) {
	if h.closed {
		return nil, false, nil
	}
	h.drop()
	if again || len(h.line) == 0 {
		for _, c := range h.conns {
			if c.Reserve() == nil {
				return c, false, nil
			}
		}
		if h.places < h.few.most {
			h.places++
			return nil, true, nil
		}
	}
	turn = make(chan struct{})
	if again {
		h.line = slices.Insert(h.line, 0, turn)
	} else {
		h.line = append(h.line, turn)
	}
	h.waiting.Store(int32(len(h.line)))
	return nil, false, turn
}

// drop forgets connections that have ended, and ends old ones that are out of use;
// h.mu is held.
func (h *fewHost) drop() {
	ended := func(c *http.ClientConn) bool {
		if c.Err() == nil {
			return false
		}
		h.places--
		return true
	}
	h.conns = slices.DeleteFunc(h.conns, ended)
	h.old = slices.DeleteFunc(h.old, func(c *http.ClientConn) bool {
		if c.InFlight() == 0 {
			c.Close()
		}
		return ended(c)
	})
	h.leaving.Store(int32(len(h.old)))
}

// renew has what is sent from now on go on other connections.
func (f *fewConns) renew() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.hosts {
		h.mu.Lock()
		h.eras++
		h.old, h.conns = append(h.old, h.conns...), nil
		h.next()
		h.mu.Unlock()
	}
}

// open opens a connection, for which there is a place.
func (h *fewHost) open(req *http.Request) (*http.ClientConn, error) {
	h.mu.Lock()
	era := h.eras
	h.mu.Unlock()
	conn, err := h.few.transport.NewClientConn(req.Context(), req.URL.Scheme, wire.Address(req.URL))
	if err == nil {
		err = conn.Reserve()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
	case h.closed:
		err = httpx.ErrClosed
	case h.few.once:
		return conn, nil
	default:
		go h.share(conn, era)
		return conn, nil
	}
	if conn != nil {
		conn.Close()
	}
	h.places--
	h.next()
	return nil, err
}

// Until a server has said how many requests it takes at once, which is the first
// thing it says, net/http counts on unsaid, and the server would refuse what is
// above its own number. So a new connection carries one request until then, or for
// settling at most.
const (
	unsaid   = 100
	settling = 20 * time.Millisecond
)

// share lets others use a new connection too, unless they have been renewed since.
func (h *fewHost) share(conn *http.ClientConn, era int) {
	for begun := time.Now(); conn.Err() == nil && conn.Available()+conn.InFlight() == unsaid && time.Since(begun) < settling; {
		time.Sleep(time.Millisecond)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		conn.Close()
		return
	}
	if era == h.eras {
		h.conns = append(h.conns, conn)
	} else {
		h.old = append(h.old, conn)
	}
	// It may be called while h.mu is held.
	conn.SetStateHook(func(*http.ClientConn) {
		if h.waiting.Load() > 0 || h.leaving.Load() > 0 {
			go h.wake()
		}
	})
	h.next()
}

// leave ends the use of a connection by one request.
func (h *fewHost) leave(conn *http.ClientConn) {
	if h.few.once {
		conn.Close()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.few.once {
		h.places--
	}
	h.next()
}

func (h *fewHost) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next()
}

// next tells as many of those who wait as there may be room for; h.mu is held.
func (h *fewHost) next() {
	h.drop()
	room := h.few.most - h.places
	for _, c := range h.conns {
		room += c.Available()
	}
	for ; room > 0 && len(h.line) > 0; room-- {
		close(h.line[0])
		h.line = h.line[1:]
	}
	h.waiting.Store(int32(len(h.line)))
}

// wait waits for a turn, while a request may still be sent.
func (h *fewHost) wait(ctx context.Context, by wire.Deadlines, turn chan struct{}) error {
	var late <-chan time.Time
	if last := by.Last(); !last.IsZero() {
		timer := time.NewTimer(time.Until(last))
		defer timer.Stop()
		late = timer.C
	}
	err := wire.ErrNoConnection
	select {
	case <-turn:
		if last := by.Last(); last.IsZero() || time.Now().Before(last) {
			return nil
		}
	case <-late:
	case <-ctx.Done():
		if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
			err = cause
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line = slices.DeleteFunc(h.line, func(c chan struct{}) bool { return c == turn })
	h.next() // it may have been told, and has no use for it
	return err
}

func (f *fewConns) close() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.hosts {
		h.mu.Lock()
		h.closed = true
		conns := slices.Concat(h.conns, h.old)
		for _, turn := range h.line {
			close(turn)
		}
		h.line = nil
		h.mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
	}
}
