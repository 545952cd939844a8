package tcpproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a proxy in memory, on the fake clock of a synctest bubble. Each
// upstream connection is handed to serve.
type bench struct {
	*Proxy
	ln *memListener
}

func newBench(t *testing.T, serve func(net.Conn)) bench {
	t.Helper()
	b := bench{ln: newMemListener()}
	b.Proxy = New(func(context.Context, net.Conn) (net.Conn, error) {
		near, far := memPair()
		go serve(far)
		return near, nil
	}, 1)
	served := make(chan error, 1)
	go func() { served <- b.Serve(b.ln) }()
	t.Cleanup(func() {
		b.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	return b
}

func echo(c net.Conn) {
	io.Copy(c, c)
	c.Close()
}

func ask(t *testing.T, c net.Conn, s string) time.Duration {
	t.Helper()
	start := time.Now()
	if _, err := c.Write([]byte(s)); err != nil {
		t.Fatalf("write: %v", err)
	}
	got := make([]byte, len(s))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatalf("read: %v", err)
	}
	if string(got) != s {
		t.Fatalf("echo answered %q, want %q", got, s)
	}
	return time.Since(start)
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, echo)
		c := b.ln.dial()
		defer c.Close()
		if d := ask(t, c, "clear"); d != 0 {
			t.Errorf("round trip of a proxy without delay took %v, want none", d)
		}
		b.SetImpairment(Impairment{Delay: 120 * time.Millisecond})
		if d := ask(t, c, "slow"); d != 120*time.Millisecond {
			t.Errorf("round trip on an open connection took %v, want 120ms", d)
		}
		c2 := b.ln.dial()
		defer c2.Close()
		if d := ask(t, c2, "new"); d != 240*time.Millisecond {
			t.Errorf("opening and round trip took %v, want 240ms", d)
		}
		if d := ask(t, c2, "again"); d != 120*time.Millisecond {
			t.Errorf("second round trip took %v, want 120ms", d)
		}
		b.SetImpairment(Impairment{})
		if d := ask(t, c, "clear again"); d != 0 {
			t.Errorf("round trip after the delay took %v, want none", d)
		}
		want := Stats{Conns: 2, Open: 2, Bytes: 2 * (5 + 4 + 3 + 5 + 11), DelayedConns: 1, DelayedChunks: 3, DelayedBytes: 4 + 3 + 5}
		if got := b.Stats(); got != want {
			t.Errorf("Stats() = %+v, want %+v", got, want)
		}
	})
}

func TestJitterIsUniformAndSeeded(t *testing.T) {
	run := func() (ds []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, echo)
			b.SetImpairment(Impairment{Delay: 100 * time.Millisecond, Jitter: 30 * time.Millisecond})
			c := b.ln.dial()
			defer c.Close()
			ask(t, c, "open")
			for range 2000 {
				ds = append(ds, ask(t, c, "x"))
			}
		})
		return ds
	}
	ds := run()
	var sum time.Duration
	thirds := [3]int{}
	for _, d := range ds {
		if d < 70*time.Millisecond || d > 130*time.Millisecond {
			t.Fatalf("a round trip took %v, want 70ms to 130ms", d)
		}
		sum += d
		thirds[min(2, int((d-70*time.Millisecond)/(20*time.Millisecond)))]++
	}
	if mean := sum / time.Duration(len(ds)); mean < 99*time.Millisecond || mean > 101*time.Millisecond {
		t.Errorf("mean round trip %v, want about 100ms", mean)
	}
	for i, n := range thirds {
		if n < 580 || n > 760 {
			t.Errorf("third %d of the range was drawn %d times of 2000, want about 667", i, n)
		}
	}
	for i, d := range run() {
		if d != ds[i] {
			t.Fatalf("round trip %d took %v in one run and %v in another of the same seed", i, ds[i], d)
		}
	}
}

func TestJitterBeyondDelayIsNeverNegative(t *testing.T) {
	s := Impairment{Delay: time.Millisecond, Jitter: time.Second}
	if d := s.delay(-1); d != 0 {
		t.Errorf("delay = %v, want 0", d)
	}
}

func TestLiftingTheDelayLetsGoWhatIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, echo)
		b.SetImpairment(Impairment{Delay: time.Hour})
		opening := b.ln.dial()
		defer opening.Close()
		b.SetImpairment(Impairment{})
		held := b.ln.dial()
		defer held.Close()
		ask(t, held, "open")
		b.SetImpairment(Impairment{Delay: time.Hour})
		held.Write([]byte("held"))
		opening2 := b.ln.dial()
		defer opening2.Close()
		synctest.Wait()
		time.Sleep(time.Second)
		if n := b.Stats().DelayedBytes; n != 4 {
			t.Errorf("%d bytes were held up, want 4", n)
		}
		start := time.Now()
		b.SetImpairment(Impairment{})
		got := make([]byte, 4)
		if _, err := io.ReadFull(held, got); err != nil || string(got) != "held" {
			t.Fatalf("read %q, %v", got, err)
		}
		ask(t, opening, "first words")
		ask(t, opening2, "first words")
		if d := time.Since(start); d != 0 {
			t.Errorf("letting go took %v, want none", d)
		}
	})
}

func TestMilderImpairmentShortensAndSharperOneDoesNotLengthen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, echo)
		c := b.ln.dial()
		defer c.Close()
		ask(t, c, "open")
		start := time.Now()
		read := func() time.Duration {
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		b.SetImpairment(Impairment{Delay: time.Second})
		c.Write([]byte("1"))
		synctest.Wait()
		b.SetImpairment(Impairment{Delay: 5 * time.Second})
		if d := read(); d != time.Second {
			t.Errorf("what was held up for 1s arrived after %v", d)
		}
		start = time.Now()
		c.Write([]byte("2"))
		synctest.Wait()
		time.Sleep(time.Second)
		b.SetImpairment(Impairment{Delay: 3 * time.Second})
		if d := read(); d != 3*time.Second {
			t.Errorf("under the milder delay of 3s it arrived after %v", d)
		}
	})
}

func TestOrderAndThroughputUnderDelay(t *testing.T) {
	const total = 16 << 20
	synctest.Test(t, func(t *testing.T) {
		payload := make([]byte, total)
		for i := range payload {
			payload[i] = byte(i >> 10)
		}
		b := newBench(t, func(c net.Conn) {
			c.Write(payload)
			c.Close()
		})
		b.SetImpairment(Impairment{Delay: 100 * time.Millisecond, Jitter: 50 * time.Millisecond})
		start := time.Now()
		c := b.ln.dial()
		defer c.Close()
		got, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, payload) {
			t.Error("what arrived is not what was sent")
		}
		// 16 MB at 4 MB held back a round need four rounds of at most 150 ms; a
		// proxy that slept for each read would need a thousand.
		if d := time.Since(start); d > 6*150*time.Millisecond {
			t.Errorf("16 MB took %v, want at most 900ms", d)
		}
	})
}

func TestHeldBytesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		b := newBench(t, func(c net.Conn) {
			defer c.Close()
			for {
				n, err := c.Write(make([]byte, 1024))
				sent += n
				if err != nil {
					return
				}
			}
		})
		b.SetImpairment(Impairment{Delay: time.Hour})
		c := b.ln.dial()
		time.Sleep(time.Hour + time.Minute)
		synctest.Wait()
		if sent > maxHeld+2*memBuffer+2*readSize {
			t.Errorf("%d bytes were taken from the upstream while none was due, want at most about %d", sent, maxHeld)
		}
		b.SetImpairment(Impairment{})
		if _, err := io.CopyN(io.Discard, c, 3*maxHeld); err != nil {
			t.Errorf("the upstream did not go on once there was room: %v", err)
		}
		c.Close()
	})
}

func TestHalfClose(t *testing.T) {
	for _, delay := range []time.Duration{0, 50 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// The upstream answers only once the client has said all, as
				// netcat and many protocols do.
				b := newBench(t, func(c net.Conn) {
					all, _ := io.ReadAll(c)
					c.Write(bytes.ToUpper(all))
					c.Close()
				})
				b.SetImpairment(Impairment{Delay: delay})
				c := b.ln.dial()
				defer c.Close()
				c.Write([]byte("all of it"))
				c.(*memConn).CloseWrite()
				got, err := io.ReadAll(c)
				if err != nil || string(got) != "ALL OF IT" {
					t.Errorf("read %q, %v", got, err)
				}
				synctest.Wait()
				if n := b.Stats().Open; n != 0 {
					t.Errorf("%d connections are open after both sides were done, want 0", n)
				}
			})
		})
	}
}

func TestUpstreamSaysItsLastWordFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := make(chan string, 1)
		b := newBench(t, func(c net.Conn) {
			c.Write([]byte("bye"))
			c.(*memConn).CloseWrite()
			all, _ := io.ReadAll(c)
			heard <- string(all)
			c.Close()
		})
		c := b.ln.dial()
		if got, err := io.ReadAll(c); err != nil || string(got) != "bye" {
			t.Fatalf("read %q, %v", got, err)
		}
		c.Write([]byte("still here"))
		c.Close()
		if got := <-heard; got != "still here" {
			t.Errorf("upstream heard %q after its own end", got)
		}
	})
}

func TestResetsAreCarriedOver(t *testing.T) {
	isReset := func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
	t.Run("from the upstream, late like an answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, func(c net.Conn) {
				c.Read(make([]byte, 1))
				c.(*memConn).SetLinger(0)
				c.Close()
			})
			c := b.ln.dial()
			defer c.Close()
			synctest.Wait()
			b.SetImpairment(Impairment{Delay: time.Second})
			start := time.Now()
			c.Write([]byte("x"))
			if _, err := c.Read(make([]byte, 1)); !isReset(err) {
				t.Errorf("client read %v, want a reset", err)
			}
			if d := time.Since(start); d != time.Second {
				t.Errorf("the reset came after %v, want 1s", d)
			}
		})
	})
	t.Run("from the client, with answers held back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			seen := make(chan error, 1)
			b := newBench(t, func(c net.Conn) {
				c.Write([]byte("greeting"))
				_, err := c.Read(make([]byte, 1))
				seen <- err
				c.Close()
			})
			c := b.ln.dial()
			b.SetImpairment(Impairment{Delay: time.Hour})
			synctest.Wait()
			c.(*memConn).SetLinger(0)
			c.Close()
			if err := <-seen; !isReset(err) {
				t.Errorf("upstream read %v, want a reset", err)
			}
			synctest.Wait()
			if n := b.Stats().Open; n != 0 {
				t.Errorf("%d connections are open, want 0", n)
			}
		})
	})
	t.Run("for an upstream that cannot be reached", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ln := newMemListener()
			r := New(func(context.Context, net.Conn) (net.Conn, error) { return nil, errors.New("refused") }, 1)
			go r.Serve(ln)
			defer r.Close()
			c := ln.dial()
			defer c.Close()
			if _, err := c.Read(make([]byte, 1)); !isReset(err) {
				t.Errorf("client read %v, want a reset", err)
			}
			if s := r.Stats(); s.Failed != 1 || s.Conns != 0 {
				t.Errorf("Stats() = %+v, want one failed", s)
			}
		})
	})
}

type uncounted struct{ net.Conn }

func (uncounted) Uncounted() {}

func TestUncounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newMemListener()
		r := New(func(context.Context, net.Conn) (net.Conn, error) {
			near, far := memPair()
			go echo(far)
			return uncounted{near}, nil
		}, 1)
		go r.Serve(ln)
		defer r.Close()
		r.SetImpairment(Impairment{Delay: time.Second})
		c := ln.dial()
		ask(t, c, "x")
		c.Close()
		synctest.Wait()
		if s := r.Stats(); s != (Stats{}) {
			t.Errorf("Stats() = %+v, want nothing", s)
		}
	})
}

// flaky is a listener whose first accepts fail.
type flaky struct {
	*memListener
	fails int
	err   error
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.fails > 0 {
		f.fails--
		return nil, f.err
	}
	return f.memListener.Accept()
}

func TestServeOutlivesFailedAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := &flaky{newMemListener(), 3, syscall.EMFILE}
		r := New(func(context.Context, net.Conn) (net.Conn, error) {
			near, far := memPair()
			go echo(far)
			return near, nil
		}, 1)
		served := make(chan error, 1)
		go func() { served <- r.Serve(ln) }()
		c := ln.dial()
		ask(t, c, "x")
		c.Close()
		ln.Close() // by somebody else: this listener cannot go on
		if err := <-served; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returned %v, want that the listener is closed", err)
		}
		r.Close()
	})
}

func TestWritesAfterTheUpstreamIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// It answers before it has heard all, and goes.
		b := newBench(t, func(c net.Conn) {
			c.Read(make([]byte, 1))
			c.Write([]byte("413"))
			c.Close()
		})
		b.SetImpairment(Impairment{Delay: time.Second})
		c := b.ln.dial()
		go c.Write(make([]byte, 1<<20))
		if got, err := io.ReadAll(c); err != nil || string(got) != "413" {
			t.Errorf("client read %q, %v, want the answer", got, err)
		}
		c.Close()
		synctest.Wait()
		if n := b.Stats().Open; n != 0 {
			t.Errorf("%d connections are open, want 0", n)
		}
	})
}
