package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
)

// reachTimeout is how long a target may take to accept its first connection.
const reachTimeout = 10 * time.Second

// reachable waits until the hosts of all requests accept connections: a run
// against nothing would only measure that. It sends no request. URLs that are
// templates in their host are left to the load.
func reachable(ctx context.Context, p *attack.Plan, progress func(string, ...any)) error {
	for _, host := range hosts(p) {
		if err := reach(ctx, host, progress); err != nil {
			return err
		}
	}
	return nil
}

// hosts lists the host:port of every request, each once, in order.
func hosts(p *attack.Plan) []string {
	var out []string
	seen := make(map[string]bool)
	add := func(raw string) {
		u, err := url.Parse(raw)
		if err != nil || u.Hostname() == "" {
			return
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"https": "443"}[u.Scheme]
		}
		if port == "" {
			port = "80"
		}
		if h := net.JoinHostPort(u.Hostname(), port); !seen[h] {
			seen[h] = true
			out = append(out, h)
		}
	}
	for _, r := range p.Requests {
		if len(r.Targets) == 0 {
			add(r.URL)
		}
		for _, t := range r.Targets {
			add(t.URL)
		}
	}
	return out
}

func reach(ctx context.Context, host string, progress func(string, ...any)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, reachTimeout, errors.New("timed out"))
	defer cancel()
	var d net.Dialer
	for first := true; ; first = false {
		conn, err := d.DialContext(ctx, "tcp", host)
		if err == nil {
			return conn.Close()
		}
		if first {
			progress("waiting for the target %s to accept connections, for at most %s", host, reachTimeout)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return fmt.Errorf("the target %s accepted no connection for %s: %w; start it, or correct the scenario's target", host, reachTimeout, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
