package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
)

const (
	// statsPace is how often an engine tells statistics. It cannot be asked for more.
	statsPace = time.Second
	// silentFor is how much longer than it should an engine can be silent before that is
	// told as missing.
	silentFor = 2 * time.Second
	// pollFrom is from when on an engine is asked each time: a stream has it gather figures
	// each second, whoever needs them.
	pollFrom = 2 * statsPace
	// reopenAfter is the pause before a stream that ended is opened again.
	reopenAfter = time.Second
)

var _ target.Observable = (*Container)(nil)

// meter is what a watch asks of an engine, of one container.
type meter interface {
	// stats is a stream of JSON objects, one each statsPace.
	stats(ctx context.Context) (io.ReadCloser, error)
	// once is what stats would tell now.
	once(ctx context.Context) (*counters, error)
	// events are those of its life.
	events(ctx context.Context) (<-chan events.Message, <-chan error)
	inspect(ctx context.Context) (container.InspectResponse, error)
}

// Observe implements target.Observable. The engine is asked once, to see that it tells
// statistics at all: one without root may not have the control groups for it.
func (c *Container) Observe(ctx context.Context) (target.Watch, error) {
	r, err := c.inspect(ctx)
	if err != nil {
		return nil, err
	}
	one, err := c.once(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking the engine what container %s uses: %w", c.name, err)
	}
	if !one.running() {
		return nil, fmt.Errorf("the engine at %s does not tell what container %s uses: "+
			"it needs control groups, which an engine without root has with version 2 alone",
			c.engine.address, c.name)
	}
	machine, err := c.engine.memory(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, every time.Duration, to target.Watcher) {
		w := newWatch(engineMeter{c}, r, machine, every, to)
		// Podman's stream tells every five seconds, whatever it is asked.
		w.poll = w.poll || c.engine.podman
		w.run(ctx)
	}, nil
}

// once reads the counters once.
func (c *Container) once(ctx context.Context) (*counters, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := c.engine.api.ContainerStatsOneShot(ctx, c.id)
	if err != nil {
		return nil, removed(err)
	}
	defer r.Body.Close()
	var out counters
	return &out, json.NewDecoder(r.Body).Decode(&out)
}

// memory is how many bytes of memory the engine's machine has.
func (e *Engine) memory(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := e.api.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("asking the engine at %s what its machine has: %w", e.address, err)
	}
	return float64(info.MemTotal), nil
}

// engineMeter asks the engine of a container.
type engineMeter struct{ *Container }

func (m engineMeter) stats(ctx context.Context) (io.ReadCloser, error) {
	r, err := m.engine.api.ContainerStats(ctx, m.id, true)
	return r.Body, err
}

func (m engineMeter) events(ctx context.Context) (<-chan events.Message, <-chan error) {
	// The last two of the names are podman's.
	f := filters.NewArgs(filters.Arg("type", "container"), filters.Arg("container", m.id))
	for _, name := range []string{
		"start", "die", "oom", "pause", "unpause", "update", "health_status", "destroy", "died", "remove",
	} {
		f.Add("event", name)
	}
	return m.engine.api.Events(ctx, events.ListOptions{Filters: f})
}

// watch follows what one container uses. Whether it runs, and how often it was started, it
// learns from looking at it: at the beginning, after each event, and when a stream had ended,
// so that an event that was missed does no harm.
type watch struct {
	of    meter
	every time.Duration
	poll  bool // the engine is asked each time, in place of its stream
	to    target.Watcher

	limits limits
	life   string // when it was started, as the engine says
	count  int    // how often its restart policy has started it
	// down is why it does not run, "" if it does; paused says that it is no more than that,
	// and gone that it was removed.
	down         string
	paused, gone bool
	health       string // what its health check says; "" if it has none

	base     *counters // what is measured from; nil if that is not known
	followed bool      // something was measured, or could have been
	told     time.Time // up to where it was told what was used
	restarts float64   // since then
	ooms     float64   // since then
	// oomsOfLife is how many there were in this life, and oomSeen that one was found by
	// looking, so that an event of it may be still to come.
	oomsOfLife int
	oomSeen    bool
}

func newWatch(
	of meter, r container.InspectResponse, machine float64, every time.Duration, to target.Watcher,
) *watch {
	w := &watch{of: of, every: every, poll: every >= pollFrom, to: to}
	w.limits = limitsOf(r.HostConfig, machine)
	w.life, w.count = r.State.StartedAt, r.RestartCount
	w.health = healthOf(r)
	return w
}

func healthOf(r container.InspectResponse) string {
	if r.State.Health == nil || r.State.Health.Status == container.NoHealthcheck {
		return ""
	}
	return string(r.State.Health.Status)
}

// run watches until ctx ends.
func (w *watch) run(ctx context.Context) {
	reading, enough := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer enough()
	stats, hints := make(chan *counters), make(chan events.Action)
	if w.poll {
		wg.Go(func() { pollStats(reading, w.of, w.every, stats, hints) })
	} else {
		wg.Go(func() { readStats(reading, w.of, stats, hints) })
	}
	wg.Go(func() { readEvents(reading, w.of, hints) })
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	w.told = time.Now()
	for {
		select {
		case <-ctx.Done():
			w.rest(ctx)
			return
		case s := <-stats:
			w.measured(ctx, s)
		case h := <-hints:
			w.hint(ctx, h)
		case <-tick.C:
			w.silence()
		}
		if w.gone {
			enough()
		}
	}
}

// lastAsked is how long an engine may take to tell what was used up to the end.
const lastAsked = time.Second

// statsEnded is a hint that the stream of statistics has ended, and eventsBegan that events
// are told from now on: what happened before may have been missed.
const (
	statsEnded  events.Action = "stats ended"
	eventsBegan events.Action = "events began"
)

// readStats reads the stream of statistics, and opens it again when it ends.
func readStats(ctx context.Context, of meter, to chan<- *counters, hints chan<- events.Action) {
	for ctx.Err() == nil {
		if body, err := of.stats(ctx); err == nil {
			for d := json.NewDecoder(body); ; {
				one := new(counters)
				if d.Decode(one) != nil || !send(ctx, to, one) {
					break
				}
			}
			body.Close()
		}
		if !send(ctx, hints, statsEnded) || !pause(ctx, reopenAfter) {
			return
		}
	}
}

// pollStats asks for statistics every so often, beginning now.
func pollStats(
	ctx context.Context, of meter, every time.Duration, to chan<- *counters,
	hints chan<- events.Action,
) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if one, err := of.once(ctx); err != nil {
			if !send(ctx, hints, statsEnded) {
				return
			}
		} else if !send(ctx, to, one) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// readEvents reads the events, and asks for them again when they end.
func readEvents(ctx context.Context, of meter, to chan<- events.Action) {
	for ctx.Err() == nil {
		if !tellEvents(ctx, of, to) || !pause(ctx, reopenAfter) {
			return
		}
	}
}

func tellEvents(ctx context.Context, of meter, to chan<- events.Action) (ok bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	messages, errs := of.events(ctx)
	if !send(ctx, to, eventsBegan) {
		return false
	}
	for {
		select {
		case m := <-messages:
			if !send(ctx, to, m.Action) {
				return false
			}
		case <-errs:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// send returns false if ctx ended first.
func send[T any](ctx context.Context, to chan<- T, v T) (ok bool) {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// pause returns false if ctx ended first.
func pause(ctx context.Context, d time.Duration) (ok bool) {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// measured takes in what the engine tells.
func (w *watch) measured(ctx context.Context, s *counters) {
	switch {
	case w.paused:
		w.base = s
		return
	case w.down != "":
		return
	case !s.running(), w.base != nil && s.backwards(w.base):
		w.look(ctx)
		return
	case w.base == nil:
		switch w.base = s; {
		case !w.followed:
			w.followed, w.told = true, time.Now()
		case time.Since(w.told) > statsPace/2:
			w.unknown()
		}
		return
	case s.Read.Sub(w.base.Read) < w.every-statsPace/2:
		return
	}
	var v timeline.Values
	w.limits.measure(w.base, s, &v)
	w.base = s
	w.tell(v, "")
}

// tell tells what was used since it was told last.
func (w *watch) tell(v timeline.Values, missing string) {
	v.Set(timeline.Restarts, w.restarts)
	v.Set(timeline.OOMKills, w.ooms)
	if w.health != "" {
		healthy := 0.0
		if w.health == string(container.Healthy) && w.down == "" {
			healthy = 1
		}
		v.Set(timeline.Healthy, healthy)
	}
	now := time.Now()
	w.to.Used(target.Use{From: w.told, To: now, Values: v, Missing: missing,
		Idle: missing != "" && !w.gone})
	w.told, w.restarts, w.ooms = now, 0, 0
}

// rest tells at the end what is not told: what was used since it was asked last, if the engine
// tells it soon, and what was counted. A stream has told it by then, but for a second.
func (w *watch) rest(ctx context.Context) {
	if w.poll && w.down == "" && w.base != nil && time.Since(w.told) >= target.ShortestUse {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAsked)
		defer cancel()
		if s, err := w.of.once(ctx); err == nil && s.running() && !s.backwards(w.base) &&
			s.Read.After(w.base.Read) {
			var v timeline.Values
			w.limits.measure(w.base, s, &v)
			w.tell(v, "")
			return
		}
	}
	if w.restarts+w.ooms > 0 {
		w.tell(timeline.Values{}, w.down)
	}
}

// silence tells of a stretch of which nothing is known.
func (w *watch) silence() {
	switch since := time.Since(w.told); {
	case w.down != "":
		w.tell(timeline.Values{}, w.down)
	case since >= max(w.every, statsPace)+silentFor:
		w.base = nil
		w.unknown()
	}
}

// unknown tells that nothing is known since it was told last. Restarts are told once it is
// known how many there were.
func (w *watch) unknown() {
	now := time.Now()
	w.to.Used(target.Use{From: w.told, To: now, Missing: fmt.Sprintf(
		"the engine has told nothing of it for %s", now.Sub(w.told).Round(time.Second))})
	w.told = now
}

// hint says that something may have changed.
func (w *watch) hint(ctx context.Context, h events.Action) {
	if h == events.ActionOOM {
		if w.oomSeen {
			w.oomSeen = false // it was counted
		} else {
			w.oom()
		}
	}
	w.look(ctx)
}

func (w *watch) oom() {
	w.ooms++
	w.oomsOfLife++
	w.to.Happened(time.Now(), "out of memory", "the kernel killed in it for want of memory")
}

// look finds out how the container stands now.
func (w *watch) look(ctx context.Context) {
	if w.gone {
		return
	}
	r, err := w.of.inspect(ctx)
	switch {
	case errors.Is(err, chaos.ErrGone):
		w.gone, w.paused = true, false
		w.fall("it was removed", "removed", "")
		return
	case err != nil:
		return // what is not told meanwhile is told as missing
	}
	w.limits = limitsOf(r.HostConfig, w.limits.machine)
	if r.State.OOMKilled && w.oomsOfLife == 0 {
		w.oomSeen = true
		w.oom()
	}
	if r.State.StartedAt != w.life && r.State.Running {
		w.begin(r)
	}
	w.count = r.RestartCount
	if h := healthOf(r); h != w.health {
		if w.health = h; h != "" {
			w.to.Happened(time.Now(), h, "its health check says that it is "+h)
		}
	}
	switch s := r.State; {
	case s.Paused:
		w.paused = true
		w.fall("it is paused", "paused", "")
	case s.Restarting || !s.Running:
		w.paused = false
		w.fall(fmt.Sprintf("it does not run: it ended with exit status %d", s.ExitCode),
			"ended", fmt.Sprintf("exit status %d", s.ExitCode))
	case w.down != "":
		w.rise()
	}
}

// begin takes in that the container was started again.
func (w *watch) begin(r container.InspectResponse) {
	n := max(1, r.RestartCount-w.count)
	if w.down == "" {
		w.down = "it was started again"
	}
	w.rise()
	w.restarts += float64(n)
	w.life, w.base, w.oomsOfLife, w.oomSeen = r.State.StartedAt, nil, 0, false
	if at, err := time.Parse(time.RFC3339Nano, r.State.StartedAt); err == nil {
		w.base = born(at)
	}
	w.to.Happened(w.told, "restarted", "it was started again")
}

// rise takes in that it runs again: what it did in between is not known.
func (w *watch) rise() {
	w.tell(timeline.Values{}, w.down)
	w.down, w.paused = "", false
}

// fall takes in that it does not run.
func (w *watch) fall(why, state, detail string) {
	if w.down != why {
		w.to.Happened(time.Now(), state, detail)
	}
	w.down = why
	if !w.paused {
		w.base = nil
	}
}
