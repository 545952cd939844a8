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
	"golang.org/x/sync/errgroup"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/ready"
)

// neighbour is a running container that shares a namespace of another one: the namespace ends with
// that container's life.
type neighbour struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Shares  string `json:"shares"`
	Healthy bool   `json:"healthy,omitempty"`
	// Of is the id of the neighbour whose namespace it is; "": the target's own.
	Of string `json:"of,omitempty"`

	autoRemove bool
	needs      needs
}

// What a neighbour can share, for people. A neighbour in the processes' namespace dies with the
// container; the others run on, cut off.
const (
	sharesPID     = "the processes' namespace"
	sharesNetwork = "the network"
	sharesIPC     = "the shared memory"
)

func (n neighbour) fate() string {
	switch n.Shares {
	case sharesPID:
		return "dies"
	case sharesNetwork:
		return "loses its network"
	}
	return "is cut off"
}

// lookTimeout is how long the engine may take to describe a container that may be a
// neighbour, and lookAtOnce how many it is asked for at a time. Somebody else's container
// that the engine is stuck with must not keep a fault from its own target.
const (
	lookTimeout = 5 * time.Second
	lookAtOnce  = 8
)

// neighbours lists the running containers that share one of c's namespaces, and the neighbours of
// these, as they have to be started again too. Each comes after the one that it depends on.
func (c *Container) neighbours(ctx context.Context) ([]neighbour, error) {
	out, err := c.direct(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{c.id: true}
	for _, n := range out {
		seen[n.ID] = true
	}
	for i := 0; i < len(out); i++ {
		near, err := (&Container{engine: c.engine, id: out[i].ID, name: out[i].Name}).direct(ctx)
		if err != nil {
			return nil, err
		}
		for _, n := range near {
			if !seen[n.ID] {
				seen[n.ID], n.Of = true, out[i].ID
				out = append(out, n)
			}
		}
	}
	return out, nil
}

// direct lists the running containers that share one of c's namespaces. One that
// the engine does not describe in time is judged by its entry in the engine's list, which has its
// network and no other namespace.
func (c *Container) direct(ctx context.Context) ([]neighbour, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := c.engine.api.ContainerList(call, container.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	found := make([]*neighbour, len(all))
	var looks errgroup.Group
	looks.SetLimit(lookAtOnce)
	for i, s := range all {
		if s.ID == c.id || s.Labels[LabelRole] == RoleHelper {
			continue
		}
		looks.Go(func() (err error) {
			found[i], err = c.neighbour(ctx, s)
			return err
		})
	}
	if err := looks.Wait(); err != nil {
		return nil, err
	}
	var out []neighbour
	for _, n := range found {
		if n != nil {
			out = append(out, *n)
		}
	}
	slices.SortFunc(out, func(a, b neighbour) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// neighbour looks at a running container of the engine's list, and returns nil if it shares
// nothing with c or is gone by now.
func (c *Container) neighbour(ctx context.Context, s container.Summary) (*neighbour, error) {
	look, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	n := &neighbour{ID: s.ID, Name: containerName(s)}
	r, err := (&Container{engine: c.engine, id: s.ID, name: n.Name}).inspect(look)
	switch {
	case cerrdefs.IsNotFound(err):
		return nil, nil
	case err != nil && ctx.Err() == nil && look.Err() != nil:
		n.Shares = sharesOf(
			&container.HostConfig{NetworkMode: container.NetworkMode(s.HostConfig.NetworkMode)},
			c.id,
			c.name,
		)
	case err != nil:
		return nil, err
	default:
		n.Shares, n.Healthy = sharesOf(r.HostConfig, c.id, c.name), wasHealthy(r)
		n.autoRemove, n.needs = r.HostConfig.AutoRemove, needsOf(r)
	}
	if n.Shares == "" {
		return nil, nil
	}
	return n, nil
}

// sharesOf says what a container shares of another one, "" if nothing.
func sharesOf(h *container.HostConfig, id, name string) string {
	of := func(mode string) bool {
		other, ok := strings.CutPrefix(mode, "container:")
		return ok && (other == name || len(other) >= 12 && strings.HasPrefix(id, other))
	}
	switch {
	case of(string(h.PidMode)):
		return sharesPID
	case of(string(h.NetworkMode)):
		return sharesNetwork
	case of(string(h.IpcMode)):
		return sharesIPC
	}
	return ""
}

// restoreNeighbour starts a neighbour of target again if it died with target, or lives on in
// target's former namespace. It returns what it did, "" if there was nothing to do. A neighbour
// that somebody has removed since is left out.
func (e *Engine) restoreNeighbour(
	ctx context.Context,
	n neighbour,
	target string,
) (did string, err error) {
	other, err := (&Container{engine: e, id: target, name: shortID(target)}).inspect(ctx)
	if err != nil {
		return "", err
	}
	did, err = e.startNeighbour(ctx, n, other)
	if errors.Is(err, chaos.ErrGone) {
		return fmt.Sprintf("%s, which used %s, was removed meanwhile", n.Name, n.Shares), nil
	}
	return did, err
}

// startNeighbour is restoreNeighbour for a target that was inspected. chaos.ErrGone means that the
// neighbour was removed.
func (e *Engine) startNeighbour(
	ctx context.Context,
	n neighbour,
	other container.InspectResponse,
) (did string, err error) {
	c := &Container{engine: e, id: n.ID, name: n.Name}
	r, err := c.inspect(ctx)
	if err != nil {
		return "", fmt.Errorf("putting its neighbour right: %w", err)
	}
	stop := max(needsOf(r).stop, 10*time.Second)
	call, cancel := context.WithTimeout(ctx, stop+startTimeout)
	defer cancel()
	switch {
	case !r.State.Running:
		err = e.api.ContainerStart(call, n.ID, container.StartOptions{})
		did = "started " + n.Name + ", which uses " + n.Shares
	case startedAt(r).Before(startedAt(other)):
		err = e.api.ContainerRestart(call, n.ID, container.StopOptions{})
		did = "restarted " + n.Name + ", which uses " + n.Shares
	default:
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf(
			"starting container %s again, which uses %s of it: %w; by hand: docker restart %s",
			n.Name,
			n.Shares,
			removed(err),
			n.Name,
		)
	}
	state := c.runs
	if n.Healthy {
		state = c.healthy
	}
	return did, c.await(ctx, needsOf(r).health+ready.DefaultTimeout, state)
}

func startedAt(r container.InspectResponse) time.Time {
	t, err := time.Parse(time.RFC3339Nano, r.State.StartedAt)
	if err != nil {
		return time.Time{}
	}
	return t
}
