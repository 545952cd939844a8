package tcp

import (
	"context"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// idleTimeout is how long a connection is kept without use; as those of HTTP are.
const idleTimeout = 90 * time.Second

// connection returns one to an address: the last that became idle, unless the server
// has closed it or said something on it meanwhile, or a new one.
func (c *client) connection(
	ctx context.Context, address string, deadline time.Time, fresh bool, out *attack.Outcome,
) (*conn, error) {
	if fresh && c.plan.Connections.PerHost > 0 {
		// The idle ones count among those that there may be: the new one takes the place
		// of one of them.
		if one := c.take(address); one != nil {
			one.Close()
		}
	}
	for !fresh {
		one := c.take(address)
		if one == nil {
			break
		}
		// Looking is not to find the deadline of the call before.
		if time.Since(one.since) < idleTimeout && one.SetDeadline(deadline) == nil && one.quiet() {
			return one, nil
		}
		one.Close()
	}
	return c.open(ctx, address, deadline, out)
}

// take takes the connection to an address that became idle last out of the idle ones;
// nil if there is none.
func (c *client) take(address string) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	conns := c.idle[address]
	if len(conns) == 0 {
		return nil
	}
	one := conns[len(conns)-1]
	c.idle[address] = conns[:len(conns)-1]
	return one
}

// open opens a connection.
func (c *client) open(
	ctx context.Context,
	address string,
	deadline time.Time,
	out *attack.Outcome,
) (*conn, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for {
		// It may be of before as long as it is being opened.
		renewed := c.renewals()
		begun := time.Now()
		nc, err := c.dial(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		if renewed != c.renewals() {
			nc.Close()
			continue
		}
		if err := nc.SetDeadline(deadline); err != nil {
			nc.Close()
			return nil, err
		}
		one := newConn(nc)
		one.renewed = renewed
		out.Phases[timeline.Connect] = max(1, one.opened.Sub(begun))
		return one, nil
	}
}

func (c *client) renewals() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.renewed
}

// keep takes a connection back, and closes those, to whatever address, that have been
// idle for too long: the ones that a spike has left behind are never taken.
func (c *client) keep(address string, one *conn) {
	now := time.Now()
	one.since = now
	for _, old := range c.put(address, one, now) {
		old.Close()
	}
}

// put is keep, but for closing what it returns.
func (c *client) put(address string, one *conn, now time.Time) (old []*conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || one.renewed < c.renewed || len(c.idle[address]) >= max(1, c.plan.MaxInFlight) {
		old = append(old, one)
	} else {
		c.idle[address] = append(c.idle[address], one)
	}
	if now.Sub(c.swept) < idleTimeout/10 {
		return old
	}
	c.swept = now
	for address, conns := range c.idle { // by when they became idle
		n := 0
		for n < len(conns) && now.Sub(conns[n].since) >= idleTimeout {
			n++
		}
		old = append(old, conns[:n]...)
		c.idle[address] = append([]*conn(nil), conns[n:]...)
	}
	return old
}
