package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/ready"
)

// Container is a container that can be broken: one of the user's, or one that
// ordeal started. Its methods may be called from any goroutine.
type Container struct {
	engine *Engine
	id     string
	name   string // for people: a found container's own, a service's name
	addr   string
	ports  []container.Port // of a found one, as published when it was found
	own    bool             // made by a Stack
	prober *ready.Prober    // nil if nothing says when it is ready
	within time.Duration    // for ready; 0 if nobody says

	mu    sync.Mutex
	needs needs // how much time it needs, as last seen
}

var (
	_ chaos.Target        = (*Container)(nil)
	_ chaos.Killer        = (*Container)(nil)
	_ chaos.Server        = (*Container)(nil)
	_ chaos.SignalIgnorer = (*Container)(nil)
	_ chaos.TimedKiller   = (*Container)(nil)
	_ chaos.Restorer      = (*Container)(nil)
	_ chaos.Resetter      = (*Container)(nil)
	_ chaos.Warner        = (*Container)(nil)
	_ chaos.Remedier      = (*Container)(nil)
	_ chaos.Pauser        = (*Container)(nil)
	_ chaos.Impairer      = (*Container)(nil)
	_ chaos.ImpairChecker = (*Container)(nil)
)

// refData is what a journal keeps of a container.
type refData struct {
	ID     string        `json:"id"`
	Addr   string        `json:"addr,omitempty"`
	Ready  ready.Check   `json:"ready,omitzero"`
	Within time.Duration `json:"within,omitempty"`
	Own    bool          `json:"own,omitempty"`
	Engine *Place        `json:"engine,omitempty"` // nil in records of earlier versions
}

// Name implements chaos.Target.
func (c *Container) Name() string { return c.name }

// ID is the engine's id of the container.
func (c *Container) ID() string { return c.id }

// Addr is where the host reaches the container, 127.0.0.1 and a published port;
// "" if it publishes none, or several.
func (c *Container) Addr() string { return c.addr }

// Identity implements target.Found: the engine's id is that of one container among all.
func (c *Container) Identity() string {
	if c.own {
		return ""
	}
	return "container " + shortID(c.id)
}

// Ref implements chaos.Target.
func (c *Container) Ref() chaos.Ref {
	place := c.engine.Place()
	d := refData{ID: c.id, Addr: c.addr, Within: c.within, Own: c.own, Engine: &place}
	if c.prober != nil {
		d.Ready = c.prober.Check()
	}
	data, err := json.Marshal(d)
	if err != nil {
		panic("docker: strings and a number did not become JSON: " + err.Error())
	}
	return chaos.Ref{Kind: kindName, Name: c.name, Data: data}
}

// Reopen finds the container of a Ref again: chaos.ErrGone if it was removed,
// chaos.ErrElsewhere if it was at another engine than this one.
func (e *Engine) Reopen(ctx context.Context, ref chaos.Ref) (chaos.Target, error) {
	var d refData
	if err := json.Unmarshal(ref.Data, &d); err != nil || d.ID == "" || ref.Kind != kindName {
		return nil, fmt.Errorf(
			"expected the reference of a container, found %s %q with %s",
			ref.Kind,
			ref.Name,
			ref.Data,
		)
	}
	c := &Container{engine: e, id: d.ID, name: ref.Name, addr: d.Addr, own: d.Own}
	if err := c.setReady(d.Ready, d.Within, asJournalled(d.Ready)); err != nil {
		return nil, err
	}
	// Ids are never given twice: a container with this id is the one.
	_, err := c.inspect(ctx)
	if err == nil {
		return c, nil
	}
	if !errors.Is(err, chaos.ErrGone) {
		return nil, err
	}
	if d.Engine == nil {
		return nil, fmt.Errorf(
			"%w: the engine at %s does not know it, and its record does not say which engine it was at; "+
				"try the others with DOCKER_HOST",
			chaos.ErrElsewhere,
			e.address,
		)
	}
	if !d.Engine.Same(e.place) {
		return nil, d.Engine.elsewhere()
	}
	return nil, err
}

func (c *Container) inspect(ctx context.Context) (container.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := c.engine.api.ContainerInspect(ctx, c.id)
	if err != nil {
		return r, fmt.Errorf("looking at container %s: %w", c.name, removed(err))
	}
	if r.ContainerJSONBase == nil || r.State == nil || r.HostConfig == nil {
		return r, fmt.Errorf("looking at container %s: the engine's answer has no state", c.name)
	}
	return r, nil
}

// removed adds chaos.ErrGone to the engine's "no such container": a container that somebody removed
// needs no undo, and trying again would not find it.
func removed(err error) error {
	if cerrdefs.IsNotFound(err) {
		return fmt.Errorf("%w (%w)", chaos.ErrGone, err)
	}
	return err
}

// Pause implements chaos.Pauser.
func (c *Container) Pause(ctx context.Context) error {
	if is, err := c.Paused(ctx); err != nil || is {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := c.engine.api.ContainerPause(ctx, c.id); err != nil {
		return fmt.Errorf("pausing container %s: %w", c.name, removed(err))
	}
	return nil
}

// Unpause implements chaos.Pauser.
func (c *Container) Unpause(ctx context.Context) error {
	is, err := c.Paused(ctx)
	if err != nil || !is {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := c.engine.api.ContainerUnpause(ctx, c.id); err != nil {
		return fmt.Errorf("unpausing container %s: %w", c.name, removed(err))
	}
	return nil
}

// Paused implements chaos.Pauser.
func (c *Container) Paused(ctx context.Context) (bool, error) {
	r, err := c.inspect(ctx)
	if err != nil {
		return false, err
	}
	return r.State.Paused, nil
}

// Remedy implements chaos.Remedier.
func (c *Container) Remedy(did chaos.Capability) string {
	switch did {
	case chaos.CapKill:
		return "docker start " + c.name
	case chaos.CapPause:
		return "docker unpause " + c.name
	}
	return ""
}
