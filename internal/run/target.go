package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/seed-1574e9de/ordeal/attack"
	"github.com/seed-1574e9de/ordeal/attack/httpx"
	"github.com/seed-1574e9de/ordeal/attack/protocols"
	"github.com/seed-1574e9de/ordeal/attack/wire"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// targetReady waits until the target's readiness check succeeds, if the scenario has one, and until
// every address that the load connects to accepts connections and keeps them.
func (r *runner) targetReady(ctx context.Context) ([]httpx.Asked, error) {
	if !r.plan.Ready.IsZero() {
		check, err := r.plan.ResolveTargetReady(r.services.addr)
		if err != nil {
			return nil, err
		}
		way, err := httpx.NewPreflight(&r.attack)
		if err != nil {
			return nil, err
		}
		r.progress("waiting for the target: %s", check)
		if err := awaitReady(ctx, check, ready.Options{Dial: way.Dial}, r.plan.ReadyTimeout); err != nil {
			return nil, fmt.Errorf("the target was %w", err)
		}
	}
	return reachable(ctx, &r.attack, r.services.behind, r.plan.ReadyTimeout, r.progress)
}

// reachable waits until the servers of all requests accept connections, which it opens as the load
// will, and keep them: a run against nothing would measure nothing. A proxy accepts connections
// even if nobody is behind it. So behind returns what asks whether connections to an address get to
// the container that publishes it, nil if no container of the run does. reachable sends no request.
// It returns which protocol each server chose that was offered several. It leaves out URLs with a
// template in the host, and requests that open no connection.
func reachable(
	ctx context.Context,
	p *attack.Plan,
	behind func(ctx context.Context, address string) (upstreamCheck, error),
	within time.Duration,
	progress func(string, ...any),
) ([]httpx.Asked, error) {
	way, err := httpx.NewPreflight(p)
	if err != nil {
		return nil, err
	}
	var asked []httpx.Asked
	for _, u := range protocols.Awaited(p) {
		var there upstreamCheck
		if network, to := p.Connections.Where(wire.Address(u)); network == "tcp" {
			if there, err = behind(ctx, to); err != nil {
				return nil, err
			}
		}
		protocol, err := awaitTarget(ctx, way, p.Connections.Unix, u, there, within, progress)
		if err != nil {
			return nil, err
		}
		if u.Scheme == "https" {
			asked = append(asked, httpx.Asked{Host: wire.Address(u), Protocol: protocol})
		}
	}
	return asked, nil
}

// noSocket says why it is in vain to wait for a Unix socket at a path; nil if it is not, or path is
// empty.
func noSocket(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err == nil && info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf(
			"connections.unix: %s is no socket: name the one that the target listens on",
			path,
		)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if dir := filepath.Dir(path); !isDir(dir) {
		return fmt.Errorf(
			"connections.unix: there is no folder %s for the socket: make it, or name the "+
				"socket that the target listens on",
			dir,
		)
	}
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// upstreamCheck returns nil if connections to an address get to the service behind the proxy there.
type upstreamCheck func(ctx context.Context) error

// cutAtOnce says whether err means that a new connection was accepted and then cut.
func cutAtOnce(err error) bool {
	return errors.Is(err, httpx.ErrHungUp) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, io.EOF)
}

// awaitTarget waits until the target of a URL accepts connections, and upstream, if it is not nil,
// returns nil.
func awaitTarget(
	ctx context.Context,
	way *httpx.Preflight,
	unix string,
	u *url.URL,
	upstream upstreamCheck,
	within time.Duration,
	progress func(string, ...any),
) (protocol string, err error) {
	what, told := way.Way(u), false
	end := ready.Await(ctx, within, func(ctx context.Context) (missing error, vain bool) {
		protocol, missing = way.Open(ctx, u)
		switch {
		case missing == nil && u.Scheme == "https": // a TLS handshake is an answer
		case missing == nil && upstream != nil:
			missing = upstream(ctx)
		case missing != nil && upstream != nil && cutAtOnce(missing):
			// upstream knows why the proxy in front of the target cut the connection.
			if why := upstream(ctx); why != nil {
				missing = why
			}
		}
		if u.Scheme == "http" && errors.Is(missing, syscall.ECONNRESET) {
			missing = httpx.ErrHungUp
		}
		if missing == nil {
			return nil, false
		}
		if never, ok := errors.AsType[*httpx.Permanent](missing); ok {
			return fmt.Errorf("the target %s cannot be used: %w", what, never), true
		}
		if why := noSocket(unix); why != nil {
			return why, true
		}
		if !told {
			progress(
				"waiting for the target %s to accept connections, for at most %s",
				what,
				quantity.FormatDuration(within),
			)
			told = true
		}
		return missing, false
	})
	switch {
	case end == nil:
		return protocol, nil
	case end.GivenUp != nil:
		return "", end.GivenUp
	case !end.Late:
		return "", end.Missing
	}
	took := quantity.FormatDuration(within)
	if _, ok := errors.AsType[*target.Deserted](end.Missing); ok {
		return "", fmt.Errorf("the target %s served nobody for %s: %w", what, took, end.Missing)
	}
	if errors.Is(end.Missing, httpx.ErrHungUp) {
		return "", fmt.Errorf(
			"the target %s served nobody for %s: %w; start what is behind it, or correct the scenario's target",
			what,
			took,
			end.Missing,
		)
	}
	return "", fmt.Errorf(
		"the target %s accepted no connection for %s: %w; start it, or correct the scenario's target",
		what,
		took,
		end.Missing,
	)
}

// awaitReady returns when a check has its answer.
func awaitReady(ctx context.Context, c ready.Check, opt ready.Options, within time.Duration) error {
	p, err := ready.NewProber(c, opt)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Await(ctx, within, nil)
}
