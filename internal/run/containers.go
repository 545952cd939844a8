package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/scenario"
	"github.com/seed-1574e9de/ordeal/internal/target/container"
)

// container finds or starts the containers of one service.
func (s *services) container(ctx context.Context, name string, c *scenario.Container) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	if c.Builtin == "" && c.Image == "" {
		return s.findContainers(ctx, name, c)
	}
	return s.startContainer(ctx, name, c)
}

// connect reaches for the engine, once.
func (s *services) connect(ctx context.Context) error {
	if s.engine != nil {
		return nil
	}
	engine, err := container.Connect(ctx, container.WithHosts(s.hosts), container.WithNaming(s.plan.Names))
	if err != nil {
		return err
	}
	s.engine = engine
	s.undo = append(s.undo, func(context.Context) error { return engine.Close() })
	place, err := json.Marshal(engine.Place())
	if err != nil {
		return err
	}
	return s.claim.Engine(place)
}

func (s *services) findContainers(ctx context.Context, name string, c *scenario.Container) error {
	sel := container.Selector{ID: c.ID, Name: c.Name, Label: c.Label}
	if c.Compose != nil {
		sel.ComposeProject, sel.ComposeService = c.Compose.Project, c.Compose.Service
	}
	found, err := s.engine.Find(ctx, sel)
	if err != nil {
		return err
	}
	for _, f := range found {
		s.targets[name] = append(s.targets[name], f)
		s.progress("found %s as container %s", name, f.Name())
		check, err := s.check(c.Ready, name, cmp.Or(f.PublishedAt(c.Port), f.Addr()), nil)
		if err != nil {
			return fmt.Errorf("container %s: %w", f.Name(), err)
		}
		if err := f.SetReady(check, c.ReadyTimeout); err != nil {
			return err
		}
	}
	if !c.Ready.IsZero() {
		if err := s.awaitAll(ctx, found); err != nil {
			return err
		}
	}
	if len(found) == 1 {
		if addr := found[0].Addr(); addr != "" {
			s.addrs[name] = addr
		}
	}
	return nil
}

// behind returns what asks whether connections to an address get to the container
// that publishes it there, nil if none of the run's does.
func (s *services) behind(ctx context.Context, address string) (arrives, error) {
	for _, name := range slices.Sorted(maps.Keys(s.targets)) {
		for _, t := range s.targets[name] {
			c, ok := t.(*container.Container)
			if !ok {
				continue
			}
			if there, err := c.Behind(ctx, address); err != nil || there != nil {
				return there, err
			}
		}
	}
	return nil, nil
}

// awaitAll returns when all containers are ready.
func (s *services) awaitAll(ctx context.Context, all []*container.Container) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() { errs[i] = c.AwaitReady(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *services) startContainer(ctx context.Context, name string, c *scenario.Container) error {
	if s.stack == nil {
		stack, err := s.engine.NewStack(ctx, s.id, s.owner, func(line string) { s.progress("%s", line) })
		if err != nil {
			return err
		}
		s.stack = stack
		s.undo = append(s.undo, stack.Close)
	}
	spec := container.Spec{Name: name, Image: c.Image, Port: c.Port, ReadyTimeout: c.ReadyTimeout}
	spec.Ready = func(addr string) (ready.Check, error) { return s.check(c.Ready, name, addr, nil) }
	if c.Builtin != "" {
		spec.Args = []string{"demo", c.Builtin, "--listen", fmt.Sprintf("0.0.0.0:%d", c.Port)}
	}
	for _, a := range c.Args {
		a, err := scenario.Expand(a, s.addr)
		if err != nil {
			return err
		}
		spec.Args = append(spec.Args, a)
	}
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		v, err := scenario.Expand(c.Env[k], s.addr)
		if err != nil {
			return err
		}
		spec.Env = append(spec.Env, k+"="+v)
	}
	s.progress("starting container %s", name)
	started, err := s.stack.Start(ctx, spec)
	if err != nil {
		return err
	}
	if addr := started.Addr(); addr != "" {
		s.addrs[name] = addr
	}
	s.targets[name] = []chaos.Target{started}
	return nil
}
