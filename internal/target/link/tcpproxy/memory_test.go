package tcpproxy

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// memListener is a listener in memory, so that a proxy can run on a fake clock.
type memListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemListener() *memListener {
	return &memListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *memListener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *memListener) dial() net.Conn {
	a, b := memPair()
	select {
	case l.conns <- b:
	case <-l.closed:
		a.Close()
	}
	return a
}

// memPair is a connection in memory that can do what TCP can: buffer, end in
// one direction, reset.
func memPair() (a, b *memConn) {
	ab, ba := newMemStream(), newMemStream()
	return &memConn{in: ba, out: ab}, &memConn{in: ab, out: ba}
}

const memBuffer = 64 << 10

type memStream struct {
	mu   sync.Mutex
	cond *sync.Cond
	data []byte
	err  error // for the reader, once data is empty
	gone bool  // the reader has closed
}

func newMemStream() *memStream {
	s := &memStream{}
	s.cond = sync.NewCond(&s.mu)
	return s
}

func (s *memStream) end(err error, drop bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	if drop {
		s.data, s.err = nil, err
	}
	s.cond.Broadcast()
}

type memConn struct {
	in, out *memStream
	mu      sync.Mutex
	linger0 bool
	closed  bool
}

func (c *memConn) Read(p []byte) (int, error) {
	s := c.in
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.data) == 0 && s.err == nil && !s.gone {
		s.cond.Wait()
	}
	switch {
	case s.gone:
		return 0, net.ErrClosed
	case len(s.data) == 0:
		return 0, s.err
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	s.cond.Broadcast()
	return n, nil
}

func (c *memConn) Write(p []byte) (int, error) {
	s := c.out
	s.mu.Lock()
	defer s.mu.Unlock()
	written := 0
	for written < len(p) {
		for len(s.data) >= memBuffer && s.err == nil && !s.gone {
			s.cond.Wait()
		}
		if s.err != nil || s.gone {
			return written, os.NewSyscallError("write", syscall.EPIPE)
		}
		n := min(len(p)-written, memBuffer-len(s.data))
		s.data = append(s.data, p[written:written+n]...)
		written += n
		s.cond.Broadcast()
	}
	return written, nil
}

func (c *memConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	if c.linger0 {
		c.out.end(os.NewSyscallError("read", syscall.ECONNRESET), true)
	} else {
		c.out.end(io.EOF, false)
	}
	c.in.mu.Lock()
	c.in.gone = true
	c.in.cond.Broadcast()
	c.in.mu.Unlock()
	return nil
}

func (c *memConn) CloseWrite() error { c.out.end(io.EOF, false); return nil }

func (c *memConn) SetLinger(sec int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.linger0 = sec == 0
	return nil
}

func (c *memConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *memConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *memConn) SetDeadline(time.Time) error      { return nil }
func (c *memConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memConn) SetWriteDeadline(time.Time) error { return nil }
