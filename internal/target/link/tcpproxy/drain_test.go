package tcpproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c net.Conn) {
			defer c.Close()
			buf := make([]byte, 1)
			for {
				if _, err := c.Read(buf); err != nil {
					return
				}
				time.Sleep(2 * time.Second)
				if _, err := c.Write([]byte("answer")); err != nil {
					return
				}
			}
		})
		idle, busy := b.ln.dial(), b.ln.dial()
		defer idle.Close()
		defer busy.Close()
		busy.Write([]byte("q"))
		synctest.Wait()
		start := time.Now()
		got := make(chan string, 1)
		go func() {
			all, _ := io.ReadAll(busy)
			got <- string(all)
		}()
		if cut := b.Drain(t.Context()); cut != 0 {
			t.Errorf("%d connections were cut, want 0", cut)
		}
		if s := <-got; s != "answer" {
			t.Errorf("the busy connection got %q, want its answer", s)
		}
		if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the idle connection read %v, want its end", err)
		}
		if d := time.Since(start); d < 2*time.Second || d > 3*time.Second {
			t.Errorf("draining took %v, want 2s and a little", d)
		}
	})
}

// slowToReturn is a connection whose writes have arrived long before they return,
// as they may on a busy machine.
type slowToReturn struct{ net.Conn }

func (c slowToReturn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	time.Sleep(time.Second)
	return n, err
}

func TestDrainWaitsForWhatWasAskedAtOnceAfterAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c net.Conn) {
			defer c.Close()
			buf := make([]byte, 1)
			for {
				if _, err := c.Read(buf); err != nil {
					return
				}
				if buf[0] == 's' {
					time.Sleep(10 * time.Second)
				}
				c.Write(buf)
			}
		})
		c, far := memPair()
		defer c.Close()
		b.ln.conns <- slowToReturn{far}
		ask(t, c, "q")
		got := make(chan string, 1)
		c.Write([]byte("s")) // while the proxy is still in its Write of the answer to q
		go func() {
			all, _ := io.ReadAll(c)
			got <- string(all)
		}()
		time.Sleep(2 * time.Second)
		if cut := b.Drain(t.Context()); cut != 0 {
			t.Errorf("%d connections were cut, want 0", cut)
		}
		if s := <-got; s != "s" {
			t.Errorf("the client got %q, want its answer", s)
		}
	})
}

func TestDrainCutsWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c net.Conn) { io.Copy(io.Discard, c); c.Close() })
		c := b.ln.dial()
		defer c.Close()
		c.Write([]byte("never answered"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if cut := b.Drain(ctx); cut != 1 {
			t.Errorf("%d connections were cut, want 1", cut)
		}
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("draining took %v, want 3s", d)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("client read %v, want a reset", err)
		}
	})
}

func TestCloseWhileHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, echo)
		b.SetImpairment(Impairment{Delay: time.Hour})
		opening := b.ln.dial()
		defer opening.Close()
		start := time.Now()
		b.Close()
		b.Close()
		if d := time.Since(start); d != 0 {
			t.Errorf("Close took %v, want none", d)
		}
		if _, err := opening.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("client read %v, want a reset", err)
		}
		ln := newMemListener()
		if err := b.Serve(ln); err != nil {
			t.Errorf("Serve after Close returned %v, want nil", err)
		}
	})
}
