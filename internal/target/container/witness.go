package container

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/seed-1574e9de/ordeal/chaos"
)

var _ chaos.Witness = (*Container)(nil)

// look identifies a container's present life.
type look struct {
	StartedAt string    `json:"started_at"`
	PID       int       `json:"pid"`
	Restarts  int       `json:"restarts"`
	At        time.Time `json:"at,omitzero"` // by the engine's clock; zero if that is not known
}

// Look implements chaos.Witness.
func (c *Container) Look(ctx context.Context) (json.RawMessage, error) {
	r, err := c.inspect(ctx)
	if err != nil {
		return nil, err
	}
	l := look{StartedAt: r.State.StartedAt, PID: r.State.Pid, Restarts: r.RestartCount}
	if e := c.engine; e.clockKnown {
		l.At = time.Now().Add(e.ahead).UTC()
	}
	return json.Marshal(l)
}

// Changed implements chaos.Witness. It goes by the start of the container, which
// is another one after each life, and by what the engine remembers of events,
// which is little, and nothing once the engine itself was restarted.
func (c *Container) Changed(
	ctx context.Context,
	did chaos.Capability,
	raw json.RawMessage,
) (string, error) {
	var l look
	if err := json.Unmarshal(raw, &l); err != nil {
		return "", fmt.Errorf("reading what container %s was like: %w", c.name, err)
	}
	r, err := c.inspect(ctx)
	if err != nil {
		return "", err
	}
	again := r.State.StartedAt != l.StartedAt
	switch did {
	case chaos.CapKill:
		switch {
		case r.State.Running || r.State.Restarting:
			return "", nil // the undo makes sure that it serves
		case again:
			return fmt.Sprintf(
				"it was started again at %s, and has ended since with status %d",
				r.State.StartedAt,
				r.State.ExitCode,
			), nil
		}
		if at := c.eventAfter(ctx, l.At, events.ActionDie, events.ActionStop); !at.IsZero() {
			return fmt.Sprintf("somebody stopped it at %s", at.Format(time.RFC3339)), nil
		}
	case chaos.CapPause:
		switch {
		case r.State.Status != container.StatePaused && !r.State.Paused:
			return "", nil
		case again:
			return fmt.Sprintf(
				"it was started again at %s, and paused by somebody since",
				r.State.StartedAt,
			), nil
		}
		if at := c.eventAfter(ctx, l.At, events.ActionPause, events.ActionUnPause); !at.IsZero() {
			return fmt.Sprintf(
				"it was unpaused at %s, and paused by somebody since",
				at.Format(time.RFC3339),
			), nil
		}
	}
	return "", nil
}

// eventAfter returns when the container had the event next after its first event
// first, since a time of the engine's; zero if the engine knows of none.
func (c *Container) eventAfter(
	ctx context.Context,
	since time.Time,
	first, next events.Action,
) (at time.Time) {
	if since.IsZero() {
		return at
	}
	ctx, cancel := context.WithTimeout(ctx, eventsTimeout)
	defer cancel()
	until := time.Now().Add(c.engine.ahead)
	messages, errs := c.engine.api.Events(ctx, events.ListOptions{
		Since: stamp(since), Until: stamp(until),
		Filters: filters.NewArgs(
			filters.Arg("type", string(events.ContainerEventType)),
			filters.Arg("container", c.id),
		),
	})
	seen := false
	for {
		select {
		case m := <-messages:
			switch {
			case m.Action == first:
				seen = true
			case m.Action == next && seen:
				return time.Unix(m.Time, 0).UTC()
			}
		case <-errs: // the end, or what keeps the engine from telling
			return at
		}
	}
}

// eventsTimeout is how long an engine may take to tell what it remembers.
const eventsTimeout = 5 * time.Second

// stamp is a time as the engine reads it.
func stamp(t time.Time) string {
	return strconv.FormatInt(t.Unix(), 10) + fmt.Sprintf(".%09d", t.Nanosecond())
}
