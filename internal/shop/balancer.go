package shop

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	dialTimeout  = 500 * time.Millisecond
	probeEvery   = 250 * time.Millisecond
	probeTimeout = 500 * time.Millisecond
)

// replica is one api, as a balancer sees it.
type replica struct {
	addr string
	out  atomic.Bool // left out until it answers a probe
}

// balancer spreads requests round robin. A replica that failed is left out, and
// asked for its health by a goroutine of its own until it answers: so no caller
// pays for finding out whether it is back.
//
// It is safe for concurrent use.
type balancer struct {
	replicas   []*replica
	transport  *http.Transport
	retries    int
	tryTimeout time.Duration
	plain      bool // never leave a replica out
	logs       *log.Logger
	next       atomic.Uint64

	mu     sync.Mutex // held to start a probe, so that none starts once closed
	closed bool
	probes sync.WaitGroup
	ctx    context.Context // of the probes
	stop   context.CancelFunc
}

func newBalancer(addrs []string, tryTimeout time.Duration, logs *log.Logger) *balancer {
	b := &balancer{
		tryTimeout: tryTimeout,
		logs:       logs,
		transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext,
			// As many as a load test can hold open: with fewer, connections would
			// be opened and closed all the time, and that would be measured.
			MaxIdleConns:        0,
			MaxIdleConnsPerHost: 1024,
			IdleConnTimeout:     time.Minute,
			DisableCompression:  true,
		},
	}
	b.ctx, b.stop = context.WithCancel(context.Background())
	for _, a := range addrs {
		b.replicas = append(b.replicas, &replica{addr: a})
	}
	return b
}

func (b *balancer) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.probes.Wait()
	b.transport.CloseIdleConnections()
}

// pick returns the next replica in turn: one in good health that was not tried
// yet, else one not tried yet, as any chance is better than none. At least one
// must be untried.
func (b *balancer) pick(tried []bool) int {
	n := len(b.replicas)
	start := int((b.next.Add(1) - 1) % uint64(n))
	second := -1
	for k := range n {
		i := (start + k) % n
		switch {
		case tried[i]:
		case !b.replicas[i].out.Load():
			return i
		case second < 0:
			second = i
		}
	}
	return second
}

func (b *balancer) leaveOut(r *replica, cause error) {
	if b.plain || !r.out.CompareAndSwap(false, true) {
		return
	}
	b.logs.Printf("leaving out %s: %v", r.addr, plainCause(cause))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.probes.Go(func() {
		for sleep(b.ctx, probeEvery) {
			if b.answers(b.ctx, r) {
				r.out.Store(false)
				b.logs.Printf("%s is back", r.addr)
				return
			}
		}
	})
}

// answers says whether the replica is in good health at this moment.
func (b *balancer) answers(ctx context.Context, r *replica) bool {
	ctx, cancel := context.WithTimeout(ctx, min(probeTimeout, b.tryTimeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.addr+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := b.transport.RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody))
	return err == nil && resp.StatusCode == http.StatusOK
}
