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

// reachable waits until where all requests go accepts connections, which are
// opened as the load will open them: a run against nothing would only measure
// that. It sends no request. It returns what servers chose that were offered
// several protocols. URLs that are templates in their host are left to the load.
func reachable(ctx context.Context, p *attack.Plan, progress func(string, ...any)) ([]attack.Asked, error) {
	way, err := attack.NewPreflight(p)
	if err != nil {
		return nil, err
	}
	var asked []attack.Asked
	for _, u := range p.Origins() {
		protocol, err := reach(ctx, way, p.Connections.Unix, u, progress)
		if err != nil {
			return nil, err
		}
		if u.Scheme == "https" {
			asked = append(asked, attack.Asked{Host: attack.Address(u), Protocol: protocol})
		}
	}
	return asked, nil
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

func reach(ctx context.Context, way *attack.Preflight, unix string, u *url.URL, progress func(string, ...any)) (protocol string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, reachTimeout, errors.New("timed out"))
	defer cancel()
	what := way.Way(u)
	var last error
	for first := true; ; first = false {
		protocol, err := way.Open(ctx, u)
		if err == nil {
			return protocol, nil
		}
		if ctx.Err() == nil || last == nil {
			last = err // what the end of the time itself cut short says nothing
		}
		if never, ok := errors.AsType[*attack.Hopeless](err); ok {
			return "", fmt.Errorf("the target %s cannot be used: %w", what, never)
		}
		if hopeless := noSocket(unix); hopeless != nil {
			return "", hopeless
		}
		if first {
			progress("waiting for the target %s to accept connections, for at most %s", what, reachTimeout)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return "", ctx.Err()
			}
			return "", fmt.Errorf("the target %s accepted no connection for %s: %w; start it, or correct the scenario's target", what, reachTimeout, last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
