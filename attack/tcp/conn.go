package tcp

import (
	"bufio"
	"io"
	"net"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
)

// conn is a connection with what was read from it ahead.
type conn struct {
	net.Conn
	in      *bufio.Reader
	opened  time.Time
	renewed int       // client.renewed as it was opened
	since   time.Time // when it became idle
}

func newConn(nc net.Conn) *conn {
	return &conn{Conn: nc, in: bufio.NewReader(nc), opened: time.Now()}
}

// talk sends and reads the answer.
func (c *conn) talk(x *exchange, out *attack.Outcome) error {
	if len(x.sent) > 0 {
		n, err := c.Write(x.sent)
		out.BytesOut = int64(n)
		if err != nil {
			return err
		}
	}
	switch x.of.until {
	case untilConnect:
		return nil
	case untilLine:
		return c.line(x)
	case untilBytes:
		return c.some(x, int64(x.of.Bytes), true)
	}
	// One byte more than is taken tells that there is more.
	return c.some(x, x.most()+1, false)
}

// most is how long an answer may be.
func (x *exchange) most() int64 {
	if n := x.client.plan.MaxBody; n > 0 {
		return n
	}
	return maxBytes
}

// take counts a piece of the answer, and keeps it as far as anybody looks at it.
func (x *exchange) take(p []byte) error {
	x.answer.BytesIn += int64(len(p))
	if room := x.kept - len(x.answer.Body); room > 0 {
		x.answer.Body = append(x.answer.Body, p[:min(len(p), room)]...)
	}
	if x.answer.BytesIn > x.most() {
		return tooLarge(x.most())
	}
	return nil
}

// line reads up to the first line end.
func (c *conn) line(x *exchange) error {
	for {
		p, err := c.in.ReadSlice('\n')
		if large := x.take(p); large != nil {
			return large
		}
		switch err {
		case nil:
			return nil
		case bufio.ErrBufferFull:
			continue
		}
		return beforeEnd(err)
	}
}

// some reads n bytes; with all, fewer are an error.
func (c *conn) some(x *exchange, n int64, all bool) error {
	var space [4 << 10]byte
	for n > 0 {
		got, err := c.in.Read(space[:min(n, int64(len(space)))])
		n -= int64(got)
		if large := x.take(space[:got]); large != nil {
			return large
		}
		switch {
		case err == io.EOF && !all:
			return nil
		case err != nil:
			return beforeEnd(err)
		}
	}
	return nil
}

// beforeEnd is an error that came before the end of an answer: a connection that ends
// there ends too early.
func beforeEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
