package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"golang.org/x/sys/unix"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/ready"
)

// swarmTask is the label of a container that swarm runs and replaces.
const swarmTask = "com.docker.swarm.task.id"

// needs is how much time a container needs, by what it says of itself.
type needs struct {
	health time.Duration // until its health check has its first result
	stop   time.Duration // to end by itself after the stop signal
	others time.Duration // for the neighbours that are started with it
}

// margin is for what the engine itself does on a busy machine.
const margin = 5 * time.Second

// needsOf reads how much time a container needs from its configuration.
func needsOf(r container.InspectResponse) (n needs) {
	if r.Config == nil {
		return n
	}
	if r.Config.StopTimeout != nil {
		n.stop = time.Duration(*r.Config.StopTimeout) * time.Second
	}
	h := r.Config.Healthcheck
	if health(r) == "" || h == nil {
		return n
	}
	// The engine asks for the first time one interval after the start, and takes
	// so many failures in a row, after the start period, for an answer.
	interval, timeout := cmp.Or(h.Interval, 30*time.Second), cmp.Or(h.Timeout, 30*time.Second)
	n.health = h.StartPeriod + time.Duration(cmp.Or(h.Retries, 3)+1)*(interval+timeout) + margin
	return n
}

// StartTime implements chaos.TimedKiller.
func (c *Container) StartTime() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	up := cmp.Or(c.within, ready.DefaultTimeout)
	if c.prober != nil {
		return up + c.needs.others + margin
	}
	return up + c.needs.health + c.needs.others + margin
}

// Grace implements chaos.TimedKiller.
func (c *Container) Grace() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.needs.stop
}

// Killable implements chaos.Killer.
func (c *Container) Killable(ctx context.Context) error {
	r, err := c.inspect(ctx)
	if err != nil {
		return err
	}
	near, err := c.neighbours(ctx)
	if err != nil {
		return err
	}
	n := needsOf(r)
	var errs []error
	for _, o := range near {
		n.others += o.needs.health + ready.DefaultTimeout + max(o.needs.stop, 10*time.Second)
		if o.autoRemove && o.Shares == sharesPID {
			errs = append(
				errs,
				fmt.Errorf(
					"container %s shares its processes' namespace and was started with --rm: "+
						"killing %s would remove it for good; start it without --rm",
					o.Name,
					c.name,
				),
			)
		}
	}
	c.mu.Lock()
	c.needs = n
	c.mu.Unlock()
	if r.HostConfig.AutoRemove {
		errs = append(
			errs,
			fmt.Errorf(
				"container %s was started with --rm: killing it would remove it for good; start it without --rm",
				c.name,
			),
		)
	}
	if r.Config != nil && r.Config.Labels[swarmTask] != "" {
		errs = append(
			errs,
			fmt.Errorf(
				"container %s is a task of a swarm service: swarm puts another one in its place "+
					"when it dies; kill a container that nobody replaces, or pause this one",
				c.name,
			),
		)
	}
	if !c.own {
		errs = append(errs, movingPorts(c.name, r))
	}
	return errors.Join(errs...)
}

// Kill implements chaos.Killer. A restart policy that the engine would follow,
// as it does after any signal but SIGKILL and the one that the image names, is
// suspended: Restore puts it back.
func (c *Container) Kill(ctx context.Context, signal string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := c.inspect(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", chaos.ErrNotSent, err)
	}
	if policy := r.HostConfig.RestartPolicy; c.engine.actsAfter(r, signal) {
		if err := c.setPolicy(ctx, container.RestartPolicy{Name: container.RestartPolicyDisabled}); err != nil {
			return fmt.Errorf(
				"%w: container %s would be back at once, by its restart policy %s, which could "+
					"not be suspended (%w): use SIGKILL, after which the policy does not act",
				chaos.ErrNotSent,
				c.name,
				policy.Name,
				err,
			)
		}
	}
	if err := c.engine.api.ContainerKill(ctx, c.id, signal); err != nil {
		return fmt.Errorf("sending %s to container %s: %w", signal, c.name, removed(err))
	}
	return nil
}

// actsAfter says whether the engine would follow the restart policy when the
// container dies of a signal that was sent through it. Podman does so after any
// signal but SIGKILL.
func (e *Engine) actsAfter(r container.InspectResponse, signal string) bool {
	if r.HostConfig.RestartPolicy.IsNone() || r.Config == nil || signal == "SIGKILL" {
		return false
	}
	if e.podman {
		return true
	}
	stop := r.Config.StopSignal
	return stop != "" && !sameSignal(stop, signal)
}

func sameSignal(a, b string) bool { return signalNumber(a) == signalNumber(b) }

// signalNumber reads a signal as images name it: SIGTERM, TERM or 15; 0 if it is
// none.
func signalNumber(name string) syscall.Signal {
	if n, err := strconv.Atoi(name); err == nil {
		return syscall.Signal(n)
	}
	return unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG"))
}

func (c *Container) setPolicy(ctx context.Context, p container.RestartPolicy) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := c.engine.api.ContainerUpdate(ctx, c.id, container.UpdateConfig{RestartPolicy: p})
	return err
}

// Life implements chaos.Killer. A container that was removed is not alive.
func (c *Container) Life(ctx context.Context) (string, error) {
	r, err := c.inspect(ctx)
	if errors.Is(err, chaos.ErrGone) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !r.State.Running || r.State.Restarting {
		return "", nil
	}
	return r.State.StartedAt, nil
}

// Ignores implements chaos.SignalIgnorer, where the container's first process can be
// looked at from here.
func (c *Container) Ignores(ctx context.Context, signal string) (bool, error) {
	r, err := c.inspect(ctx)
	if err != nil {
		return false, err
	}
	return ignores(r, signal), nil
}

func ignores(r container.InspectResponse, signal string) bool {
	sig := signalNumber(signal)
	if sig == 0 || !isHere(r.State.Pid, r.ID) {
		return false
	}
	m, err := owner.SignalMasks(r.State.Pid)
	// isHere is asked again, as the pid may be another process's by now.
	return err == nil && m.Ignores(int(sig)) && isHere(r.State.Pid, r.ID)
}

// isHere says whether a process of the engine's machine is that of a container
// and can be seen by its number: the engine may be elsewhere, or this process in
// a container itself.
func isHere(pid int, id string) bool {
	if pid <= 0 || id == "" {
		return false
	}
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	return err == nil && strings.Contains(string(groups), id)
}

// Start implements chaos.Killer. The container is up when it runs and, if
// something says when it is ready, that answers.
func (c *Container) Start(ctx context.Context) error {
	if err := c.start(ctx); err != nil {
		return fmt.Errorf("starting container %s: %w", c.name, removed(err))
	}
	return c.awaitUp(ctx)
}

// start waits for its turn in the startQueue, so that containers that died together get their
// addresses back.
func (c *Container) start(ctx context.Context) error {
	done, err := c.engine.queue.enter(ctx, c.id)
	if err != nil {
		return err
	}
	defer done()
	call, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return c.engine.api.ContainerStart(call, c.id, container.StartOptions{})
}
