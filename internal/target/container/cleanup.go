package container

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
	role           string
	owner, run     string
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
		out = append(
			out,
			leftover{
				"container",
				c.ID,
				containerName(c),
				c.Labels[LabelRole],
				c.Labels[LabelOwner],
				c.Labels[LabelRun],
				c.State,
			},
		)
	}
	networks, err := e.api.NetworkList(ctx, network.ListOptions{Filters: args})
	if err != nil {
		return nil, fmt.Errorf("listing networks: %w", err)
	}
	for _, n := range networks {
		out = append(
			out,
			leftover{
				"network",
				n.ID,
				n.Name,
				n.Labels[LabelRole],
				n.Labels[LabelOwner],
				n.Labels[LabelRun],
				"",
			},
		)
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
		out = append(
			out,
			leftover{
				"image",
				i.ID,
				name,
				i.Labels[LabelRole],
				i.Labels[LabelOwner],
				i.Labels[LabelRun],
				"",
			},
		)
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

// remove removes one leftover and returns when it is gone; true if it was there. Engines have many
// errors for something that is gone, or that another process is removing: "unrecognized image ID",
// "is not paused", "has active endpoints" come as errors of the server. So after an error remove
// looks whether the leftover is still there.
func (e *Engine) remove(ctx context.Context, l leftover) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for limit := time.Now().Add(removeTimeout); ; {
		err := e.removeOnce(ctx, l)
		if err == nil {
			return true, nil
		}
		there, lookErr := e.exists(ctx, l)
		if lookErr == nil && !there {
			return !cerrdefs.IsNotFound(err), nil
		}
		if time.Now().After(limit) || ctx.Err() != nil {
			return false, fmt.Errorf("removing %s: %w; by hand: %s", l, err, l.byHand())
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// removeTimeout is how long a removal that fails is tried again: another process that removes the
// same may take that long.
const removeTimeout = 15 * time.Second

func (e *Engine) removeOnce(ctx context.Context, l leftover) error {
	switch l.kind {
	case "container":
		if l.role == RoleHelper && l.state == container.StateRunning {
			// Killed, it would leave its rules in the target's namespace.
			if err := e.dismiss(ctx, l.id); err != nil {
				return err
			}
		}
		if l.state == container.StatePaused {
			// Not every engine removes a paused container. If unpausing fails, the removal may work
			// all the same, or fail for the same reason.
			_ = e.api.ContainerUnpause(ctx, l.id)
		}
		return e.removeContainer(ctx, l.id)
	case "network":
		return e.api.NetworkRemove(ctx, l.id)
	}
	_, err := e.api.ImageRemove(ctx, l.id, image.RemoveOptions{Force: true, PruneChildren: true})
	return err
}

// exists says whether a leftover is still there.
func (e *Engine) exists(ctx context.Context, l leftover) (bool, error) {
	var err error
	switch l.kind {
	case "container":
		_, err = e.api.ContainerInspect(ctx, l.id)
	case "network":
		_, err = e.api.NetworkInspect(ctx, l.id, network.InspectOptions{})
	case "image":
		_, err = e.api.ImageInspect(ctx, l.id)
	}
	if cerrdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// removeContainer removes a container by force and returns when it is gone, also if the engine
// itself, or another ordeal, is removing it already.
func (e *Engine) removeContainer(ctx context.Context, id string) error {
	for limit := time.Now().Add(removeTimeout); ; {
		err := e.api.ContainerRemove(
			ctx,
			id,
			container.RemoveOptions{Force: true, RemoveVolumes: true},
		)
		_, inspectErr := e.api.ContainerInspect(ctx, id)
		if cerrdefs.IsNotFound(inspectErr) {
			return nil
		}
		// Conflict: it is being removed, and is waited for.
		if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) &&
			time.Now().After(limit) {
			return err
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
		_, err := e.remove(ctx, l)
		errs = append(errs, err)
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
			errs = append(
				errs,
				fmt.Errorf("%s is still there after it was removed; by hand: %s", l, l.byHand()),
			)
		}
	}
	return errors.Join(errs...)
}

// Swept is what Sweep found of other runs, for people.
type Swept struct {
	Removed []string
	Left    []Left
}

// Left is what was left alone of one run.
type Left struct {
	Owner, Run string
	Things     []string
}

// Sweep removes the containers, networks and images that ordeal made for runs
// that are over, as gone says of their owner and their id, and says what it left
// alone. It goes on after an error, and works beside others that do the same.
func (e *Engine) Sweep(ctx context.Context, gone func(owner, run string) bool) (Swept, error) {
	var out Swept
	found, err := e.leftovers(ctx, LabelOwner)
	if err != nil {
		return out, err
	}
	type key struct{ owner, run string }
	over := make(map[key]bool)
	left := make(map[key]int)
	var errs []error
	for _, l := range found {
		k := key{l.owner, l.run}
		is, known := over[k]
		if !known {
			is = gone(l.owner, l.run)
			over[k] = is
		}
		if !is {
			if _, ok := left[k]; !ok {
				left[k] = len(out.Left)
				out.Left = append(out.Left, Left{Owner: l.owner, Run: l.run})
			}
			out.Left[left[k]].Things = append(out.Left[left[k]].Things, l.String())
			continue
		}
		switch did, err := e.remove(ctx, l); {
		case err != nil:
			errs = append(errs, err)
		case did:
			out.Removed = append(out.Removed, l.String())
		}
	}
	return out, errors.Join(errs...)
}
