package wire

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// staleAfter is how long a connection waits for a look-up where addresses from the look-up
	// before are at hand: after that it goes to those.
	staleAfter = time.Second
	// retryAfter is the least time from a failed look-up to the next one, where addresses from
	// before are at hand.
	retryAfter = time.Second
)

// resolver looks host names up, and keeps what it found for a while. It is safe
// for concurrent use.
//
// Of all connections that need a name at the same time one looks it up. The others wait for that,
// or take the addresses from before if there are some. A failed look-up is not kept: the next
// connection looks up again. Where there are addresses from before, it leaves them in place.
type resolver struct {
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
	refresh time.Duration
	source  netip.Addr // if valid, only addresses of its family can be reached

	mu    sync.Mutex
	known map[string]*hostEntry
}

type hostEntry struct {
	addrs []netip.Addr
	until time.Time // when addrs are to be looked up again
	turn  int       // index of the address to try first next time
	busy  *lookup   // the look-up under way; nil: none is
}

// lookup is a look-up under way.
type lookup struct {
	done   chan struct{}
	err    error
	gaveUp bool // err is that its caller's context ended, and says nothing of the name
}

func newResolver(
	refresh time.Duration,
	source netip.Addr,
	lookup func(context.Context, string) ([]netip.Addr, error),
) *resolver {
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	return &resolver{
		lookup:  lookup,
		refresh: refresh,
		source:  source,
		known:   make(map[string]*hostEntry),
	}
}

// find returns the host's addresses in the order in which a connection should
// try them, each time beginning with another.
func (r *resolver) find(ctx context.Context, host string) ([]netip.Addr, error) {
	for {
		r.mu.Lock()
		h := r.known[host]
		if h == nil {
			h = new(hostEntry)
			r.known[host] = h
		}
		if len(h.addrs) > 0 && (h.busy != nil || time.Now().Before(h.until)) {
			addrs := h.next()
			r.mu.Unlock()
			return addrs, nil
		}
		if b := h.busy; b != nil {
			r.mu.Unlock()
			select {
			case <-b.done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if b.err != nil && !b.gaveUp {
				return nil, b.err
			}
			continue
		}
		b := &lookup{done: make(chan struct{})}
		h.busy = b
		before := len(h.addrs) > 0
		r.mu.Unlock()

		addrs, err := r.lookUp(ctx, host, before)

		r.mu.Lock()
		h.busy, b.err, b.gaveUp = nil, err, ctx.Err() != nil
		switch {
		case err == nil:
			h.addrs, h.until = addrs, time.Now().Add(r.refresh)
		case before:
			h.until, err = time.Now().Add(min(r.refresh, retryAfter)), nil
		}
		if err == nil {
			addrs = h.next()
		}
		r.mu.Unlock()
		close(b.done)
		return addrs, err
	}
}

func (r *resolver) lookUp(ctx context.Context, host string, before bool) ([]netip.Addr, error) {
	if before {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, staleAfter)
		defer cancel()
	}
	addrs, err := r.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	addrs = slices.Clone(addrs)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	if r.source.IsValid() {
		addrs = slices.DeleteFunc(
			addrs,
			func(a netip.Addr) bool { return a.Is4() != r.source.Unmap().Is4() },
		)
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{
			Err:        "no address that can be reached from here",
			Name:       host,
			IsNotFound: true,
		}
	}
	return addrs, nil
}

// next returns the addresses, rotated within the family of the first one: the system's resolver
// puts first the family that it expects to be reachable (RFC 6724), and the other family is only
// for when it is not.
func (h *hostEntry) next() []netip.Addr {
	var first, others []netip.Addr
	for _, a := range h.addrs {
		if a.Is4() == h.addrs[0].Is4() {
			first = append(first, a)
		} else {
			others = append(others, a)
		}
	}
	turn := h.turn % len(first)
	h.turn++
	return slices.Concat(first[turn:], first[:turn], others)
}
