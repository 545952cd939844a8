package fast

import (
	"net/http"
	"time"

	"github.com/seed-1574e9de/ordeal/attack/httpx"
)

const (
	// checkEvery is how many uses of a trusted connection there are between two
	// looks at it: each of them costs a system call.
	checkEvery = 16
	// lookWait is how long to wait for the first bytes of what has come on an idle
	// connection. They are there already, except over TLS: what came may be a record
	// that holds no HTTP.
	lookWait = 20 * time.Millisecond
)

// leftOver says whether there is another answer behind the one that was read.
func (c *conn) leftOver() bool {
	if c.head.status == http.StatusSwitchingProtocols {
		return false
	}
	b, _ := c.br.Peek(c.br.Buffered())
	if len(b) == 0 {
		b = c.ahead
	}
	return httpx.Unasked(b) == httpx.ErrUnsolicited
}

// strayed says whether what has come on the connection while it was idle is an
// answer. The connection is of no use afterwards.
func (c *conn) strayed() bool {
	if c.sock.exactly(time.Now().Add(lookWait)) != nil {
		return false
	}
	_, _ = c.br.Peek(len("HTTP/1.1 200")) // what it fails with does not matter
	c.began = false                       // it is no answer to the present request
	b, _ := c.br.Peek(c.br.Buffered())
	return httpx.Unasked(b) == httpx.ErrUnsolicited
}
