package tcpproxy

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// readSize is held twice for each connection: 2,000 of them use 64 MB.
	readSize = 16 << 10
	// maxHeld is how many bytes of answers a connection holds back before its
	// upstream has to wait: at a delay of 100 ms it still lets 40 MB/s through.
	maxHeld = 4 << 20
	// pieceCost is what a held piece counts beside its bytes, so that many
	// small ones cannot use memory without bound.
	pieceCost = 128
)

// piece is a stretch of an answer, or its end.
type piece struct {
	data []byte
	end  ending // if data is nil
	read time.Time
	draw float64   // in [-1, 1), for the jitter
	due  time.Time // by the impairment when it was read
}

type ending byte

const (
	finished ending = iota + 1 // the upstream said that it will send no more
	broken                     // the upstream reset the connection
)

// conn carries one client.
//
// Three goroutines share it: run carries requests, readAnswers puts answers in
// line, writeAnswers hands them on when they are due.
type conn struct {
	proxy  *Proxy
	client net.Conn
	rng    *rand.Rand // used by run until upstream is open, then by readAnswers
	woken  chan struct{}
	room   chan struct{}
	over   chan struct{} // closed by cut
	count  bool          // set before the pumps start

	owed     atomic.Bool  // the last bytes came from the client
	answered atomic.Int64 // when the client got its last answer, in nanoseconds from epoch
	epoch    time.Time

	mu       sync.Mutex
	upstream net.Conn
	line     []piece
	held     int  // cost of line
	writing  bool // a piece that is not in the line is being handed on
	isOver   bool
}

func newConn(p *Proxy, client net.Conn, rng *rand.Rand) *conn {
	return &conn{
		proxy: p, client: client, rng: rng, epoch: time.Now(),
		woken: make(chan struct{}, 1), room: make(chan struct{}, 1), over: make(chan struct{}),
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wake makes the goroutine that waits for a due time look at the impairment again.
func (c *conn) wake() { signal(c.woken) }

// cut ends the connection; hard resets both sides instead of closing them.
func (c *conn) cut(hard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isOver {
		return
	}
	c.isOver = true
	close(c.over)
	for _, side := range []net.Conn{c.client, c.upstream} {
		switch {
		case side == nil:
		case hard:
			reset(side)
		default:
			side.Close()
		}
	}
}

// reset closes a connection so that its other end sees a reset, if it is a TCP connection.
func reset(side net.Conn) {
	if l, ok := side.(interface{ SetLinger(int) error }); ok {
		l.SetLinger(0)
	}
	side.Close()
}

// idle says that nothing is on its way: the client waits for no answer, and got the last one at
// least quiet ago.
func (c *conn) idle(quiet time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.upstream == nil || len(c.line) > 0 || c.writing {
		return false
	}
	return !c.owed.Load() && time.Since(c.epoch)-time.Duration(c.answered.Load()) >= quiet
}

func (c *conn) run() {
	defer c.cut(false)
	if !c.openUpstream() {
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(c.readAnswers)
	wg.Go(c.writeAnswers)
	c.carryRequests()
}

// openUpstream waits for as long as the opening is held up, then dials.
func (c *conn) openUpstream() bool {
	opened, draw := time.Now(), c.draw()
	impairment := c.proxy.Impairment()
	delay := impairment.delay(draw)
	p := piece{read: opened, draw: draw, due: opened.Add(delay)}
	if !c.wait(&p) {
		return false
	}
	up, err := c.proxy.dial(c.proxy.ctx, c.client)
	if err != nil {
		c.proxy.failed.Add(1)
		c.cut(true)
		return false
	}
	c.mu.Lock()
	c.upstream = up
	over := c.isOver
	c.mu.Unlock()
	if over {
		reset(up)
		return false
	}
	_, uncounted := up.(Uncounted)
	c.count = !uncounted
	c.answered.Store(int64(time.Since(c.epoch)))
	if c.count {
		c.proxy.conns.Add(1)
		if delay > 0 {
			c.proxy.delayedConns.Add(1)
		}
	}
	return true
}

// draw returns the next number in [-1, 1).
func (c *conn) draw() float64 { return 2*c.rng.Float64() - 1 }

// wait waits until p is due, by its own impairment or a milder one that came since.
// It returns false if the connection was cut meanwhile.
func (c *conn) wait(p *piece) bool {
	var timer *time.Timer
	for {
		due := p.due
		if now := p.read.Add(c.proxy.Impairment().delay(p.draw)); now.Before(due) {
			due = now
		}
		left := time.Until(due)
		if left <= 0 {
			select {
			case <-c.over:
				return false
			default:
				return true
			}
		}
		if timer == nil {
			timer = time.NewTimer(left)
			defer timer.Stop()
		} else {
			timer.Reset(left)
		}
		select {
		case <-c.over:
			return false
		case <-c.woken:
		case <-timer.C:
		}
	}
}

// carryRequests copies from client to upstream until the client has said all.
func (c *conn) carryRequests() {
	buf := make([]byte, readSize)
	for {
		n, err := c.client.Read(buf)
		if n > 0 {
			c.owed.Store(true)
			if c.count {
				c.proxy.bytes.Add(uint64(n))
			}
			if _, werr := c.upstream.Write(buf[:n]); werr != nil {
				// The upstream takes no more, but what it said before may still
				// be on its way: its end is for readAnswers to see.
				return
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			c.finish(c.upstream)
			return
		default:
			c.cut(true)
			return
		}
	}
}

// finish tells one side that no more will come. A connection that cannot end
// in one direction only, ends.
func (c *conn) finish(side net.Conn) {
	if h, ok := side.(interface{ CloseWrite() error }); ok {
		// If it fails, that side is gone, which whoever reads from it will see.
		h.CloseWrite()
		return
	}
	c.cut(false)
}

// readAnswers puts what it reads from the upstream into the queue, with the time at which it is
// due. While nothing is held back it hands it on itself.
func (c *conn) readAnswers() {
	buf := make([]byte, readSize)
	for {
		n, err := c.upstream.Read(buf)
		if n > 0 && !c.answer(buf[:n]) {
			return
		}
		if err == nil {
			continue
		}
		end := broken
		if errors.Is(err, io.EOF) {
			end = finished
		}
		c.enqueue(piece{end: end})
		return
	}
}

// answer hands a piece on or puts it in line; false if the connection is over.
func (c *conn) answer(data []byte) bool {
	if c.count {
		c.proxy.bytes.Add(uint64(len(data)))
	}
	c.mu.Lock()
	direct := len(c.line) == 0 && !c.writing && c.proxy.Impairment() == Impairment{}
	c.writing = c.writing || direct
	c.mu.Unlock()
	if direct {
		ok := c.handOn(data)
		c.mu.Lock()
		c.writing = false
		c.mu.Unlock()
		return ok
	}
	return c.enqueue(piece{data: append([]byte(nil), data...)})
}

func (c *conn) enqueue(p piece) bool {
	p.read, p.draw = time.Now(), c.draw()
	delay := c.proxy.Impairment().delay(p.draw)
	p.due = p.read.Add(delay)
	if delay > 0 && p.data != nil && c.count {
		c.proxy.delayedChunks.Add(1)
		c.proxy.delayedBytes.Add(uint64(len(p.data)))
	}
	for {
		c.mu.Lock()
		if c.held < maxHeld {
			c.line = append(c.line, p)
			c.held += len(p.data) + pieceCost
			c.mu.Unlock()
			c.wake()
			return true
		}
		c.mu.Unlock()
		select {
		case <-c.room:
		case <-c.over:
			return false
		}
	}
}

// handOn writes to the client; false if the connection is over. A client may send its next request
// before Write returns, so owed and answered are set before Write. Until it returns, c.writing says
// that something is on its way.
func (c *conn) handOn(data []byte) bool {
	c.owed.Store(false)
	if _, err := c.client.Write(data); err != nil {
		c.cut(true)
		return false
	}
	c.answered.Store(int64(time.Since(c.epoch)))
	return true
}

// writeAnswers hands on the pieces in line, each when it is due.
func (c *conn) writeAnswers() {
	for {
		c.mu.Lock()
		if len(c.line) == 0 {
			c.line = nil
			c.mu.Unlock()
			select {
			case <-c.over:
				return
			case <-c.woken:
			}
			continue
		}
		p := c.line[0]
		c.line[0] = piece{}
		c.line = c.line[1:]
		c.writing = true
		c.mu.Unlock()

		ok := c.wait(&p)
		switch {
		case !ok:
			return
		case p.end == broken:
			c.cut(true)
			return
		case p.end == finished:
			c.finish(c.client)
			return
		}
		ok = c.handOn(p.data)
		c.mu.Lock()
		c.writing = false
		c.held -= len(p.data) + pieceCost
		c.mu.Unlock()
		signal(c.room)
		if !ok {
			return
		}
	}
}
