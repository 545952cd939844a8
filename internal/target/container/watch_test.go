package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// fakeEngine is a meter of one container that uses half of two cores.
type fakeEngine struct {
	mu       sync.Mutex
	start    time.Time // of the machine
	started  time.Time // of the container
	state    container.State
	restarts int
	removed  bool
	deaf     bool          // it answers nothing
	silent   bool          // it tells no statistics
	cut      chan struct{} // closed when all streams end
	told     chan events.Message
}

func newFakeEngine() *fakeEngine {
	now := time.Now()
	e := &fakeEngine{start: now.Add(-time.Hour), cut: make(chan struct{}), told: make(chan events.Message)}
	e.state.Running, e.started = true, now.Add(-time.Minute)
	return e
}

// change changes how the container stands, and tells of it unless event is empty.
func (e *fakeEngine) change(event events.Action, do func()) {
	e.mu.Lock()
	do()
	e.mu.Unlock()
	if event != "" {
		e.told <- events.Message{Action: event}
	}
}

// hangUp ends all streams.
func (e *fakeEngine) hangUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.cut)
	e.cut = make(chan struct{})
}

func (e *fakeEngine) inspect(context.Context) (container.InspectResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.deaf {
		return container.InspectResponse{}, errors.New("no answer")
	}
	if e.removed {
		return container.InspectResponse{}, chaos.ErrGone
	}
	state := e.state
	state.StartedAt = e.started.Format(time.RFC3339Nano)
	return container.InspectResponse{ContainerJSONBase: &container.ContainerJSONBase{
		State: &state, HostConfig: &container.HostConfig{}, RestartCount: e.restarts,
	}}, nil
}

// counters are those of the engine, as text.
func (e *fakeEngine) counters() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.state.Running {
		return `{"read":"0001-01-01T00:00:00Z"}`
	}
	now := time.Now()
	read, _ := json.Marshal(now)
	return fmt.Sprintf(`{"read":%s,"cpu_stats":{"cpu_usage":{"total_usage":%d},"system_cpu_usage":%d,"online_cpus":2},
		"memory_stats":{"usage":100,"limit":400}}`, read, now.Sub(e.started)/2, 2*now.Sub(e.start))
}

func (e *fakeEngine) once(context.Context) (*counters, error) {
	e.mu.Lock()
	mute := e.deaf || e.removed || e.silent
	e.mu.Unlock()
	if mute {
		return nil, errors.New("no answer")
	}
	one := new(counters)
	return one, json.Unmarshal([]byte(e.counters()), one)
}

func (e *fakeEngine) stats(ctx context.Context) (io.ReadCloser, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.deaf || e.removed {
		return nil, errors.New("no answer")
	}
	r, w := io.Pipe()
	cut := e.cut
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			e.mu.Lock()
			silent, removed := e.silent, e.removed
			e.mu.Unlock()
			if removed {
				w.Close()
				return
			}
			if !silent {
				if _, err := io.WriteString(w, e.counters()); err != nil {
					return
				}
			}
			select {
			case <-tick.C:
			case <-cut:
				w.Close()
				return
			case <-ctx.Done():
				w.CloseWithError(ctx.Err())
				return
			}
		}
	}()
	return r, nil
}

func (e *fakeEngine) events(ctx context.Context) (<-chan events.Message, <-chan error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	messages, errs := make(chan events.Message), make(chan error, 1)
	if e.deaf {
		errs <- errors.New("no answer")
		return messages, errs
	}
	cut := e.cut
	go func() {
		for {
			select {
			case m := <-e.told:
				select {
				case messages <- m:
				case <-ctx.Done():
					return
				}
			case <-cut:
				errs <- io.EOF
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return messages, errs
}

// kept is a target.Watcher that keeps what it is told.
type kept struct {
	uses     []target.Use
	happened []string
}

func (k *kept) Used(u target.Use) { k.uses = append(k.uses, u) }
func (k *kept) Happened(_ time.Time, state, _ string) {
	k.happened = append(k.happened, state)
}

func (k *kept) sum(f timeline.Figure) float64 {
	sum := 0.0
	for _, u := range k.uses {
		v, _ := u.Values.Get(f)
		sum += v
	}
	return sum
}

// missing is for how long why was the reason that there was nothing; "" is of what was measured.
func (k *kept) missing(why string) time.Duration {
	var sum time.Duration
	for _, u := range k.uses {
		if u.Missing == why {
			sum += u.To.Sub(u.From)
		}
	}
	return sum
}

// watched watches a container for 20 s, in which do is done.
func watched(t *testing.T, every time.Duration, do func(e *fakeEngine)) *kept {
	t.Helper()
	k := new(kept)
	synctest.Test(t, func(t *testing.T) {
		e := newFakeEngine()
		r, err := e.inspect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second+time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { newWatch(e, r, 0, every, k).run(ctx) })
		do(e)
		wg.Wait()
	})
	for i, u := range k.uses {
		if i > 0 && !u.From.Equal(k.uses[i-1].To) {
			t.Errorf("use %d begins %s after the one before ends", i, u.From.Sub(k.uses[i-1].To))
		}
		cores, ok := u.Values.Get(timeline.CPUCores)
		last := i == len(k.uses)-1 // which may be no more than what was counted
		if ok == (u.Missing != "") && !last || ok && (cores < 0.49 || cores > 0.51) {
			t.Errorf("use %d: %v cores, %t, missing %q; want half a core or nothing", i, cores, ok, u.Missing)
		}
	}
	return k
}

func TestWatch(t *testing.T) {
	for _, tt := range []struct {
		name  string
		every time.Duration
		do    func(e *fakeEngine)
		check func(t *testing.T, k *kept)
	}{
		{"each second", time.Second, func(*fakeEngine) {}, func(t *testing.T, k *kept) {
			if n := len(k.uses); n != 20 || len(k.happened) > 0 {
				t.Errorf("%d uses, %q happened; want 20, and nothing", n, k.happened)
			}
			if v, _ := k.uses[0].Values.Get(timeline.Memory); v != 0.25 {
				t.Errorf("memory is %v of its limit, want 0.25", v)
			}
		}},
		{"each five seconds", 5 * time.Second, func(*fakeEngine) {}, func(t *testing.T, k *kept) {
			if n := len(k.uses); n != 4 {
				t.Errorf("%d uses, want 4", n)
			}
		}},
		{"each six seconds, and to the end", 6 * time.Second, func(*fakeEngine) {}, func(t *testing.T, k *kept) {
			if got := k.missing(""); got != 20*time.Second+time.Millisecond || len(k.uses) != 4 {
				t.Errorf("measured for %s in %d uses, want all of the time in 4", got, len(k.uses))
			}
		}},
		{"each six seconds, and the engine is gone at the end", 6 * time.Second, func(e *fakeEngine) {
			time.Sleep(19 * time.Second)
			e.change("", func() { e.deaf = true })
		}, func(t *testing.T, k *kept) {
			if got := k.missing(""); got != 18*time.Second {
				t.Errorf("measured for %s, want all that the engine told", got)
			}
		}},
		{"each five seconds, and the engine is gone for a while", 5 * time.Second, func(e *fakeEngine) {
			time.Sleep(6 * time.Second)
			e.change("", func() { e.deaf = true })
			time.Sleep(6 * time.Second)
			e.change("", func() { e.deaf = false })
		}, func(t *testing.T, k *kept) {
			if got := k.missing(""); got != 10*time.Second {
				t.Errorf("measured for %s, want all but what was asked in vain: %+v", got, k.uses)
			}
		}},
		{"it dies and is started", time.Second, func(e *fakeEngine) {
			time.Sleep(5500 * time.Millisecond)
			e.change(events.ActionDie, func() { e.state.Running, e.state.ExitCode = false, 137 })
			time.Sleep(5 * time.Second)
			e.change(events.ActionStart, func() { e.state.Running, e.started = true, time.Now() })
		}, func(t *testing.T, k *kept) {
			down := k.missing("it does not run: it ended with exit status 137")
			if down < 5*time.Second || down > 6*time.Second {
				t.Errorf("down for %s, want 5 to 6 s", down)
			}
			if up := k.missing(""); up < 13*time.Second || k.sum(timeline.Restarts) != 1 {
				t.Errorf("measured for %s, %v restarts; want some 14 s, and 1", up, k.sum(timeline.Restarts))
			}
		}},
		{"an event is missed", time.Second, func(e *fakeEngine) {
			time.Sleep(5500 * time.Millisecond)
			e.change("", func() { e.started, e.restarts = time.Now(), 3 })
		}, func(t *testing.T, k *kept) {
			if k.sum(timeline.Restarts) != 3 {
				t.Errorf("%v restarts, want the 3 that the engine counts", k.sum(timeline.Restarts))
			}
		}},
		{"the engine is gone for a while", time.Second, func(e *fakeEngine) {
			time.Sleep(5500 * time.Millisecond)
			e.change("", func() { e.deaf = true })
			e.hangUp()
			time.Sleep(6 * time.Second)
			e.change("", func() { e.deaf, e.started, e.restarts = false, time.Now().Add(-time.Second), 1 })
		}, func(t *testing.T, k *kept) {
			if k.sum(timeline.Restarts) != 1 || k.missing("") > 15*time.Second || k.missing("") < 12*time.Second {
				t.Errorf("%v restarts, measured for %s", k.sum(timeline.Restarts), k.missing(""))
			}
		}},
		{"the engine says nothing", time.Second, func(e *fakeEngine) {
			time.Sleep(5500 * time.Millisecond)
			e.change("", func() { e.silent = true })
			time.Sleep(7 * time.Second)
			e.change("", func() { e.silent = false })
		}, func(t *testing.T, k *kept) {
			if got := k.missing(""); got < 12*time.Second || got > 13*time.Second {
				t.Errorf("measured for %s, want all but some 7s; uses %+v", got, k.uses)
			}
		}},
		{"it is paused", time.Second, func(e *fakeEngine) {
			time.Sleep(5500 * time.Millisecond)
			e.change(events.ActionPause, func() { e.state.Paused = true })
			time.Sleep(5 * time.Second)
			e.change(events.ActionUnPause, func() { e.state.Paused = false })
		}, func(t *testing.T, k *kept) {
			if got := k.missing("it is paused"); got < 5*time.Second || got > 6*time.Second || k.sum(timeline.Restarts) != 0 {
				t.Errorf("paused for %s, %v restarts; want 5 to 6 s, and none", got, k.sum(timeline.Restarts))
			}
		}},
		{"it is removed", time.Second, func(e *fakeEngine) {
			time.Sleep(5500 * time.Millisecond)
			e.change(events.ActionDestroy, func() { e.removed, e.state.Running = true, false })
		}, func(t *testing.T, k *kept) {
			if got := k.missing("it was removed"); got < 14*time.Second {
				t.Errorf("removed for %s, want from then on", got)
			}
		}},
		{"the kernel kills in it", time.Second, func(e *fakeEngine) {
			time.Sleep(5500 * time.Millisecond)
			e.change(events.ActionOOM, func() {}) // a child
			time.Sleep(2 * time.Second)
			e.change(events.ActionOOM, func() { e.state.OOMKilled = true })
			e.change(events.ActionDie, func() { e.state.Running = false })
		}, func(t *testing.T, k *kept) {
			if k.sum(timeline.OOMKills) != 2 {
				t.Errorf("%v kills, want 2", k.sum(timeline.OOMKills))
			}
		}},
		{"the kernel kills in it, and the event comes late", time.Second, func(e *fakeEngine) {
			time.Sleep(5500 * time.Millisecond)
			e.change(events.ActionDie, func() { e.state.Running, e.state.OOMKilled = false, true })
			e.change(events.ActionOOM, func() {})
		}, func(t *testing.T, k *kept) {
			if k.sum(timeline.OOMKills) != 1 {
				t.Errorf("%v kills, want 1", k.sum(timeline.OOMKills))
			}
		}},
		{"its health check says no", time.Second, func(e *fakeEngine) {
			e.change("health_status: unhealthy", func() { e.state.Health = &container.Health{Status: container.Unhealthy} })
			time.Sleep(10 * time.Second)
			e.change("health_status: healthy", func() { e.state.Health = &container.Health{Status: container.Healthy} })
		}, func(t *testing.T, k *kept) {
			if got := k.sum(timeline.Healthy); got < 9 || got > 11 {
				t.Errorf("healthy %v times of %d, want half of them", got, len(k.uses))
			}
		}},
		{"it restarts just before the end", time.Second, func(e *fakeEngine) {
			time.Sleep(19800 * time.Millisecond)
			e.change(events.ActionStart, func() { e.started = time.Now() })
		}, func(t *testing.T, k *kept) {
			if k.sum(timeline.Restarts) != 1 {
				t.Errorf("%v restarts, want 1", k.sum(timeline.Restarts))
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.check(t, watched(t, tt.every, tt.do)) })
	}
}
