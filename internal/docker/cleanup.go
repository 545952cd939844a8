package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
)

// leftover is something in the engine that carries ordeal's labels.
type leftover struct {
	kind, id, name string // kind is container, network or image
	role, owner    string
	state          string // of a container
}

func (l leftover) String() string { return l.kind + " " + l.name }

// byHand is how a person removes it.
func (l leftover) byHand() string {
	if l.kind == "container" {
		return "docker rm -f " + l.name
	}
	return "docker " + l.kind + " rm " + l.name
}

// leftovers lists what ordeal made that carries a label, in the order in which it can be removed:
// helpers, which have work to undo, other containers, networks, images.
func (e *Engine) leftovers(ctx context.Context, label string) ([]leftover, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	args := filters.NewArgs(filters.Arg("label", label))
	var out []leftover
	containers, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: args})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	for _, c := range containers {
		// A container inherits its image's labels: somebody else's, made from a
		// run's image, has the role of that.
		if role := c.Labels[LabelRole]; role != RoleService && role != RoleHelper {
			continue
		}
		out = append(out, leftover{"container", c.ID, containerName(c), c.Labels[LabelRole], c.Labels[LabelOwner], c.State})
	}
	networks, err := e.api.NetworkList(ctx, network.ListOptions{Filters: args})
	if err != nil {
		return nil, fmt.Errorf("listing networks: %w", err)
	}
	for _, n := range networks {
		out = append(out, leftover{"network", n.ID, n.Name, n.Labels[LabelRole], n.Labels[LabelOwner], ""})
	}
	images, err := e.api.ImageList(ctx, image.ListOptions{All: true, Filters: args})
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	for _, i := range images {
		name := i.ID
		if len(i.RepoTags) > 0 {
			name = i.RepoTags[0]
		}
		out = append(out, leftover{"image", i.ID, name, i.Labels[LabelRole], i.Labels[LabelOwner], ""})
	}
	order := []string{RoleHelper, RoleService, RoleNetwork, RoleImage}
	rank := func(l leftover) int { return slices.Index(order, l.role) }
	slices.SortStableFunc(out, func(a, b leftover) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a.name, b.name)
	})
	return out, nil
}

// remove removes one leftover; one that is gone already is no error.
func (e *Engine) remove(ctx context.Context, l leftover) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var err error
	switch l.kind {
	case "container":
		if l.role == RoleHelper && l.state == container.StateRunning {
			// Killed, it would leave its rules in the target's namespace.
			if err := e.dismiss(ctx, l.id); err != nil {
				return err
			}
		}
		if l.state == container.StatePaused {
			if err := e.api.ContainerUnpause(ctx, l.id); err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
				return fmt.Errorf("unpausing %s, to remove it: %w", l, err)
			}
		}
		err = e.removeContainer(ctx, l.id)
	case "network":
		err = e.api.NetworkRemove(ctx, l.id)
	case "image":
		_, err = e.api.ImageRemove(ctx, l.id, image.RemoveOptions{Force: true, PruneChildren: true})
	}
	if err != nil && !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("removing %s: %w; by hand: %s", l, err, l.byHand())
	}
	return nil
}

// removeContainer removes a container by force and returns when it is gone,
// also if the engine itself is at it already.
func (e *Engine) removeContainer(ctx context.Context, id string) error {
	for {
		err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
			return err
		}
		_, inspectErr := e.api.ContainerInspect(ctx, id)
		if cerrdefs.IsNotFound(inspectErr) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// clearRun ends the engine's helpers, removes all that carries the run, and
// verifies that nothing is left.
func (e *Engine) clearRun(ctx context.Context, run string) error {
	e.dismissAll(ctx)
	label := LabelRun + "=" + run
	found, err := e.leftovers(ctx, label)
	if err != nil {
		return err
	}
	var errs []error
	for _, l := range found {
		errs = append(errs, e.remove(ctx, l))
	}
	e.mu.Lock()
	if e.run == run {
		e.image = ""
	}
	e.mu.Unlock()
	if len(found) > 0 {
		still, err := e.leftovers(ctx, label)
		errs = append(errs, err)
		for _, l := range still {
			errs = append(errs, fmt.Errorf("%s is still there after it was removed; by hand: %s", l, l.byHand()))
		}
	}
	return errors.Join(errs...)
}

// Sweep removes the containers, networks and images that ordeal made for owners
// that ownerAlive says are gone, and returns what was removed, for people. It
// goes on after an error.
func (e *Engine) Sweep(ctx context.Context, ownerAlive func(owner string) bool) (removed []string, err error) {
	found, err := e.leftovers(ctx, LabelOwner)
	if err != nil {
		return nil, err
	}
	alive := make(map[string]bool)
	var errs []error
	for _, l := range found {
		is, known := alive[l.owner]
		if !known {
			is = ownerAlive(l.owner)
			alive[l.owner] = is
		}
		if is {
			continue
		}
		if err := e.remove(ctx, l); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, l.String())
	}
	return removed, errors.Join(errs...)
}
