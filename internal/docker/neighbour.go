package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/seed-1574e9de/ordeal/internal/ready"
)

// neighbour is a running container that shares a namespace of another one, which
// ends with that one's life.
type neighbour struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Shares  string `json:"shares"`
	Healthy bool   `json:"healthy,omitempty"`

	autoRemove bool
	needs      needs
}

// What a neighbour can share, for people. One that shares its processes'
// namespace dies with it; the others run on, cut off.
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

// neighbours lists the running containers that share one of c's namespaces.
func (c *Container) neighbours(ctx context.Context) ([]neighbour, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := c.engine.api.ContainerList(call, container.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	var out []neighbour
	for _, s := range all {
		if s.ID == c.id || s.Labels[LabelRole] == RoleHelper {
			continue
		}
		r, err := (&Container{engine: c.engine, id: s.ID, name: containerName(s)}).inspect(call)
		if cerrdefs.IsNotFound(err) {
			continue // it went just now
		}
		if err != nil {
			return nil, err
		}
		if shares := sharesOf(r.HostConfig, c.id, c.name); shares != "" {
			out = append(out, neighbour{
				ID: s.ID, Name: containerName(s), Shares: shares, Healthy: health(r) == container.Healthy,
				autoRemove: r.HostConfig.AutoRemove, needs: needsOf(r),
			})
		}
	}
	slices.SortFunc(out, func(a, b neighbour) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
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

// restoreNeighbour starts a neighbour of target again if it died with it, or
// lives on in what is left of target's former namespace. It says what it did, ""
// if there was nothing to do.
func (e *Engine) restoreNeighbour(ctx context.Context, n neighbour, target string) (did string, err error) {
	c := &Container{engine: e, id: n.ID, name: n.Name}
	r, err := c.inspect(ctx)
	if err != nil {
		return "", fmt.Errorf("putting its neighbour right: %w", err)
	}
	other, err := (&Container{engine: e, id: target, name: shortID(target)}).inspect(ctx)
	if err != nil {
		return "", err
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
		return "", fmt.Errorf("starting container %s again, which uses %s of it: %w; by hand: docker restart %s", n.Name, n.Shares, err, n.Name)
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
