package attack

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/net/http/httpguts"
)

const (
	// A server that keeps its connections, as trustAfter uses of them have shown,
	// will not close one that was used less than momentAgo: to look whether it has
	// costs a system call, a tenth of a whole request.
	trustAfter = 256
	momentAgo  = 200 * time.Microsecond

	// readBuffer is what a connection keeps; a header that is longer makes it
	// grow, up to maxHeader.
	readBuffer = 4 << 10
	maxHeader  = 1 << 20
	// aside is the size from which on a body is written while the answer is
	// read already, as a server may answer before it has read it all, and then
	// read no more.
	aside = 64 << 10
)

// fastConn is one connection. It belongs to one send at a time; only abort may
// be called by others.
type fastConn struct {
	nc     net.Conn  // sock, or the TLS above it
	sock   *lazyConn // what deadlines are set on and what is closed
	br     *bufio.Reader
	header fasthttp.ResponseHeader
	used   bool      // for an answer, at least once
	blind  int       // uses since it was looked at, see trusted
	since  time.Time // when it became idle
	peer   peer

	connect, handshake time.Duration // how long opening it took

	put   func() bool // writes out, for peer
	out   *fastWire   // being written
	wrote int64       // of its body
	wErr  error       // of writing it

	began   bool  // the answer: something of it came
	maxBody int64 // 0: without end

	ahead []byte // read already, before anything from nc
	err   error  // of the last read: the parser keeps it to itself
	tee   bool   // copy what is read into seen
	seen  []byte

	dead    atomic.Bool // aborted
	watched <-chan struct{}
	stop    func() bool // ends watching; nil: not watching
}

func newFastConn(nc net.Conn, sock *lazyConn) *fastConn {
	c := &fastConn{nc: nc, sock: sock}
	c.put = func() bool {
		c.wrote, c.wErr = c.write(c.out)
		return c.wErr == nil
	}
	c.br = bufio.NewReaderSize(c, readBuffer)
	c.header.SetNoDefaultContentType(true) // what was not sent is not there
	if s, ok := sock.Conn.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			c.peer.init(raw)
		}
	}
	return c
}

// watch makes the end of ctx close the connection; false if the end of another
// that it watched is doing so now.
func (c *fastConn) watch(ctx context.Context) bool {
	done := ctx.Done()
	if done == c.watched {
		return !c.dead.Load()
	}
	if !c.unwatch() {
		return false
	}
	if done != nil {
		c.watched, c.stop = done, context.AfterFunc(ctx, c.abort)
	}
	return true
}

// unwatch returns false if the connection is being closed by who it watched.
func (c *fastConn) unwatch() bool {
	if c.stop == nil {
		return true
	}
	ok := c.stop()
	c.watched, c.stop = nil, nil
	return ok
}

// abort cuts the connection off, in the middle of whatever it does.
func (c *fastConn) abort() {
	c.dead.Store(true)
	c.sock.Close()
}

func (c *fastConn) close() {
	c.unwatch()
	c.sock.Close()
}

// Read implements io.Reader for the buffer.
func (c *fastConn) Read(p []byte) (n int, err error) {
	if len(c.ahead) > 0 {
		n = copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	n, err = c.nc.Read(p)
	c.err = err
	c.began = c.began || n > 0
	if c.tee {
		c.seen = append(c.seen, p[:n]...)
	}
	return n, err
}

// errStale says that the server has closed an idle connection, or said something
// on it that nobody asked for. Nothing was written to it.
var errStale = errors.New("the server closed the idle connection")

// exchange sends a request and reads its answer. The connection is good for
// another if reuse.
func (c *fastConn) exchange(w *fastWire, call *Call, deadline time.Time, r *Reply) (reuse bool, err error) {
	c.began = false
	if len(w.rest) > aside {
		if c.used && !c.peer.quiet() {
			return false, errStale
		}
		if err := c.sock.exactly(deadline); err != nil {
			return false, err
		}
		return c.exchangeAside(w, call, r)
	}
	if err := c.sock.by(deadline, r.Sent); err != nil {
		return false, err
	}
	if err := c.ask(w, r.Sent); err != nil {
		return false, err
	}
	r.BytesOut = c.wrote
	if c.wErr != nil {
		return false, c.afterAll(c.wErr, call, r)
	}
	reuse, err = c.answer(call, r)
	return reuse && !w.last, err
}

// trusted says that the connection need not be looked at: it was used a moment
// ago, and its server has shown that it does not close connections without
// saying so. Now and then it is looked at even so, for answers that nobody asked for.
func (c *fastConn) trusted(h *fastHost, now time.Time) bool {
	if !c.used || now.Sub(c.since) >= momentAgo || h.kept.Load() < trustAfter {
		c.blind = 0
		return false
	}
	if c.blind++; c.blind == lookEvery {
		c.blind = 0
	}
	return c.blind > 0
}

// ask writes a request, unless the connection is found stale, and waits for the
// answer to begin. What went wrong with the writing is in wErr.
func (c *fastConn) ask(w *fastWire, now time.Time) error {
	c.out, c.wrote, c.wErr = w, 0, nil
	for {
		asked, err := c.peer.ask(c.put, !c.used, c.trusted(w.host, now))
		switch {
		case asked: // what went wrong with the waiting goes wrong with reading, too
			return nil
		case err == nil:
			return errStale
		case !c.sock.early(err):
			return err
		}
	}
}

// exchangeAside is exchange with the request written aside.
func (c *fastConn) exchangeAside(w *fastWire, call *Call, r *Reply) (reuse bool, err error) {
	var writing sync.WaitGroup
	var wrote int64
	var writeErr error
	var written atomic.Bool
	writing.Go(func() {
		wrote, writeErr = c.write(w)
		written.Store(true)
	})
	reuse, err = c.answer(call, r)
	if !written.Load() {
		reuse = false
		// The answer, or its failure, settles it: what is still unwritten never
		// will be. Closing alone makes the writing end.
		c.sock.Close()
	}
	writing.Wait()
	r.BytesOut = wrote
	if err != nil && writeErr != nil && !errors.Is(writeErr, net.ErrClosed) {
		err = writeErr
	}
	return reuse && writeErr == nil && !w.last, err
}

// write writes a request and returns how much of its body went out.
func (c *fastConn) write(w *fastWire) (body int64, err error) {
	n, err := c.nc.Write(w.head)
	body = max(0, int64(n-w.headLen))
	if err == nil && len(w.rest) > 0 {
		n, err = c.nc.Write(w.rest)
		body += int64(n)
	}
	return body, err
}

// afterAll looks for an answer where the request could not be written in full:
// a server may refuse a body before it has read it, and close.
func (c *fastConn) afterAll(err error, call *Call, r *Reply) error {
	if c.dead.Load() || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if _, readErr := c.answer(call, r); readErr != nil {
		r.BytesIn = 0
		return err
	}
	return nil
}

// answer reads one.
func (c *fastConn) answer(call *Call, r *Reply) (reuse bool, err error) {
	head := call.Method == http.MethodHead
	c.tee, c.seen = head, c.seen[:0]
	status := 0
	for {
		if err := c.readHeader(); err != nil {
			return false, err
		}
		// 1xx answers say that the one asked for is still to come, save for 101,
		// after which HTTP is over.
		if status = c.header.StatusCode(); status >= 200 || status == http.StatusSwitchingProtocols {
			break
		}
		if status < 100 {
			return false, &malformed{fmt.Errorf("status %03d", status)}
		}
	}
	r.Status = status // what of the body is kept depends on it
	length := c.header.ContentLength()
	reuse = !c.header.ConnectionClose()
	switch {
	case head:
		// The parser takes the want of a length for a body that ends with the
		// connection, but there is no body.
		reuse = reuse || length == identity && !saysClose(c.seen)
		c.tee = false
	case status == http.StatusSwitchingProtocols:
		reuse = false
	case status == http.StatusNoContent || status == http.StatusNotModified:
	case length == chunked:
		err = c.readChunks(call.WantBody, r)
	case length == identity:
		reuse = false
		err = c.readBody(-1, call.WantBody, r)
	case c.maxBody > 0 && int64(length) > c.maxBody:
		err = &tooLarge{c.maxBody}
	default:
		err = c.readBody(int64(length), call.WantBody, r)
	}
	if err != nil {
		return false, err
	}
	if c.leftOver() {
		return false, errUnsolicited
	}
	if call.WantHeader || status >= 400 {
		r.Header = headerOf(&c.header)
	}
	if call.WantBody || status >= 400 {
		r.encoding = encodingOf(c.header.ContentEncoding())
	}
	if call.wantCookies {
		for _, line := range c.header.Cookies() {
			r.setCookies = append(r.setCookies, string(line))
		}
	}
	return reuse && c.br.Buffered() == 0 && len(c.ahead) == 0, nil
}

// What fasthttp's ContentLength says instead of a length.
const (
	chunked  = -1
	identity = -2 // none: up to the end of the connection
)

// statusZero says whether an answer begins with a status line of status 0, which
// fasthttp's parser takes for 200.
func (c *fastConn) statusZero() bool {
	line, _ := c.br.Peek(len("HTTP/1.1 000")) // what is wrong with reading is wrong with the header, too
	_, status, ok := bytes.Cut(line, []byte(" "))
	return ok && bytes.HasPrefix(status, []byte("0"))
}

// readHeader reads a status line and headers.
func (c *fastConn) readHeader() error {
	for {
		c.err = nil
		zero := c.statusZero()
		first := c.err // the buffer tells it once
		err := c.header.Read(c.br)
		if err == nil && zero {
			return &malformed{errors.New("status 000")}
		}
		if err == nil {
			return nil
		}
		if err := cmp.Or(first, c.err); err != nil {
			return err
		}
		if _, ok := errors.AsType[*fasthttp.ErrSmallBuffer](err); !ok {
			return &malformed{err}
		}
		size := 2 * c.br.Size()
		if size > maxHeader {
			return &malformed{fmt.Errorf("its headers exceeded %d bytes", maxHeader)}
		}
		had, _ := c.br.Peek(c.br.Buffered())
		c.ahead = bytes.Clone(had)
		c.br = bufio.NewReaderSize(c, size)
	}
}

// malformed is an answer that is not HTTP.
type malformed struct{ err error }

func (m *malformed) Error() string { return "malformed HTTP answer: " + m.err.Error() }

// headerOf copies the headers, as the connection's own are soon those of
// another answer. Those about the transfer are left out, as net/http does.
func headerOf(h *fasthttp.ResponseHeader) http.Header {
	own := make(http.Header)
	for k, v := range h.All() {
		own.Add(string(k), string(v))
	}
	own.Del("Transfer-Encoding")
	own.Del("Trailer")
	return own
}

// saysClose looks for "Connection: close" among header lines.
func saysClose(lines []byte) bool {
	for line := range bytes.Lines(lines) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(bytes.TrimSpace(name), []byte("Connection")) &&
			httpguts.HeaderValuesContainsToken([]string{string(bytes.TrimSpace(value))}, "close") {
			return true
		}
	}
	return bytes.HasPrefix(lines, []byte("HTTP/1.0"))
}

var _ io.Reader = (*fastConn)(nil)
