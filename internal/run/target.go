package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
)

// reachTimeout is how long a target may take to accept its first connection.
const reachTimeout = 10 * time.Second

// reachable waits until where all requests go accepts connections: a run
// against nothing would only measure that. It sends no request. URLs that are
// templates in their host are left to the load.
func reachable(ctx context.Context, p *attack.Plan, progress func(string, ...any)) error {
	seen := make(map[string]bool)
	for _, host := range hosts(p) {
		if _, to := p.Connections.Where(host); !seen[to] {
			seen[to] = true
			if err := reach(ctx, &p.Connections, host, progress); err != nil {
				return err
			}
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
		if h := attack.Address(u); !seen[h] {
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

// noSocket says why no waiting makes a Unix socket of a path; nil if it may, or
// there is none.
func noSocket(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err == nil && info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("connections.unix: %s is no socket: name the one that the target listens on", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if dir := filepath.Dir(path); !isDir(dir) {
		return fmt.Errorf("connections.unix: there is no folder %s for the socket: make it, or name the socket that the target listens on", dir)
	}
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func reach(ctx context.Context, c *attack.Connections, host string, progress func(string, ...any)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, reachTimeout, errors.New("timed out"))
	defer cancel()
	what := host
	if _, to := c.Where(host); to != host {
		what = fmt.Sprintf("%s, reached at %s,", host, to)
	}
	for first := true; ; first = false {
		conn, err := c.Dial(ctx, host)
		if err == nil {
			return conn.Close()
		}
		if hopeless := noSocket(c.Unix); hopeless != nil {
			return hopeless
		}
		if first {
			progress("waiting for the target %s to accept connections, for at most %s", what, reachTimeout)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return fmt.Errorf("the target %s accepted no connection for %s: %w; start it, or correct the scenario's target", what, reachTimeout, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
