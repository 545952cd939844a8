package fast

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

	"github.com/seed-1574e9de/ordeal/attack/expect"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

const (
	// A connection check costs a system call, a tenth of a whole request. It is left out
	// if the server kept its connections open for the last reuseTrust uses of them, and
	// this one was used within the freshWindow.
	reuseTrust  = 256
	freshWindow = 200 * time.Microsecond

	// readBuffer is what a connection keeps; a header that is longer makes it
	// grow, up to maxHeader.
	readBuffer = 4 << 10
	maxHeader  = 1 << 20
	// asyncBodySize is the size from which on a body is written by a second goroutine,
	// while the answer is read: a server may answer early and then stop reading.
	asyncBodySize = 64 << 10
)

// conn is one connection. It belongs to one send at a time; only abort may
// be called by others.
type conn struct {
	nc        net.Conn  // sock, or the TLS above it
	sock      *lazyConn // what deadlines are set on and what is closed
	br        *bufio.Reader
	head      head
	used      bool      // for an answer, at least once
	unchecked int       // uses since its last check: see trusted
	since     time.Time // when it became idle
	check     connCheck

	renewed            uint32 // how often the engine was by when this was opened
	opened             time.Time
	connect, handshake time.Duration // how long opening it took

	put      func() bool     // writes out, for connCheck
	out      *encodedRequest // being written
	wrote    int64           // of its body
	writeErr error           // of writing it

	began   bool  // the answer: something of it came
	endless bool  // and says nothing of where it ends
	maxBody int64 // 0: without end

	ahead []byte // read already, before anything from nc

	dead    atomic.Bool // aborted
	watched <-chan struct{}
	stop    func() bool // ends watching; nil: not watching
}

func newConn(nc net.Conn, sock *lazyConn) *conn {
	c := &conn{nc: nc, sock: sock}
	c.put = func() bool {
		c.wrote, c.writeErr = c.write(c.out)
		return c.writeErr == nil
	}
	c.br = bufio.NewReaderSize(c, readBuffer)
	if s, ok := sock.Conn.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			c.check.init(raw)
		}
	}
	return c
}

// watch makes the end of ctx close the connection; false if the end of another
// that it watched is doing so now.
func (c *conn) watch(ctx context.Context) bool {
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
func (c *conn) unwatch() bool {
	if c.stop == nil {
		return true
	}
	ok := c.stop()
	c.watched, c.stop = nil, nil
	return ok
}

// abort cuts the connection off, in the middle of whatever it does.
func (c *conn) abort() {
	c.dead.Store(true)
	c.sock.Close()
}

func (c *conn) close() {
	c.unwatch()
	c.sock.Close()
}

// Read implements io.Reader for the buffer.
func (c *conn) Read(p []byte) (n int, err error) {
	if len(c.ahead) > 0 {
		n = copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	n, err = c.nc.Read(p)
	c.began = c.began || n > 0
	return n, err
}

// came is how much of the last answer came.
func (c *conn) came() answered {
	switch {
	case c.endless:
		return openEnded
	case c.began:
		return partly
	}
	return nothing
}

// errStale says that the server has closed an idle connection, or said something
// on it that nobody asked for. Nothing was written to it.
var errStale = errors.New("the server closed the idle connection")

// exchange sends a request and reads its answer. The connection is good for
// another if reuse.
func (c *conn) exchange(
	w *encodedRequest,
	call *httpx.Call,
	deadline time.Time,
	r *httpx.Reply,
) (reuse bool, err error) {
	c.began, c.endless = false, false
	if len(w.rest) > asyncBodySize {
		if c.used && !c.check.isOpen() {
			return false, errStale
		}
		if err := c.sock.exactly(deadline); err != nil {
			return false, err
		}
		return c.exchangeAsync(w, call, r)
	}
	if err := c.sock.by(deadline, r.Sent); err != nil {
		return false, err
	}
	if err := c.send(w, r.Sent); err != nil {
		return false, err
	}
	r.BytesOut = c.wrote
	if c.writeErr != nil {
		return false, c.answerDespite(c.writeErr, call, r)
	}
	reuse, err = c.answer(call, r)
	return reuse && !w.last, err
}

// trusted says that the connection check can be left out: see reuseTrust. Every
// checkEvery uses the connection is checked even so, for answers that nobody asked for.
func (c *conn) trusted(h *hostPool, now time.Time) bool {
	if !c.used || now.Sub(c.since) >= freshWindow || h.reuses.Load() < reuseTrust {
		c.unchecked = 0
		return false
	}
	if c.unchecked++; c.unchecked == checkEvery {
		c.unchecked = 0
	}
	return c.unchecked > 0
}

// send writes a request and waits for the answer to begin. It writes nothing if the
// connection check finds the connection closed. An error of the writing is in writeErr.
func (c *conn) send(w *encodedRequest, now time.Time) error {
	c.out, c.wrote, c.writeErr = w, 0, nil
	for {
		wrote, err := c.check.writeIfOpen(c.put, !c.used, c.trusted(w.host, now))
		switch {
		case wrote: // reading shows an error of the waiting, too
			return nil
		case err == nil:
			return errStale
		case !c.sock.wokeEarly(err):
			return err
		}
	}
}

// exchangeAsync is exchange with the request written by a second goroutine.
func (c *conn) exchangeAsync(
	w *encodedRequest,
	call *httpx.Call,
	r *httpx.Reply,
) (reuse bool, err error) {
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
func (c *conn) write(w *encodedRequest) (body int64, err error) {
	n, err := c.nc.Write(w.head)
	body = max(0, int64(n-w.headLen))
	if err == nil && len(w.rest) > 0 {
		n, err = c.nc.Write(w.rest)
		body += int64(n)
	}
	return body, err
}

// answerDespite looks for an answer where the request could not be written in full:
// a server may refuse a body before it has read it, and close.
func (c *conn) answerDespite(err error, call *httpx.Call, r *httpx.Reply) error {
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
func (c *conn) answer(call *httpx.Call, r *httpx.Reply) (reuse bool, err error) {
	before := 0 // bytes of 1xx answers
	for {
		if err := c.readHead(call.Method); err != nil {
			return false, err
		}
		// 1xx answers say that the one asked for is still to come, save for 101,
		// after which HTTP is over.
		if c.head.status >= 200 || c.head.status == http.StatusSwitchingProtocols {
			break
		}
		if c.head.status < 100 {
			return false, &httpx.Malformed{Err: fmt.Errorf("status %03d", c.head.status)}
		}
		if before += c.head.size; before > maxHeader {
			return false, &httpx.Malformed{
				Err: fmt.Errorf(
					"its headers exceeded %d bytes, those of 1xx answers before it included",
					maxHeader,
				),
			}
		}
	}
	status, length := c.head.status, c.head.length
	r.Status = status // what of the body is kept depends on it
	// The lines of the head are gone with the next read.
	var header http.Header
	var encoding string
	var cookies []string
	if call.WantHeader || status >= 400 {
		header = c.head.header()
	}
	if call.WantBody || status >= 400 {
		encoding = expect.EncodingOf(c.head.encoding)
	}
	if call.WantCookies {
		cookies = c.head.cookies()
	}
	reuse = !c.head.last
	switch {
	case call.Method == http.MethodHead:
	case status == http.StatusSwitchingProtocols:
		reuse = false
	case status == http.StatusNoContent || status == http.StatusNotModified:
	case length == chunked:
		err = c.readChunks(call.WantBody, r)
	case length == identity:
		reuse, c.endless = false, true
		err = c.readBody(-1, call.WantBody, r)
	case c.maxBody > 0 && length > c.maxBody:
		err = &httpx.TooLarge{Limit: c.maxBody}
	default:
		err = c.readBody(length, call.WantBody, r)
	}
	if err != nil {
		return false, err
	}
	if c.leftOver() {
		return false, httpx.ErrUnsolicited
	}
	r.Header, r.Encoding, r.SetCookies = header, encoding, cookies
	return reuse && c.br.Buffered() == 0 && len(c.ahead) == 0, nil
}

// readHead reads a status line and headers.
func (c *conn) readHead(method string) error {
	for {
		b, _ := c.br.Peek(c.br.Buffered())
		if err := httpx.NotHTTP(b); err != nil {
			return err
		}
		n, err := c.head.scan(b)
		if err == errNotPlain {
			n, err = c.head.parseByNetHTTP(b, method)
		}
		if err == nil {
			c.head.size = n
			_, _ = c.br.Discard(n) // c.head may point to it until the next read
			return nil
		}
		if err != errPartial {
			return err
		}
		if len(b) == c.br.Size() {
			if err := c.widen(b); err != nil {
				return err
			}
		}
		if _, err := c.br.Peek(len(b) + 1); err != nil {
			if err == io.EOF && len(b) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
}

// widen makes the buffer larger, which holds b.
func (c *conn) widen(b []byte) error {
	size := 2 * c.br.Size()
	if size > maxHeader {
		return &httpx.Malformed{Err: fmt.Errorf("its headers exceeded %d bytes", maxHeader)}
	}
	c.ahead = bytes.Clone(b)
	c.br = bufio.NewReaderSize(c, size)
	return nil
}

var _ io.Reader = (*conn)(nil)
