package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/allow"
)

// Container is a container that can be broken: one of the user's, or one that
// ordeal started. Its methods may be called from any goroutine.
type Container struct {
	engine *Engine
	id     string
	name   string // for people: a found container's own, a service's name
	addr   string
	ready  string        // URL, "" if nothing says when it is ready
	within time.Duration // for ready
}

var (
	_ chaos.Target       = (*Container)(nil)
	_ chaos.Killer       = (*Container)(nil)
	_ chaos.Pauser       = (*Container)(nil)
	_ chaos.NetShaper    = (*Container)(nil)
	_ chaos.ShapeChecker = (*Container)(nil)
)

// refKind is the kind of a container's chaos.Ref.
const refKind = "container"

// refData is what a journal keeps of a container.
type refData struct {
	ID     string        `json:"id"`
	Addr   string        `json:"addr,omitempty"`
	Ready  string        `json:"ready,omitempty"`
	Within time.Duration `json:"within,omitempty"`
	Engine *Place        `json:"engine,omitempty"` // nil in records of earlier versions
}

// Name implements chaos.Target.
func (c *Container) Name() string { return c.name }

// ID is the engine's id of the container.
func (c *Container) ID() string { return c.id }

// Addr is where the host reaches the container, 127.0.0.1 and a published port;
// "" if it publishes none, or several.
func (c *Container) Addr() string { return c.addr }

// Ref implements chaos.Target.
func (c *Container) Ref() chaos.Ref {
	place := c.engine.Place()
	data, err := json.Marshal(refData{c.id, c.addr, c.ready, c.within, &place})
	if err != nil {
		panic("docker: strings and a number did not become JSON: " + err.Error())
	}
	return chaos.Ref{Kind: refKind, Name: c.name, Data: data}
}

// Reopen finds the container of a Ref again: chaos.ErrGone if it was removed,
// chaos.ErrElsewhere if it was at another engine than this one.
func (e *Engine) Reopen(ctx context.Context, ref chaos.Ref) (chaos.Target, error) {
	var d refData
	if err := json.Unmarshal(ref.Data, &d); err != nil || d.ID == "" || ref.Kind != refKind {
		return nil, fmt.Errorf("expected the reference of a container, found %s %q with %s", ref.Kind, ref.Name, ref.Data)
	}
	c := &Container{engine: e, id: d.ID, name: ref.Name, addr: d.Addr, ready: d.Ready, within: d.Within}
	// An id is given once: whoever has it is the one.
	_, err := c.inspect(ctx)
	if err == nil {
		return c, nil
	}
	if !errors.Is(err, chaos.ErrGone) {
		return nil, err
	}
	if d.Engine == nil {
		return nil, fmt.Errorf("%w: the engine at %s does not know it, and its record does not say which engine it was at; "+
			"try the others with DOCKER_HOST", chaos.ErrElsewhere, e.address)
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

// removed makes the engine's "no such container" chaos.ErrGone too: nothing of a
// container that somebody removed needs undoing, and no other try would find it.
func removed(err error) error {
	if cerrdefs.IsNotFound(err) {
		return fmt.Errorf("%w (%w)", chaos.ErrGone, err)
	}
	return err
}

// Killable implements chaos.Killer.
func (c *Container) Killable(ctx context.Context) error {
	r, err := c.inspect(ctx)
	if err != nil {
		return err
	}
	if r.HostConfig.AutoRemove {
		return fmt.Errorf("container %s was started with --rm: killing it would remove it for good; start it without --rm", c.name)
	}
	return nil
}

// Kill implements chaos.Killer.
func (c *Container) Kill(ctx context.Context, signal string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := c.engine.api.ContainerKill(ctx, c.id, signal); err != nil {
		return fmt.Errorf("sending %s to container %s: %w", signal, c.name, removed(err))
	}
	return nil
}

// Alive implements chaos.Killer. A container that was removed is not alive.
func (c *Container) Alive(ctx context.Context) (bool, error) {
	r, err := c.inspect(ctx)
	if errors.Is(err, chaos.ErrGone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return r.State.Running && !r.State.Restarting, nil
}

// Start implements chaos.Killer. It is ready to serve when it runs, its health
// check, if it has one, says healthy, and its ready URL, if it has one, answers
// 2xx.
func (c *Container) Start(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := c.engine.api.ContainerStart(call, c.id, container.StartOptions{}); err != nil {
		return fmt.Errorf("starting container %s: %w", c.name, removed(err))
	}
	return c.waitReady(ctx)
}

// defaultWithin is how long a container may take to get ready if nobody says.
const defaultWithin = 30 * time.Second

// readyEvery is how often a container that is not ready yet is asked.
const readyEvery = 50 * time.Millisecond

// waitReady returns when the container is ready to serve. Its error says what
// was missing, and the container's last lines.
func (c *Container) waitReady(ctx context.Context) error {
	within := cmp.Or(c.within, defaultWithin)
	limit, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	open := allow.Dialer{Hosts: c.engine.hosts}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: open.DialContext}
	defer transport.CloseIdleConnections()
	web := &http.Client{Timeout: 2 * time.Second, Transport: transport}
	var missing error
	for {
		now, over := c.notReady(limit, web)
		if now == nil {
			return nil
		}
		// What the end of the time itself cut short says nothing.
		if missing == nil || limit.Err() == nil {
			missing = now
		}
		if over {
			break
		}
		select {
		case <-limit.Done():
		case <-time.After(readyEvery):
			continue
		}
		break
	}
	if ctx.Err() != nil {
		return fmt.Errorf("waiting for container %s: %w", c.name, ctx.Err())
	}
	if limit.Err() != nil {
		missing = fmt.Errorf("it was not ready within %s: %w", within, missing)
	}
	return fmt.Errorf("container %s: %w%s", c.name, missing, c.lastLines(ctx))
}

// notReady says what is missing until the container is ready, nil if nothing,
// and whether waiting is in vain.
func (c *Container) notReady(ctx context.Context, web *http.Client) (missing error, over bool) {
	r, err := c.inspect(ctx)
	if err != nil {
		return err, errors.Is(err, chaos.ErrGone)
	}
	switch s := r.State; {
	case s.Paused:
		return errors.New("it is paused"), true
	case s.Restarting:
		return fmt.Errorf("it exited with status %d and is being restarted", s.ExitCode), false
	case !s.Running:
		why := fmt.Sprintf("it exited with status %d", s.ExitCode)
		if s.OOMKilled {
			why += ", out of memory"
		}
		if s.Error != "" {
			why += ": " + s.Error
		}
		return errors.New(why), true
	// podman reports an empty status for a container without a health check.
	case s.Health != nil && s.Health.Status != "" && s.Health.Status != container.Healthy && s.Health.Status != container.NoHealthcheck:
		return fmt.Errorf("its health check says %s", s.Health.Status), false
	}
	if c.ready == "" {
		return nil, false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.ready, nil)
	if err != nil {
		return fmt.Errorf("expected a URL that says when it is ready, found %q: %w", c.ready, err), true
	}
	res, err := web.Do(req)
	if refused, ok := errors.AsType[*allow.Error](err); ok {
		return refused, true
	}
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", c.ready, errors.Unwrap(err)), false
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("expected a 2xx from %s, found %s", c.ready, res.Status), false
	}
	return nil, false
}

// lastLines is the end of the container's log, to be put after an error; "" if
// it cannot be had.
func (c *Container) lastLines(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	logs, err := c.engine.api.ContainerLogs(ctx, c.id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "10"})
	if err != nil {
		return ""
	}
	defer logs.Close()
	var out bytes.Buffer
	r := io.LimitReader(logs, 64<<10)
	if info, err := c.inspect(ctx); err == nil && info.Config != nil && info.Config.Tty {
		_, _ = io.Copy(&out, r)
	} else {
		_, _ = stdcopy.StdCopy(&out, &out, r)
	}
	text := strings.TrimSpace(out.String())
	if text == "" {
		return "; it printed nothing"
	}
	return "; its last lines:\n    " + strings.ReplaceAll(text, "\n", "\n    ")
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

// readyURL completes what a scenario says: a whole URL stays, a path is taken at
// addr.
func readyURL(ready, addr string) (string, error) {
	if ready == "" || strings.Contains(ready, "://") {
		return ready, nil
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return "", fmt.Errorf("ready: the path %q needs a port of the container to ask at: set port, or give a whole URL", ready)
	}
	return "http://" + addr + "/" + strings.TrimPrefix(ready, "/"), nil
}
