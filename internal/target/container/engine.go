package container

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/client"

	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/target"
)

// Deadlines of calls to the engine.
const (
	callTimeout    = 15 * time.Second // what answers from memory
	startTimeout   = 60 * time.Second // creating and starting a container
	importTimeout  = 2 * time.Minute  // taking in an image
	cleanupTimeout = 60 * time.Second // undoing all of a run
)

// ErrUnreachable says that no engine answered. It is a target.ErrUnreachable.
var ErrUnreachable error = noEngine{}

type noEngine struct{}

func (noEngine) Error() string { return "no Docker engine answers" }

func (noEngine) Is(err error) bool { return err == target.ErrUnreachable }

// Engine is a connection to a Docker engine. Its methods may be called from any
// goroutine. It must be closed.
type Engine struct {
	api     *client.Client
	address string
	version string
	osType  string
	arch    string
	binary  string                // "" is the running program
	hosts   *allow.Hosts          // which readiness checks may ask
	naming  func(netip.Addr) bool // whether the scenario has an address in it
	place   Place
	// ahead is by how much the engine's clock is ahead of this machine's, if that is known.
	ahead      time.Duration
	clockKnown bool
	wg         sync.WaitGroup
	imaging    sync.Mutex // held while the image is made
	podman     bool       // it is podman's service
	queue      startQueue
	visible    atomic.Bool // a process of its containers was seen from here

	mu       sync.Mutex
	run      string // of what is made: NewStack sets it, else a name of the engine's own
	owner    string
	progress func(string)
	image    string // id, once made
	helpers  map[string]*helper
	settled  map[string]bool // faults that are known not to be in force, by helperKey
}

// Option changes what Connect makes.
type Option func(*Engine)

// WithBinary sets the program that images are made of, in place of the running
// one. It has to be a static Linux program with ordeal's commands.
func WithBinary(path string) Option { return func(e *Engine) { e.binary = path } }

// WithHosts says which hosts readiness checks may ask, beside this machine and
// private networks.
func WithHosts(hosts *allow.Hosts) Option { return func(e *Engine) { e.hosts = hosts } }

// WithNaming says which addresses the scenario has in it. A container keeps such an
// address when it is started again, or the fault is not undone.
func WithNaming(names func(netip.Addr) bool) Option { return func(e *Engine) { e.naming = names } }

func (e *Engine) named(addr string) bool {
	a, err := netip.ParseAddr(addr)
	return err == nil && e.naming != nil && e.naming(a)
}

// Connect finds the engine as the docker command does: by DOCKER_HOST, then the
// current docker context, then the usual sockets; and asks whether it answers.
// If not, the error says which address was tried and wraps ErrUnreachable.
func Connect(ctx context.Context, options ...Option) (*Engine, error) {
	me, err := owner.Current()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		run: "own-" + strings.ToLower(
			rand.Text()[:8],
		), owner: me.String(), progress: func(string) {},
		helpers: make(map[string]*helper), settled: make(map[string]bool),
	}
	for _, o := range options {
		o(e)
	}
	host, from, err := engineAddress()
	if err != nil {
		return nil, err
	}
	e.address = host
	opts := []client.Opt{
		client.WithAPIVersionNegotiation(),
		client.WithVersionFromEnv(),
		client.WithTLSClientConfigFromEnv(),
	}
	e.api, err = client.NewClientWithOpts(append(opts, client.WithHost(host))...)
	if err != nil {
		return nil, fmt.Errorf(
			"the engine's address %s (from %s) cannot be used: %w",
			host,
			from,
			err,
		)
	}
	limit, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	v, err := e.api.ServerVersion(limit)
	if err != nil {
		e.api.Close()
		return nil, unreachable(host, from, err)
	}
	if v.Os != "linux" {
		e.api.Close()
		return nil, fmt.Errorf(
			"the engine at %s runs %s containers: only Linux ones can be broken",
			host,
			v.Os,
		)
	}
	e.version, e.osType, e.arch = v.Version, v.Os, v.Arch
	e.podman = isPodman(v)
	e.identify(ctx, host, from)
	return e, nil
}

// unreachable says what was tried and what to do.
func unreachable(host, from string, err error) error {
	hint := "is the engine running? start it, or set DOCKER_HOST to where it listens"
	path, local := strings.CutPrefix(host, "unix://")
	if local {
		switch _, statErr := os.Stat(path); {
		case errors.Is(statErr, os.ErrNotExist):
			hint = "there is no such socket: start the engine, or set DOCKER_HOST to where it listens"
		case errors.Is(err, os.ErrPermission),
			client.IsErrConnectionFailed(err) && strings.Contains(err.Error(), "permission denied"):
			hint = "this user may not use the socket: join the docker group, or set DOCKER_HOST to a rootless engine"
		}
	}
	return fmt.Errorf(
		"%w at %s (from %s): %s [%s]",
		ErrUnreachable,
		host,
		from,
		hint,
		firstLine(err.Error()),
	)
}

// firstLine cuts an engine's message to what fits beside ours.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimSpace(s)
}

// local says whether what the engine publishes is published on this machine.
func (e *Engine) local() bool {
	u, err := url.Parse(e.address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "unix" || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// movesAddresses says whether a container gets another address with each start,
// unless it was given a fixed one. Podman hands addresses out in turn.
func (e *Engine) movesAddresses() bool { return e.podman }

// Version is the engine's version, for people.
func (e *Engine) Version() string { return e.version }

// Address is where the engine was reached.
func (e *Engine) Address() string { return e.address }

// Close ends the helpers that are still at work, removes all that carries the
// engine's run, verifies that, and hangs up. It has its own deadline.
func (e *Engine) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	err := e.clearRun(ctx, e.currentRun())
	e.wg.Wait()
	return errors.Join(err, e.api.Close())
}

// hangUp is Close for an Engine that made nothing.
func (e *Engine) hangUp() error { return e.api.Close() }

func (e *Engine) currentRun() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.run
}

// labels are those of something made for the engine's run.
func (e *Engine) labels(role string) map[string]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return map[string]string{LabelRun: e.run, LabelOwner: e.owner, LabelRole: role}
}
