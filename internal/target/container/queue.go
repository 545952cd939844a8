package container

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// startQueue orders the starts of containers that died together. An engine gives the lowest free
// address of a network to the container that starts first. So each gets its address back if they
// start in the order of their addresses.
type startQueue struct {
	mu      sync.Mutex
	had     map[string]map[string]netip.Addr // by container and network
	waiting map[string]time.Time             // since when
	busy    bool
}

// gather is how long a start waits for others that may have to come before it.
const gather = 100 * time.Millisecond

// know notes which addresses a container has.
func (q *startQueue) know(id string, networks map[string]endpoint) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.had == nil {
		q.had, q.waiting = make(map[string]map[string]netip.Addr), make(map[string]time.Time)
	}
	addrs := make(map[string]netip.Addr)
	for name, e := range networks {
		if a, err := netip.ParseAddr(e.IPv4); err == nil && !e.Fixed {
			addrs[name] = a
		}
	}
	q.had[id] = addrs
}

// enter returns when it is the container's turn to start; the start is over when
// done is called.
func (q *startQueue) enter(ctx context.Context, id string) (done func(), err error) {
	q.mu.Lock()
	others := len(q.had) > 1 && len(q.had[id]) > 0
	if others {
		q.waiting[id] = time.Now()
	}
	q.mu.Unlock()
	if !others {
		return func() {}, nil
	}
	leave := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.waiting, id)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if q.turn(id) {
			return func() {
				leave()
				q.mu.Lock()
				defer q.mu.Unlock()
				q.busy = false
			}, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			leave()
			return nil, context.Cause(ctx)
		}
	}
}

// turn takes the turn if it is the container's.
func (q *startQueue) turn(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy || time.Since(q.waiting[id]) < gather {
		return false
	}
	for other := range q.waiting {
		if other != id && q.before(other, id) {
			return false
		}
	}
	q.busy = true
	return true
}

// before says whether a container had a lower address than another one in the
// first network that both are in.
func (q *startQueue) before(a, b string) bool {
	first, found, less := "", false, false
	for name, addr := range q.had[a] {
		if other, ok := q.had[b][name]; ok && (!found || name < first) {
			first, found, less = name, true, addr.Less(other)
		}
	}
	return less
}
