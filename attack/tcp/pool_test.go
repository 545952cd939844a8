package tcp

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/wire"
)

// From inside the package, as a plan has no place for connections in memory.

// watched is a connection that says whether it was closed.
type watched struct {
	net.Conn
	refuse error // of SetDeadline
	closed bool
}

func newWatched(t *testing.T) *watched {
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close(); there.Close() })
	return &watched{Conn: here}
}

func (w *watched) Close() error {
	w.closed = true
	return w.Conn.Close()
}

func (w *watched) SetDeadline(at time.Time) error {
	if w.refuse != nil {
		return w.refuse
	}
	return w.Conn.SetDeadline(at)
}

func clientOf(t *testing.T, perHost int) *client {
	t.Helper()
	c, err := Compile(&attack.Plan{
		MaxInFlight: 10, Connections: wire.Connections{PerHost: perHost},
		Requests: []attack.Request{{Name: "a", Protocol: Name, Spec: &Request{Address: "127.0.0.1:1"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*client)
}

// A connection that was being opened as the load was to go on with new ones is of
// before: what comes next does not go there.
func TestRenewWhileAConnectionIsOpened(t *testing.T) {
	c := clientOf(t, 0)
	var dialed []*watched
	c.dial = func(context.Context, string, string) (net.Conn, error) {
		if len(dialed) == 0 {
			c.Renew()
		}
		dialed = append(dialed, newWatched(t))
		return dialed[len(dialed)-1], nil
	}
	var out attack.Outcome
	one, err := c.connection(t.Context(), "a", time.Now().Add(time.Minute), false, &out)
	if err != nil {
		t.Fatal(err)
	}
	if len(dialed) != 2 || one.Conn != dialed[1] {
		t.Fatalf("%d connections were opened; expected the second of two to be used", len(dialed))
	}
	if !dialed[0].closed || dialed[1].closed {
		t.Errorf("closed are %t and %t; expected the first", dialed[0].closed, dialed[1].closed)
	}
}

func TestConnectionWithoutDeadlineIsClosed(t *testing.T) {
	c := clientOf(t, 0)
	broken := newWatched(t)
	broken.refuse = errors.New("no deadlines")
	c.dial = func(context.Context, string, string) (net.Conn, error) { return broken, nil }
	var out attack.Outcome
	one, err := c.connection(t.Context(), "a", time.Now().Add(time.Minute), false, &out)
	if one != nil || err != broken.refuse || !broken.closed {
		t.Errorf("found connection %v, error %v, closed: %t", one, err, broken.closed)
	}
}

// Those that are idle for long are closed, to whatever address they are, as soon as
// another one is kept.
func TestIdleConnectionsAreLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clientOf(t, 0)
		a, b, young, last := newWatched(t), newWatched(t), newWatched(t), newWatched(t)
		c.keep("a", newConn(a))
		c.keep("b", newConn(b))
		time.Sleep(idleTimeout - time.Second)
		c.keep("a", newConn(young))
		if a.closed || b.closed {
			t.Error("one was closed too early")
		}
		time.Sleep(idleTimeout / 5)
		c.keep("c", newConn(last))
		closed := []bool{a.closed, b.closed, young.closed, last.closed}
		if !slices.Equal(closed, []bool{true, true, false, false}) {
			t.Errorf("closed are %t; expected the first two", closed)
		}
		if len(c.idle["a"]) != 1 || len(c.idle["b"]) != 0 {
			t.Errorf("%d and %d are idle", len(c.idle["a"]), len(c.idle["b"]))
		}
	})
}
