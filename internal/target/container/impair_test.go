package container_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dockerapi "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/target/container"
	"github.com/seed-1574e9de/ordeal/internal/target/container/dockertest"
)

const delay = 150 * time.Millisecond

func TestImpair(t *testing.T) {
	e := connect(t)
	s := stack(t, e, "nobody")
	gateway, api := start(t, s, service("gateway")), start(t, s, service("api"))
	mustBeFast(t, gateway, "api", delay) // and leaves a connection open

	condition := chaos.NetCondition{Latency: chaos.Latency{Delay: delay, Jitter: 30 * time.Millisecond}}
	proof, err := api.Impair(t.Context(), "slow", condition, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", proof)
	if !strings.Contains(proof.Evidence, "→") || (proof.Mechanism != "nft-proxy" && proof.Mechanism != "netem") {
		t.Errorf("expected a mechanism and a measurement, found %+v", proof)
	}
	for range 5 {
		if d := trip(t, gateway, "api"); d < delay-30*time.Millisecond {
			t.Errorf("expected answers after at least %s, found one after %s", delay-30*time.Millisecond, d)
		}
	}
	if _, err := api.Impair(t.Context(), "slower", condition, time.Minute); err == nil || !strings.Contains(err.Error(), "already under") {
		t.Errorf("expected a second fault on the container to be refused, found %v", err)
	}
	if _, err := api.Clear(t.Context(), "slower"); err != nil {
		t.Error(err)
	}
	if d := trip(t, gateway, "api"); d < delay-30*time.Millisecond {
		t.Errorf("the fault ended with another one's undo: an answer came after %s", d)
	}

	proof, err = api.Clear(t.Context(), "slow")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", proof)
	if proof.Caveat != "" {
		t.Errorf("expected no caveat, found %q", proof.Caveat)
	}
	mustBeFast(t, gateway, "api", delay)
	if _, err := api.Clear(t.Context(), "slow"); err != nil {
		t.Errorf("expected a second undo to do nothing, found %v", err)
	}
	// The next fault meets nothing of the last one.
	if _, err := api.Impair(t.Context(), "slow-2", condition, time.Minute); err != nil {
		t.Fatal(err)
	}
	if proof, err = api.Clear(t.Context(), "slow-2"); err != nil || !strings.Contains(proof.Caveat, "no traffic") {
		t.Errorf("expected the caveat that no traffic passed, found %+v and %v", proof, err)
	}
}

// TestImpair_underLoad impairs and clears traffic while clients with open
// connections use it: what they may safely try again must not fail.
func TestImpair_underLoad(t *testing.T) {
	e := connect(t)
	s := stack(t, e, "nobody")
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	gateway, api := start(t, s, service("gateway")), start(t, s, service("api"))
	var good, bad atomic.Int64
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer wg.Wait()
	defer stop()
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := get(t, "http://"+gateway.Addr()+"/time?url=http://api:8080/"); err == nil {
					good.Add(1)
				} else if bad.Add(1) < 5 {
					t.Log(err)
				}
			}
		})
	}
	for _, id := range []string{"a", "b"} {
		before := good.Load()
		waitFor(t, "traffic", func() bool { return good.Load() > before+20 })
		if _, err := api.Impair(ctx, id, chaos.NetCondition{Latency: chaos.Latency{Delay: delay}}, time.Minute); err != nil {
			t.Fatal(err)
		}
		before = good.Load()
		waitFor(t, "slow traffic", func() bool { return good.Load() > before+20 })
		proof, err := api.Clear(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if proof.Caveat != "" {
			t.Errorf("expected no caveat, found %q", proof.Caveat)
		}
	}
	stop()
	wg.Wait()
	// One in a hundred for what a busy machine does to connections by itself.
	if bad.Load()*100 > good.Load() {
		t.Errorf("%d of %d requests failed", bad.Load(), bad.Load()+good.Load())
	}
}

func TestImpair_doubts(t *testing.T) {
	e := connect(t)
	s := stack(t, e, "nobody")
	gateway, api := start(t, s, service("gateway")), start(t, s, service("api"))
	condition := chaos.NetCondition{Latency: chaos.Latency{Delay: delay}}

	t.Run("restarted", func(t *testing.T) {
		if _, err := api.Impair(t.Context(), "a", condition, time.Minute); err != nil {
			t.Fatal(err)
		}
		do(t, func(ctx context.Context) error { return api.Kill(ctx, "SIGKILL") })
		do(t, api.Start)
		proof, err := api.Clear(t.Context(), "a")
		if err != nil || !strings.Contains(proof.Caveat, "restarted") {
			t.Errorf("expected a caveat over the restart, found %+v and %v", proof, err)
		}
		mustBeFast(t, gateway, "api", delay)
	})
	t.Run("deadline", func(t *testing.T) {
		if _, err := api.Impair(t.Context(), "b", condition, time.Second); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the helper's end", func() bool { return len(helpers(t)) == 0 })
		mustBeFast(t, gateway, "api", delay)
		proof, err := api.Clear(t.Context(), "b")
		if err != nil || !strings.Contains(proof.Caveat, "deadline") {
			t.Errorf("expected a caveat over the deadline, found %+v and %v", proof, err)
		}
	})
	t.Run("helper killed", func(t *testing.T) {
		if _, err := api.Impair(t.Context(), "c", condition, time.Minute); err != nil {
			t.Fatal(err)
		}
		c := newClient(t)
		if err := c.ContainerKill(t.Context(), helpers(t)[0], "SIGKILL"); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the helper's end", func() bool { return len(helpers(t)) == 0 })
		proof, err := api.Clear(t.Context(), "c")
		if err != nil || !strings.Contains(proof.Caveat, "did not last") {
			t.Errorf("expected a caveat over the helper, found %+v and %v", proof, err)
		}
		if proof.Mechanism == "nft-proxy" && !strings.Contains(proof.Evidence, "removing") {
			t.Errorf("expected what the helper left to be removed, found %q", proof.Evidence)
		}
		mustBeFast(t, gateway, "api", delay)
	})
	t.Run("target gone", func(t *testing.T) {
		if _, err := api.Impair(t.Context(), "d", condition, time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := newClient(t).ContainerRemove(t.Context(), api.ID(), dockerapi.RemoveOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
		proof, err := api.Clear(t.Context(), "d")
		if err != nil || !strings.Contains(proof.Caveat, "removed") {
			t.Errorf("expected a caveat over the removal, found %+v and %v", proof, err)
		}
		if _, err := e.Reopen(t.Context(), api.Ref()); !errors.Is(err, chaos.ErrGone) {
			t.Errorf("expected chaos.ErrGone, found %v", err)
		}
		if alive(t, api) {
			t.Error("expected a removed container not to be alive")
		}
	})
}

// helpers lists the ids of helpers on this engine that belong to this test's
// process.
func helpers(t *testing.T) []string {
	t.Helper()
	all, err := newClient(t).ContainerList(t.Context(), dockerapi.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", container.LabelRole+"="+container.RoleHelper))})
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(t.Name(), "/")
	mine := fmt.Sprintf("t%d-%s", os.Getpid(), strings.ToLower(name))
	var ids []string
	for _, c := range all {
		if c.Labels[container.LabelRun] == mine {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// waitFor polls; its limit is far above what it should take.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// victim is the program of TestControllerKilled's child.
func victim(text string) error {
	var ref chaos.Ref
	if err := json.Unmarshal([]byte(text), &ref); err != nil {
		return err
	}
	ctx := context.Background()
	e, err := container.Connect(ctx, container.WithBinary(os.Getenv("ORDEAL_TEST_BINARY")))
	if err != nil {
		return err
	}
	if _, err := e.NewStack(ctx, os.Getenv("ORDEAL_TEST_RUN"), "the-victim", nil); err != nil {
		return err
	}
	target, err := e.Reopen(ctx, ref)
	if err != nil {
		return err
	}
	if _, err := target.(chaos.Impairer).Impair(ctx, "slow", chaos.NetCondition{Latency: chaos.Latency{Delay: delay}}, 10*time.Minute); err != nil {
		return err
	}
	fmt.Println("impaired")
	return nil
}

// TestControllerKilled kills the process that slowed a container with SIGKILL.
func TestControllerKilled(t *testing.T) {
	e := connect(t)
	s := stack(t, e, "nobody")
	gateway, api := start(t, s, service("gateway")), start(t, s, service("api"))
	ref, err := json.Marshal(api.Ref())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), asVictim+"="+string(ref), "ORDEAL_TEST_BINARY="+dockertest.Binary(t), "ORDEAL_TEST_RUN="+run(t)+"-victim")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if left := labelled(t, container.LabelOwner+"=the-victim"); len(left) > 0 {
			e.Sweep(context.Background(), func(owner, _ string) bool { return owner == "the-victim" })
			t.Errorf("the sweep left behind: %q", left)
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "impaired\n" {
		t.Fatalf("expected the child to slow the container, found %q and %v", line, err)
	}
	if d := trip(t, gateway, "api"); d < delay {
		t.Fatalf("expected the container to be slow, found an answer after %s", d)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()

	again, err := e.Reopen(t.Context(), api.Ref())
	if err != nil {
		t.Fatal(err)
	}
	proof, err := again.(chaos.Impairer).Clear(t.Context(), "slow")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", proof)
	if proof.Evidence != "the namespace is clean" {
		t.Errorf("expected the helper to have cleaned up by itself, found %q", proof.Evidence)
	}
	mustBeFast(t, gateway, "api", delay)

	// The rest of the dead process is swept, and nobody else's.
	swept, err := e.Sweep(t.Context(), func(owner, _ string) bool { return owner == "the-victim" })
	removed := swept.Removed
	if err != nil {
		t.Fatal(err)
	}
	kinds := make([]string, 0, len(removed))
	for _, r := range removed {
		kind, _, _ := strings.Cut(r, " ")
		kinds = append(kinds, kind)
	}
	if !slices.Equal(kinds, []string{"network", "image"}) {
		t.Errorf("expected network and image of the dead process to be removed, found %q", removed)
	}
	if !alive(t, api) {
		t.Error("the sweep took what belongs to a living owner")
	}
}
