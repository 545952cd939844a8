package process

import (
	"context"
	"io"
	"math"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1574e9de/ordeal/internal/target"
	"github.com/seed-1574e9de/ordeal/timeline"
)

// notes is a target.Watcher that keeps what it is told.
type notes struct {
	mu       sync.Mutex
	uses     []target.Use
	happened []string
	more     chan struct{}
	hook     func() // called when a use is told; may be nil
}

func (n *notes) Used(u target.Use) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.uses = append(n.uses, u)
	if n.hook != nil {
		n.hook()
	}
	select {
	case n.more <- struct{}{}:
	default:
	}
}

func (n *notes) Happened(_ time.Time, state, _ string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.happened = append(n.happened, state)
}

// await returns the first use, from the index on, that pick picks for the nth time.
func (n *notes) await(t *testing.T, from, nth int, pick func(target.Use) bool) target.Use {
	t.Helper()
	end := time.After(time.Minute)
	for {
		found := 0
		n.mu.Lock()
		for _, u := range n.uses[min(from, len(n.uses)):] {
			if !pick(u) {
				continue
			}
			if found++; found == nth {
				n.mu.Unlock()
				return u
			}
		}
		n.mu.Unlock()
		select {
		case <-n.more:
		case <-end:
			t.Fatalf("found %+v, and not what was waited for", n.uses)
		}
	}
}

func (n *notes) len() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.uses)
}

func observed(
	t *testing.T, p *Process, every time.Duration, hook func(),
) (n *notes, stop func()) {
	t.Helper()
	w, err := p.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n = &notes{more: make(chan struct{}, 1), hook: hook}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { w(ctx, every, n) })
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return n, stop
}

func measured(u target.Use) bool { return u.Missing == "" }

func value(t *testing.T, u target.Use, f timeline.Figure) float64 {
	t.Helper()
	v, ok := u.Values.Get(f)
	if !ok {
		t.Errorf("there is no %s in %+v", f, u)
	}
	return v
}

// What is observed agrees with what the process says of itself.
func TestObservedUseIsTrue(t *testing.T) {
	cfg := server(t)
	addr, _ := strings.CutPrefix(cfg.Ready.HTTP, "http://")
	cfg.Env = run("burn", "ADDR="+addr).Env
	p := mustStart(t, cfg)
	var truth []float64 // CPU time, when each use was told
	used := func() {
		res, err := http.Get("http://" + addr)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		ns, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			t.Error(err)
		}
		truth = append(truth, ns)
	}
	defer http.DefaultClient.CloseIdleConnections()
	n, stop := observed(t, p, 500*time.Millisecond, used)
	n.await(t, 0, 11, measured)
	stop()
	var cores, over, memory, files float64
	for _, u := range n.uses[1:] {
		seconds := u.To.Sub(u.From).Seconds()
		cores, over = cores+value(t, u, timeline.CPUCores)*seconds, over+seconds
		memory, files = value(t, u, timeline.MemoryBytes), value(t, u, timeline.Files)
	}
	cores /= over
	last := len(n.uses) - 1
	own := (truth[last] - truth[0]) / float64(n.uses[last].To.Sub(n.uses[0].To))
	t.Logf("%.4f cores by /proc, %.4f by the process; %.1f MiB, held %d MiB; %v files",
		cores, own, memory/(1<<20), held>>20, files)
	if math.Abs(cores/own-1) > 0.05 {
		t.Errorf("%.4f cores by /proc, %.4f by the process", cores, own)
	}
	// The runtime of the test binary is in it, and the memory of the race detector if there is one.
	most := 1.3 * held
	if underRace() {
		most = 2 * held
	}
	if memory < held || memory > most {
		t.Errorf("%.0f bytes of memory by /proc, the process holds %d and its program", memory, held)
	}
	if files < 4 {
		t.Errorf("%v open files, want those of its outputs and its listener", files)
	}
}

// underRace says whether the test was built with the race detector.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// What is used after the last time that it was told is told at the end.
func TestObservedToTheEnd(t *testing.T) {
	p := mustStart(t, server(t))
	n, stop := observed(t, p, time.Hour, nil)
	time.Sleep(4 * target.ShortestUse) // some of which passes before it is watched
	stop()
	if n.len() != 1 || !measured(n.uses[0]) || n.uses[0].To.Sub(n.uses[0].From) < target.ShortestUse {
		t.Errorf("told %+v, want what was used in all the time", n.uses)
	}
}

// A group is watched whole, and while it is killed, frozen and started again.
func TestObservedLife(t *testing.T) {
	p := mustStart(t, run("family"))
	n, stop := observed(t, p, 100*time.Millisecond, nil)
	ctx := t.Context()
	n.await(t, 0, 1, func(u target.Use) bool {
		v, _ := u.Values.Get(timeline.Processes)
		return v == 2
	})
	for _, step := range []struct {
		name string
		do   func() error
		want string
	}{
		{"pause", func() error { return p.Pause(ctx) }, "it is paused"},
		{"unpause", func() error { return p.Unpause(ctx) }, ""},
		{"kill", func() error { return p.Kill(ctx, "SIGKILL") }, "it does not run"},
		{"start", func() error { return p.Start(ctx) }, ""},
	} {
		from := n.len()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		n.await(t, from, 1, func(u target.Use) bool { return u.Missing == step.want })
	}
	stop()
	restarts := 0.0
	for i, u := range n.uses {
		restarts += value(t, u, timeline.Restarts)
		if i > 0 && !u.From.Equal(n.uses[i-1].To) {
			t.Errorf("use %d begins %s after the one before ends", i, u.From.Sub(n.uses[i-1].To))
		}
		if _, ok := u.Values.Get(timeline.CPU); ok == (u.Missing != "") {
			t.Errorf("use %d: there are figures: %t, missing: %q", i, ok, u.Missing)
		}
	}
	if restarts != 1 || len(n.happened) != 1 {
		t.Errorf("%v restarts, and %q happened; want one", restarts, n.happened)
	}
}

// CPU time is that of the group, whoever of it has ended.
func TestSince(t *testing.T) {
	one := func(pid, parent int, cpu, waited time.Duration) member {
		return member{pid: pid, parent: parent, start: "1", state: 'S', cpu: cpu + waited, waited: waited, blocksKnown: true}
	}
	for _, tt := range []struct {
		name        string
		before, now group
		want        time.Duration
	}{
		{"one", group{one(1, 0, 5, 0)}, group{one(1, 0, 8, 0)}, 3},
		{"a new child", group{one(1, 0, 5, 0)}, group{one(1, 0, 5, 0), one(2, 1, 4, 0)}, 4},
		{"a child that came and went", group{one(1, 0, 5, 0)}, group{one(1, 0, 5, 4)}, 4},
		{"a child that was waited for", group{one(1, 0, 5, 0), one(2, 1, 10, 0)}, group{one(1, 0, 6, 12)}, 3},
		{"a child that nobody waited for", group{one(1, 0, 5, 0), one(2, 1, 10, 0)}, group{one(1, 0, 6, 0)}, 1},
		{"an orphan", group{one(1, 0, 5, 0), one(2, 77, 10, 0)}, group{one(1, 0, 6, 0)}, 1},
		{"another of the same number", group{one(1, 0, 5, 0), one(2, 1, 10, 0)},
			group{one(1, 0, 5, 10), {pid: 2, parent: 1, start: "2", cpu: 1, blocksKnown: true}}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.now.since(tt.before); got.cpu != tt.want || !got.blocksKnown {
				t.Errorf("%d, blocks known: %t; want %d", got.cpu, got.blocksKnown, tt.want)
			}
		})
	}
}

func TestParseMember(t *testing.T) {
	const line = "42 (a) (b) S 7 40 40 0 -1 4194560 1 0 0 0 11 12 13 14 20 0 5 0 99 1000000 256 18446744073709551615 1\n"
	m, err := parseMember(line)
	want := member{pid: 42, parent: 7, start: "99", state: 'S', cpu: 500 * time.Millisecond,
		waited: 270 * time.Millisecond, memory: 256 * uint64(os.Getpagesize()), space: 1000000}
	if err != nil || m != want {
		t.Errorf("%+v, %v; want %+v", m, err, want)
	}
	if group, ok := groupIn([]byte(line)); group != 40 || !ok {
		t.Errorf("group %d, %t; want 40", group, ok)
	}
	for _, bad := range []string{"", "42 (a", "42 (a) S 1", "42 (a) S 1 x 1"} {
		if group, ok := groupIn([]byte(bad)); ok {
			t.Errorf("%q is of the group %d", bad, group)
		}
	}
	for _, bad := range []string{"", "42 (a", ") 42 (", "42 (a) S 1", "x (a) S 7 40 40 0 -1 4194560 1 0 0 0 11 12 13 14 20 0 5 0 99 1 256"} {
		if _, err := parseMember(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if share, ok := parseProportional([]byte("55-7f ---p 0 00:00 0 [rollup]\nRss:  8 kB\nPss:  3 kB\n")); share != 3072 || !ok {
		t.Errorf("a share of %d, %t", share, ok)
	}
	read, written, ok := parseBlocks([]byte("rchar: 5\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n"))
	if read != 4096 || written != 8192 || !ok {
		t.Errorf("blocks %d, %d, %t", read, written, ok)
	}
	if _, _, ok := parseBlocks([]byte("rchar: 5\n")); ok {
		t.Error("blocks were read where there are none")
	}
}
