package container

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
)

// inspected is what an engine says of a container.
func inspected(change func(r *container.InspectResponse)) container.InspectResponse {
	r := container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{State: &container.State{Running: true}, HostConfig: &container.HostConfig{}},
		Config:            &container.Config{},
		NetworkSettings:   &container.NetworkSettings{},
	}
	if change != nil {
		change(&r)
	}
	return r
}

func TestMovingPorts(t *testing.T) {
	now := nat.PortMap{"80/tcp": {{HostIP: "0.0.0.0", HostPort: "32771"}}}
	for _, tt := range []struct {
		name  string
		asked nat.PortMap
		now   nat.PortMap
		moves bool
	}{
		{"nothing is published", nil, nil, false},
		{"exposed only", nil, nat.PortMap{"80/tcp": nil}, false},
		{"a fixed port", nat.PortMap{"80/tcp": {{HostPort: "32771"}}}, now, false},
		{"no port", nat.PortMap{"80/tcp": {{HostIP: "0.0.0.0"}}}, now, true},
		{"port 0", nat.PortMap{"80/tcp": {{HostPort: "0"}}}, now, true},
		{"a range", nat.PortMap{"80/tcp": {{HostPort: "32770-32780"}}}, now, true},
		{"all ports", nil, now, true},
		{"one of two", nat.PortMap{"80/tcp": {{HostPort: "8080"}, {HostPort: ""}}}, now, true},
	} {
		err := movingPorts("api", inspected(func(r *container.InspectResponse) {
			r.HostConfig.PortBindings, r.NetworkSettings.Ports = tt.asked, tt.now
		}))
		if (err != nil) != tt.moves || err != nil && !strings.Contains(err.Error(), "-p 0.0.0.0:32771:80/tcp") {
			t.Errorf("%s: %v, want that it moves: %v", tt.name, err, tt.moves)
		}
	}
}

// TestDifferences changes one thing after the other.
func TestDifferences(t *testing.T) {
	base := func() container.InspectResponse {
		return inspected(func(r *container.InspectResponse) {
			r.HostConfig.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyAlways}
			r.HostConfig.Resources = container.Resources{Memory: 1 << 20}
			r.NetworkSettings.Ports = nat.PortMap{"80/tcp": {{HostIP: "127.0.0.1", HostPort: "8080"}}}
			r.NetworkSettings.Networks = map[string]*network.EndpointSettings{"shop": {IPAddress: "10.0.0.2", Aliases: []string{"api"}}}
		})
	}
	for _, tt := range []struct {
		name   string
		podman bool
		own    bool
		change func(r *container.InspectResponse)
		lost   string
		moved  string
	}{
		{"nothing", false, false, func(*container.InspectResponse) {}, "", ""},
		{"a port", false, false, func(r *container.InspectResponse) { r.NetworkSettings.Ports["80/tcp"][0].HostPort = "8081" }, "127.0.0.1:8081", ""},
		{"a port is gone", false, false, func(r *container.InspectResponse) { r.NetworkSettings.Ports = nil }, "none now", ""},
		{"an address", false, false, func(r *container.InspectResponse) { r.NetworkSettings.Networks["shop"].IPAddress = "10.0.0.3" }, "10.0.0.3", ""},
		{"an address under podman", true, false, func(r *container.InspectResponse) { r.NetworkSettings.Networks["shop"].IPAddress = "10.0.0.3" }, "", "10.0.0.3"},
		{"an address that only names lead to", false, true, func(r *container.InspectResponse) { r.NetworkSettings.Networks["shop"].IPAddress = "10.0.0.3" }, "", ""},
		{"a name", false, false, func(r *container.InspectResponse) { r.NetworkSettings.Networks["shop"].Aliases = nil }, "lost its name api", ""},
		{"a network", false, false, func(r *container.InspectResponse) { r.NetworkSettings.Networks = nil }, "docker network connect shop api", ""},
		{"the policy", false, false, func(r *container.InspectResponse) { r.HostConfig.RestartPolicy.Name = "no" }, "docker update --restart always api", ""},
		{"a limit", false, false, func(r *container.InspectResponse) { r.HostConfig.Resources.Memory = 2 << 20 }, "limits of container api", ""},
	} {
		before, err := situationOf(base())
		if err != nil {
			t.Fatal(err)
		}
		// As it comes out of a journal whose files are for people too.
		var journalled situation
		if raw, err := json.MarshalIndent(before, "", "  "); err != nil || json.Unmarshal(raw, &journalled) != nil {
			t.Fatal(err)
		}
		r := base()
		tt.change(&r)
		now, err := situationOf(r)
		if err != nil {
			t.Fatal(err)
		}
		c := &Container{engine: &Engine{podman: tt.podman}, name: "api", own: tt.own}
		lost, moved := c.differences(journalled, now)
		for _, got := range []struct {
			found []string
			want  string
		}{{lost, tt.lost}, {moved, tt.moved}} {
			if text := strings.Join(got.found, "; "); (text == "") != (got.want == "") || !strings.Contains(text, got.want) {
				t.Errorf("%s: found %q, want %q", tt.name, text, got.want)
			}
		}
	}
}

// A dynamic address of the default bridge is nobody's promise where the container is
// reached by its published ports.
func TestAddressesOfTheDefaultBridge(t *testing.T) {
	ports := map[string][]string{"80/tcp": {"127.0.0.1:8080"}}
	for name, c := range map[string]struct {
		before      situation
		lost, moved string
	}{
		"published": {situation{Ports: ports, Networks: map[string]endpoint{"bridge": {IPv4: "172.17.0.2"}}}, "", "172.17.0.3 now, which nobody has asked for"},
		"not published": {situation{Networks: map[string]endpoint{"bridge": {IPv4: "172.17.0.2"}}},
			"172.17.0.3 now: start the containers of that network in the order in which they had been started, or put it into a network of your own", ""},
		"named by the scenario": {situation{Ports: ports, Networks: map[string]endpoint{"bridge": {IPv4: "172.17.0.2", Named: true}}}, "172.17.0.3 now: start", ""},
	} {
		now := situation{Ports: c.before.Ports, Networks: map[string]endpoint{"bridge": {IPv4: "172.17.0.3"}}}
		lost, moved := (&Container{engine: &Engine{}, name: "api"}).differences(c.before, now)
		for _, got := range []struct {
			found []string
			want  string
		}{{lost, c.lost}, {moved, c.moved}} {
			if text := strings.Join(got.found, "; "); (text == "") != (got.want == "") || !strings.Contains(text, got.want) {
				t.Errorf("%s: found %q, want %q", name, text, got.want)
			}
		}
	}
}

// What a pause makes of a container's health is no finding of its health check.
func TestWasHealthy(t *testing.T) {
	well, ill := &container.HealthcheckResult{}, &container.HealthcheckResult{ExitCode: 1}
	state := func(status string, streak int, log ...*container.HealthcheckResult) *container.Health {
		return &container.Health{Status: status, FailingStreak: streak, Log: log}
	}
	for _, tt := range []struct {
		name   string
		health *container.Health
		want   bool
	}{
		{"no health check", nil, false},
		{"healthy", state(container.Healthy, 0, well), true},
		{"unhealthy by its checks", state(container.Unhealthy, 3, ill, ill, ill), false},
		{"paused while it was healthy", state(container.Unhealthy, 0, ill, well), true},
		{"paused after a check had failed", state(container.Unhealthy, 1, well, ill), false},
		{"paused before the first check", state(container.Unhealthy, 0), false},
		{"starting", state(container.Starting, 0), false},
	} {
		r := inspected(func(r *container.InspectResponse) { r.State.Health = tt.health })
		if got := wasHealthy(r); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestNeedsOf(t *testing.T) {
	stop := 90
	checked := func(h container.HealthConfig) func(r *container.InspectResponse) {
		return func(r *container.InspectResponse) {
			r.State.Health, r.Config.Healthcheck = &container.Health{Status: container.Starting}, &h
		}
	}
	for _, tt := range []struct {
		name   string
		change func(r *container.InspectResponse)
		want   needs
	}{
		{"nothing is said", nil, needs{}},
		{"a stop timeout", func(r *container.InspectResponse) { r.Config.StopTimeout = &stop }, needs{stop: 90 * time.Second}},
		{"Docker's defaults", checked(container.HealthConfig{}), needs{health: 4*time.Minute + margin}},
		{"all said", checked(container.HealthConfig{Interval: 90 * time.Second, Timeout: 10 * time.Second, Retries: 2, StartPeriod: time.Minute}), needs{health: 6*time.Minute + margin}},
		{"podman's way of saying that there is none", func(r *container.InspectResponse) {
			r.State.Health, r.Config.Healthcheck = &container.Health{}, &container.HealthConfig{}
		}, needs{}},
	} {
		if got := needsOf(inspected(tt.change)); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestActsAfter(t *testing.T) {
	for _, tt := range []struct {
		policy container.RestartPolicyMode
		stop   string
		signal string
		want   bool
	}{
		{"always", "SIGQUIT", "SIGTERM", true},
		{"unless-stopped", "SIGQUIT", "SIGTERM", true},
		{"on-failure", "3", "SIGTERM", true},
		{"always", "QUIT", "SIGQUIT", false},
		{"always", "3", "SIGQUIT", false},
		{"always", "SIGQUIT", "SIGKILL", false},
		{"always", "", "SIGTERM", false},
		{"no", "SIGQUIT", "SIGTERM", false},
	} {
		r := inspected(func(r *container.InspectResponse) {
			r.HostConfig.RestartPolicy.Name, r.Config.StopSignal = tt.policy, tt.stop
		})
		if got := (&Engine{}).actsAfter(r, tt.signal); got != tt.want {
			t.Errorf("policy %s, stop signal %q, %s: %v, want %v", tt.policy, tt.stop, tt.signal, got, tt.want)
		}
		podman := tt.policy != "no" && tt.signal != "SIGKILL"
		if got := (&Engine{podman: true}).actsAfter(r, tt.signal); got != podman {
			t.Errorf("podman: policy %s, stop signal %q, %s: %v, want %v", tt.policy, tt.stop, tt.signal, got, podman)
		}
	}
}

func TestSharesOf(t *testing.T) {
	const id = "0123456789abcdef0123"
	for mode, want := range map[string]bool{"container:" + id: true, "container:api": true, "container:0123456789ab": true, "container:0": false, "bridge": false, "container:api2": false} {
		if got := sharesOf(&container.HostConfig{NetworkMode: container.NetworkMode(mode)}, id, "api") == sharesNetwork; got != want {
			t.Errorf("network %s: %v", mode, got)
		}
		if got := sharesOf(&container.HostConfig{PidMode: container.PidMode(mode)}, id, "api") == sharesPID; got != want {
			t.Errorf("pid %s: %v", mode, got)
		}
		if got := sharesOf(&container.HostConfig{IpcMode: container.IpcMode(mode)}, id, "api") == sharesIPC; got != want {
			t.Errorf("ipc %s: %v", mode, got)
		}
	}
}
