package container_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	dockerapi "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"

	"github.com/seed-1574e9de/ordeal/chaos"
	"github.com/seed-1574e9de/ordeal/internal/freeport"
	"github.com/seed-1574e9de/ordeal/internal/owner"
	"github.com/seed-1574e9de/ordeal/internal/ready"
	"github.com/seed-1574e9de/ordeal/internal/target/container"
)

// user is somebody who runs containers of their own.
type user struct {
	t      *testing.T
	api    *client.Client
	engine *container.Engine
	image  string
	net    string // its ID, once it is there
}

func newUser(t *testing.T) *user {
	t.Helper()
	e := connect(t)
	api := newClient(t)
	return &user{t: t, api: api, engine: e, image: userImage(t, api)}
}

func (u *user) name(name string) string { return fmt.Sprintf("undo%d-%s", os.Getpid(), name) }

// network makes the user's network, where nobody else takes addresses meanwhile.
func (u *user) network() string {
	u.t.Helper()
	if u.net == "" {
		n, err := u.api.NetworkCreate(u.t.Context(), u.name(strings.ToLower(u.t.Name())), network.CreateOptions{})
		if err != nil {
			u.t.Fatal(err)
		}
		u.net = n.ID
		u.t.Cleanup(func() { u.api.NetworkRemove(context.Background(), n.ID) })
	}
	return u.net
}

// start runs a container and finds it as a run does.
func (u *user) start(name string, args string, config dockerapi.Config, host dockerapi.HostConfig) *container.Container {
	u.t.Helper()
	config.Image, config.Cmd = u.image, strings.Fields(args)
	if host.PublishAllPorts || len(host.PortBindings) > 0 {
		config.ExposedPorts = nat.PortSet{"8080/tcp": {}}
	}
	if host.NetworkMode == "" {
		host.NetworkMode = dockerapi.NetworkMode(u.network())
	}
	made, err := u.api.ContainerCreate(u.t.Context(), &config, &host, nil, nil, u.name(name))
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() {
		u.api.ContainerRemove(context.Background(), made.ID, dockerapi.RemoveOptions{Force: true})
	})
	if err := u.api.ContainerStart(u.t.Context(), made.ID, dockerapi.StartOptions{}); err != nil {
		u.t.Fatal(err)
	}
	found, err := u.engine.Find(u.t.Context(), container.Selector{ID: made.ID})
	if err != nil {
		u.t.Fatal(err)
	}
	return found[0]
}

// published publishes the server's port on a free one of this machine.
func (u *user) published() dockerapi.HostConfig {
	u.t.Helper()
	port, err := freeport.Pick()
	if err != nil {
		u.t.Fatal(err)
	}
	return dockerapi.HostConfig{PortBindings: nat.PortMap{"8080/tcp": {{HostIP: "127.0.0.1", HostPort: fmt.Sprint(port)}}}}
}

func (u *user) inspect(c *container.Container) dockerapi.InspectResponse {
	u.t.Helper()
	r, err := u.api.ContainerInspect(u.t.Context(), c.ID())
	if err != nil {
		u.t.Fatal(err)
	}
	return r
}

// kill binds and prepares a kill.
func (u *user) kill(c *container.Container, signal string) (chaos.Fault, chaos.State) {
	u.t.Helper()
	fault, err := (&chaos.Kill{Signal: signal}).Bind(c, "id", 0)
	if err != nil {
		u.t.Fatal(err)
	}
	state, err := fault.Prepare(u.t.Context())
	if err != nil {
		u.t.Fatal(err)
	}
	return fault, state
}

// injected is a kill that took effect.
func (u *user) injected(c *container.Container) (chaos.Fault, chaos.State) {
	u.t.Helper()
	fault, state := u.kill(c, "SIGKILL")
	if _, err := fault.Inject(u.t.Context(), state); err != nil {
		u.t.Fatal(err)
	}
	return fault, state
}

func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

func TestPortsOfTheEnginesChoiceAreNotKilled(t *testing.T) {
	u := newUser(t)
	for name, host := range map[string]dockerapi.HostConfig{
		"free": {PortBindings: nat.PortMap{"8080/tcp": {{HostIP: "127.0.0.1"}}}},
		"all":  {PublishAllPorts: true},
	} {
		c := u.start(name, "serve", dockerapi.Config{}, host)
		port := u.inspect(c).NetworkSettings.Ports["8080/tcp"][0].HostPort
		if err := c.Killable(t.Context()); err == nil || !strings.Contains(err.Error(), port+":8080/tcp") || !strings.Contains(err.Error(), "pause it instead") {
			t.Errorf("%s: Killable = %v, want how to publish it on %s", name, err, port)
		}
	}
	fixed := u.start("fixed", "serve", dockerapi.Config{}, u.published())
	if err := fixed.Killable(t.Context()); err != nil {
		t.Errorf("a fixed port: Killable = %v", err)
	}
}

// A death that comes after the fault's time is awaited and undone, and so is what
// keeps the restart policy from acting in the meantime.
func TestLateDeathAndRestartPolicy(t *testing.T) {
	u := newUser(t)
	host := u.published()
	host.RestartPolicy = dockerapi.RestartPolicy{Name: dockerapi.RestartPolicyAlways}
	c := u.start("drain", "serve -name a -drain", dockerapi.Config{StopSignal: "SIGQUIT"}, host)
	await(t, "it serves", func() bool { _, err := get(t, "http://"+c.Addr()); return err == nil })
	fault, state := u.kill(c, "SIGTERM")
	over, end := context.WithCancel(t.Context())
	inject := make(chan error)
	go func() {
		_, err := fault.Inject(over, state)
		inject <- err
	}()
	if _, err := get(t, "http://"+c.Addr()+"/told"); err != nil {
		t.Fatalf("waiting for the signal: %v", err)
	}
	if p := u.inspect(c).HostConfig.RestartPolicy; !p.IsNone() {
		t.Errorf("the restart policy %s would bring it back at once", p.Name)
	}
	end()
	if err := <-inject; err == nil {
		t.Error("a kill was effective while the container drains")
	}
	first := u.inspect(c).State.StartedAt
	type outcome struct {
		proof chaos.Proof
		err   error
	}
	revert := make(chan outcome)
	go func() {
		p, err := fault.Revert(t.Context(), state)
		revert <- outcome{p, err}
	}()
	if body, err := get(t, "http://"+c.Addr()); err != nil || body != "a" {
		t.Errorf("the draining server answers %q, %v", body, err)
	}
	get(t, "http://"+c.Addr()+"/end")
	o := <-revert
	if o.err != nil || !strings.Contains(o.proof.Evidence, "after it had died of SIGTERM") || !strings.Contains(o.proof.Evidence, "restart policy always back") {
		t.Errorf("Revert = %+v", o)
	}
	r := u.inspect(c)
	if r.HostConfig.RestartPolicy.Name != dockerapi.RestartPolicyAlways || r.State.StartedAt == first || r.RestartCount != 0 {
		t.Errorf("policy %+v, started %s, then %s, restarts %d", r.HostConfig.RestartPolicy, first, r.State.StartedAt, r.RestartCount)
	}
	if body, err := get(t, "http://"+c.Addr()); err != nil || body != "a" {
		t.Errorf("after the undo it answers %q, %v", body, err)
	}
}

// What a dead run's record holds is enough for heal, also where somebody has
// started and stopped the container since: it stays stopped, and has the restart
// policy back that the fault had suspended.
func TestHealFromTheRecord(t *testing.T) {
	for _, tt := range []struct {
		name    string
		stopped bool
		want    string
	}{
		{"dead", false, "runs and is ready"},
		{"stopped", true, "left as it is, and has its restart policy always back"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := newUser(t)
			host := u.published()
			host.RestartPolicy = dockerapi.RestartPolicy{Name: dockerapi.RestartPolicyAlways}
			host.Resources = dockerapi.Resources{Memory: 64 << 20}
			c := u.start("record-"+tt.name, "serve -name a", dockerapi.Config{StopSignal: "SIGQUIT"}, host)
			await(t, "it serves", func() bool { _, err := get(t, "http://"+c.Addr()); return err == nil })
			before, err := c.Look(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			fault, state := u.kill(c, "SIGTERM")
			journal, err := chaos.OpenJournal(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if err := journal.Add(chaos.Entry{
				ID: "id", Run: "run", Fault: "k", Kind: "kill", Spec: []byte(`{"signal":"SIGTERM"}`), Target: c.Ref(),
				State: state, Before: before, Created: time.Now(),
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := fault.Inject(t.Context(), state); err != nil {
				t.Fatal(err)
			}
			if tt.stopped {
				if err := errors.Join(u.api.ContainerStart(t.Context(), c.ID(), dockerapi.StartOptions{}),
					u.api.ContainerKill(t.Context(), c.ID(), "SIGKILL")); err != nil {
					t.Fatal(err)
				}
				await(t, "it is dead again", func() bool { return !u.inspect(c).State.Running })
			}
			healed, left, err := chaos.Healer{
				Journal:  journal,
				Reopen:   func(r chaos.Ref) (chaos.Target, error) { return u.engine.Reopen(t.Context(), r) },
				Liveness: func(string, owner.Owner) (owner.Liveness, string) { return owner.Dead, "" },
			}.Heal(t.Context())
			if err != nil || len(left) > 0 {
				t.Errorf("Heal left %v: %v", left, err)
			}
			if len(healed) != 1 {
				t.Errorf("Heal healed %v, want one", healed)
			} else if evidence := healed[0].Evidence; !strings.Contains(evidence, tt.want) {
				t.Errorf("the evidence is %q, want %q", evidence, tt.want)
			}
			if r := u.inspect(c); r.State.Running == tt.stopped || r.HostConfig.RestartPolicy != host.RestartPolicy {
				t.Errorf("runs: %v, restart policy %+v", r.State.Running, r.HostConfig.RestartPolicy)
			}
		})
	}
}

// What is not sent leaves no trace: any signal through the engine turns a restart
// policy off until the next start.
func TestSignalThatAContainerIgnores(t *testing.T) {
	u := newUser(t)
	host := u.published()
	host.RestartPolicy = dockerapi.RestartPolicy{Name: dockerapi.RestartPolicyUnlessStopped}
	c := u.start("deaf", "serve -name a -ignore", dockerapi.Config{}, host)
	await(t, "it serves", func() bool { _, err := get(t, "http://"+c.Addr()); return err == nil })
	if is, err := c.Ignores(t.Context(), "SIGTERM"); err != nil || !is {
		t.Skipf("SKIP the engine's processes cannot be seen from here (%v, %v)", is, err)
	}
	if w := strings.Join(c.Warnings(t.Context(), chaos.CapKill, &chaos.Kill{Signal: "SIGTERM"}), "\n"); !strings.Contains(w, "ignores SIGTERM") {
		t.Errorf("Warnings = %q", w)
	}
	before := u.inspect(c).State.StartedAt
	fault, state := u.kill(c, "SIGTERM")
	if _, err := fault.Inject(t.Context(), state); err == nil || !strings.Contains(err.Error(), "was not sent") {
		t.Errorf("Inject = %v", err)
	}
	if _, err := fault.Revert(t.Context(), state); err != nil || u.inspect(c).State.StartedAt != before {
		t.Errorf("Revert = %v, started at %s, then at %s", err, before, u.inspect(c).State.StartedAt)
	}
}

func TestNeighboursComeBack(t *testing.T) {
	u := newUser(t)
	c := u.start("main", "serve -name a", dockerapi.Config{}, u.published())
	of := "container:" + c.ID()
	net := u.start("net", "hang", dockerapi.Config{}, dockerapi.HostConfig{NetworkMode: dockerapi.NetworkMode(of)})
	pid := u.start("pid", "hang", dockerapi.Config{}, dockerapi.HostConfig{PidMode: dockerapi.PidMode(of)})
	far := u.start("far", "hang", dockerapi.Config{}, dockerapi.HostConfig{PidMode: dockerapi.PidMode("container:" + pid.ID())})
	warnings := strings.Join(c.Warnings(t.Context(), chaos.CapKill, &chaos.Kill{Signal: "SIGKILL"}), "\n")
	for _, want := range []string{net.Name() + " uses the network of", pid.Name() + " uses the processes' namespace of"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("warnings %q lack %q", warnings, want)
		}
	}
	netWas, pidWas := u.inspect(net).State.StartedAt, u.inspect(pid).State.StartedAt
	fault, state := u.injected(c)
	await(t, "the one that shares its processes is dead too", func() bool { return !u.inspect(pid).State.Running })
	proof, err := fault.Revert(t.Context(), state)
	if err != nil {
		t.Fatalf("Revert: %v", err)
	}
	for _, want := range []string{"restarted " + net.Name(), "started " + pid.Name()} {
		if !strings.Contains(proof.Evidence, want) {
			t.Errorf("the evidence is %q, want %q", proof.Evidence, want)
		}
	}
	if !u.inspect(far).State.Running {
		t.Fatal("the neighbour's neighbour does not run")
	}
	for _, n := range []struct {
		c   *container.Container
		was string
	}{{net, netWas}, {pid, pidWas}} {
		if r := u.inspect(n.c); !r.State.Running || r.State.StartedAt == n.was {
			t.Errorf("%s runs: %v, since %s, before %s", n.c.Name(), r.State.Running, r.State.StartedAt, n.was)
		}
	}
	again := u.inspect(net).State.StartedAt
	if _, err := fault.Revert(t.Context(), state); err != nil || u.inspect(net).State.StartedAt != again {
		t.Errorf("a second Revert = %v, and the neighbour started at %s, then at %s", err, again, u.inspect(net).State.StartedAt)
	}
	// Somebody removes a neighbour: the target itself is not gone by that.
	if err := u.api.ContainerRemove(t.Context(), net.ID(), dockerapi.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if proof, err := fault.Revert(t.Context(), state); err != nil || !strings.Contains(proof.Evidence, net.Name()+", which used the network, was removed meanwhile") {
		t.Errorf("Revert without the neighbour = %+v, %v", proof, err)
	}
}

// Containers that die together would swap addresses if they were started in
// another order.
func TestAddressesComeBack(t *testing.T) {
	u := newUser(t)
	host := dockerapi.HostConfig{NetworkMode: dockerapi.NetworkMode(u.network())}
	address := func(c *container.Container) string {
		for _, n := range u.inspect(c).NetworkSettings.Networks {
			return n.IPAddress
		}
		return ""
	}
	var all []*container.Container
	was := make(map[string]string)
	for _, name := range []string{"a", "b", "c"} {
		c := u.start(name, "hang", dockerapi.Config{}, host)
		all, was[c.ID()] = append(all, c), address(c)
	}
	var faults []chaos.Fault
	var states []chaos.State
	for _, c := range all {
		f, s := u.injected(c)
		faults, states = append(faults, f), append(states, s)
	}
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			// The last comes first, by far less than it takes to start one.
			time.Sleep(time.Duration(len(all)-i) * 5 * time.Millisecond)
			_, errs[i] = faults[i].Revert(t.Context(), states[i])
		})
	}
	wg.Wait()
	for i, c := range all {
		if errs[i] != nil || address(c) != was[c.ID()] {
			t.Errorf("%s: %v, address %s, before %s", c.Name(), errs[i], address(c), was[c.ID()])
		}
	}

	// One that has been taken meanwhile does not come back.
	fault, state := u.injected(all[0])
	taker := u.start("taker", "hang", dockerapi.Config{}, host)
	if address(taker) != was[all[0].ID()] {
		t.Skipf("SKIP this engine gives another address first: %s", address(taker))
	}
	_, err := fault.Revert(t.Context(), state)
	if !errors.Is(err, chaos.ErrNotAsBefore) || !strings.Contains(err.Error(), was[all[0].ID()]) {
		t.Errorf("Revert = %v, want that the address is another one", err)
	}
}

// On the default bridge nobody is promised an address: a container there that
// publishes a port is as before with another one, unless the scenario has its
// address in it.
func TestAddressOfTheDefaultBridgeTakenMeanwhile(t *testing.T) {
	u := newUser(t)
	address := func(c *container.Container) string { return u.inspect(c).NetworkSettings.Networks["bridge"].IPAddress }
	host := u.published()
	host.NetworkMode = network.NetworkBridge
	c := u.start("bridged", "serve -name a", dockerapi.Config{}, host)
	was := address(c)
	fault, state := u.injected(c)
	// Whoever starts next gets the lowest address that is free, which another
	// container of this engine may have left meanwhile.
	for i := 0; address(u.start(fmt.Sprintf("taker%d", i), "hang", dockerapi.Config{}, dockerapi.HostConfig{NetworkMode: network.NetworkBridge})) != was; i++ {
		if i == 20 {
			t.Fatalf("nobody was given the address %s", was)
		}
	}
	proof, err := fault.Revert(t.Context(), state)
	if err != nil || !strings.Contains(proof.Note, "had the address "+was) {
		t.Errorf("Revert = %+v, %v, want a note that the address is another one", proof, err)
	}
}

func TestHealthAndReadinessAfterAKill(t *testing.T) {
	u := newUser(t)
	config := dockerapi.Config{Healthcheck: &dockerapi.HealthConfig{Test: []string{"CMD", "/server", "check"}, Interval: time.Second}}
	c := u.start("health", "serve -name a", config, u.published())
	await(t, "it is healthy", func() bool { return u.inspect(c).State.Health.Status == dockerapi.Healthy })
	fault, state := u.injected(c)
	if slow, ok := fault.(chaos.Slow); !ok {
		t.Error("a kill does not say how long it takes")
	} else if _, revert := slow.Times(state); revert < 4*(time.Second+30*time.Second) {
		t.Errorf("its undo may take %s, shorter than its health check may", revert)
	}
	if _, err := fault.Revert(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	if h := u.inspect(c).State.Health.Status; h != dockerapi.Healthy {
		t.Errorf("undone, and its health check says %s", h)
	}

	// Said by the user, by a command in the container.
	for _, tt := range []struct {
		command []string
		want    string
	}{
		{[]string{"/server", "check"}, ""}, {[]string{"/server", "fail"}, "exit status 3; stderr: cannot go on: no such table; stdout: reading the configuration"},
		{[]string{"/server", "complain"}, "exit status 4; stderr: gave up"}, {[]string{"/nothing"}, "/nothing"},
	} {
		if err := c.SetReady(ready.Check{Command: tt.command}, 5*time.Second); err != nil {
			t.Fatal(err)
		}
		limit, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		err := c.AwaitReady(limit)
		cancel()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: AwaitReady = %v, want %q", tt.command, err, tt.want)
		}
	}
}

// The engine accepts connections for a container that does not listen yet, and can
// hold them for seconds. Nobody said when this one is ready: it is once a connection
// gets to it, before the load as after a restart.
func TestServesOnceConnectionsArrive(t *testing.T) {
	u := newUser(t)
	c := u.start("boots", "serve -name a -boot 2s", dockerapi.Config{}, u.published())
	there, err := c.Behind(t.Context(), c.Addr())
	if err != nil || there == nil {
		t.Fatalf("Behind = %v, %v, want what asks for %s", there == nil, err, c.Addr())
	}
	if none, err := c.Behind(t.Context(), "127.0.0.1:1"); err != nil || none != nil {
		t.Errorf("an address that it does not publish: %v, %v", none != nil, err)
	}
	if err := there(t.Context()); err == nil {
		t.Error("it is there before it listens")
	}
	await(t, "it is there", func() bool { return there(t.Context()) == nil })
	if body, err := get(t, "http://"+c.Addr()); err != nil || body != "a" {
		t.Errorf("it is there, and answers %q, %v", body, err)
	}
	for range 3 {
		fault, state := u.injected(c)
		if at, err := c.Serves(t.Context()); err != nil || len(at) > 0 {
			t.Errorf("it is dead, and serves at %q, %v", at, err)
		}
		// Connections that come while it is started are what its network loses packets of.
		var load sync.WaitGroup
		over := make(chan struct{})
		load.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(10 * time.Millisecond):
				}
				load.Go(func() {
					if conn, err := net.DialTimeout("tcp", c.Addr(), time.Second); err == nil {
						conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
						conn.Read(make([]byte, 1))
						conn.Close()
					}
				})
			}
		})
		_, err := fault.Revert(t.Context(), state)
		close(over)
		load.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if body, err := get(t, "http://"+c.Addr()); err != nil || body != "a" {
			t.Errorf("undone, and it answers %q, %v", body, err)
		}
	}

	// Said to be tcp by the user, it is held against the same.
	if err := c.SetReady(ready.Check{TCP: c.Addr()}, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	fault, state := u.injected(c)
	if _, err := fault.Revert(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	if body, err := get(t, "http://"+c.Addr()); err != nil || body != "a" {
		t.Errorf("ready by tcp, and it answers %q, %v", body, err)
	}
}

// A port that is exposed and not published is one that other containers use.
func TestServesAtAnExposedPort(t *testing.T) {
	u := newUser(t)
	// Nothing listens at the second port.
	config := dockerapi.Config{ExposedPorts: nat.PortSet{"8080/tcp": {}, "9090/tcp": {}}}
	c := u.start("exposed", "serve -name a -boot 1s", config, dockerapi.HostConfig{})
	serves := func() []string {
		at, err := c.Serves(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if at := serves(); len(at) > 0 {
		t.Errorf("it boots, and serves at %q", at)
	}
	await(t, "it listens", func() bool { return len(serves()) > 0 })
	if at := serves(); len(at) != 1 || at[0] != "its own port 8080/tcp" {
		t.Errorf("it serves at %q", at)
	}
	at := ""
	for _, n := range u.inspect(c).NetworkSettings.Networks {
		at = "http://" + net.JoinHostPort(n.IPAddress, "8080")
	}
	if _, err := get(t, at); err != nil {
		t.Skipf("SKIP this engine's networks cannot be reached from here: %v", err)
	}
	fault, state := u.injected(c)
	if _, err := fault.Revert(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	// From outside: over its network, as another container asks it.
	if body, err := get(t, at); err != nil || body != "a" {
		t.Errorf("undone, and it answers %q, %v", body, err)
	}
}

// Nor did anybody say so of one that the run starts: it is ready once its port is
// reached.
func TestStartAwaitsThePort(t *testing.T) {
	s := stack(t, connect(t), "")
	spec := service("boots")
	spec.Args, spec.Ready = append(spec.Args, "-boot", "2s"), nil
	c := start(t, s, spec)
	if body, err := get(t, "http://"+c.Addr()); err != nil || body != "boots" {
		t.Errorf("started, and it answers %q, %v", body, err)
	}
}
