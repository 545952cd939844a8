package container_test

import (
	"context"
	"math"
	"strconv"
	"sync"
	"testing"
	"time"

	dockerapi "github.com/docker/docker/api/types/container"

	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/internal/target/container"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// notes is a target.Watcher that keeps what it is told.
type notes struct {
	mu       sync.Mutex
	uses     []target.Use
	happened []string
	more     chan struct{} // one for each use
	hook     func()        // called when a use is told; may be nil
}

func newNotes() *notes { return &notes{more: make(chan struct{}, 1000)} }

func (n *notes) Used(u target.Use) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.uses = append(n.uses, u)
	if n.hook != nil {
		n.hook()
	}
	n.more <- struct{}{}
}

func (n *notes) Happened(_ time.Time, state, _ string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.happened = append(n.happened, state)
}

// await returns once there are so many uses, from the index on, that pick picks.
func (n *notes) await(t *testing.T, from, want int, pick func(target.Use) bool) {
	t.Helper()
	end := time.After(time.Minute)
	for {
		found := 0
		n.mu.Lock()
		for _, u := range n.uses[min(from, len(n.uses)):] {
			if pick(u) {
				found++
			}
		}
		n.mu.Unlock()
		if found >= want {
			return
		}
		select {
		case <-n.more:
		case <-end:
			t.Fatalf("found %+v and %q, want %d that were waited for", n.uses, n.happened, want)
		}
	}
}

func (n *notes) len() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.uses)
}

// watch observes a container until the test ends.
func watch(
	t *testing.T, c *container.Container, every time.Duration, to target.Watcher,
) (stop func()) {
	t.Helper()
	w, err := c.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { w(ctx, every, to) })
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

func measured(u target.Use) bool { return u.Missing == "" }
func missing(u target.Use) bool  { return u.Missing != "" }

// What is observed agrees with what the container says of itself.
func TestObservedUseIsTrue(t *testing.T) {
	e := connect(t)
	s := stack(t, e, "")
	const hold = 100 << 20
	c := start(t, s, container.Spec{
		Name: "burn", Args: []string{"burn", "-cores", "0.5", "-hold", strconv.Itoa(hold)},
		Port: 8080, Ready: path("/"), ReadyTimeout: 20 * time.Second,
	})
	used := func() float64 {
		text, err := get(t, "http://"+c.Addr()+"/")
		if err != nil {
			t.Error(err)
		}
		ns, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Error(err)
		}
		return ns
	}
	for _, every := range []time.Duration{time.Second, 2 * time.Second} {
		t.Run(every.String(), func(t *testing.T) {
			n := newNotes()
			var truth []float64 // CPU time, when each use was told
			n.hook = func() { truth = append(truth, used()) }
			stop := watch(t, c, every, n)
			n.await(t, 0, 1+int(8*time.Second/every), measured)
			stop()
			last := len(n.uses) - 1
			over := n.uses[last].To.Sub(n.uses[0].To)
			agrees(t, n.uses[1:], (truth[last]-truth[0])/float64(over), hold)
		})
	}
}

// agrees holds what was observed against so many cores and bytes.
func agrees(t *testing.T, uses []target.Use, truth, hold float64) {
	t.Helper()
	var cores, over, memory float64
	for _, u := range uses {
		v, _ := u.Values.Get(timeline.CPUCores)
		seconds := u.To.Sub(u.From).Seconds()
		cores, over = cores+v*seconds, over+seconds
		memory, _ = u.Values.Get(timeline.MemoryBytes)
		if share, ok := u.Values.Get(timeline.CPU); !ok || share <= 0 || share > v {
			t.Errorf("a share of %v of the machine, %v cores: want no more than these", share, v)
		}
	}
	cores /= over
	t.Logf("%.4f cores by the engine, %.4f by the container; %.1f MiB, held %.0f MiB",
		cores, truth, memory/(1<<20), hold/(1<<20))
	if math.Abs(cores/truth-1) > 0.05 {
		t.Errorf("%.4f cores by the engine, %.4f by the container", cores, truth)
	}
	if math.Abs(memory/hold-1) > 0.05 {
		t.Errorf("%.0f bytes of memory by the engine, the container holds %.0f", memory, hold)
	}
}

// What becomes of a container is told, and its figures are missing while it does not run.
func TestObservedLife(t *testing.T) {
	e := connect(t)
	s := stack(t, e, "")
	c := start(t, s, service("api"))
	n := newNotes()
	stop := watch(t, c, time.Second, n)
	n.await(t, 0, 1, measured)
	ctx := t.Context()
	for _, step := range []struct {
		name string
		do   func() error
		want func(target.Use) bool
	}{
		{"pause", func() error { return c.Pause(ctx) }, missing},
		{"unpause", func() error { return c.Unpause(ctx) }, measured},
		{"kill", func() error { return c.Kill(ctx, "SIGKILL") }, missing},
		{"start", func() error { return c.Start(ctx) }, measured},
		{"remove", func() error {
			return newClient(t).ContainerRemove(ctx, c.ID(), dockerapi.RemoveOptions{Force: true})
		}, func(u target.Use) bool { return u.Missing == "it was removed" }},
	} {
		from := n.len()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		n.await(t, from, 1, step.want)
	}
	stop()
	restarts := 0.0
	for i, u := range n.uses {
		r, _ := u.Values.Get(timeline.Restarts)
		restarts += r
		if i > 0 && !u.From.Equal(n.uses[i-1].To) {
			t.Errorf("use %d begins %s after the one before ends", i, u.From.Sub(n.uses[i-1].To))
		}
		if _, ok := u.Values.Get(timeline.CPU); ok == (u.Missing != "") {
			t.Errorf("use %d: there are figures: %t, missing: %q", i, ok, u.Missing)
		}
	}
	if restarts != 1 {
		t.Errorf("%v restarts, want 1", restarts)
	}
	t.Log(n.happened)
}
