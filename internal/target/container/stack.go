package container

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/seed-1574e9de/ordeal/internal/freeport"
	"github.com/seed-1574e9de/ordeal/internal/ready"
)

// Stack is what a run starts in an engine for itself: containers on a private
// network. Its methods may be called from any goroutine. It must be closed.
type Stack struct {
	engine  *Engine
	run     string
	network string // id
}

// Spec is a container to start.
type Spec struct {
	Name  string   // in the run, and on its network
	Image string   // one that the engine has; "" is ordeal's own program
	Args  []string // arguments of ordeal, or the command of Image
	Env   []string // KEY=value

	// Port is the port in the container, published on a free port of 127.0.0.1
	// that stays the same when the container is started again; 0 is none.
	Port int
	// Ready returns what says that it is ready, given where Port is published, ""
	// if it has none; nil: nothing but its health check, if the image has one.
	Ready        func(addr string) (ready.Check, error)
	ReadyTimeout time.Duration // 0 is 30 s
	Memory       int64         // limit in bytes, 0 is none
}

// NewStack makes the network of a run. Everything that the engine makes from
// then on belongs to run and owner, the text of an owner.Owner. progress is told
// what takes long; it may be nil. If it fails, nothing is left behind.
func (e *Engine) NewStack(
	ctx context.Context,
	run string,
	owner string,
	progress func(string),
) (*Stack, error) {
	if slug(run) == "" {
		return nil, fmt.Errorf("expected a run with a letter or digit in its name, found %q", run)
	}
	e.mu.Lock()
	taken := e.image != ""
	if !taken {
		e.run, e.owner = run, owner
		if progress != nil {
			e.progress = progress
		}
	}
	e.mu.Unlock()
	if taken {
		return nil, errors.New(
			"the engine has made things for another run already: make the stack first",
		)
	}
	s := &Stack{engine: e, run: run}
	making, cancel := uncancelled(ctx, startTimeout)
	defer cancel()
	made, err := e.api.NetworkCreate(
		making,
		"ordeal-"+slug(run),
		network.CreateOptions{Driver: "bridge", Labels: e.labels(RoleNetwork)},
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making the run's network: %w", err), s.Close(ctx))
	}
	s.network = made.ID
	return s, nil
}

// Start starts a container and returns when it is ready. If it fails, the error
// holds the container's last lines, and the container is removed.
func (s *Stack) Start(ctx context.Context, spec Spec) (*Container, error) {
	if slug(spec.Name) == "" {
		return nil, fmt.Errorf(
			"expected a container's name with a letter or digit in it, found %q",
			spec.Name,
		)
	}
	img := spec.Image
	if img == "" {
		own, err := s.engine.ownImage(ctx)
		if err != nil {
			return nil, err
		}
		img = own
	} else if err := s.engine.hasImage(ctx, img); err != nil {
		return nil, err
	}
	// A port that was free may be taken by the time the engine asks for it.
	for try := 1; ; try++ {
		c, err := s.start(ctx, spec, img)
		if err == nil {
			return c, nil
		}
		if try == 5 || !portTaken(err) {
			return nil, err
		}
	}
}

// uncancelled is a context for calls that make something. When a client hangs up, the engine goes
// on with the call, and would make the thing after all was removed. So the call is waited for, and
// the thing removed.
func uncancelled(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}

func portTaken(err error) bool {
	return strings.Contains(err.Error(), "port is already allocated") ||
		strings.Contains(err.Error(), "address already in use")
}

// start makes one try at one port.
func (s *Stack) start(ctx context.Context, spec Spec, img string) (_ *Container, err error) {
	e := s.engine
	config := &container.Config{
		Image:  img,
		Cmd:    spec.Args,
		Env:    spec.Env,
		Labels: e.labels(RoleService),
	}
	host := &container.HostConfig{
		SecurityOpt: []string{"no-new-privileges"},
		Resources:   container.Resources{Memory: spec.Memory},
	}
	if spec.Image == "" {
		config.User = "65534:65534" // nobody
		host.CapDrop = []string{"ALL"}
	}
	addr := ""
	if spec.Port != 0 {
		free, err := freeport.Pick()
		if err != nil {
			return nil, err
		}
		port := nat.Port(strconv.Itoa(spec.Port) + "/tcp")
		config.ExposedPorts = nat.PortSet{port: {}}
		// A port of the engine's choice would be another one after a restart.
		host.PortBindings = nat.PortMap{port: {{HostIP: "127.0.0.1", HostPort: strconv.Itoa(free)}}}
		addr = "127.0.0.1:" + strconv.Itoa(free)
	}
	var check ready.Check
	if spec.Ready != nil {
		if check, err = spec.Ready(addr); err != nil {
			return nil, err
		}
	}
	nets := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
		s.network: {NetworkID: s.network, Aliases: []string{spec.Name}},
	}}
	host.NetworkMode = container.NetworkMode(s.network)

	limit, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	making, done := uncancelled(ctx, startTimeout)
	defer done()
	made, err := e.api.ContainerCreate(
		making,
		config,
		host,
		nets,
		nil,
		"ordeal-"+slug(s.run)+"-"+slug(spec.Name),
	)
	if err != nil {
		return nil, fmt.Errorf("making container %s: %w", spec.Name, err)
	}
	c := &Container{engine: e, id: made.ID, name: spec.Name, addr: addr, own: true}
	defer func() {
		if err == nil {
			return
		}
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
		defer cancel()
		if rmErr := e.removeContainer(undo, made.ID); rmErr != nil {
			err = errors.Join(err, fmt.Errorf("removing container %s: %w", spec.Name, rmErr))
		}
	}()
	if err := c.SetReady(check, spec.ReadyTimeout); err != nil {
		return nil, err
	}
	if err := e.api.ContainerStart(limit, made.ID, container.StartOptions{}); err != nil {
		return nil, fmt.Errorf("starting container %s: %w", spec.Name, err)
	}
	if check.IsZero() && addr != "" && e.local() {
		r, err := c.inspect(ctx)
		if err != nil {
			return nil, err
		}
		if health(r) == "" { // nothing else says when it serves
			check = ready.Check{TCP: addr}
			if err := c.SetReady(check, spec.ReadyTimeout); err != nil {
				return nil, err
			}
		}
	}
	if err := c.AwaitReady(ctx); err != nil {
		return nil, err
	}
	if check.IsZero() {
		// Nothing says that it serves, so it has at least to stay up for a moment:
		// what is wrongly set up mostly ends at once.
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for container %s: %w", spec.Name, ctx.Err())
		case <-time.After(settleTime):
		}
		if err := c.AwaitReady(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// settleTime is how long a container of which nothing says when it serves has to
// stay up.
const settleTime = 500 * time.Millisecond

// hasImage says whether the engine has an image; nothing is ever pulled.
func (e *Engine) hasImage(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := e.api.ImageInspect(ctx, name)
	if err == nil {
		return nil
	}
	if !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("looking for image %s: %w", name, err)
	}
	there := "it has none"
	if all, err := e.api.ImageList(ctx, image.ListOptions{}); err == nil {
		var tags []string
		for _, i := range all {
			tags = append(tags, i.RepoTags...)
		}
		slices.Sort(tags)
		if len(tags) > 0 {
			there = "it has " + strings.Join(tags[:min(len(tags), maxCandidates)], ", ")
		}
	}
	return fmt.Errorf(
		"expected image %s in the engine, as nothing is pulled for a run, found it missing (%s): docker pull %s",
		name,
		there,
		name,
	)
}

// Close removes all that was made for the run, verifies that nothing is left,
// and returns all that went wrong. It is idempotent, is not cancelled with ctx,
// and has its own deadline.
func (s *Stack) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	return s.engine.clearRun(ctx, s.run)
}
