package attack

import (
	"bufio"
	"bytes"
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
	nc     net.Conn
	wire   net.Conn // nc, or what lies below its TLS
	br     *bufio.Reader
	header fasthttp.ResponseHeader
	since  time.Time // when it became idle
	peer   peer      // for alive

	ahead []byte // read already, before anything from nc
	err   error  // of the last read: the parser keeps it to itself
	tee   bool   // copy what is read into seen
	seen  []byte

	dead    atomic.Bool // aborted
	watched <-chan struct{}
	stop    func() bool // ends watching; nil: not watching
}

func newFastConn(nc, wire net.Conn) *fastConn {
	c := &fastConn{nc: nc, wire: wire}
	c.br = bufio.NewReaderSize(c, readBuffer)
	c.header.SetNoDefaultContentType(true) // what was not sent is not there
	if s, ok := wire.(syscall.Conn); ok {
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
	c.wire.Close()
}

func (c *fastConn) close() {
	c.unwatch()
	c.wire.Close()
}

// alive says that the server has neither closed the idle connection nor said
// anything on it that nobody asked for.
func (c *fastConn) alive() bool { return !c.dead.Load() && c.peer.quiet() }

// Read implements io.Reader for the buffer.
func (c *fastConn) Read(p []byte) (n int, err error) {
	if len(c.ahead) > 0 {
		n = copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	n, err = c.nc.Read(p)
	c.err = err
	if c.tee {
		c.seen = append(c.seen, p[:n]...)
	}
	return n, err
}

// exchange sends a request and reads its answer. The connection is good for
// another if reuse.
func (c *fastConn) exchange(w *fastWire, call *Call, deadline time.Time, r *Reply) (reuse bool, err error) {
	if err := c.nc.SetDeadline(deadline); err != nil {
		return false, err
	}
	if len(w.rest) > aside {
		return c.exchangeAside(w, call, r)
	}
	if err := c.write(w, r); err != nil {
		return false, c.afterAll(err, call, r)
	}
	reuse, err = c.answer(call, r)
	return reuse && !w.last, err
}

// exchangeAside is exchange with the request written aside.
func (c *fastConn) exchangeAside(w *fastWire, call *Call, r *Reply) (reuse bool, err error) {
	var writing sync.WaitGroup
	var out Reply
	var writeErr error
	var written atomic.Bool
	writing.Go(func() {
		writeErr = c.write(w, &out)
		written.Store(true)
	})
	reuse, err = c.answer(call, r)
	if !written.Load() {
		reuse = false
		// The answer, or its failure, settles it: what is still unwritten never
		// will be. Closing alone makes the writing end.
		c.wire.Close()
	}
	writing.Wait()
	r.BytesOut = out.BytesOut
	if err != nil && writeErr != nil && !errors.Is(writeErr, net.ErrClosed) {
		err = writeErr
	}
	return reuse && writeErr == nil && !w.last, err
}

func (c *fastConn) write(w *fastWire, r *Reply) error {
	n, err := c.nc.Write(w.head)
	r.BytesOut = max(0, int64(n-w.headLen))
	if err == nil && len(w.rest) > 0 {
		n, err = c.nc.Write(w.rest)
		r.BytesOut += int64(n)
	}
	return err
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
	default:
		err = c.readBody(int64(length), call.WantBody, r)
	}
	if err != nil {
		return false, err
	}
	if call.WantHeader || status >= 400 {
		r.Header = headerOf(&c.header)
	}
	return reuse && c.br.Buffered() == 0 && len(c.ahead) == 0, nil
}

// What fasthttp's ContentLength says instead of a length.
const (
	chunked  = -1
	identity = -2 // none: up to the end of the connection
)

// readHeader reads a status line and headers.
func (c *fastConn) readHeader() error {
	for {
		c.err = nil
		err := c.header.Read(c.br)
		if err == nil {
			return nil
		}
		if c.err != nil {
			return c.err
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

func (m *malformed) Error() string { return clip("malformed HTTP answer: "+m.err.Error(), maxDetail) }

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
