package nethelper

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// echo answers every byte with the same byte, so that a round trip can be
// measured through whatever lies between.
type echo struct {
	ln net.Listener
	wg sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	done  bool
}

func startEcho(address string) (*echo, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for probes: %w", err)
	}
	e := &echo{ln: ln, conns: make(map[net.Conn]struct{})}
	e.wg.Go(e.serve)
	return e, nil
}

func (e *echo) addr() *net.TCPAddr { return e.ln.Addr().(*net.TCPAddr) }

func (e *echo) serve() {
	for {
		c, err := e.ln.Accept()
		if err != nil {
			return
		}
		e.mu.Lock()
		if e.done {
			e.mu.Unlock()
			c.Close()
			return
		}
		e.conns[c] = struct{}{}
		e.mu.Unlock()
		e.wg.Go(func() {
			_, _ = io.Copy(c, c)
			c.Close()
			e.mu.Lock()
			delete(e.conns, c)
			e.mu.Unlock()
		})
	}
}

func (e *echo) close() {
	e.mu.Lock()
	e.done = true
	for c := range e.conns {
		c.Close()
	}
	e.mu.Unlock()
	e.ln.Close()
	e.wg.Wait()
}
