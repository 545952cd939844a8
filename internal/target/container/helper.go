package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/seed-1574e9de/ordeal/internal/target/nethelper"
)

// helper is a helper container that ordeal is attached to. Its heartbeat goes on
// until close.
type helper struct {
	id      string
	proxied bool   // its mechanism is a proxy
	started string // when the target was started, to tell whether it was restarted
	cut     func() // to be called when it cuts no more connections that were open before it
	conn    types.HijackedResponse
	events  chan nethelper.Message // closed when the helper's output ends
	stop    chan struct{}
	once    sync.Once
	wg      sync.WaitGroup
	writing sync.Mutex

	mu     sync.Mutex
	stderr bytes.Buffer
	broken error // why the output could not be read
}

// helperStop is how long a helper may take from being told to stop until it is
// gone: its own limit for the undo, and the engine's removal of it.
const helperStop = 15 * time.Second

// startHelper runs ordeal's own program in the target's network namespace and attaches to it. The
// engine allows one container of a name, so the helper's name is a lock: two faults, or two
// ordeals, cannot be at work in one namespace.
func (e *Engine) startHelper(
	ctx context.Context,
	target *Container,
	name string,
	args []string,
	labels map[string]string,
) (*helper, error) {
	img, err := e.ownImage(ctx)
	if err != nil {
		return nil, err
	}
	all := e.labels(RoleHelper)
	all[labelTarget] = target.id
	maps.Copy(all, labels)
	config := &container.Config{
		Image: img, Cmd: args, User: "0:0", Labels: all,
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
		// The engine closes the helper's input when the first attached client goes.
		OpenStdin: true, StdinOnce: true,
	}
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode("container:" + target.id),
		CapDrop:     []string{"ALL"}, CapAdd: []string{"NET_ADMIN"},
		SecurityOpt:    []string{"no-new-privileges"},
		ReadonlyRootfs: true,
		AutoRemove:     true,
		LogConfig:      container.LogConfig{Type: "none"},
	}
	id, err := e.createHelper(ctx, target, name, config, host)
	if err != nil {
		return nil, err
	}
	h := &helper{id: id, events: make(chan nethelper.Message, 16), stop: make(chan struct{})}
	if h.conn, err = e.attach(ctx, id); err == nil {
		h.wg.Go(h.read)
		h.wg.Go(h.beat)
		limit, cancel := context.WithTimeout(ctx, startTimeout)
		defer cancel()
		err = e.api.ContainerStart(limit, id, container.StartOptions{})
	}
	if err != nil {
		h.close()
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
		defer cancel()
		return nil, errors.Join(
			fmt.Errorf("starting a helper for container %s: %w", target.name, err),
			e.removeContainer(undo, id),
		)
	}
	return h, nil
}

// createHelper creates a helper, and waits for one of the same name that is on
// its way out.
func (e *Engine) createHelper(
	ctx context.Context,
	target *Container,
	name string,
	config *container.Config,
	host *container.HostConfig,
) (string, error) {
	limit, cancel := context.WithTimeout(ctx, helperStop)
	defer cancel()
	making, done := uncancelled(ctx, helperStop)
	defer done()
	for {
		made, err := e.api.ContainerCreate(making, config, host, nil, nil, name)
		if err == nil {
			return made.ID, nil
		}
		if !cerrdefs.IsConflict(err) {
			return "", fmt.Errorf("making a helper for container %s: %w", target.name, err)
		}
		other, inspectErr := e.api.ContainerInspect(limit, name)
		if inspectErr == nil && other.Config != nil && other.State != nil {
			if other.State.Running && other.Config.Labels[LabelRun] == e.currentRun() {
				return "", fmt.Errorf(
					"container %s is already under fault %q: two network faults cannot act on "+
						"one container at the same time",
					target.name,
					other.Config.Labels[labelFault],
				)
			}
			if other.State.Status == container.StateExited ||
				other.State.Status == container.StateDead {
				_ = e.removeContainer(limit, other.ID)
				continue
			}
		}
		select {
		case <-limit.Done():
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			return "", fmt.Errorf(
				"container %s is under a fault of another ordeal, whose helper is %s: wait for "+
					"its end, or stop it with docker stop %s",
				target.name,
				name,
				name,
			)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// attach connects to the helper's streams. It gives up when ctx ends, which the engine's client
// does not do once it is connected.
func (e *Engine) attach(ctx context.Context, id string) (types.HijackedResponse, error) {
	limit, cancel := context.WithTimeout(ctx, callTimeout)
	type answer struct {
		types.HijackedResponse
		error
	}
	got := make(chan answer, 1)
	go func() {
		defer cancel()
		r, err := e.api.ContainerAttach(
			limit,
			id,
			container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true},
		)
		got <- answer{r, err}
	}()
	select {
	case a := <-got:
		return a.HijackedResponse, a.error
	case <-limit.Done():
		go func() {
			if a := <-got; a.error == nil {
				a.Close()
			}
		}()
		return types.HijackedResponse{}, fmt.Errorf("attaching: %w", limit.Err())
	}
}

// read passes on the helper's messages until its output ends.
func (h *helper) read() {
	defer close(h.events)
	r, w := io.Pipe()
	h.wg.Go(func() {
		_, err := stdcopy.StdCopy(w, (*helperStderr)(h), h.conn.Reader)
		w.CloseWithError(err)
	})
	defer r.Close()
	for msgs := nethelper.NewMessages(r); ; {
		m, err := msgs.Next()
		if err != nil {
			if err != io.EOF {
				h.mu.Lock()
				h.broken = err
				h.mu.Unlock()
			}
			return
		}
		select {
		case h.events <- m:
		case <-h.stop:
			return
		}
	}
}

// helperStderr keeps the first of what a helper complains of.
type helperStderr helper

func (h *helperStderr) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if room := 4096 - h.stderr.Len(); room > 0 {
		h.stderr.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (h *helper) beat() {
	t := time.NewTicker(nethelper.BeatEvery)
	defer t.Stop()
	for {
		select {
		case <-h.stop:
			return
		case <-t.C:
			if h.tell(nethelper.LineBeat) != nil {
				return
			}
		}
	}
}

// tell writes a line to the helper.
func (h *helper) tell(line string) error {
	h.writing.Lock()
	defer h.writing.Unlock()
	if err := h.conn.Conn.SetWriteDeadline(time.Now().Add(nethelper.BeatTimeout)); err != nil {
		return err
	}
	_, err := io.WriteString(h.conn.Conn, line+"\n")
	return err
}

// next returns the helper's next message.
func (h *helper) next(ctx context.Context) (nethelper.Message, error) {
	select {
	case m, ok := <-h.events:
		if ok {
			return m, nil
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		why := "the helper ended without saying why"
		if s := strings.TrimSpace(h.stderr.String()); s != "" {
			why += ": " + s
		} else if h.broken != nil {
			why += ": " + h.broken.Error()
		}
		return nethelper.Message{}, errors.New(why)
	case <-ctx.Done():
		return nethelper.Message{}, fmt.Errorf("waiting for the helper: %w", context.Cause(ctx))
	}
}

// until returns the next message of that event; one of an error is an error.
func (h *helper) until(ctx context.Context, event string) (nethelper.Message, error) {
	for {
		m, err := h.next(ctx)
		if err != nil {
			return m, err
		}
		switch m.Event {
		case event:
			return m, nil
		case nethelper.EventError:
			return m, errors.New(m.Error)
		}
	}
}

// applied waits until traffic is impaired. If the helper's mechanism carries connections, it calls
// carrying when every new connection goes through the helper. Connections from before are reset
// once carrying has returned.
func (h *helper) applied(ctx context.Context, carrying func()) (nethelper.Message, error) {
	for {
		m, err := h.next(ctx)
		if err != nil {
			return m, err
		}
		switch m.Event {
		case nethelper.EventCarrying:
			carrying()
			if err := h.tell(nethelper.LineReset); err != nil {
				return m, err
			}
		case nethelper.EventApplied:
			return m, nil
		case nethelper.EventError:
			return m, errors.New(m.Error)
		}
	}
}

// close hangs up, whereupon the helper undoes what it has not undone yet, and
// ends.
func (h *helper) close() {
	h.once.Do(func() {
		close(h.stop)
		if h.conn.Conn != nil {
			h.conn.Close()
		}
	})
	h.wg.Wait()
}

// waitGone returns when the engine has removed a container.
func (e *Engine) waitGone(ctx context.Context, id string) error {
	for {
		_, err := e.api.ContainerInspect(ctx, id)
		if cerrdefs.IsNotFound(err) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf(
				"helper %s is still there: %w",
				shortID(id),
				errors.Join(ctx.Err(), err),
			)
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// dismiss ends a helper that nobody is attached to any more, giving it the time
// to undo its work, and returns when it is gone.
func (e *Engine) dismiss(ctx context.Context, id string) error {
	seconds := int(helperStop / time.Second)
	limit, cancel := context.WithTimeout(ctx, helperStop+callTimeout)
	defer cancel()
	err := e.api.ContainerStop(limit, id, container.StopOptions{Timeout: &seconds})
	if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) && e.runs(limit, id) {
		return fmt.Errorf("stopping helper %s: %w", shortID(id), err)
	}
	return e.waitGone(limit, id)
}

// runs says whether a container is seen to run.
func (e *Engine) runs(ctx context.Context, id string) bool {
	r, err := e.api.ContainerInspect(ctx, id)
	return err == nil && r.ContainerJSONBase != nil && r.State != nil && r.State.Running
}

// dismissAll hangs up on all of the engine's helpers and waits for their end.
func (e *Engine) dismissAll(ctx context.Context) {
	e.mu.Lock()
	helpers := e.helpers
	e.helpers = make(map[string]*helper)
	e.mu.Unlock()
	limit, cancel := context.WithTimeout(ctx, helperStop)
	defer cancel()
	var wg sync.WaitGroup
	for _, h := range helpers {
		wg.Go(func() {
			h.close()
			// One that stays is found by its labels, and told.
			_ = e.waitGone(limit, h.id)
		})
	}
	wg.Wait()
}
