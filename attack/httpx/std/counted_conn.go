package std

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

// countedConn knows how much was written to it, and why reading from it ended.
// What is written after that does not count: the other side is gone. Without TLS
// it follows the answers too, and hands net/http none that nobody asked for.
type countedConn struct {
	net.Conn
	written   atomic.Int64
	ended     atomic.Pointer[error]
	opened    time.Time
	connect   time.Duration // how long it took to open
	http1     bool          // HTTP/1 is spoken on it as it is: the first answer has to begin so
	begin     []byte        // of what was read, as far as that tells
	handshake atomic.Int64  // and to shake hands, in ns
	strays    *atomic.Int64 // where answers that came while it was idle are counted; may be nil

	mu       sync.Mutex
	secure   bool  // there is TLS above: what is read is not looked at
	read     int64 // bytes
	asked    int64 // requests that were given this connection, by Reply.number
	sent     int64 // the last of them of which something was written
	readThen int64 // bytes that were read before that
	answered int64 // the last of them whose answer was read to its end
	doubtful int64 // the last of them behind whose answer there was another
	over     error // nothing more is read
	frames   httpx.Framing
}

// request tells of a request that is about to be written, and returns its number.
func (c *countedConn) request(method string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	c.frames.Next(method)
	return c.asked
}

func (c *countedConn) overTLS() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secure = true
}

// doubts says whether there was another answer behind that to a request.
func (c *countedConn) doubts(request int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doubtful == request
}

// early says whether what was read so far, the beginning of an answer among it, was
// read before a request was written.
func (c *countedConn) early(request int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent == request && c.read == c.readThen
}

func (c *countedConn) Write(p []byte) (int, error) {
	gone := c.ended.Load() != nil // asked first: the answer to p itself may be that it ends
	c.mu.Lock()
	over := c.over
	if over == nil && c.sent < c.asked {
		c.sent, c.readThen = c.asked, c.read
	}
	c.mu.Unlock()
	if over != nil {
		// net/http gave it to a request before it saw the end: as nothing is written,
		// it takes another.
		return 0, over
	}
	n, err := c.Conn.Write(p)
	if !gone {
		c.written.Add(int64(n))
	}
	return n, err
}

func (c *countedConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	over := c.over
	c.mu.Unlock()
	if over != nil {
		return 0, over
	}
	n, err := c.Conn.Read(p)
	if c.http1 && n > 0 {
		if wrong := c.begins(p[:n]); wrong != nil {
			c.ended.CompareAndSwap(nil, &wrong)
			return 0, wrong
		}
	}
	n, over = c.follow(p[:n])
	switch {
	case over != nil && n == 0:
		err = over
	case over != nil:
		err = io.EOF // beside the answer, so that net/http does not use the connection again
	}
	if err != nil {
		c.ended.CompareAndSwap(nil, &err)
	}
	return n, err
}

// begins looks at the first bytes that were read. net/http would wait for the end
// of a line that may never come, or for a handshake.
func (c *countedConn) begins(p []byte) error {
	c.begin = append(c.begin, p[:min(len(p), 16-len(c.begin))]...)
	err := httpx.NotHTTP(c.begin)
	c.http1 = err == nil && len(c.begin) < len("HTTP/")
	return err
}

// follow returns how much of what was read belongs to answers, and what is wrong
// with the rest of it.
func (c *countedConn) follow(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read += int64(len(p))
	if c.secure || c.asked == 0 || len(p) == 0 || c.frames.State == httpx.InNothing {
		return len(p), nil
	}
	n := 0
	if c.answered < c.sent {
		var done bool
		if n, done = c.frames.Feed(p); done {
			c.answered = c.sent
		}
	}
	more := httpx.Unasked(p[n:])
	switch {
	case more == nil:
		return n, nil
	case more == httpx.ErrUnsolicited && n > 0:
		c.doubtful = c.answered
	case more == httpx.ErrUnsolicited && c.strays != nil:
		c.strays.Add(1)
	case more == httpx.ErrExcess:
		more = io.EOF // as if it had been closed by then, which it is to be
	}
	c.over = more
	return n, more
}

// counted finds the connection beneath TLS; nil for one that speaks HTTP/2,
// which tells requests that were not looked at from others by itself.
func counted(c net.Conn) *countedConn {
	if secure, ok := c.(*tls.Conn); ok && secure.ConnectionState().NegotiatedProtocol == "h2" {
		return nil
	}
	return beneath(c)
}

// beneath finds the connection beneath TLS, or beneath that to a proxy.
func beneath(c net.Conn) *countedConn {
	for {
		switch inner := c.(type) {
		case *countedConn:
			return inner
		case *tls.Conn:
			c = inner.NetConn()
		default:
			return nil
		}
	}
}
