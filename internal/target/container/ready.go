package container

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/allow"
	"github.com/seed-1574e9de/ordeal/internal/plaintext"
	"github.com/seed-1574e9de/ordeal/internal/quantity"
	"github.com/seed-1574e9de/ordeal/internal/ready"
)

// SetReady says what tells that the container is ready to serve, and how long
// that may take; 0 is 30 s. Commands are run inside the container.
func (c *Container) SetReady(check ready.Check, within time.Duration) error {
	return c.setReady(check, within, c.engine.hosts)
}

// asJournalled allows the host that a check names: the run that journalled the check had made sure
// that it may connect to it.
func asJournalled(check ready.Check) *allow.Hosts {
	host, _, err := net.SplitHostPort(check.TCP)
	if check.HTTP != "" {
		var u *url.URL
		if u, err = url.Parse(check.HTTP); err == nil {
			host = u.Hostname()
		}
	}
	if err != nil || host == "" {
		return nil
	}
	hosts, err := allow.New([]string{host})
	if err != nil {
		return nil
	}
	return hosts
}

func (c *Container) setReady(check ready.Check, within time.Duration, hosts *allow.Hosts) error {
	c.within = within
	if check.IsZero() {
		c.prober = nil
		return nil
	}
	var err error
	c.prober, err = ready.NewProber(check, ready.Options{Hosts: hosts, Run: c.exec, Held: c.held})
	return err
}

// AwaitReady returns when the container is ready to serve: it runs, and what
// SetReady said answers, or else its health check, if it has one, says healthy.
func (c *Container) AwaitReady(ctx context.Context) error {
	if c.prober != nil {
		return c.await(ctx, cmp.Or(c.within, ready.DefaultTimeout), c.runs)
	}
	r, err := c.inspect(ctx)
	if err != nil {
		return err
	}
	return c.await(ctx, max(c.within, needsOf(r).health, ready.DefaultTimeout), c.healthy)
}

// awaitUp returns when the container runs and what SetReady said, if anything,
// answers. What its health check says comes later.
func (c *Container) awaitUp(ctx context.Context) error {
	return c.await(ctx, cmp.Or(c.within, ready.DefaultTimeout), c.runs)
}

// await waits until state finds nothing missing and the prober has its answer.
// The error says what was missing, and the container's last lines.
func (c *Container) await(
	ctx context.Context,
	within time.Duration,
	state func(container.InspectResponse) (missing error, over bool),
) error {
	end := ready.Await(
		ctx,
		within,
		func(ctx context.Context) (error, bool) { return c.look(ctx, state) },
	)
	if end == nil {
		return nil
	}
	missing := end.Missing
	if end.GivenUp != nil {
		return fmt.Errorf(
			"waiting for container %s: %w; last found: %w",
			c.name,
			end.GivenUp,
			missing,
		)
	}
	if end.Late {
		missing = fmt.Errorf(
			"it was not ready within %s: %w",
			quantity.FormatDuration(within),
			missing,
		)
	}
	return fmt.Errorf("container %s: %w%s", c.name, missing, c.lastLines(ctx))
}

// look says what is missing until the container is ready, nil if nothing is, and whether waiting
// longer is in vain.
func (c *Container) look(
	ctx context.Context,
	state func(container.InspectResponse) (error, bool),
) (missing error, over bool) {
	r, err := c.inspect(ctx)
	if err != nil {
		return err, errors.Is(err, chaos.ErrGone)
	}
	if missing, over = state(r); missing != nil || c.prober == nil {
		return missing, over
	}
	if err := c.prober.Ask(ctx); err != nil {
		_, refused := errors.AsType[*allow.Error](err)
		return fmt.Errorf("%s: %w", c.prober.Check(), err), refused
	}
	return nil, false
}

// runs says what keeps a container from running.
func (c *Container) runs(r container.InspectResponse) (missing error, over bool) {
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
	}
	return nil, false
}

// healthy is runs, and also says whether the container's health check, if it has one, does not say
// healthy yet.
func (c *Container) healthy(r container.InspectResponse) (missing error, over bool) {
	if missing, over = c.runs(r); missing != nil {
		return missing, over
	}
	if h := health(r); h != "" && h != container.Healthy {
		return fmt.Errorf("its health check says %s", h), false
	}
	return nil, false
}

// health is what the health check says, "" if there is none. Podman says so with
// an empty text.
func health(r container.InspectResponse) string {
	if r.State.Health == nil || r.State.Health.Status == container.NoHealthcheck {
		return ""
	}
	return r.State.Health.Status
}

// wasHealthy says whether the last run of the health check succeeded. After a pause Docker calls a
// container unhealthy for a whole interval, though no check has failed.
func wasHealthy(r container.InspectResponse) bool {
	switch health(r) {
	case container.Healthy:
		return true
	case container.Unhealthy:
		h := r.State.Health
		last := len(h.Log) - 1
		return h.FailingStreak == 0 && last >= 0 && h.Log[last].ExitCode == 0
	}
	return false
}

// execEvery is how often the engine is asked for the status of a command whose
// output has ended.
const execEvery = 50 * time.Millisecond

// exec runs a command in the container, and returns an error unless it exits
// with status 0.
func (c *Container) exec(ctx context.Context, command []string) error {
	made, err := c.engine.api.ContainerExecCreate(
		ctx,
		c.id,
		container.ExecOptions{Cmd: command, AttachStdout: true, AttachStderr: true},
	)
	if err != nil {
		return fmt.Errorf("running it in the container: %w", removed(err))
	}
	conn, err := c.engine.api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return fmt.Errorf("running it in the container: %w", err)
	}
	defer conn.Close()
	// A connection's end is the only thing that ends a blocked read.
	defer context.AfterFunc(ctx, conn.Close)()
	// To its end: a command whose output nobody reads stands still.
	var said ready.Outputs
	_, _ = stdcopy.StdCopy(&said.Stdout, &said.Stderr, conn.Reader)
	for {
		r, err := c.engine.api.ContainerExecInspect(ctx, made.ID)
		switch {
		case err != nil:
			return fmt.Errorf("running it in the container: %w", err)
		case r.Running:
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(execEvery):
			}
		case r.ExitCode == 0:
			return nil
		default:
			return said.After(fmt.Errorf("exit status %d", r.ExitCode))
		}
	}
}

// lastLines is the end of the container's log, to be put after an error; "" if
// it cannot be had.
func (c *Container) lastLines(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	logs, err := c.engine.api.ContainerLogs(
		ctx,
		c.id,
		container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "10"},
	)
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
	text := strings.TrimSpace(plaintext.Lines(out.String()))
	if text == "" {
		return "; it printed nothing"
	}
	return "; its last lines:\n    " + strings.ReplaceAll(text, "\n", "\n    ")
}
