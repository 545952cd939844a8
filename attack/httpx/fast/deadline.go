package fast

import (
	"errors"
	"net"
	"os"
	"time"
)

// lazyConn is a socket whose deadline is moved only now and then. Arming one
// changes a timer of the runtime, 0.5 µs, and that for each request, though
// hardly any is missed: the next request's deadline is a little later than the
// one before, and both lie seconds ahead.
//
// So the armed deadline stays as it is while it is no later than the wanted one,
// and a read or write that it ends too early arms the wanted one and goes on.
// Nothing outlives the wanted deadline, as none later is ever left armed, and
// nothing ends before it.
//
// TLS lies above. crypto/tls treats every timeout as fatal, so it must not see one that comes
// before the wanted deadline.
type lazyConn struct {
	net.Conn
	want  time.Time // zero: none
	armed time.Time // on the socket; zero: none
}

// soon is how near an armed deadline may be to be kept. One that is nearer is moved
// at once, as being woken by it costs more.
const soon = time.Millisecond

// by makes reads and writes end at want. Not to be called while there are any.
func (c *lazyConn) by(want, now time.Time) error {
	c.want = want
	switch {
	case c.armed.IsZero() && want.IsZero():
		return nil
	case c.armed.IsZero(), !want.IsZero() && c.armed.After(want), c.armed.Sub(now) < soon:
		return c.arm()
	}
	return nil
}

// exactly is by for reads and writes at the same time, none of which may move
// the deadline under the other.
func (c *lazyConn) exactly(want time.Time) error {
	c.want = want
	return c.arm()
}

// arm puts the wanted deadline on the socket.
func (c *lazyConn) arm() error {
	c.armed = c.want
	return c.Conn.SetDeadline(c.want)
}

// wokeEarly says whether err came of an armed deadline that is before the wanted one.
// If so, it arms the wanted one.
func (c *lazyConn) wokeEarly(err error) bool {
	return err != nil && !c.armed.Equal(c.want) && errors.Is(err, os.ErrDeadlineExceeded) &&
		c.arm() == nil
}

func (c *lazyConn) Read(p []byte) (n int, err error) {
	for {
		n, err = c.Conn.Read(p)
		if n > 0 || !c.wokeEarly(err) {
			return n, err
		}
	}
}

func (c *lazyConn) Write(p []byte) (n int, err error) {
	for {
		m, err := c.Conn.Write(p[n:])
		n += m
		if !c.wokeEarly(err) {
			return n, err
		}
	}
}
