package container_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	dockerapi "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"go.uber.org/goleak"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/target/container"
	"github.com/seed-1574e9de/ordeal/internal/target/container/dockertest"
)

// asVictim makes the test binary an ordeal that slows a container and is then
// killed; see TestControllerKilled.
const asVictim = "ORDEAL_TEST_VICTIM"

func TestMain(m *testing.M) {
	if ref := os.Getenv(asVictim); ref != "" {
		if err := victim(ref); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		select {} // until killed
	}
	code := dockertest.Main(m)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// run is a name for a test's run.
func run(t *testing.T) string {
	return fmt.Sprintf("t%d-%s", os.Getpid(), strings.ToLower(t.Name()))
}

// connect returns an engine that leaves nothing behind, or fails the test.
func connect(t *testing.T) *container.Engine {
	t.Helper()
	dockertest.Need(t)
	e, err := container.Connect(t.Context(), container.WithBinary(dockertest.Binary(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing the engine: %v", err)
		}
	})
	return e
}

// stack returns a stack that leaves nothing behind, or fails the test.
func stack(t *testing.T, e *container.Engine, owner string) *container.Stack {
	t.Helper()
	s, err := e.NewStack(t.Context(), run(t), owner, func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
		if left := labelled(t, container.LabelRun+"="+run(t)); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
	return s
}

// newClient is the test's own connection to the engine.
func newClient(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// labelled lists all in the engine that carries a label.
func labelled(t *testing.T, label string) []string {
	t.Helper()
	c, ctx := newClient(t), context.Background()
	f := filters.NewArgs(filters.Arg("label", label))
	var out []string
	containers, err := c.ContainerList(ctx, dockerapi.ListOptions{All: true, Filters: f})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range containers {
		out = append(out, "container "+x.Names[0])
	}
	networks, err := c.NetworkList(ctx, network.ListOptions{Filters: f})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range networks {
		out = append(out, "network "+x.Name)
	}
	images, err := c.ImageList(ctx, image.ListOptions{All: true, Filters: f})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range images {
		out = append(out, "image "+strings.Join(x.RepoTags, ","))
	}
	return out
}

func start(t *testing.T, s *container.Stack, spec container.Spec) *container.Container {
	t.Helper()
	c, err := s.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// service is a spec of the tests' own server.
func service(name string) container.Spec {
	return container.Spec{Name: name, Args: []string{"serve", "-name", name}, Port: 8080, Ready: path("/"), ReadyTimeout: 20 * time.Second}
}

// path asks for a path where the container's port is published.
func path(p string) func(string) (ready.Check, error) {
	return func(addr string) (ready.Check, error) {
		if addr == "" {
			return ready.Check{}, errors.New("nothing is published")
		}
		return ready.Check{HTTP: "http://" + addr + p}, nil
	}
}

// alive says whether a container runs.
func alive(t *testing.T, c chaos.Killer) bool {
	t.Helper()
	return ask(t, c.Life) != ""
}

var web = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	res, err := web.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, b)
	}
	return strings.TrimSpace(string(b)), err
}

// trip is how long the gateway takes to ask a service over their network.
func trip(t *testing.T, gateway *container.Container, service string) time.Duration {
	t.Helper()
	text, err := get(t, "http://"+gateway.Addr()+"/time?url=http://"+service+":8080/")
	if err != nil {
		t.Fatalf("asking %s through the gateway: %v", service, err)
	}
	ns, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(ns)
}

// mustBeFast passes if the best of several trips shows no delay.
func mustBeFast(t *testing.T, gateway *container.Container, service string, delay time.Duration) {
	t.Helper()
	best := time.Hour
	for range 10 {
		if best = min(best, trip(t, gateway, service)); best < delay/2 {
			return
		}
	}
	t.Errorf("expected %s to answer without the delay of %s, the best of ten took %s", service, delay, best)
}

func ask[T any](t *testing.T, f func(context.Context) (T, error)) T {
	t.Helper()
	v, err := f(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func do(t *testing.T, f func(context.Context) error) {
	t.Helper()
	if err := f(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestKillAndStart(t *testing.T) {
	e := connect(t)
	c := start(t, stack(t, e, "nobody"), service("api"))
	if c.Name() != "api" || c.Ref().Kind != "container" {
		t.Errorf("expected container api, found %s %s", c.Ref().Kind, c.Name())
	}
	do(t, c.Killable)
	if !alive(t, c) {
		t.Fatal("expected a started container to be alive")
	}
	do(t, func(ctx context.Context) error { return c.Kill(ctx, "SIGKILL") })
	deadline := time.Now().Add(20 * time.Second)
	for alive(t, c) {
		if time.Now().After(deadline) {
			t.Fatal("the container outlives SIGKILL")
		}
	}
	if body, err := get(t, "http://"+c.Addr()); err == nil {
		t.Errorf("expected no answer from a dead container, found %q", body)
	}
	// From a fresh process, with nothing but the journal.
	again, err := e.Reopen(t.Context(), roundTrip(t, c.Ref()))
	if err != nil {
		t.Fatal(err)
	}
	do(t, again.(chaos.Killer).Start)
	do(t, again.(chaos.Killer).Start) // does nothing if it runs
	if body, err := get(t, "http://"+c.Addr()); err != nil || body != "api" {
		t.Errorf("expected the same address to answer after the start, found %q and %v", body, err)
	}
	if err := c.Kill(t.Context(), "SIGNONSENSE"); err == nil {
		t.Error("expected an unknown signal to be refused")
	}
}

// roundTrip takes a Ref through the journal's JSON.
func roundTrip(t *testing.T, ref chaos.Ref) chaos.Ref {
	t.Helper()
	b, err := json.Marshal(ref)
	if err != nil {
		t.Fatal(err)
	}
	var back chaos.Ref
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func TestPause(t *testing.T) {
	e := connect(t)
	c := start(t, stack(t, e, "nobody"), service("api"))
	for range 2 { // idempotent
		do(t, c.Pause)
		if !ask(t, c.Paused) {
			t.Fatal("expected the container to be paused")
		}
	}
	if _, err := e.Find(t.Context(), container.Selector{ID: c.ID()}); err == nil || !strings.Contains(err.Error(), "docker unpause") {
		t.Errorf("expected a hint to unpause, found %v", err)
	}
	for range 2 {
		do(t, c.Unpause)
		if ask(t, c.Paused) {
			t.Fatal("expected the container to run on")
		}
	}
	if _, err := get(t, "http://"+c.Addr()); err != nil {
		t.Error(err)
	}
	do(t, c.Pause) // and Close removes it all the same
}

func TestRemovedBySomebodyElse(t *testing.T) {
	e := connect(t)
	c := start(t, stack(t, e, "nobody"), service("api"))
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	if err := cli.ContainerRemove(t.Context(), c.ID(), dockerapi.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if alive(t, c) {
		t.Error("expected a removed container not to be alive")
	}
	_, paused := c.Paused(t.Context())
	_, reopened := e.Reopen(t.Context(), c.Ref())
	for what, err := range map[string]error{
		"start": c.Start(t.Context()), "kill": c.Kill(t.Context(), "SIGKILL"), "unpause": c.Unpause(t.Context()),
		"looking": paused, "opening it again": reopened,
	} {
		if !errors.Is(err, chaos.ErrGone) {
			t.Errorf("%s: expected chaos.ErrGone, found %v", what, err)
		}
	}
}

func TestSweep(t *testing.T) {
	e := connect(t)
	s := stack(t, e, "dead-"+run(t))
	api := start(t, s, service("api"))
	do(t, api.Pause) // as a fault may have left it
	swept, err := e.Sweep(t.Context(), func(string, string) bool { return false })
	if err != nil || len(swept.Removed) > 0 {
		t.Fatalf("expected nothing to be removed while all runs live, found %q and %v", swept.Removed, err)
	}
	mine := func(l container.Left) bool { return l.Owner == "dead-"+run(t) && l.Run == run(t) && len(l.Things) == 3 }
	if !slices.ContainsFunc(swept.Left, mine) {
		t.Errorf("expected a container, a network and an image of the run to be left, found %q", swept.Left)
	}
	// Others may do the same at the same time: each thing is removed once, and
	// that another was quicker is no error.
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		removed []string
	)
	for range 5 {
		wg.Go(func() {
			swept, err := e.Sweep(t.Context(), func(owner, _ string) bool { return owner == "dead-"+run(t) })
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			removed = append(removed, swept.Removed...)
		})
	}
	wg.Wait()
	slices.Sort(removed)
	if len(slices.Compact(removed)) != 3 {
		t.Errorf("expected a container, a network and an image to be removed, found %q", removed)
	}
	if left := labelled(t, container.LabelRun+"="+run(t)); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestFailedStart(t *testing.T) {
	e := connect(t)
	s := stack(t, e, "nobody")
	for _, tt := range []struct {
		name string
		spec container.Spec
		want []string
	}{
		{"exits", container.Spec{Args: []string{"fail"}}, []string{"exited with status 3", "reading the configuration", "no such table"}},
		{"never ready", container.Spec{Args: []string{"hang"}, Port: 8080, Ready: path("/"), ReadyTimeout: time.Second}, []string{"not ready within 1s", "127.0.0.1", "thinking"}},
		{"nothing listens at its port", container.Spec{Args: []string{"hang"}, Port: 8080, ReadyTimeout: time.Second}, []string{"not ready within 1s", "tcp://127.0.0.1", "thinking"}},
		{"ready says no", container.Spec{Args: []string{"serve"}, Port: 8080, Ready: path("/time"), ReadyTimeout: 4 * time.Second}, []string{"it answered 502"}},
		{"image not there", container.Spec{Image: "no/such:image"}, []string{"no/such:image", "docker pull"}},
		{"ready without a port", container.Spec{Args: []string{"hang"}, Ready: path("/")}, []string{"nothing is published"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Name = "broken"
			_, err := s.Start(t.Context(), tt.spec)
			if err == nil {
				t.Fatal("expected an error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("expected %q in the message, found %q", want, err)
				}
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if _, err := s.Start(ctx, container.Spec{Name: "slow", Args: []string{"hang"}, Port: 8080, Ready: path("/")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("expected the end of the context, found %v", err)
		}
	})
	for _, left := range labelled(t, container.LabelRun+"="+run(t)) {
		if strings.HasPrefix(left, "container") {
			t.Errorf("a failed start left %s behind", left)
		}
	}
	for range 2 { // idempotent
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// userImage makes an image that is none of ordeal's.
func userImage(t *testing.T, c *client.Client) string {
	t.Helper()
	binary, err := os.ReadFile(dockertest.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := w.WriteHeader(&tar.Header{Name: "server", Mode: 0o755, Size: int64(len(binary))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(binary); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("user%d:latest", os.Getpid())
	body, err := c.ImageImport(t.Context(), image.ImportSource{Source: &layer, SourceName: "-"}, name, image.ImportOptions{Changes: []string{`ENTRYPOINT ["/server"]`}})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.Copy(io.Discard, body); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.ImageRemove(context.Background(), name, image.RemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	return name
}

// TestFind looks for containers as a user would have started them.
func TestFind(t *testing.T) {
	e := connect(t)
	s := stack(t, e, "nobody")
	c := newClient(t)
	own := userImage(t, c)
	prefix := fmt.Sprintf("user%d-", os.Getpid())
	project := prefix + "shop"
	var ids []string
	make := func(name string, labels map[string]string, run, rm bool) {
		t.Helper()
		made, err := c.ContainerCreate(t.Context(),
			&dockerapi.Config{Image: own, Cmd: []string{"serve", "-name", name}, Labels: labels},
			&dockerapi.HostConfig{AutoRemove: rm}, nil, nil, prefix+name)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, made.ID)
		t.Cleanup(func() {
			c.ContainerRemove(context.Background(), made.ID, dockerapi.RemoveOptions{Force: true})
		})
		if run {
			if err := c.ContainerStart(t.Context(), made.ID, dockerapi.StartOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	compose := func(service string) map[string]string {
		return map[string]string{"com.docker.compose.project": project, "com.docker.compose.service": service}
	}
	make("api", compose("api"), true, false)
	make("api-2", compose("api"), true, false)
	make("stopped", compose("worker"), false, false)
	make("fleeting", map[string]string{prefix + "tier": "x"}, true, true)

	for _, tt := range []struct {
		name string
		s    container.Selector
		want string // names, or part of the error
	}{
		{"a name is whole", container.Selector{Name: prefix + "api"}, "api"},
		{"compose", container.Selector{ComposeProject: project, ComposeService: "api"}, "api api-2"},
		{"label", container.Selector{Label: prefix + "tier=x"}, "fleeting"},
		{"id", container.Selector{ID: ids[1][:12]}, "api-2"},
		{"nothing", container.Selector{Name: prefix + "apj"}, "did you mean " + prefix + "api"},
		{"stopped", container.Selector{Name: prefix + "stopped"}, "docker start " + prefix + "stopped"},
		{"everything", container.Selector{}, "no selector ever means every container"},
		{"short id", container.Selector{ID: "a"}, "at least 4 characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := e.Find(t.Context(), tt.s)
			var names []string
			for _, f := range found {
				names = append(names, strings.TrimPrefix(f.Name(), prefix))
			}
			got := cmp.Or(strings.Join(names, " "), fmt.Sprint(err))
			if err == nil && got != tt.want || err != nil && !strings.Contains(got, tt.want) {
				t.Errorf("expected %q, found %q", tt.want, got)
			}
		})
	}

	fleeting, err := e.Find(t.Context(), container.Selector{Name: prefix + "fleeting"})
	if err != nil {
		t.Fatal(err)
	}
	if err := fleeting[0].Killable(t.Context()); err == nil || !strings.Contains(err.Error(), "for good") {
		t.Errorf("expected a container with --rm not to be killable, found %v", err)
	}

	// The user's containers are broken and put right, and outlive the run.
	found, err := e.Find(t.Context(), container.Selector{Name: prefix + "api"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := found[0].Impair(t.Context(), "slow", chaos.NetCondition{Latency: chaos.Latency{Delay: delay}}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil { // the fault's undo was forgotten
		t.Fatal(err)
	}
	if !alive(t, found[0]) {
		t.Error("closing the stack took the user's container")
	}
}
