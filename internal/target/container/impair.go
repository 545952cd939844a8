package container

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/target/nethelper"
)

// helperKey names a fault on a target.
func helperKey(target, fault string) string { return target + "/" + fault }

// Impair implements chaos.Impairer. See package nethelper for how traffic is impaired.
// If a proxy does it, the load leaves its open connections to the container. Connections of other
// clients are reset when the client next sends something; their new connections are impaired.
func (c *Container) Impair(
	ctx context.Context,
	id string,
	n chaos.NetCondition,
	deadline time.Duration,
) (chaos.Proof, error) {
	e, key := c.engine, helperKey(c.id, id)
	seed := fnv.New64a()
	seed.Write([]byte(id))
	p := nethelper.Params{ID: id, Condition: n, Deadline: deadline, Seed: seed.Sum64()}
	if err := p.Validate(); err != nil {
		return chaos.Proof{}, err
	}
	started, err := c.impairable(ctx)
	if err != nil {
		e.settle(key)
		return chaos.Proof{}, err
	}
	h, err := e.startHelper(
		ctx,
		c,
		"ordeal-net-"+shortID(c.id),
		append([]string{nethelper.Command}, p.Args()...),
		map[string]string{labelFault: id},
	)
	if err != nil {
		e.settle(key)
		return chaos.Proof{}, err
	}
	h.started = started
	e.mu.Lock()
	e.helpers[key] = h
	delete(e.settled, key)
	e.mu.Unlock()

	limit, cancel := context.WithTimeout(ctx, callTimeout+nethelper.ApplyTimeout(n))
	defer cancel()
	m, err := h.until(limit, nethelper.EventReady)
	if err == nil {
		chaos.DisturbanceStarted(ctx)
		// While a proxy takes over: the load leaves open connections, and those on which something
		// is still sent are reset, at any time until the fault ends. Other mechanisms cut nothing.
		// The helper resets nothing before it is told to, which comes after this.
		done := func() {}
		carrying := func() {
			h.proxied = true
			done = chaos.Cutting(ctx)
			h.cut = chaos.CuttingOld(ctx)
		}
		if err = h.tell(nethelper.LineApply); err == nil {
			m, err = h.applied(limit, carrying)
		}
		done()
	}
	if err != nil {
		_, undoErr := c.Clear(context.WithoutCancel(ctx), id)
		return chaos.Proof{}, errors.Join(err, undoErr)
	}
	return chaos.Proof{Mechanism: m.Mechanism, Evidence: m.Evidence}, nil
}

// Impairable implements chaos.ImpairChecker. It also makes the image that the
// fault's helper will need, so that this does not take time once load is on.
func (c *Container) Impairable(ctx context.Context, n chaos.NetCondition) error {
	if err := n.Only(nethelper.Conditions()); err != nil {
		return fmt.Errorf("it is a container: %w", err)
	}
	p := nethelper.Params{Condition: n, Deadline: time.Minute}
	if err := p.Validate(); err != nil {
		return err
	}
	if _, err := c.impairable(ctx); err != nil {
		return err
	}
	return c.engine.Prepare(ctx)
}

// impairable says why the container's traffic cannot be impaired, and otherwise when
// it was started.
func (c *Container) impairable(ctx context.Context) (started string, err error) {
	r, err := c.inspect(ctx)
	if err != nil {
		return "", err
	}
	mode := r.HostConfig.NetworkMode
	switch {
	case !r.State.Running:
		return "", fmt.Errorf("container %s does not run: its traffic cannot be impaired", c.name)
	case r.State.Paused:
		return "", fmt.Errorf(
			"container %s is paused: its traffic cannot be impaired and measured",
			c.name,
		)
	case mode.IsHost():
		return "", fmt.Errorf(
			"container %s uses the host's network: impairing its traffic would impair that of "+
				"the whole host; put a link in front of it",
			c.name,
		)
	case mode.IsNone():
		return "", fmt.Errorf("container %s has no network whose traffic could be impaired", c.name)
	case mode.IsContainer():
		return "", fmt.Errorf(
			"container %s uses the network of container %s: name that one, as the fault hits both",
			c.name,
			shortID(mode.ConnectedContainer()),
		)
	}
	return r.State.StartedAt, nil
}

// settle remembers that a fault is known not to be in force.
func (e *Engine) settle(key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settled[key] = true
}

// Clear implements chaos.Impairer. The process that impaired the traffic tells its helper to clear
// it. In another process, the helper has lost its ordeal and clears traffic by itself: Clear waits
// for its end, and then has another helper look into the namespace.
func (c *Container) Clear(ctx context.Context, id string) (chaos.Proof, error) {
	e, key := c.engine, helperKey(c.id, id)
	e.mu.Lock()
	h, settled := e.helpers[key], e.settled[key]
	delete(e.helpers, key)
	e.mu.Unlock()
	switch {
	case h == nil && settled:
		return chaos.Proof{Evidence: "traffic is clear already"}, nil
	case h == nil:
		proof, err := c.clearOrphan(ctx, id)
		if err == nil {
			e.settle(key)
		}
		return proof, err
	}

	limit, cancel := context.WithTimeout(ctx, helperStop)
	defer cancel()
	if h.proxied {
		// What goes through the proxy is drained, and cut if that takes too long.
		defer chaos.Cutting(ctx)()
	}
	_ = h.tell(
		nethelper.LineRevert,
	) // a helper that does not hear it has its reasons to stop already
	m, err := h.reverted(limit)
	if h.cut != nil {
		h.cut()
	}
	h.close()
	if goneErr := e.waitGone(limit, h.id); goneErr != nil {
		return chaos.Proof{}, errors.Join(
			fmt.Errorf("clearing container %s: %w", c.name, goneErr),
			err,
		)
	}
	proof := chaos.Proof{Mechanism: m.Mechanism, Evidence: m.Evidence}
	switch {
	case err != nil:
		// The helper is dead, or could not clear the traffic: remove what it left.
		found, cleanErr := c.clean(ctx)
		if cleanErr != nil {
			return chaos.Proof{}, fmt.Errorf(
				"clearing container %s: %w, and cleaning up after the helper failed: %w",
				c.name,
				err,
				cleanErr,
			)
		}
		proof.Evidence = "the namespace is clean" + foundText(found)
		proof.Caveat = "the helper did not last: " + err.Error()
	case m.Event == nethelper.EventError:
		proof.Evidence = "traffic was not impaired" // and the helper says that it left nothing
	case !m.Told:
		proof.Caveat = "the helper gave up early: " + m.Why
	case m.Stats != nil && !m.Stats.Impaired:
		proof.Caveat = "no traffic passed while it was impaired"
	}
	e.settle(key)
	if caveat := c.restarted(ctx, h.started); caveat != "" {
		proof.Caveat = caveat
	}
	return proof, nil
}

// reverted returns the helper's last word: that traffic is clear, or that it
// never was impaired. Anything else is an error.
func (h *helper) reverted(ctx context.Context) (nethelper.Message, error) {
	for {
		m, err := h.next(ctx)
		if err != nil {
			return m, err
		}
		switch {
		case m.Event == nethelper.EventCleared:
			chaos.DisturbanceEnded(ctx)
			if h.proxied {
				// What the load opened until now goes through the proxy, which is about
				// to end.
				chaos.Renew(ctx)
			}
		case m.Event == nethelper.EventReverted, m.Event == nethelper.EventError && !m.Dirty:
			return m, nil
		case m.Event == nethelper.EventError:
			return m, errors.New(m.Error)
		}
	}
}

// restarted is the caveat for a target that was restarted during the fault: a restarted container
// has a new network namespace, in which nothing is impaired.
func (c *Container) restarted(ctx context.Context, started string) string {
	r, err := c.inspect(ctx)
	switch {
	case cerrdefs.IsNotFound(err):
		return "the container was removed while it was impaired"
	case err != nil:
		return "whether the container ran all the time is not known: " + err.Error()
	case !r.State.Running:
		return "the container ended while it was impaired"
	case r.State.StartedAt != started:
		return "the container was restarted while its traffic was impaired, and clear from then on"
	}
	return ""
}

// clearOrphan is Clear without the helper's stream.
func (c *Container) clearOrphan(ctx context.Context, id string) (chaos.Proof, error) {
	e := c.engine
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	helpers, err := e.api.ContainerList(
		call,
		container.ListOptions{All: true, Filters: filters.NewArgs(
			filters.Arg("label", labelTarget+"="+c.id), filters.Arg("label", labelFault+"="+id))},
	)
	if err != nil {
		return chaos.Proof{}, fmt.Errorf("looking for the helper of container %s: %w", c.name, err)
	}
	for _, h := range helpers {
		// The helper's input has closed, or it soon misses the heartbeat: then it undoes the fault
		// by itself and ends. A helper that stays all the same is stopped.
		limit, cancel := context.WithTimeout(ctx, nethelper.BeatTimeout+helperStop)
		err := e.waitGone(limit, h.ID)
		cancel()
		if err == nil {
			continue
		}
		if h.State == container.StateRunning {
			err = e.dismiss(ctx, h.ID)
		} else {
			err = e.removeContainer(ctx, h.ID)
		}
		if err != nil {
			return chaos.Proof{}, fmt.Errorf("clearing container %s: %w", c.name, err)
		}
	}
	r, err := c.inspect(ctx)
	switch {
	case cerrdefs.IsNotFound(err), err == nil && !r.State.Running:
		return chaos.Proof{Evidence: "the container's network namespace is no more"}, nil
	case err != nil:
		return chaos.Proof{}, err
	}
	found, err := c.clean(ctx)
	if err != nil {
		return chaos.Proof{}, fmt.Errorf("clearing container %s: %w", c.name, err)
	}
	return chaos.Proof{Evidence: "the namespace is clean" + foundText(found)}, nil
}

func foundText(found []string) string {
	if len(found) == 0 {
		return ""
	}
	return ", after removing " + strings.Join(found, " and ")
}

// clean looks into the container's namespace by a short-lived helper, removes
// what ordeal left there, and returns what that was.
func (c *Container) clean(ctx context.Context) ([]string, error) {
	r, err := c.inspect(ctx)
	if cerrdefs.IsNotFound(err) || err == nil && !r.State.Running {
		return nil, nil // the namespace is no more
	}
	if err != nil {
		return nil, err
	}
	h, err := c.engine.startHelper(
		ctx,
		c,
		"ordeal-clean-"+shortID(c.id),
		[]string{nethelper.Command, "clean"},
		nil,
	)
	if err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), helperStop)
	defer cancel()
	m, err := h.until(limit, nethelper.EventClean)
	h.close()
	return m.Found, errors.Join(err, c.engine.waitGone(limit, h.id))
}
