package fast

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// From inside the package, as a request lets nobody set its deadline and read in between.

// armings counts how often a deadline is set.
type armings struct {
	net.Conn
	n int
}

func (c *armings) SetDeadline(t time.Time) error {
	c.n++
	return c.Conn.SetDeadline(t)
}

// lazyPipe is a lazy connection, and the other end of it.
func lazyPipe(t *testing.T) (*lazyConn, *armings, net.Conn) {
	client, server := net.Pipe()
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	count := &armings{Conn: client}
	return &lazyConn{Conn: count}, count, server
}

// Whatever was armed before, reads and writes end when they should, to the
// nanosecond.
func TestLazyDeadlineIsExact(t *testing.T) {
	const none = -1
	for _, c := range []struct {
		name   string
		before time.Duration // the deadline of the request before; none: there was no request
		idle   time.Duration // between the two
		want   time.Duration // from then on
	}{
		{"first", none, 0, time.Second},
		{"later", 5 * time.Second, time.Second, 5 * time.Second},
		{"earlier", 5 * time.Second, time.Second, time.Second},
		{"the same", 5 * time.Second, 0, 5 * time.Second},
		{"after the one before has passed", time.Second, 2 * time.Second, time.Second},
		{"just before the one before passes", time.Second, time.Second - soon/2, time.Second},
		{"as the one before passes", time.Second, time.Second, time.Second},
		{"already passed", 5 * time.Second, 0, -time.Second},
		{"none before", 0, time.Second, time.Second},
	} {
		for _, op := range []string{"read", "write"} {
			t.Run(c.name+"/"+op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					lazy, _, _ := lazyPipe(t)
					by := func(d time.Duration) {
						now := time.Now()
						var want time.Time
						if d != 0 {
							want = now.Add(d)
						}
						if err := lazy.by(want, now); err != nil {
							t.Fatal(err)
						}
					}
					if c.before != none {
						by(c.before)
					}
					time.Sleep(c.idle)
					begun := time.Now()
					by(c.want)
					do := lazy.Read
					if op == "write" {
						do = lazy.Write
					}
					_, err := do(make([]byte, 10))
					if !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Fatalf("expected the deadline, found %v", err)
					}
					if took := time.Since(begun); took != max(0, c.want) {
						t.Errorf("expected it after %s, found it after %s", c.want, took)
					}
				})
			})
		}
	}
}

// A deadline that is armed no longer ends nothing: not a read, and not a write of
// which a part went out before.
func TestLazyDeadlineGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lazy, _, server := lazyPipe(t)
		now := time.Now()
		for _, d := range []time.Duration{time.Second, 5 * time.Second} { // the first stays armed
			if err := lazy.by(now.Add(d), now); err != nil {
				t.Fatal(err)
			}
		}
		got := make(chan string)
		go func() {
			p := make([]byte, 4)
			_, _ = io.ReadFull(server, p[:2])
			time.Sleep(3 * time.Second) // past what is armed
			_, _ = io.ReadFull(server, p[2:])
			time.Sleep(1500 * time.Millisecond)
			_, _ = server.Write([]byte("ok"))
			got <- string(p)
		}()
		if n, err := lazy.Write([]byte("ping")); n != 4 || err != nil {
			t.Errorf("expected 4 bytes written, found %d, %v", n, err)
		}
		p := make([]byte, 4)
		if n, err := lazy.Read(p); string(p[:n]) != "ok" || err != nil {
			t.Errorf("expected an answer, found %q, %v", p[:n], err)
		}
		if s := <-got; s != "ping" {
			t.Errorf("expected every byte once, found %q", s)
		}
		// No deadline at all, while one is still armed.
		if err := lazy.by(time.Time{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Hour)
			_, _ = server.Write([]byte("late"))
			close(got)
		}()
		if n, err := lazy.Read(p); string(p[:n]) != "late" || err != nil {
			t.Errorf("expected it to wait without end, found %q, %v", p[:n], err)
		}
		<-got
	})
}

// A thousand requests a second arm one deadline in a timeout, not a thousand in
// a second.
func TestLazyDeadlineIsLazy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lazy, count, server := lazyPipe(t)
		go func() { _, _ = io.Copy(server, server) }() // an echo
		p := make([]byte, 1)
		for range 10_000 { // in ten seconds
			now := time.Now()
			if err := lazy.by(now.Add(5*time.Second), now); err != nil {
				t.Fatal(err)
			}
			if _, err := lazy.Write(p); err != nil {
				t.Fatal(err)
			}
			if _, err := lazy.Read(p); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if count.n > 3 {
			t.Errorf("expected at most 3 armings, found %d", count.n)
		}
		lazy.Close()
	})
}
